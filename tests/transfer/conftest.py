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


def leftovers(folder) -> list[str]:
    return sorted(name for _, _, files in os.walk(folder) for name in files if name.endswith(".box-part"))


def in_thread(work):
    """Begin the work; the function returned waits for its value, or raises what it raised."""
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

    return result
