"""The drive on a Box whose answers differ from the emulator's wherever Box's documents leave it open."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timezone

import pytest
from varied import PAGE, varied

from jupyter_box.errors import Exists, NotFound

BIG = 21_000_000  # bytes: above the size from which a file goes by upload session


@pytest.fixture(scope="module")
def other_box(running_emulator):
    """The environment of a client of the other Box."""
    with varied(running_emulator.env["BOX_URL"]) as url:
        yield running_emulator.env | {"BOX_URL": url, "BOX_RATE_LIMIT": "off"}


@pytest.fixture
def drive(other_box, box, monkeypatch):
    """A drive on the other Box, whose root is a fresh folder."""
    from jupyter_box import connect

    for name, value in other_box.items():
        monkeypatch.setenv(name, value)
    with connect() as whole:
        folder = whole.mkdir(f"/varied-{uuid.uuid4().hex[:8]}")
    with connect(root_folder=folder.id) as drive:
        yield drive


def test_a_folder_comes_whole_though_pages_are_short(drive, box):
    box.fill(drive.mkdir("/many").id, 3 * PAGE + 1)
    names = [item.name for item in drive.list("/many")]
    assert len(set(names)) == len(names) == 3 * PAGE + 1
    assert drive.exists(f"/many/{names[-1]}")
    assert not drive.exists("/many/nothing")


def test_times_are_the_same_moment(drive):
    before = datetime.now(timezone.utc).replace(microsecond=0)
    created = drive.write("/a.txt", "a").created
    assert before <= created <= datetime.now(timezone.utc)


def test_a_name_that_is_taken_is_told(drive):
    taken = drive.write("/taken.txt", "a")
    drive.write("/other.txt", "b")
    with pytest.raises(Exists) as caught:
        drive.rename("/other.txt", "taken.txt")
    assert caught.value.item_id == taken.id


@pytest.mark.parametrize("size", [0, 20_000, BIG])
def test_a_file_goes_there_and_back(drive, tmp_path, size):
    content = bytes(range(256)) * (size // 256 + 1)
    up, down = tmp_path / "up.bin", tmp_path / "down.bin"
    up.write_bytes(content[:size])
    assert drive.upload(up, "/").sent == 1
    assert drive.stat("/up.bin").sha1 == hashlib.sha1(content[:size]).hexdigest()
    assert drive.upload(up, "/").sent == 0
    drive.download("/up.bin", down)
    assert down.read_bytes() == content[:size]


def test_a_tree_syncs_both_ways(drive, tmp_path):
    tree = tmp_path / "tree"
    for number in range(PAGE + 5):
        (tree / f"{number % 3}").mkdir(parents=True, exist_ok=True)
        (tree / f"{number % 3}" / f"{number}.txt").write_text(str(number))
    assert drive.sync(tree, "/tree").sent == PAGE + 5
    assert drive.sync(tree, "/tree").sent == 0
    drive.write("/tree/0/new.txt", "new")
    assert drive.sync(tree, "/tree", direction="down").sent == 1
    assert (tree / "0" / "new.txt").read_text() == "new"


def test_versions_are_listed_and_promoted(drive):
    drive.write("/v.txt", "1")
    drive.write("/v.txt", "2")
    newest, oldest = drive.versions("/v.txt")
    assert newest.current
    drive.promote("/v.txt", oldest.id)
    assert drive.read("/v.txt") == b"1"


def test_what_is_shared_found_and_trashed(drive):
    item = drive.write("/found.txt", "found")
    assert drive.share("/found.txt", access="open").url
    assert [found.id for found in drive.search("found", folder="/")] == [item.id]
    drive.remove("/found.txt")
    with pytest.raises(NotFound):
        drive.stat("/found.txt")
    assert drive.restore(item.id).id == item.id


def test_a_folder_is_archived(drive):
    drive.mkdir("/zip")
    drive.write("/zip/a.txt", "a")
    assert b"".join(drive.archive("/zip")).startswith(b"PK")
