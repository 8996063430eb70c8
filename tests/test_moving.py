"""Moving, renaming and copying within Box."""

from __future__ import annotations

import pytest

from jupyter_box.errors import Denied, Exists, InvalidName, NotFound


def test_move_into_a_folder_keeps_name_id_and_versions(drive):
    drive.write("/x.csv", "1")
    item = drive.write("/x.csv", "2")
    drive.mkdir("/a")
    moved = drive.move("/x.csv", "/a")
    assert (moved.path, moved.id, len(drive.versions("/a/x.csv"))) == ("/a/x.csv", item.id, 2)
    assert not drive.exists("/x.csv")


def test_move_to_a_new_path_renames_too(drive):
    drive.write("/x.csv", "1")
    drive.mkdir("/a")
    assert drive.move("/x.csv", "/a/y.csv").path == "/a/y.csv"


def test_a_moved_folder_takes_what_is_in_it_along(drive):
    drive.mkdir("/a/b")
    drive.write("/a/b/x.csv", "x")
    drive.stat("/a/b/x.csv")
    drive.move("/a/b", "/c")
    assert drive.read("/c/x.csv") == b"x"
    assert not drive.exists("/a/b/x.csv")


def test_the_current_folder_moves_along(drive):
    drive.mkdir("/a/b")
    drive.cd("/a/b")
    drive.rename("/a", "z")
    assert drive.cwd == "/z/b"
    assert drive.mkdir("c").path == "/z/b/c"


@pytest.mark.parametrize("target", ["/X.CSV", "/x.csv"])
def test_a_name_can_change_its_case_only(drive, target):
    item = drive.write("/x.csv", "x")
    assert drive.move("/x.csv", target).path == target
    assert drive.rename(target, "x.CSV").path == "/x.CSV"
    assert [found.id for found in drive.list("/")] == [item.id]


def test_nothing_is_overwritten(drive):
    drive.write("/x", "x")
    drive.write("/y", "y")
    for verb in (drive.move, drive.copy):
        with pytest.raises(Exists):
            verb("/x", "/y")
    with pytest.raises(Exists):
        drive.rename("/x", "Y")
    assert (drive.read("/x"), drive.read("/y")) == (b"x", b"y")


@pytest.mark.parametrize("target", ["/a/b", "/A/b/new", "/a"])
def test_a_folder_does_not_go_into_itself(drive, target):
    drive.mkdir("/a/b")
    if target == "/a":
        assert drive.move("/a", target).path == "/a"
        return
    with pytest.raises(InvalidName, match="into itself"):
        drive.move("/a", target)


def test_an_item_moved_onto_its_own_id_stays(drive):
    for item in (drive.mkdir("/a"), drive.write("/x", "x")):
        assert drive.move(item.path, f"id:{item.id}").path == item.path


def test_a_missing_target_folder_is_not_made(drive):
    drive.write("/x", "x")
    for verb in (drive.move, drive.copy):
        with pytest.raises(NotFound, match="/nowhere is not in Box"):
            verb("/x", "/nowhere/x")
    assert drive.read("/x") == b"x"


def test_copy_is_a_new_item(drive):
    item = drive.write("/x.csv", "x")
    drive.mkdir("/a")
    copied = drive.copy("/x.csv", "/a")
    assert (copied.path, copied.sha1) == ("/a/x.csv", item.sha1)
    assert copied.id != item.id
    assert drive.copy("/x.csv", "/y.csv").path == "/y.csv"


def test_a_copied_folder_has_all_that_is_in_it(drive):
    drive.mkdir("/a/b")
    drive.write("/a/b/x", "x")
    assert drive.copy("/a", "/c").path == "/c"
    assert drive.read("/c/b/x") == b"x"


@pytest.mark.parametrize("path", ["/x", "/a"])
def test_a_lost_reply_to_copy_is_recognised(drive, box, path):
    drive.write("/x", "x")
    drive.mkdir("/a")
    box.fault("lost_reply", "POST .*/copy$")
    copied = drive.copy(path, "/copy")
    assert [item.id for item in drive.list("/") if item.name == "copy"] == [copied.id]


@pytest.mark.parametrize("verb", ["move", "copy"])
def test_the_root_stays_where_it_is(drive, verb):
    drive.mkdir("/a")
    with pytest.raises(Denied):
        getattr(drive, verb)("/", "/a")
    with pytest.raises(Denied):
        drive.rename("/", "new")


@pytest.mark.parametrize("name", ["", "..", "a/b", "x" * 256, "ends "])
def test_rename_refuses_what_is_no_name(drive, name):
    drive.write("/x", "x")
    with pytest.raises(InvalidName):
        drive.rename("/x", name)
