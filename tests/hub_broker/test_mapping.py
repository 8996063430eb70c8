"""Who a Hub user becomes in Box, by mapping; what their token can reach, and that it reaches nothing else."""

from __future__ import annotations

import json
import uuid

import pytest
import requests
from box_sdk_gen import (
    BoxClient,
    BoxDeveloperTokenAuth,
    NetworkSession,
)
from box_sdk_gen.networking.base_urls import BaseUrls

ODD = {
    "an address": "ada@example.com",
    "a slash": "team/ada",
    "capitals": "ADA",
    "capitals of a twin": "Ada",
    "plain": "ada",
    "Unicode": "ådå",
    "Unicode in pieces": "a\u030ada\u030a",
    "long": "a" * 255,
    "as long": "a" * 254 + "b",
    "dots": "..",
    "a space at the end": "ada ",
    "a backslash": "ada\\..",
    "two hyphens": "ada--example",
}


class Client:
    """Box as somebody with a token sees it, by Box's own SDK."""

    def __init__(self, box, token: str) -> None:
        self.box, self.token = box, token
        urls = BaseUrls(base_url=box.url, upload_url=f"{box.url}/api", oauth_2_url=f"{box.url}/api/oauth2")
        self.sdk = BoxClient(BoxDeveloperTokenAuth(token), network_session=NetworkSession(base_urls=urls))

    def send(self, method: str, path: str, **options) -> int:
        """Return the status of any request."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return requests.request(method, self.box.url + path, headers=headers, timeout=30, **options).status_code

    def names(self, folder: str = "0") -> list[str]:
        return [entry.name for entry in self.sdk.folders.get_folder_items(folder).entries]

    def folder(self, name: str, parent: str = "0") -> str:
        from box_sdk_gen.managers.folders import CreateFolderParent

        return self.sdk.folders.create_folder(name, CreateFolderParent(parent)).id

    def file(self, name: str, parent: str = "0", content: bytes = b"secret of the other") -> str:
        import io

        from box_sdk_gen.managers.uploads import UploadFileAttributes, UploadFileAttributesParentField

        attributes = UploadFileAttributes(name, UploadFileAttributesParentField(parent))
        return self.sdk.uploads.upload_file(attributes, io.BytesIO(content)).entries[0].id


@pytest.fixture
def service(box):
    """Box as the service account sees it."""
    return Client(box, box.token())


@pytest.fixture(scope="module")
def parent(running_emulator):
    """The folder under which the mapping `folder` makes the users'."""
    return Client(running_emulator, running_emulator.token()).folder(f"Hub users {uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def people(running_emulator):
    """Managed users of the enterprise: ada and bob, an inactive one and an administrator."""

    def add(store):
        enterprise = store.value("SELECT id FROM enterprises ORDER BY id LIMIT 1")
        add = store.people.add
        return {
            "ada": add("Ada", "ada@corp.example", enterprise),
            "bob": add("Bob", "bob@corp.example", enterprise),
            "gone": add("Gone", "gone@corp.example", enterprise, status="inactive"),
            "boss": add("Boss", "boss@corp.example", enterprise, role="coadmin"),
        }

    return running_emulator.call(add)


@pytest.fixture(scope="module")
def brokers(starter, parent, people):
    """A broker for each mapping, started once."""
    started = {}
    environment = {
        "app-user": {},
        "managed-user": {"BOX_BROKER_LOGIN": "{name}@corp.example"},
        "folder": {"BOX_BROKER_FOLDER": parent},
    }

    def broker(mapping):
        if mapping not in started:
            started[mapping] = starter(BOX_BROKER_MAPPING=mapping, **environment[mapping])
        return started[mapping]

    return broker


def client(box, answer) -> Client:
    assert answer.ok, answer.text
    return Client(box, answer.json()["access_token"])


MAPPINGS = ["app-user", "managed-user", "folder"]


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_a_user_reaches_their_own_and_nothing_of_anybody_else(box, hub, brokers, service, mapping):
    broker = brokers(mapping)
    mine, theirs = (broker.ask(hub.token(name)) for name in ("ada", "bob"))
    roots = [answer.json()["root"] for answer in (mine, theirs)]
    ada, bob = client(box, mine), client(box, theirs)
    secret = f"secret-{uuid.uuid4().hex}"
    folder = bob.folder(secret, roots[1])
    file = bob.file(f"{secret}.txt", folder)
    outside = service.file(f"{secret}-of-the-service.txt")
    own = ada.file(f"own-{secret}.txt", roots[0], b"mine")
    assert f"own-{secret}.txt" in ada.names(roots[0])
    assert ada.send("GET", f"/2.0/files/{own}/content") == 200
    for target in (file, outside):
        check_file_is_closed(ada, target, own, roots[0])
    check_folder_is_closed(ada, folder, own)
    found = ada.sdk.search.search_for_content(query=secret, limit=50).entries
    assert [item.name for item in found] in ([], [f"own-{secret}.txt"])
    assert bob.send("GET", f"/2.0/files/{file}/content") == 200


def check_file_is_closed(ada: Client, file: str, own: str, root: str) -> None:
    person = {"accessible_by": {"type": "user", "login": "eve@example.com"}, "role": "editor"}
    attempts = {
        "read": ada.send("GET", f"/2.0/files/{file}/content"),
        "look": ada.send("GET", f"/2.0/files/{file}"),
        "versions": ada.send("GET", f"/2.0/files/{file}/versions"),
        "rename": ada.send("PUT", f"/2.0/files/{file}", json={"name": "mine.txt"}),
        "move": ada.send("PUT", f"/2.0/files/{file}", json={"parent": {"id": root}}),
        "copy": ada.send("POST", f"/2.0/files/{file}/copy", json={"parent": {"id": root}}),
        "delete": ada.send("DELETE", f"/2.0/files/{file}"),
        "share": ada.send("PUT", f"/2.0/files/{file}?fields=shared_link", json={"shared_link": {"access": "open"}}),
        "invite": ada.send("POST", "/2.0/collaborations", json={"item": {"type": "file", "id": file}, **person}),
        "write": ada.send("POST", f"/api/2.0/files/{file}/content", files={"file": b"x"}),
    }
    assert {what: status for what, status in attempts.items() if status < 400} == {}


def check_folder_is_closed(ada: Client, folder: str, own: str) -> None:
    attributes = json.dumps({"name": f"{uuid.uuid4().hex}.txt", "parent": {"id": folder}})
    person = {"accessible_by": {"type": "user", "login": "eve@example.com"}, "role": "editor"}
    attempts = {
        "list": ada.send("GET", f"/2.0/folders/{folder}/items"),
        "look": ada.send("GET", f"/2.0/folders/{folder}"),
        "make": ada.send("POST", "/2.0/folders", json={"name": "x", "parent": {"id": folder}}),
        "upload": ada.send("POST", "/api/2.0/files/content", data={"attributes": attributes}, files={"file": b"x"}),
        "move into": ada.send("PUT", f"/2.0/files/{own}", json={"parent": {"id": folder}}),
        "delete": ada.send("DELETE", f"/2.0/folders/{folder}?recursive=true"),
        "invite": ada.send("POST", "/2.0/collaborations", json={"item": {"type": "folder", "id": folder}, **person}),
        "share": ada.send("PUT", f"/2.0/folders/{folder}", json={"shared_link": {"access": "open"}}),
        "search": ada.send("GET", f"/2.0/search?query=secret&ancestor_folder_ids={folder}"),
    }
    # Box answers a search below a folder that is not seen with nothing, or with a refusal
    attempts.pop("search")
    assert {what: status for what, status in attempts.items() if status < 400} == {}


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_a_token_for_one_item_reaches_that_item_and_cannot_be_widened(box, hub, brokers, mapping):
    broker, token = brokers(mapping), hub.token("ada")
    whole = broker.ask(token)
    ada, root = client(box, whole), whole.json()["root"]
    one, other = (ada.file(f"{uuid.uuid4().hex}.txt", root) for _ in range(2))
    answer = broker.ask(token, {"scopes": ["item_download"], "resource": f"/files/{one}"})
    narrow = client(box, answer)
    assert {entry["scope"] for entry in answer.json()["restricted_to"]} == {"item_download"}
    assert narrow.send("GET", f"/2.0/files/{one}/content") == 200
    assert narrow.send("PUT", f"/2.0/files/{one}", json={"name": "x"}) == 403
    assert narrow.send("GET", f"/2.0/files/{other}/content") in (403, 404)
    assert narrow.send("GET", f"/2.0/folders/{root}/items") in (403, 404)
    assert exchanged(box, narrow.token, "item_delete", f"{box.url}/2.0/files/{one}").status_code == 400
    assert exchanged(box, narrow.token, "item_download", f"{box.url}/2.0/files/{other}").status_code == 400
    again = broker.ask(token, {"resource": f"{box.url}/2.0/files/{one}", "scopes": "item_download"})
    assert again.json()["access_token"] == narrow.token


def exchanged(box, token, scope, resource):
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "scope": scope,
        "resource": resource,
    }
    return requests.post(f"{box.url}/oauth2/token", data=form, timeout=30)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_a_token_for_somebody_elses_item_is_refused(box, hub, brokers, service, mapping):
    broker = brokers(mapping)
    theirs = broker.ask(hub.token("bob"))
    file = client(box, theirs).file(f"{uuid.uuid4().hex}.txt", theirs.json()["root"])
    outside = service.folder(uuid.uuid4().hex)
    for resource in (f"/files/{file}", f"/folders/{outside}", "/folders/0", "/files/999999999"):
        if resource == "/folders/0" and mapping != "folder":
            continue
        answer = broker.ask(hub.token("ada"), {"scopes": ["item_download"], "resource": resource})
        assert answer.status_code in (403, 404), resource


def test_the_service_accounts_own_token_is_given_to_nobody(box, hub, brokers):
    token = client(box, brokers("folder").ask(hub.token("ada"), {"scopes": ["base_explorer"]}))
    assert token.send("GET", "/2.0/folders/0/items") in (403, 404)
    assert token.send("GET", "/2.0/users") == 403
    assert token.send("POST", "/2.0/users", json={"name": "x", "is_platform_access_only": True}) == 403
    assert exchanged(box, token.token, "root_readwrite", "").status_code == 400


@pytest.mark.parametrize("scopes", [["item_share"], ["root_readwrite"], ["base_explorer", "item_comment"]])
def test_a_folders_token_has_the_configured_scopes_at_most(hub, brokers, scopes):
    answer = brokers("folder").ask(hub.token("ada"), {"scopes": scopes})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_not_allowed")


@pytest.mark.parametrize("mapping", ["app-user", "folder"])
def test_odd_names_are_users_of_their_own(hub, brokers, service, parent, mapping):
    broker = brokers(mapping)
    place = {name: whose(broker.ask(hub.token(name)), mapping) for name in ODD.values()}
    assert len(set(place.values())) == len(ODD)
    assert {name: whose(broker.ask(hub.token(name)), mapping) for name in ODD.values()} == place
    if mapping == "folder":
        names = service.names(parent)
        assert len({name.lower() for name in names}) == len(names)
        assert "ada" in names


def whose(answer, mapping):
    assert answer.ok, answer.text
    return answer.json()["root"] if mapping == "folder" else answer.json()["box_user"]["id"]


def test_a_folder_that_is_there_is_used_again(hub, brokers, service, parent):
    there = service.folder("carol", parent)
    assert brokers("folder").ask(hub.token("carol")).json()["root"] == there


def test_a_file_in_the_folders_place_is_told(hub, brokers, service, parent):
    service.file("dave", parent)
    answer = brokers("folder").ask(hub.token("dave"))
    assert answer.status_code >= 400
    assert "dave" in answer.json()["message"]


def test_a_parent_folder_that_is_not_there_is_the_administrators_to_mend(start, hub):
    broker = start(BOX_BROKER_MAPPING="folder", BOX_BROKER_FOLDER="999999")
    for answer in (broker.ask(hub.token("ada")), requests.get(f"{broker.url}/readyz", timeout=60)):
        assert answer.status_code == 503
        assert "BOX_BROKER_FOLDER" in answer.json()["message"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nobody", 404, "no_box_user"),
        ("gone", 403, "box_user_inactive"),
        ("boss", 403, "box_administrator"),
        ("Ada", 403, "login_taken"),
    ],
    ids=["no account", "inactive", "an administrator", "capitals"],
)
def test_managed_users_who_can_have_no_token_are_told_why(hub, brokers, name, status, code):
    answer = brokers("managed-user").ask(hub.token(name))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["hint"]


def test_two_hub_names_with_one_login_are_not_both_let_in(start, hub, people):
    broker = start(BOX_BROKER_MAPPING="managed-user", BOX_BROKER_LOGIN="{email}")
    first = broker.ask(hub.token("ada1", auth_state={"email": "ada@corp.example"}))
    second = broker.ask(hub.token("ada2", auth_state={"email": "ada@corp.example"}))
    assert (first.status_code, second.status_code) == (200, 403)
    assert second.json()["code"] == "login_taken"
    assert broker.ask(hub.token("bob@corp.example")).ok
    assert broker.ask(hub.token("no-address")).json()["code"] == "no_email"


def test_an_app_that_may_have_no_user_tokens_is_the_administrators_to_mend(box, hub, start):
    box.call(lambda store: store.run("UPDATE apps SET user_tokens = 0"))
    try:
        answer = start().ask(hub.token(f"late-{uuid.uuid4().hex[:6]}"))
    finally:
        box.call(lambda store: store.run("UPDATE apps SET user_tokens = 1"))
    assert answer.status_code == 503
    assert "Generate User Access Tokens" in answer.json()["hint"]


def test_an_app_without_the_administrators_word_is_told(box, hub, start):
    box.call(lambda store: store.run("UPDATE apps SET authorized = 0"))
    try:
        answer = start().ask(hub.token("ada"))
    finally:
        box.call(lambda store: store.run("UPDATE apps SET authorized = 1"))
    assert answer.status_code == 503
    assert "has not authorised this app" in answer.json()["message"]


GROUPS = "BOX_BROKER_GROUPS"


def test_in_app_user_a_group_brings_its_folder_and_leaving_takes_it(box, hub, start, service):
    shared = service.folder(f"course-{uuid.uuid4().hex[:6]}")
    file = service.file("exercise.ipynb", shared)
    rules = json.dumps({"students": {"folders": {shared: "viewer"}}})
    name = f"student-{uuid.uuid4().hex[:6]}"
    inside = client(box, start(**{GROUPS: rules}).ask(hub.token(name, groups=["students", "others"])))
    outside = client(box, start(**{GROUPS: rules}).ask(hub.token("not-a-student")))
    assert inside.send("GET", f"/2.0/files/{file}/content") == 200
    assert inside.send("PUT", f"/2.0/files/{file}", json={"name": "x"}) == 403
    assert outside.send("GET", f"/2.0/files/{file}/content") == 404
    left = client(box, start(**{GROUPS: rules}).ask(hub.token(name)))
    assert left.send("GET", f"/2.0/files/{file}/content") == 404


def test_who_leaves_a_group_while_at_work_is_let_out_of_its_folder(box, hub, start, service):
    shared = service.folder(f"course-{uuid.uuid4().hex[:6]}")
    rules = json.dumps({"students": {"folders": {shared: "editor"}}})
    broker = start(BOX_BROKER_RECHECK_SECONDS="1", **{GROUPS: rules})
    name = f"student-{uuid.uuid4().hex[:6]}"
    token = hub.token(name, groups=["students"])
    student = client(box, broker.ask(token))
    assert student.send("GET", f"/2.0/folders/{shared}") == 200
    hub.tokens[token]["groups"] = []
    broker.wait_for("revoked", user=name)
    assert student.send("GET", f"/2.0/folders/{shared}") == 401
    again = client(box, broker.ask(token, **{"Cache-Control": "no-cache"}))
    assert again.send("GET", f"/2.0/folders/{shared}") == 404


def test_in_folder_a_group_brings_tokens_for_its_folder(box, hub, start, service, parent):
    shared = service.folder(f"course-{uuid.uuid4().hex[:6]}")
    file = service.file("exercise.ipynb", shared)
    rules = json.dumps({"students": {"folders": {shared: "viewer"}, "scopes": ["item_share"]}})
    broker = start(BOX_BROKER_MAPPING="folder", BOX_BROKER_FOLDER=parent, **{GROUPS: rules})
    student, other = hub.token("erin", groups=["students"]), hub.token("frank")
    reading = client(box, broker.ask(student, {"resource": f"/folders/{shared}"}))
    assert reading.send("GET", f"/2.0/files/{file}/content") == 200
    assert reading.send("PUT", f"/2.0/files/{file}", json={"name": "x"}) == 403
    assert broker.ask(student, {"resource": f"/files/{file}", "scopes": ["item_delete"]}).status_code == 403
    assert broker.ask(other, {"resource": f"/folders/{shared}"}).status_code == 404
    assert broker.ask(student, {"scopes": ["item_share"]}).ok
    assert broker.ask(other, {"scopes": ["item_share"]}).status_code == 403


def test_who_leaves_a_group_gets_no_token_from_the_cache(hub, start, service, parent):
    shared = service.folder(f"course-{uuid.uuid4().hex[:6]}")
    rules = json.dumps({"students": {"folders": {shared: "editor"}}})
    broker = start(
        BOX_BROKER_MAPPING="folder", BOX_BROKER_FOLDER=parent, BOX_BROKER_CACHE_SECONDS="0", **{GROUPS: rules}
    )
    token = hub.token("grace", groups=["students"])
    wanted = {"resource": f"/folders/{shared}"}
    assert broker.ask(token, wanted).ok
    hub.tokens[token]["groups"] = []
    assert broker.ask(token, wanted).status_code == 404
