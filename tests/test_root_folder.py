"""The drive's root: nothing above it or beside it is reached, by path, by id, by search or in the trash."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jupyter_box import connect
from jupyter_box.errors import InvalidName, NotFound


@pytest.fixture
def whole(box_environment):
    """A drive of all that the account sees."""
    with connect() as drive:
        yield drive


@pytest.fixture
def outside(drive, whole):
    """A file beside the drive's root, and the folder it is in; names begin as the root's name does."""
    folder = whole.mkdir(f"{_root(drive, whole).path}-beside")
    return folder, whole.write(f"{folder.path}/secret.csv", "secret")


def _root(drive, whole):
    return whole.stat(f"id:{drive.stat('/').id}")


def test_paths_are_relative_to_the_root(drive, whole):
    drive.mkdir("/a")
    item = drive.write("/a/x", "x")
    assert item.path == drive.stat(f"id:{item.id}").path == "/a/x"
    assert whole.stat(f"id:{item.id}").path == f"{_root(drive, whole).path}/a/x"
    assert drive.stat("/").path == "/"


@pytest.mark.parametrize("by", ["id", "path"])
def test_the_root_is_given_by_id_or_by_path(drive, whole, by):
    drive.write("/x", "x")
    root = _root(drive, whole)
    with connect(root_folder=root.id if by == "id" else root.path) as other:
        assert other.read("/x") == b"x"


def test_ids_outside_are_not_found(drive, outside):
    for item in outside:
        looks = (drive.stat, drive.folder, drive.list, drive.versions, drive.collaborators)
        for act in (*looks, drive.remove, drive.share):
            with pytest.raises(NotFound, match=f"id:{item.id} is not in Box below the drive's root"):
                act(f"id:{item.id}")
        assert not drive.exists(f"id:{item.id}")
    assert not drive.exists(f"id:{outside[0].id}/secret.csv")
    with pytest.raises(NotFound):
        drive.read(f"id:{outside[1].id}")


def test_all_files_is_outside_of_a_folder(drive):
    assert not drive.exists("id:0")
    with pytest.raises(NotFound):
        drive.list("id:0")


def test_nothing_goes_out(drive, outside):
    folder, _ = outside
    item = drive.write("/x", "x")
    for act in (drive.move, drive.copy):
        with pytest.raises(NotFound):
            act("/x", f"id:{folder.id}")
        with pytest.raises(InvalidName, match="climbs above"):
            act("/x", "/../x")
    for act in (drive.mkdir, lambda path: drive.write(path, "x")):
        with pytest.raises(NotFound):
            act(f"id:{folder.id}/new")
    drive.remove("/x")
    with pytest.raises(NotFound):
        drive.restore(item.id, folder=f"id:{folder.id}")
    assert drive.restore(item.id).path == "/x"


def test_the_trash_shows_and_gives_back_only_what_was_inside(drive, whole, outside):
    drive.mkdir("/a/b")
    inside = drive.write("/a/b/x", "x")
    drive.remove("/a/b/x")
    drive.remove("/a/b")
    _, secret = outside
    whole.remove(f"id:{secret.id}")
    assert {item.name for item in drive.trash()} == {"x", "b"}
    for act in (drive.restore, drive.purge):
        with pytest.raises(NotFound):
            act(secret.id)
    with pytest.raises(NotFound) as error:
        drive.stat(f"id:{secret.id}")
    assert "secret" not in str(error.value)
    assert inside.id in {item.id for item in drive.trash()}
    assert whole.restore(secret.id).name == "secret.csv"


def test_a_token_for_the_drive_reaches_no_further(drive):
    root = drive.stat("/")
    restricted = drive.token()["restricted_to"]
    assert {entry["object"]["id"] for entry in restricted} == {root.id}


def test_a_root_that_is_not_there_says_which_setting(box_environment):
    for root in ("/nothing/here", "424242"):
        with connect(root_folder=root) as drive:
            status = drive.status()
            assert not status.connected
            for act in (drive.stat, drive.read, drive.mkdir, drive.list):
                for path in ("/", "/x", "/x/y"):
                    with pytest.raises(NotFound, match="BOX_ROOT_FOLDER"):
                        act(path)
            assert "BOX_ROOT_FOLDER" in status.hint


@pytest.fixture
def server(box, drive, whole, monkeypatch):
    """A Jupyter server, as far as a kernel sees it: it hands out a token and the id of the root that the kernel has."""
    root = drive.stat("/").id
    body = json.dumps({"access_token": box.token(), "expires_in": 3600, "root": root}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("BOX_SERVER_URL", f"http://127.0.0.1:{running.server_port}/")
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "of this kernel")
        monkeypatch.delenv("BOX_CLIENT_SECRET")  # the server keeps it from its kernels
        yield
        running.shutdown()


def test_a_kernel_has_the_root_of_its_server(drive, outside, server):
    sub = drive.mkdir("/sub")
    drive.write("/sub/x", "x")
    with connect() as kernel:
        assert kernel.read("/sub/x") == b"x"
        assert not kernel.exists(f"id:{outside[0].id}")
    for root in ("/sub", sub.id):
        with connect(root_folder=root) as kernel:
            assert kernel.read("/x") == b"x"
    with connect(root_folder=outside[0].id) as kernel, pytest.raises(NotFound):
        kernel.stat("/")


def test_a_file_is_no_root(drive, whole):
    file = drive.write("/x", "x")
    for root in (file.id, f"{_root(drive, whole).path}/x"):
        with connect(root_folder=root) as other:
            assert not other.status().connected
