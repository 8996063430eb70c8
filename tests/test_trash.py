"""The trash: what is removed can be listed, brought back, or deleted for good."""

from __future__ import annotations

import uuid

import pytest

from jupyter_box import connect
from jupyter_box.errors import Denied, Exists, InvalidName, NotFound


@pytest.fixture
def trashed(drive):
    drive.mkdir("/a")
    item = drive.write("/a/x.csv", "x")
    drive.remove("/a/x.csv")
    return item


def test_what_is_removed_is_in_the_trash(drive, trashed):
    assert not drive.exists("/a/x.csv")
    (item,) = drive.trash()
    assert (item.id, item.name) == (trashed.id, "x.csv")
    assert item.trashed is not None


def test_the_trash_can_be_cut_short(drive):
    for name in "abc":
        drive.write(f"/{name}", name)
        drive.remove(f"/{name}")
    assert len(list(drive.trash(limit=2))) == 2
    assert len(list(drive.trash())) == 3


def test_the_trash_comes_page_by_page(drive):
    for name in "abcde":
        drive.write(f"/{name}", name)
        drive.remove(f"/{name}")
    pages = [drive.trash_page(limit=2)]
    while pages[-1].next_marker:
        pages.append(drive.trash_page(limit=2, marker=pages[-1].next_marker))
    assert len(pages) > 2
    assert sorted(item.name for page in pages for item in page.items) == list("abcde")


def test_a_page_of_the_trash_is_not_empty_because_others_threw_much_away(drive, trashed, box_environment):
    with connect() as whole:
        for _ in range(3):
            elsewhere = whole.write(f"/{uuid.uuid4().hex}", "x")
            whole.remove(f"id:{elsewhere.id}")
    page = drive.trash_page(limit=1)
    assert [item.id for item in page.items] == [trashed.id]


def test_restore_brings_it_back_to_where_it_was(drive, trashed):
    assert drive.restore(trashed.id).path == "/a/x.csv"
    assert drive.read("/a/x.csv") == b"x"
    assert not list(drive.trash())


def test_restore_takes_another_name_and_folder(drive, trashed):
    drive.mkdir("/b")
    restored = drive.restore(f"id:{trashed.id}", name="y.csv", folder="/b")
    assert restored.path == "/b/y.csv"
    assert drive.read("/b/y.csv") == b"x"


def test_restore_says_when_the_name_is_taken(drive, trashed):
    drive.write("/a/x.csv", "new")
    with pytest.raises(Exists):
        drive.restore(trashed.id)
    assert drive.restore(trashed.id, name="old.csv").path == "/a/old.csv"
    assert drive.read("/a/x.csv") == b"new"


def test_a_lost_reply_to_restore_is_recognised(drive, trashed, box):
    box.fault("lost_reply", f"POST .*/files/{trashed.id}$")
    assert drive.restore(trashed.id).path == "/a/x.csv"


def test_a_folder_comes_back_with_all_that_was_in_it(drive):
    folder = drive.mkdir("/a/b")
    drive.write("/a/b/x.csv", "x")
    drive.remove("/a/b")
    assert not drive.exists("/a/b/x.csv")
    assert drive.restore(folder.id).path == "/a/b"
    assert drive.read("/a/b/x.csv") == b"x"


def test_purge_deletes_for_good(drive, trashed):
    drive.purge(trashed.id)
    assert not list(drive.trash())
    with pytest.raises(NotFound, match="not in the trash"):
        drive.restore(trashed.id)


def test_what_is_not_in_the_trash_cannot_be_purged(drive):
    item = drive.write("/keep", "x")
    with pytest.raises(NotFound, match="not in the trash"):
        drive.purge(item.id)
    with pytest.raises(InvalidName, match="not an id"):
        drive.purge("/keep")
    assert drive.read("/keep") == b"x"


def test_a_folder_that_is_not_empty_stays_unless_asked_for(drive):
    drive.mkdir("/a/b")
    with pytest.raises(Exists, match="not empty"):
        drive.remove("/a", recursive=False)
    drive.remove("/a/b", recursive=False)
    drive.remove("/a")
    assert not list(drive.list("/"))


def test_a_lost_reply_to_remove_is_no_error(drive, box):
    drive.write("/x", "x")
    box.fault("lost_reply", "DELETE .*/files/")
    drive.remove("/x")
    assert not drive.exists("/x")


def test_the_root_is_not_removed(drive):
    with pytest.raises(Denied, match="root cannot be removed"):
        drive.remove("/")
