"""What the transfer suites share: a session, transfers whose parts are small, a fresh folder, and looks into Box."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import uuid

import pytest

from jupyter_box.config import BoxConfig
from jupyter_box.items import Item
from jupyter_box.session import Session
from jupyter_box.transfer import Transfers

PART = 65_536
THRESHOLD = 100_000
RANGE = 100_000
TREE = {"a.txt": 10, "b/c.bin": 4 * PART, "b/d/e.txt": 0, "f/ü.txt": 30}  # the bytes of files by relative path


@pytest.fixture
def session(box, box_environment):
    box.control(smallest_session=THRESHOLD, part_size=PART)
    with Session.connect(BoxConfig()) as session:
        yield session


@pytest.fixture
def transfers(session, tmp_path):
    return Transfers(session, threshold=THRESHOLD, range_size=RANGE, state_dir=tmp_path / "state")


@pytest.fixture
def folder(session):
    """A fresh folder of Box."""
    made = session.call("POST", "/folders", json={"name": f"t-{uuid.uuid4().hex[:8]}", "parent": {"id": "0"}})
    return Item.of(made, f"/{made['name']}")


@pytest.fixture
def workdir(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def write(workdir):
    """Write a file of so many bytes that no other file has."""

    def write(name: str, size: int, seed: int = 1):
        path = workdir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(f"{name}{size}{seed}").randbytes(size))
        return path

    return write


@pytest.fixture
def make_tree(write, workdir):
    """Write files of so many bytes, by relative path, into a folder of this machine."""

    def make_tree(files: dict[str, int]):
        for name, size in files.items():
            write(f"tree/{name}", size)
        return workdir / "tree"

    return make_tree


@pytest.fixture
def tree(make_tree):
    """The folder with `TREE`."""
    return make_tree(TREE)


@pytest.fixture
def in_box(session):
    """The files below a folder of Box, with their relative paths; a name that is there twice comes twice."""

    def in_box(folder_id: str, path: str = ""):
        query = {"fields": "type,name,sha1", "limit": 1000}
        for entry in session.call("GET", f"/folders/{folder_id}/items", params=query)["entries"]:
            if entry["type"] == "folder":
                yield from in_box(entry["id"], f"{path}{entry['name']}/")
            else:
                yield f"{path}{entry['name']}", Item.of(entry)

    return in_box


@pytest.fixture
def names(session):
    """The names in a folder of Box, with their SHA-1."""

    def names(folder: Item):
        page = session.call("GET", f"/folders/{folder.id}/items", params={"fields": "name,sha1,size", "limit": 1000})
        return {entry["name"]: entry.get("sha1") for entry in page["entries"]}

    return names


@pytest.fixture
def versions(session):
    """How many versions a file has, the current one included."""
    return lambda item: 1 + session.call("GET", f"/files/{item.id}/versions")["total_count"]


@pytest.fixture
def open_sessions(box):
    """How many upload sessions are open in Box."""
    box.call(lambda store: store.run("DELETE FROM sessions"))
    return lambda: box.call(lambda store: store.value("SELECT COUNT(*) FROM sessions WHERE state = 'open'"))


@pytest.fixture
def parts_received(box):
    """How many parts Box was sent, whole, since the counts were reset."""
    return lambda: sum(
        entry["method"] == "PUT" and "upload_sessions" in entry["path"] and entry["status"] == 200 for entry in box.log
    )


def sha1(path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


def here(root) -> dict[str, str]:
    """The files below a local folder by relative path, with their SHA-1."""
    return {str(path.relative_to(root)): sha1(path) for path in root.rglob("*") if path.is_file()}


def leftovers(folder) -> list[str]:
    return sorted(name for _, _, files in os.walk(folder) for name in files if name.endswith(".box-part"))


def in_thread(work):
    """Begin the work; the function returned waits for its value, or raises what it raised; it has the thread."""
    outcome = {}

    def run():
        try:
            outcome["value"] = work()
        except BaseException as error:  # noqa: BLE001
            outcome["error"] = error

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(60)
        assert not thread.is_alive()
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]

    result.thread = thread
    return result


def waits_in_thread(work, *arguments):
    """Begin a transfer and return once it says that it waits: the function that gives its value, and its cancel."""
    cancel, waits = threading.Event(), threading.Event()

    def hear(progress):
        if progress.phase == "waiting":
            waits.set()

    result = in_thread(lambda: work(*arguments, cancel=cancel, on_progress=hear))
    assert waits.wait(10)
    return result, cancel
