"""Jupyter's Contents API on the drive: JupyterLab's stock client opens, saves, renames, copies and deletes in place."""

import base64
import json
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.usefixtures("server")

NOTEBOOK = new_notebook(cells=[new_code_cell("1 + 1")])


def body(answer):
    return json.loads(answer.body)


def notebook_model(notebook=NOTEBOOK, **more):
    return {"type": "notebook", "format": "json", "content": notebook, **more}


def text_model(text, **more):
    return {"type": "file", "format": "text", "content": text, **more}


def check_model(model, **expected):
    """What `validateContentsModel` of @jupyterlab/services wants of every model."""
    for name in ("name", "path", "type", "created", "last_modified"):
        assert isinstance(model[name], str), name
    assert {"mimetype", "content", "format", "writable"} <= set(model)
    assert {name: model[name] for name in expected} == expected


async def test_a_folder_comes_with_its_first_page_as_box_sorts_it(ask, drive):
    drive.mkdir("/b folder")
    drive.write("/a.txt", b"x")
    drive.write("/c.ipynb", b"{}")
    answer = await ask("GET", "contents/")
    model = body(answer)
    check_model(model, name="", path="", type="directory", format="json", next_marker=None, total_count=3)
    assert [(item["name"], item["type"]) for item in model["content"]] == [
        ("b folder", "directory"),
        ("a.txt", "file"),
        ("c.ipynb", "notebook"),
    ]
    for item in model["content"]:
        check_model(item, content=None, path=item["name"])
        assert item["box"]["path"] == f"/{item['name']}"
    descending = body(await ask("GET", "contents/", sort="name", direction="desc"))
    assert [item["name"] for item in descending["content"]] == ["b folder", "c.ipynb", "a.txt"]
    assert body(await ask("GET", "contents/", content=0))["content"] is None


async def test_the_page_after_the_first_comes_from_items(ask, drive, monkeypatch):
    monkeypatch.setattr("jupyter_box.server.contents.PAGE", 2)
    for name in "abc":
        drive.write(f"/{name}.txt", b"x")
    first = body(await ask("GET", "contents/"))
    assert [item["name"] for item in first["content"]] == ["a.txt", "b.txt"]
    assert first["total_count"] == 3
    rest = body(await ask("GET", "items/", marker=first["next_marker"], limit=2))
    assert [item["name"] for item in rest["items"]] == ["c.txt"]
    assert rest["items"][0].keys() == first["content"][0]["box"].keys()


async def test_a_text_file_opens_with_its_sha1(ask, drive):
    item = drive.write("/größe.txt", "äöü")
    model = body(await ask("GET", "contents/größe.txt", content=1, hash=1, type="file", format="text"))
    check_model(model, content="äöü", format="text", mimetype="text/plain", hash=item.sha1, hash_algorithm="sha1")
    assert body(await ask("GET", "contents/größe.txt", content=0, hash=1))["hash"] == item.sha1


async def test_a_binary_file_opens_as_base64(ask, drive):
    drive.write("/x.bin", b"\xff\x00")
    model = body(await ask("GET", "contents/x.bin"))
    check_model(model, content=base64.b64encode(b"\xff\x00").decode(), format="base64")
    refused = await ask("GET", "contents/x.bin", format="text")
    assert (refused.code, body(refused)["code"]) == (400, "not_text")


async def test_a_notebook_is_made_saved_and_opened_again(ask, drive):
    made = await ask("POST", "contents/", body={"type": "notebook"})
    assert made.code == 201
    check_model(body(made), path="Untitled.ipynb", type="notebook", content=None)
    assert made.headers["Location"].endswith("jupyter-box/contents/Untitled.ipynb")
    saved = await ask("PUT", "contents/Untitled.ipynb", body=notebook_model())
    assert saved.code == 200
    opened = body(await ask("GET", "contents/Untitled.ipynb", type="notebook", hash=1))
    check_model(opened, format="json", hash=body(saved)["hash"])
    assert opened["content"]["cells"][0]["source"] == "1 + 1"
    assert opened["content"]["cells"][0]["metadata"]["trusted"] is True
    assert nbformat.reads(drive.read("/Untitled.ipynb").decode(), as_version=4).cells[0].source == "1 + 1"


async def test_a_damaged_notebook_is_told_with_the_way_out(ask, drive):
    drive.write("/broken.ipynb", b"{nonsense")
    answer = await ask("GET", "contents/broken.ipynb")
    assert (answer.code, body(answer)["code"]) == (400, "not_a_notebook")
    assert "text editor" in body(answer)["hint"]
    assert body(await ask("GET", "contents/broken.ipynb", type="file"))["content"] == "{nonsense"


async def test_an_invalid_notebook_is_saved_and_told(ask, drive):
    cell = {"cell_type": "raw", "id": "a", "metadata": {}, "source": "x", "unheard of": 1}
    invalid = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    answer = await ask("PUT", "contents/i.ipynb", body=notebook_model(invalid))
    assert answer.code == 201
    assert "validation failed" in body(answer)["message"]


async def test_new_files_and_folders_get_free_names(ask, drive):
    names = [body(await ask("POST", "contents/", body={"type": "file", "ext": ".txt"}))["name"] for _ in range(2)]
    folders = [body(await ask("POST", "contents/", body={"type": "directory"}))["name"] for _ in range(2)]
    assert (names, folders) == (["untitled.txt", "untitled1.txt"], ["Untitled Folder", "Untitled Folder 1"])
    assert drive.stat("/untitled1.txt").size == 0


async def test_an_unchanged_file_is_not_sent(ask, drive):
    for _ in range(3):
        answer = await ask("PUT", "contents/same.txt", body=text_model("same"))
    assert answer.code == 200
    assert len(drive.versions("/same.txt")) == 1


async def test_a_change_by_someone_else_is_never_lost(ask, drive):
    opened = body(await ask("PUT", "contents/shared.txt", body=text_model("mine")))
    drive.write("/shared.txt", b"theirs")
    # JupyterLab looks before it saves, and shows its dialog when the hash is another
    assert body(await ask("GET", "contents/shared.txt", content=0, hash=1))["hash"] != opened["hash"]
    for more, headers in (({"hash": opened["hash"]}, None), ({}, {"If-Match": f'"{opened["box"]["etag"]}"'})):
        refused = await ask("PUT", "contents/shared.txt", body=text_model("mine 2", **more), headers=headers)
        assert (refused.code, body(refused)["code"]) == (412, "changed")
        assert drive.read("/shared.txt") == b"theirs"
    overwritten = await ask("PUT", "contents/shared.txt", body=text_model("mine 2"))
    assert overwritten.code == 200
    assert drive.read("/shared.txt", version=drive.versions("/shared.txt")[1].id) == b"theirs"


async def test_a_file_that_someone_trashed_is_saved_anew(ask, drive):
    opened = body(await ask("PUT", "contents/gone.txt", body=text_model("mine")))
    drive.remove("/gone.txt")
    assert (await ask("GET", "contents/gone.txt", content=0, hash=1)).code == 404
    assert (await ask("PUT", "contents/gone.txt", body=text_model("mine", hash=opened["hash"]))).code == 201
    assert drive.read("/gone.txt") == b"mine"


async def test_a_file_that_is_elsewhere_by_now_is_saved_only_by_who_knows(ask, drive):
    opened = body(await ask("PUT", "contents/here.txt", body=text_model("mine")))
    known = {"hash": opened["hash"], "id": opened["box"]["id"]}
    drive.move("/here.txt", "/there.txt")
    moved = await ask("PUT", "contents/here.txt", body=text_model("mine 2", **known))
    assert (moved.code, body(moved)["code"]) == (412, "changed")
    # JupyterLab's dialog shows the message alone
    assert "/here.txt has become /there.txt" in body(moved)["message"]
    assert "save again to make the file anew" in body(moved)["message"]
    drive.remove("/there.txt")
    trashed = await ask("PUT", "contents/here.txt", body=text_model("mine 2", **known))
    assert (trashed.code, "Box's trash" in body(trashed)["message"]) == (412, True)
    drive.purge(known["id"])
    gone = await ask("PUT", "contents/here.txt", body=text_model("mine 2", **known))
    assert (gone.code, "has gone, or is not shared" in body(gone)["message"]) == (412, True)
    assert not drive.exists("/here.txt")
    assert (await ask("PUT", "contents/here.txt", body=text_model("mine 2"))).code == 201


async def test_rename_keeps_the_item_and_never_replaces(ask, drive):
    item = drive.write("/old.txt", b"x")
    drive.mkdir("/folder")
    renamed = await ask("PATCH", "contents/old.txt", body={"path": "folder/new.txt"})
    assert renamed.code == 200
    check_model(body(renamed), path="folder/new.txt")
    assert drive.stat("/folder/new.txt").id == item.id
    drive.write("/taken.txt", b"y")
    for place in ("taken.txt", "folder"):
        refused = await ask("PATCH", "contents/folder/new.txt", body={"path": place})
        assert (refused.code, body(refused)["code"]) == (409, "exists")
    assert (await ask("PATCH", "contents/folder/new.txt", body={"path": "folder/NEW.txt"})).code == 200
    assert drive.stat("/folder/new.txt").name == "NEW.txt"


async def test_copies_are_made_in_box_of_folders_too(ask, drive):
    drive.mkdir("/data/deep")
    drive.write("/data/a.tar.gz", b"x")
    first = await ask("POST", "contents/data", body={"copy_from": "data/a.tar.gz"})
    second = await ask("POST", "contents/data", body={"copy_from": "/data/a.tar.gz"})
    elsewhere = await ask("POST", "contents/data/deep", body={"copy_from": "data/a.tar.gz"})
    folder = await ask("POST", "contents/", body={"copy_from": "data"})
    assert [answer.code for answer in (first, second, elsewhere, folder)] == [201] * 4
    paths = [body(answer)["path"] for answer in (first, second, elsewhere, folder)]
    assert paths == ["data/a-Copy1.tar.gz", "data/a-Copy2.tar.gz", "data/deep/a.tar.gz", "data-Copy1"]
    assert drive.read("/data-Copy1/deep/a.tar.gz") == b"x"


async def test_delete_moves_to_the_trash(ask, drive):
    drive.mkdir("/folder")
    item = drive.write("/folder/x.txt", b"x")
    assert (await ask("DELETE", "contents/folder/x.txt")).code == 204
    assert item.id in [each.id for each in drive.trash()]
    drive.write("/folder/y.txt", b"x")
    assert (await ask("DELETE", "contents/folder")).code == 204
    assert (await ask("DELETE", "contents/folder")).code == 404
    assert (await ask("DELETE", "contents/")).code == 403


HOSTILE = ["checkpoints", "trust", "files", "#1?x=y", "50%", "a&b", 'it\'s "it"', "😀", "שלום", " leading", "n" * 251]


# one server for all: each takes a second to start
async def test_every_name_that_box_takes_opens(ask, drive):
    for name in HOSTILE:
        drive.mkdir(f"/{name}/sub")
        check_model(body(await ask("GET", f"contents/{name}")), name=name, type="directory")
        assert (await ask("PUT", f"contents/{name}/{name}.txt", body=text_model("x"))).code == 201, name
        check_model(body(await ask("GET", f"contents/{name}/{name}.txt")), content="x", path=f"{name}/{name}.txt")
        assert len(body(await ask("GET", f"checkpoints/{name}/{name}.txt"))) == 1, name


async def test_a_name_that_looks_like_an_id_is_a_name(ask, drive):
    drive.write("//id:7", b"x")
    check_model(body(await ask("GET", "contents/id:7")), content="x", path="id:7")


WRONG = [
    ("GET", "contents/nothing", {}, None, 404),
    ("GET", "contents/x.txt", {"type": "directory"}, None, 400),
    ("GET", "contents/folder", {"type": "file"}, None, 400),
    ("GET", "contents/folder", {"hash": "1", "content": "0"}, None, 400),
    ("GET", "contents/x.txt", {"format": "morse"}, None, 400),
    ("GET", "contents/folder", {"sort": "colour"}, None, 400),
    ("GET", "contents/../x", {}, None, 400),
    ("PUT", "contents/x.txt", {}, b"[]", 400),
    ("PUT", "contents/x.txt", {}, b"{", 400),
    ("PUT", "contents/y.txt", {}, text_model("\ud800"), 400),
    ("PUT", "contents/y.txt", {}, {"type": "file", "format": "base64", "content": "?"}, 400),
    ("PUT", "contents/y.txt", {}, {"type": "file", "content": "no format"}, 400),
    ("PUT", "contents/y.ipynb", {}, {"type": "notebook", "content": "no notebook"}, 400),
    ("PUT", "contents/folder", {}, text_model("x"), 409),
    ("PUT", "contents/no/such/folder.txt", {}, text_model("x"), 404),
    ("PUT", f"contents/{'n' * 256}", {}, text_model("x"), 400),
    ("POST", "contents/x.txt", {}, {"type": "file"}, 400),
    ("POST", "contents/nothing", {}, {"type": "file"}, 404),
    ("POST", "contents/", {}, {"copy_from": "nothing"}, 404),
    ("PATCH", "contents/x.txt", {}, {"path": "folder/../../x"}, 400),
    ("PATCH", "contents/x.txt", {}, {"path": "no/such"}, 404),
]


async def test_bad_input_gets_one_line_in_our_form(ask, drive):
    drive.mkdir("/folder")
    drive.write("/x.txt", b"x")
    for method, path, query, sent, status in WRONG:
        answer = await ask(method, path, body=sent, **query)
        assert answer.code == status, (path, answer.body)
        assert set(body(answer)) == {"code", "message", "hint", "request_id"}
        assert body(answer)["message"]
    assert drive.read("/x.txt") == b"x"
    assert sorted(item.name for item in drive.list("/")) == ["folder", "x.txt"]


class TestBounds:
    @pytest.fixture
    def box_settings(self, drive):
        return {"root_folder": drive.stat("/").id, "max_document_size": 10}

    async def test_a_large_file_is_not_opened_but_offered_for_download(self, ask, drive):
        drive.write("/large.txt", b"x" * 11)
        answer = await ask("GET", "contents/large.txt")
        assert (answer.code, body(answer)["code"]) == (413, "too_large")
        assert "jupyter-box/files/large.txt?download=1" in body(answer)["hint"]
        assert (await ask("GET", "contents/large.txt", content=0, hash=1)).code == 200


async def test_a_locked_file_is_read_only_for_others_and_saving_it_is_refused(ask, drive, as_ada):
    drive.mkdir("/team")
    drive.write("/team/x.txt", b"x")
    as_ada("/team").lock("/x.txt")
    assert body(await ask("GET", "contents/team/x.txt"))["writable"] is False
    answer = await ask("PUT", "contents/team/x.txt", body=text_model("y"))
    assert answer.code == 403
    assert drive.read("/team/x.txt") == b"x"


@pytest.fixture
def as_ada(drive, box_environment, monkeypatch):
    """A drive of another user of the emulator, in a folder that is shared with her."""
    from jupyter_box import connect

    opened = []

    def open_drive(folder):
        ada = drive.client.users.create_user("Ada", is_platform_access_only=True)
        drive.invite(folder, ada.id, role="editor")
        # the server of this process has the secrets now, as of any
        monkeypatch.delenv("BOX_SERVER_URL", raising=False)
        monkeypatch.setenv("BOX_CLIENT_SECRET", box_environment["BOX_CLIENT_SECRET"])
        opened.append(connect(user_id=ada.id, enterprise_id="", root_folder=drive.stat(folder).id))
        return opened[-1]

    yield open_drive
    for each in opened:
        each.close()


async def test_checkpoints_are_versions_oldest_first_and_cost_no_upload(ask, drive):
    for text in (b"one", b"two"):
        drive.write("/v.txt", text)
    made = await ask("POST", "checkpoints/v.txt")
    listed = body(await ask("GET", "checkpoints/v.txt"))
    assert made.code == 201
    assert body(made)["id"] == listed[-1]["id"] == drive.stat("/v.txt").version
    assert len(listed) == 2
    assert all(isinstance(each["last_modified"], str) for each in listed)
    assert (await ask("POST", "checkpoints/v.txt", id=listed[0]["id"])).code == 204
    assert drive.read("/v.txt") == b"one"
    assert (await ask("DELETE", "checkpoints/v.txt", id=listed[1]["id"])).code == 204
    assert listed[1]["id"] not in [each["id"] for each in body(await ask("GET", "checkpoints/v.txt"))]
    assert (await ask("POST", "checkpoints/v.txt", id="999")).code == 404
    assert (await ask("POST", "checkpoints/")).code == 400


class TestAutosaves:
    @pytest.fixture
    def box_settings(self, drive):
        return {"root_folder": drive.stat("/").id, "keep_autosaves": False}

    async def test_only_versions_of_manual_saves_stay(self, ask, drive):
        for text in ("new", "auto 1", "auto 2", "manual", "auto 3", "auto 4"):
            assert (await ask("PUT", "contents/a.txt", body=text_model(text))).code in {200, 201}
            if text == "manual":
                await ask("POST", "checkpoints/a.txt")
        kept = [drive.read("/a.txt", version=version.id) for version in drive.versions("/a.txt")]
        assert kept == [b"auto 4", b"manual", b"new"]

    async def test_a_version_of_someone_else_stays(self, ask, drive):
        await ask("PUT", "contents/a.txt", body=text_model("new"))
        await ask("PUT", "contents/a.txt", body=text_model("auto 1"))
        drive.write("/a.txt", b"theirs")
        await ask("PUT", "contents/a.txt", body=text_model("auto 2"))
        assert len(drive.versions("/a.txt")) == 4


def chunk(number, data):
    return {"type": "file", "format": "base64", "chunk": number, "content": base64.b64encode(data).decode()}


async def test_stock_chunks_make_one_file_and_no_call_to_box_before_the_last(ask, drive):
    for number in (1, 2, 3):
        answer = await ask("PUT", "contents/chunked.bin", body=chunk(number, bytes([number]) * 1000))
        assert answer.code == (201 if number == 1 else 200)
        check_model(body(answer), path="chunked.bin", size=1000 * number)
        assert not drive.exists("/chunked.bin")
    last = await ask("PUT", "contents/chunked.bin", body=chunk(-1, b"end"))
    check_model(body(last), path="chunked.bin", size=3003)
    assert drive.read("/chunked.bin") == b"\1" * 1000 + b"\2" * 1000 + b"\3" * 1000 + b"end"


async def test_a_lost_chunk_is_told_and_the_upload_begins_again(ask, drive):
    await ask("PUT", "contents/c.bin", body=chunk(1, b"a"))
    answer = await ask("PUT", "contents/c.bin", body=chunk(3, b"c"))
    assert (answer.code, body(answer)["code"]) == (400, "chunk_out_of_order")
    assert (await ask("PUT", "contents/c.bin", body=chunk(-1, b"d"))).code == 400
    assert not drive.exists("/c.bin")
    await ask("PUT", "contents/c.bin", body=chunk(1, b"again"))
    await ask("PUT", "contents/c.bin", body=chunk(-1, b"!"))
    assert drive.read("/c.bin") == b"again!"


async def test_two_uploads_of_one_name_at_once_are_not_mixed(ask, drive, monkeypatch):
    assert (await ask("PUT", "contents/c.bin", body=chunk(1, b"first "))).code == 201
    refused = await ask("PUT", "contents/c.bin", body=chunk(1, b"OTHER"))
    assert (refused.code, body(refused)["code"]) == (409, "upload_pending")
    assert (await ask("PUT", "contents/c.bin", body=chunk(2, b"goes "))).code == 200
    assert (await ask("PUT", "contents/c.bin", body=chunk(-1, b"on"))).code == 200
    assert drive.read("/c.bin") == b"first goes on"
    await ask("PUT", "contents/c.bin", body=chunk(1, b"left alone"))
    monkeypatch.setattr("jupyter_box.server.chunks.IDLE", 0.0)
    await ask("PUT", "contents/c.bin", body=chunk(1, b"an"))
    await ask("PUT", "contents/c.bin", body=chunk(-1, b"other"))
    assert drive.read("/c.bin") == b"another"


class TestChunkBounds:
    @pytest.fixture
    def box_settings(self, drive):
        return {"root_folder": drive.stat("/").id, "max_upload_folder_size": 1500}

    async def test_chunks_have_a_limit_together(self, ask, drive):
        assert (await ask("PUT", "contents/a.bin", body=chunk(1, b"a" * 1000))).code == 201
        refused = await ask("PUT", "contents/b.bin", body=chunk(1, b"b" * 1000))
        assert (refused.code, body(refused)["code"]) == (413, "too_large")
        assert (await ask("PUT", "contents/a.bin", body=chunk(-1, b"a"))).code == 200
        assert (await ask("PUT", "contents/b.bin", body=chunk(1, b"b" * 1000))).code == 201


def test_an_upload_in_chunks_that_nobody_goes_on_with_expires(tmp_path):
    from jupyter_box.server.chunks import Chunks

    chunks = Chunks(tmp_path, 100, expiry=0.0)
    chunks.add("/a", 1, b"x" * 90)
    time.sleep(0.001)  # a clock's tick
    assert chunks.add("/b", 1, b"y" * 90) == 90
