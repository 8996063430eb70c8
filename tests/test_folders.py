"""Folders: made like `mkdir -p`, whatever happens at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from jupyter_box.errors import Exists, InvalidName


def names(drive, path="/"):
    return [item.name for item in drive.list(path)]


def test_mkdir_makes_the_folders_above(drive):
    assert drive.mkdir("/a/b/c").path == "/a/b/c"
    assert names(drive, "/a") == ["b"]


def test_mkdir_returns_what_is_there_whatever_the_case(drive):
    made = drive.mkdir("/Reports")
    assert drive.mkdir("/reports") == drive.stat("/Reports")
    assert drive.mkdir("/reports").id == made.id


def test_mkdir_starts_from_the_current_folder_and_from_ids(drive):
    made = drive.mkdir("/a")
    drive.cd("/a")
    assert drive.mkdir("b").path == "/a/b"
    assert drive.mkdir(f"id:{made.id}/c").path == "/a/c"


def test_mkdir_does_not_replace_a_file(drive):
    file = drive.write("/notes", "x")
    with pytest.raises(Exists) as error:
        drive.mkdir("/notes")
    assert error.value.item_id == file.id
    with pytest.raises(InvalidName, match="/notes is a file"):
        drive.mkdir("/notes/2026")


@pytest.mark.parametrize("path", ["/a/../..", "/" + "x" * 300, "/bad\\name", "/ends ", "/tab\there"])
def test_mkdir_refuses_what_box_refuses_before_it_asks(drive, box, path):
    before = box.counts.get("post_folders", 0)
    with pytest.raises(InvalidName):
        drive.mkdir(path)
    assert box.counts.get("post_folders", 0) == before


def test_threads_that_make_one_folder_get_one_folder(drive):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(drive.mkdir, ["/new/deep"] * 16))
    assert len({item.id for item in made}) == 1
    assert names(drive) == ["new"]


def test_a_lost_reply_to_mkdir_is_recognised(drive, box):
    box.fault("lost_reply", "POST .*/folders$")
    made = drive.mkdir("/once")
    assert [item.id for item in drive.list("/")] == [made.id]


def test_of_twins_the_older_stays_and_our_empty_one_goes(drive, box):
    older = drive.mkdir("/twin")
    box.fault("twin", "POST .*/folders$")
    # what mkdir does once it has seen that the name is free, which another request takes at that moment
    made = drive._make_folder(drive._lookup.folder("/"), "twin")
    assert (made.id, made.path) == (older.id, "/twin")
    assert [item.id for item in drive.list("/")] == [older.id]


def test_twins_that_stay_are_found_by_the_lowest_id(drive, box):
    older = drive.mkdir("/twin")
    box.fault("twin", "POST .*/folders$")
    drive.client.folders.create_folder("twin", {"id": drive.stat("/").id})
    assert drive.stat("/twin").id == older.id
