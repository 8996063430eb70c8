"""Folders, files and web links as items: listing, names, changes, the trash, concurrency tokens."""

from __future__ import annotations

import uuid

import pytest
from box_sdk_gen import (
    BoxAPIError,
    CopyFileParent,
    CopyFolderParent,
    CreateFolderParent,
    CreateWebLinkParent,
    GetFolderItemsDirection,
    GetFolderItemsSort,
    UpdateFileByIdParent,
    UpdateFolderByIdParent,
    UpdateFolderByIdSharedLink,
)
from emulator_clients import put_file, put_folder


def refused(call, *args, **kwargs):
    """The API error that a call of the SDK raises: status, code, body."""
    with pytest.raises(BoxAPIError) as error:
        call(*args, **kwargs)
    info = error.value.response_info
    return info.status_code, info.body["code"], info.body


def test_a_folder_is_made_read_and_listed(client, folder):
    sub = put_folder(client, "sub", folder.id)
    read = client.folders.get_folder_by_id(sub.id)
    assert [step.name for step in read.path_collection.entries] == ["All Files", folder.name]
    assert read.parent.id == folder.id
    assert read.item_collection.total_count == 0
    assert [item.id for item in client.folders.get_folder_items(folder.id).entries] == [sub.id]


def test_the_root_folder_is_zero(client):
    root = client.folders.get_folder_by_id("0")
    assert (root.id, root.name, root.etag, root.parent) == ("0", "All Files", None, None)
    assert root.path_collection.total_count == 0


def test_listing_sorts_within_types(client, folder):
    put_file(client, "b.txt", b"22", folder.id)
    put_file(client, "A.txt", b"1", folder.id)
    put_folder(client, "z", folder.id)
    client.web_links.create_web_link("https://example.com", CreateWebLinkParent(id=folder.id), name="link")
    listed = client.folders.get_folder_items(folder.id)
    assert [item.name for item in listed.entries] == ["z", "A.txt", "b.txt", "link"]
    down = client.folders.get_folder_items(
        folder.id, sort=GetFolderItemsSort.SIZE, direction=GetFolderItemsDirection.DESC
    )
    assert [item.name for item in down.entries] == ["z", "b.txt", "A.txt", "link"]


@pytest.mark.parametrize("sort", ["name", "date", "size", "id"])
@pytest.mark.parametrize("direction", ["ASC", "DESC", "asc"])
def test_marker_paging_sees_every_item_once(client, http, box, sort, direction):
    folder = put_folder(client, f"many-{uuid.uuid4().hex[:8]}")
    box.fill(folder.id, 25)
    for name in ("x", "y"):
        put_folder(client, name, folder.id)
    seen, marker = [], ""
    while marker is not None:
        query = {
            "usemarker": "true",
            "limit": 10,
            "sort": sort,
            "direction": direction,
            **({"marker": marker} if marker else {}),
        }
        page = http("GET", f"/2.0/folders/{folder.id}/items", params=query).json()
        seen += [entry["id"] for entry in page["entries"]]
        marker = page["next_marker"]
    assert len(seen) == len(set(seen)) == 27
    whole = http("GET", f"/2.0/folders/{folder.id}/items", params={"sort": sort, "direction": direction}).json()
    assert [entry["id"] for entry in whole["entries"]] == seen


def test_offset_paging_clamps_the_limit(client, http, folder, box):
    box.fill(folder.id, 12)
    page = http("GET", f"/2.0/folders/{folder.id}/items?limit=5000&offset=10").json()
    assert (page["limit"], page["offset"], page["total_count"], len(page["entries"])) == (1000, 10, 12, 2)


@pytest.mark.parametrize("query", ["marker=abc", "sort=colour", "limit=x", "usemarker=true&marker=!!", "direction=up"])
def test_bad_paging_is_refused(http, folder, query):
    assert http("GET", f"/2.0/folders/{folder.id}/items?{query}").status_code == 400


def test_a_folder_of_many_items_is_listed_by_small_pages(client, http, box):
    folder = put_folder(client, "very-large")
    box.fill(folder.id, 20_000)
    page = http("GET", f"/2.0/folders/{folder.id}/items?limit=1000&offset=19500").json()
    assert (page["total_count"], len(page["entries"])) == (20_000, 500)


def test_fields_cut_an_item(http, client, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    shape = http("GET", f"/2.0/files/{file.id}?fields=size,permissions.can_share,nonsense").json()
    assert shape["size"] == 3
    assert "permissions" in shape
    assert "created_at" not in shape
    assert {"type", "id", "etag"} <= set(shape)


def test_all_fields_of_the_elements_are_there(http, client, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    names = (
        "permissions,lock,tags,extension,version_number,comment_count,has_collaborations,is_externally_owned,representations,"
        "watermark_info,authenticated_download_url,is_download_available,allowed_invitee_roles,uploader_display_name,classification"
    )
    assert set(names.split(",")) <= set(http("GET", f"/2.0/files/{file.id}?fields={names}").json())
    of_folder = (
        "permissions,sync_state,can_non_owners_invite,has_collaborations,tags,allowed_shared_link_access_levels,"
        "watermark_info"
    )
    assert set(of_folder.split(",")) <= set(http("GET", f"/2.0/folders/{folder.id}?fields={of_folder}").json())


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("", "item_name_invalid", id="empty"),
        pytest.param("..", "item_name_invalid", id="dots"),
        pytest.param("a/b", "item_name_invalid", id="slash"),
        pytest.param("a\\b", "item_name_invalid", id="backslash"),
        pytest.param("a ", "item_name_invalid", id="trailing space"),
        pytest.param("a\x07", "item_name_invalid", id="control character"),
        pytest.param("n" * 256, "item_name_too_long", id="too long"),
    ],
)
def test_names_are_checked(client, folder, name, code):
    assert refused(put_folder, client, name, folder.id)[:2] == (400, code)


@pytest.mark.parametrize("name", [" leading", "a:b", "ünïcode", "n" * 255, "emoji 🎉", "100%"])
def test_other_names_are_taken(client, folder, name):
    assert put_folder(client, name, folder.id).name == name


def test_strict_names_refuse_more(client, box, folder):
    box.control(strict_names=True)
    assert refused(put_folder, client, "a:b", folder.id)[:2] == (400, "item_name_invalid")


def test_names_collide_whatever_case_and_type(client, folder):
    file = put_file(client, "Report.CSV", b"1", folder.id)
    status, code, body = refused(put_folder, client, "report.csv", folder.id)
    assert (status, code) == (409, "item_name_in_use")
    assert [conflict["id"] for conflict in body["context_info"]["conflicts"]] == [file.id]
    status, code, body = refused(put_file, client, "REPORT.csv", b"2", folder.id)
    assert (status, code) == (409, "item_name_in_use")
    assert body["context_info"]["conflicts"]["id"] == file.id
    assert body["context_info"]["conflicts"]["sha1"] == file.sha_1


def test_composed_and_decomposed_names_are_two(client, folder):
    put_folder(client, "caf\u00e9", folder.id)
    put_folder(client, "cafe\u0301", folder.id)
    assert len(client.folders.get_folder_items(folder.id).entries) == 2


def test_twins_are_made_when_switched_on(client, box, folder):
    first = put_folder(client, "twin", folder.id)
    box.fault("twin", "POST /2.0/folders", times=1)
    second = put_folder(client, "twin", folder.id)
    assert first.id != second.id
    assert [item.name for item in client.folders.get_folder_items(folder.id).entries] == ["twin", "twin"]


def test_rename_and_move_keep_content(client, folder):
    target, file = put_folder(client, "target", folder.id), put_file(client, "a.txt", b"abc", folder.id)
    moved = client.files.update_file_by_id(file.id, name="b.txt", parent=UpdateFileByIdParent(id=target.id))
    assert (moved.name, moved.parent.id, moved.sha_1) == ("b.txt", target.id, file.sha_1)
    assert int(moved.etag) > int(file.etag)
    assert client.folders.get_folder_items(folder.id).total_count == 1


def test_a_name_may_change_its_case(client, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    assert client.files.update_file_by_id(file.id, name="A.TXT").name == "A.TXT"


def test_a_folder_cannot_go_into_itself(client, folder):
    sub = put_folder(client, "sub", folder.id)
    call = client.folders.update_folder_by_id
    assert refused(call, folder.id, parent=UpdateFolderByIdParent(id=sub.id))[:2] == (400, "cyclical_folder_structure")


def test_copies_have_new_ids(client, folder):
    file, target = put_file(client, "a.txt", b"abc", folder.id), put_folder(client, "target", folder.id)
    copy = client.files.copy_file(file.id, CopyFileParent(id=target.id), name="copy.txt")
    assert (copy.name, copy.sha_1, copy.id != file.id) == ("copy.txt", file.sha_1, True)
    tree = client.folders.copy_folder(target.id, CopyFolderParent(id=folder.id), name="tree")
    assert [item.name for item in client.folders.get_folder_items(tree.id).entries] == ["copy.txt"]
    assert refused(client.files.copy_file, file.id, CopyFileParent(id=folder.id))[:2] == (409, "item_name_in_use")


def test_the_root_cannot_be_copied_or_deleted(client, folder):
    assert refused(client.folders.copy_folder, "0", CopyFolderParent(id=folder.id))[0] == 500
    assert refused(client.folders.delete_folder_by_id, "0", recursive=True)[0] == 403


def test_a_full_folder_is_deleted_only_recursively(client, folder):
    put_folder(client, "sub", folder.id)
    assert refused(client.folders.delete_folder_by_id, folder.id)[:2] == (400, "folder_not_empty")
    client.folders.delete_folder_by_id(folder.id, recursive=True)
    assert refused(client.folders.get_folder_by_id, folder.id)[:2] == (404, "trashed")


def test_etags_guard_changes(client, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    assert refused(client.files.update_file_by_id, file.id, name="b", if_match="99")[:2] == (412, "precondition_failed")
    changed = client.files.update_file_by_id(file.id, name="b", if_match=file.etag)
    assert refused(client.files.delete_file_by_id, file.id, if_match=file.etag)[0] == 412
    client.files.delete_file_by_id(file.id, if_match=changed.etag)
    assert refused(client.folders.delete_folder_by_id, folder.id, if_match="9")[0] == 412


def test_if_none_match_answers_304(http, client, folder):
    assert http("GET", f"/2.0/folders/{folder.id}", headers={"If-None-Match": folder.etag}).status_code == 304
    file = put_file(client, "a.txt", b"abc", folder.id)
    assert http("GET", f"/2.0/files/{file.id}", headers={"If-None-Match": "7"}).status_code == 200
    assert http("GET", f"/2.0/files/{file.id}", headers={"If-None-Match": file.etag}).status_code == 304


def test_descriptions_tags_and_settings(client, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    client.files.update_file_by_id(file.id, description="x" * 300, tags=["one", "two"])
    read = client.files.get_file_by_id(file.id, fields=["description", "tags"])
    assert (len(read.description), read.tags) == (255, ["one", "two"])
    changed = client.folders.update_folder_by_id(folder.id, can_non_owners_invite=False, tags=["plant"])
    assert changed.id == folder.id
    read = client.folders.get_folder_by_id(folder.id, fields=["can_non_owners_invite", "tags"])
    assert (read.can_non_owners_invite, read.tags) == (False, ["plant"])


def test_web_links_are_items(client, folder):
    link = client.web_links.create_web_link(
        "https://example.com/x", CreateWebLinkParent(id=folder.id), name="x", description="d"
    )
    assert client.web_links.get_web_link_by_id(link.id).url == "https://example.com/x"
    assert client.web_links.update_web_link_by_id(link.id, name="y").name == "y"
    client.web_links.delete_web_link_by_id(link.id)
    assert client.trashed_web_links.get_trashed_web_link_by_id(link.id).item_status == "trashed"
    assert client.trashed_web_links.restore_weblink_from_trash(link.id).name == "y"
    client.web_links.delete_web_link_by_id(link.id)
    client.trashed_web_links.delete_trashed_web_link_by_id(link.id)
    assert refused(client.web_links.get_web_link_by_id, link.id)[:2] == (404, "not_found")


def test_trash_and_back(client, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    client.files.delete_file_by_id(file.id)
    assert refused(client.files.get_file_by_id, file.id)[:2] == (404, "trashed")
    trashed = client.trashed_files.get_trashed_file_by_id(file.id)
    assert trashed.item_status == "trashed"
    assert trashed.purged_at > trashed.trashed_at
    assert file.id in [item.id for item in client.trashed_items.get_trashed_items(usemarker=True).entries]
    put_file(client, "a.txt", b"other", folder.id)
    assert refused(client.trashed_files.restore_file_from_trash, file.id)[:2] == (409, "item_name_in_use")
    assert client.trashed_files.restore_file_from_trash(file.id, name="b.txt").name == "b.txt"
    assert refused(client.trashed_files.get_trashed_file_by_id, file.id)[:2] == (404, "not_trashed")


def test_the_answer_to_restore_does_not_tell_of_the_link_which_works_again(client, http, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    http("PUT", f"/2.0/files/{file.id}", json={"shared_link": {"access": "open"}})
    client.files.delete_file_by_id(file.id)
    assert http("POST", f"/2.0/files/{file.id}", json={}).json()["shared_link"] is None
    assert client.files.get_file_by_id(file.id).shared_link.url


def test_purged_is_gone_and_frees_space(client, folder):
    before = client.users.get_user_me().space_used
    file = put_file(client, "a.txt", b"abc", folder.id)
    client.files.delete_file_by_id(file.id)
    assert client.users.get_user_me().space_used == before + 3
    client.trashed_files.delete_trashed_file_by_id(file.id)
    assert client.users.get_user_me().space_used == before
    assert refused(client.files.get_file_by_id, file.id)[:2] == (404, "not_found")


def test_a_folder_comes_back_with_what_is_in_it(client, folder):
    sub = put_folder(client, "sub", folder.id)
    file = put_file(client, "a.txt", b"abc", sub.id)
    client.folders.delete_folder_by_id(sub.id, recursive=True)
    assert refused(client.files.get_file_by_id, file.id)[:2] == (404, "trashed")
    assert client.trashed_folders.get_trashed_folder_by_id(sub.id).name == "sub"
    assert client.trashed_folders.restore_folder_from_trash(sub.id).id == sub.id
    assert client.files.get_file_by_id(file.id).name == "a.txt"
    client.folders.delete_folder_by_id(sub.id, recursive=True)
    client.trashed_folders.delete_trashed_folder_by_id(sub.id)
    assert refused(client.folders.get_folder_by_id, sub.id)[:2] == (404, "not_found")


@pytest.mark.parametrize("more", [{"sort": "name"}, {"direction": "DESC"}, {"offset": 0}])
def test_the_trash_has_no_order_by_marker(client, more):
    listed = client.trashed_items.get_trashed_items
    assert refused(listed, usemarker=True, **more)[:2] == (400, "invalid_parameter")
    assert refused(listed, marker="x")[:2] == (400, "invalid_parameter")


def test_without_a_trash_deleted_is_gone(client, box, folder):
    box.control(trash_enabled=False)
    file = put_file(client, "a.txt", b"abc", folder.id)
    client.files.delete_file_by_id(file.id)
    assert refused(client.files.get_file_by_id, file.id)[:2] == (404, "not_found")


def test_shared_link_is_set_but_shown_only_on_request(client, http, folder):
    body = {"shared_link": {"access": "open"}}
    assert "shared_link" in http("PUT", f"/2.0/folders/{folder.id}?fields=shared_link", json=body).json()
    assert "shared_link" not in http("PUT", f"/2.0/folders/{folder.id}?fields=name", json={"description": "d"}).json()
    assert UpdateFolderByIdSharedLink is not None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/2.0/files/99", 404),
        ("GET", "/2.0/files/abc", 405),
        ("GET", "/2.0/nowhere", 404),
        ("POST", "/2.0/users/me", 405),
        ("GET", "/2.0/webhooks", 501),
    ],
)
def test_unknown_routes_and_ids(http, method, path, status):
    answer = http(method, path)
    assert answer.status_code == status
    assert answer.json()["type"] == "error"
    assert answer.json()["request_id"]


@pytest.mark.parametrize("path", ["/2.0/folders/0/", "/api/2.0/folders/0", "/2.0/folders/%30", "/api/folders/0"])
def test_paths_come_in_several_forms(http, path):
    assert http("GET", path).json()["id"] == "0"


def test_bad_bodies_are_refused(http, folder):
    for data in (b"{", b"[]", b'"x"'):
        assert http("POST", "/2.0/folders", data=data).status_code == 400
    assert http("POST", "/2.0/folders", json={"name": "x"}).json()["context_info"]["errors"][0]["name"] == "parent.id"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 5, "parent": {"id": "0"}}, "name"),
        ({"name": "x", "parent": "0"}, "parent"),
        ({"name": "x", "parent": {"id": ["0"]}}, "parent.id"),
        ({"name": "x", "parent": {"id": 1 << 80}}, "parent.id"),
        ({"name": "\ud800", "parent": {"id": "0"}}, "name"),
    ],
)
def test_fields_of_the_wrong_type_are_named(http, body, field):
    answer = http("POST", "/2.0/folders", json=body)
    assert (answer.status_code, answer.json()["context_info"]["errors"][0]["name"]) == (400, field)


def test_head_has_no_body(http, folder):
    answer = http("HEAD", f"/2.0/folders/{folder.id}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 100


def test_moving_to_a_missing_folder_is_404(client, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    assert refused(client.files.update_file_by_id, file.id, parent=UpdateFileByIdParent(id="4242"))[0] == 404
    assert refused(client.folders.create_folder, "x", CreateFolderParent(id="4242"))[0] == 404
