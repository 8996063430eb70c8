import json

import pytest

pytestmark = pytest.mark.usefixtures("server")


def body(answer):
    return json.loads(answer.body)


async def test_items_come_page_by_page_as_box_sorts_them(ask, drive):
    for name in ("b.txt", "a.txt", "c.txt"):
        drive.write(f"/{name}", name.encode())
    first = body(await ask("GET", "items/", limit=2))
    assert [item["name"] for item in first["items"]] == ["a.txt", "b.txt"]
    assert first["total_count"] == 3
    rest = body(await ask("GET", "items/", limit=2, marker=first["next_marker"]))
    assert [item["name"] for item in rest["items"]] == ["c.txt"]
    assert rest["next_marker"] is None
    backwards = body(await ask("GET", "items", sort="name", direction="desc"))
    assert [item["name"] for item in backwards["items"]] == ["c.txt", "b.txt", "a.txt"]


@pytest.mark.parametrize(
    "name", ["a b", "größe", "e\u0301", "50%", "a%2Fb", "#1?x=y", "id:7", "n" * 255, "checkpoints"]
)
async def test_every_name_that_box_takes_is_reached(ask, drive, name):
    drive.mkdir(f"/{name}")
    drive.write(f"/{name}/in it.txt", b"x")
    path = f"items//{name}" if name.startswith("id:") else f"items/{name}"
    assert [item["path"] for item in body(await ask("GET", path))["items"]] == [f"/{name}/in it.txt"]


async def test_an_item_is_reached_by_its_id(ask, drive):
    folder = drive.mkdir("/deep/er")
    assert body(await ask("GET", f"items/id:{folder.id}"))["items"] == []


WRONG = [
    ("items/", {"limit": "0"}, "limit"),
    ("items/", {"limit": "many"}, "limit"),
    ("items/", {"limit": "9" * 30}, "limit"),
    ("items/", {"sort": "colour"}, "sort"),
    ("items/", {"marker": "nonsense"}, "marker"),
    ("items/../..", {}, "above"),
    ("items/id:x", {}, "id"),
    ("items/a\x00b", {}, "printed"),
    ("search", {}, "q"),
    ("search", {"q": "x", "type": "teapot"}, "type"),
]


@pytest.mark.parametrize(("path", "query", "named"), WRONG)
async def test_bad_input_gets_one_line_that_names_it(ask, path, query, named):
    answer = await ask("GET", path, **query)
    assert answer.code == 400
    assert named in body(answer)["message"]


async def test_what_is_not_there_is_told_with_percent_signs_as_they_are(ask):
    answer = await ask("GET", "items/50% done")
    assert answer.code == 404
    assert "50% done" in body(answer)["message"]
    assert "50%% done" not in body(answer)["message"]


async def test_versions_are_listed_promoted_and_deleted(ask, drive):
    for text in (b"one", b"two", b"three"):
        drive.write("/v.txt", text)
    versions = body(await ask("GET", "versions/v.txt"))["versions"]
    assert [version["current"] for version in versions] == [True, False, False]
    assert (await ask("POST", "versions/v.txt", body={"version": versions[-1]["id"]})).code == 201
    assert drive.read("/v.txt") == b"one"
    assert (await ask("DELETE", "versions/v.txt", version=versions[1]["id"])).code == 204
    assert versions[1]["id"] not in [version.id for version in drive.versions("/v.txt")]
    assert (await ask("DELETE", "versions/v.txt")).code == 400


async def test_a_shared_link_is_made_changed_and_taken_away(ask, drive):
    drive.write("/s.txt", b"x")
    assert body(await ask("GET", "shared-links/s.txt")) == {"shared_link": None}
    made = body(await ask("PUT", "shared-links/s.txt", body={"access": "open", "expires": "2099-01-01T00:00:00Z"}))
    assert made["shared_link"]["access"] == "open"
    assert body(await ask("GET", "shared-links/s.txt"))["shared_link"]["url"] == made["shared_link"]["url"]
    assert (await ask("DELETE", "shared-links/s.txt")).code == 204
    assert drive.stat("/s.txt").shared_link is None
    assert (await ask("PUT", "shared-links/s.txt", body={"expires": "soon"})).code == 400
    assert (await ask("PUT", "shared-links/s.txt", body=b"[]")).code == 400
    assert (await ask("PUT", "shared-links/s.txt", body=b"\xff{")).code == 400


async def test_a_shared_link_loses_what_is_null(ask, drive):
    drive.write("/s.txt", b"x")
    wanted = {"access": "open", "password": "Correct horse 1", "expires": "2099-01-01T00:00:00Z"}
    made = body(await ask("PUT", "shared-links/s.txt", body=wanted))["shared_link"]
    assert (made["has_password"], bool(made["expires"])) == (True, True)
    freed = body(await ask("PUT", "shared-links/s.txt", body={"password": None, "expires": None}))["shared_link"]
    assert (freed["url"], freed["has_password"], freed["expires"]) == (made["url"], False, None)


async def test_a_wrong_password_field_does_not_come_back_in_the_error(ask, drive):
    drive.write("/s.txt", b"x")
    answer = await ask("PUT", "shared-links/s.txt", body={"password": ["hunter2-canary"]})
    assert answer.code == 400
    assert b"hunter2-canary" not in answer.body


async def test_people_are_invited_promoted_and_uninvited(ask, drive, box_user):
    drive.mkdir("/team")
    made = await ask("POST", "collaborations/team", body={"who": box_user, "role": "viewer"})
    assert (made.code, body(made)["role"]) == (201, "viewer")
    changed = await ask("PUT", "collaborations/team", body={"who": box_user, "role": "editor"})
    assert body(changed)["role"] == "editor"
    assert [each["role"] for each in body(await ask("GET", "collaborations/team"))["collaborations"]] == ["editor"]
    assert (await ask("DELETE", "collaborations/team", who=box_user)).code == 204
    assert body(await ask("GET", "collaborations/team")) == {"collaborations": []}
    assert (await ask("POST", "collaborations/team", body={"who": box_user, "role": "emperor"})).code == 400


@pytest.fixture
def box_user(drive):
    """The login of another user of the emulator."""
    return drive.client.users.create_user("Ada", login="ada@example.com").login


async def test_the_trash_gives_back_what_was_deleted(ask, drive):
    item = drive.write("/gone.txt", b"x")
    drive.remove("/gone.txt")
    assert item.id in [each["id"] for each in body(await ask("GET", "trash"))["items"]]
    assert (await ask("POST", "trash", body={"id": item.id})).code == 201
    assert drive.exists("/gone.txt")
    drive.remove("/gone.txt")
    assert (await ask("DELETE", "trash", id=item.id)).code == 204
    assert item.id not in [each.id for each in drive.trash()]


async def test_search_finds_by_name_type_and_place(ask, drive):
    drive.mkdir("/here")
    drive.write("/here/needle.csv", b"x")
    drive.write("/needle.txt", b"x")
    found = body(await ask("GET", "search", q="needle", extensions="csv", ancestor="/here", type="file"))
    assert [item["name"] for item in found["items"]] == ["needle.csv"]


async def test_search_and_trash_come_page_by_page(ask, drive):
    names = [f"haystack {i}.txt" for i in range(5)]
    for name in names:
        drive.write(f"/{name}", b"x")
    assert await all_pages(ask, "search", q="haystack", limit=2) == names
    for name in names:
        drive.remove(f"/{name}")
    assert await all_pages(ask, "trash", limit=2) == names
    assert (await ask("GET", "search", q="haystack", marker="nonsense")).code == 400


async def all_pages(ask, route, **query):
    names, answer = [], {"next_marker": ""}
    while answer["next_marker"] is not None:
        answer = body(await ask("GET", route, marker=answer["next_marker"], **query))
        names += [item["name"] for item in answer["items"]]
    return sorted(names)


async def test_an_unknown_route_is_told_in_json(ask):
    answer = await ask("GET", "nonsense")
    assert (answer.code, body(answer)["code"]) == (404, "not_found")


async def test_a_verb_that_a_route_has_not_is_told_in_json(ask):
    answer = await ask("DELETE", "status")
    assert (answer.code, body(answer)["code"]) == (405, "method_not_allowed")


async def test_status_is_no_activity_of_a_user_and_a_listing_is(ask, server):
    server.web_app.settings.pop("api_last_activity", None)
    await ask("GET", "status")
    assert "api_last_activity" not in server.web_app.settings
    await ask("GET", "items/")
    assert server.web_app.settings["api_last_activity"]
