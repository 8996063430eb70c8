"""Lookup: what a path names, how often Box is asked, and what is said when there is nothing."""

from __future__ import annotations

import unicodedata

import pytest

from jupyter_box import connect
from jupyter_box.errors import InvalidName, NotFound
from jupyter_box.lookup import Lookup


@pytest.fixture
def elsewhere(drive):
    """Someone else at work in the same folder, whose changes our drive is not told of."""
    with connect(root_folder=drive.stat("/").id) as other:
        yield other


def test_case_does_not_count(drive):
    made = drive.write("/Line 3.CSV", "x")
    assert drive.stat("/line 3.csv").id == made.id
    assert drive.stat("/LINE 3.csv").path == "/Line 3.CSV"


def test_an_id_names_an_item_of_any_type_and_what_is_below_it(drive):
    folder, file = drive.mkdir("/a"), drive.write("/a/x.csv", "x")
    assert drive.stat(f"id:{folder.id}").path == "/a"
    assert drive.stat(f"id:{file.id}").path == "/a/x.csv"
    assert drive.stat(f"id:{folder.id}/X.CSV").id == file.id


def test_a_second_look_costs_one_call(drive, box):
    drive.mkdir("/a/b/c")
    drive.write("/a/b/c/x.csv", "x")
    drive.stat("/a/b/c/x.csv")
    box.clear()
    drive.stat("/a/b/c/x.csv")
    assert sum(box.counts.values()) == 1


def test_a_big_folder_is_not_read_through_for_a_name_it_does_not_have(drive, box):
    box.fill(drive.mkdir("/big").id, 3000)
    box.clear()
    assert not drive.exists("/big/nothing")
    assert box.counts["get_folders_id_items"] <= 2


def test_a_name_at_the_end_of_a_big_folder_is_found(drive, box):
    box.fill(drive.mkdir("/big").id, 3000)
    assert drive.stat("/big/file-002999.txt").size == 0


def test_what_someone_else_moved_is_found_at_its_new_place_only(drive, elsewhere):
    drive.mkdir("/a/b")
    file = drive.write("/a/b/x.csv", "x")
    drive.mkdir("/z")
    elsewhere.move("/a/b", "/z")
    assert not drive.exists("/a/b/x.csv")
    assert drive.stat("/z/b/x.csv").id == file.id


def test_what_someone_else_put_in_its_place_is_found(drive, elsewhere):
    drive.write("/a/x.csv" if drive.mkdir("/a") else "", "old")
    elsewhere.remove("/a")
    elsewhere.mkdir("/a")
    new = elsewhere.write("/a/x.csv", "new")
    assert drive.stat("/a/x.csv").id == new.id
    assert drive.read("/a/x.csv") == b"new"


def test_a_listing_finds_the_folder_that_took_a_removed_ones_place(drive, elsewhere):
    drive.mkdir("/a")
    elsewhere.remove("/a")
    elsewhere.mkdir("/a")
    elsewhere.write("/a/new", "x")
    assert [item.name for item in drive.list("/a")] == ["new"]


def test_an_entry_is_remembered_for_its_time_only(drive, box):
    now = [0.0]
    lookup = Lookup(drive._session, drive.stat("/").id, keep=30, clock=lambda: now[0])
    drive.mkdir("/a")
    lookup.folder("/a")
    box.clear()
    lookup.folder("/a")
    assert not box.counts
    now[0] = 31
    lookup.folder("/a")
    assert box.counts == {"get_folders_id_items": 1}


def test_the_memory_is_small(drive):
    lookup = Lookup(drive._session, drive.stat("/").id, size=2)
    for name in "abc":
        drive.mkdir(f"/{name}")
    assert [lookup.folder(f"/{name}").path for name in "abca"] == ["/a", "/b", "/c", "/a"]


def test_nothing_there_says_where_the_path_ends(drive):
    drive.mkdir("/a")
    with pytest.raises(NotFound, match=r"^/a/b/c is not in Box: /a has no folder 'b'. List /a"):
        drive.stat("/a/b/c")
    with pytest.raises(NotFound, match=r"^/a/x.csv is not in Box. List /a"):
        drive.stat("/a/x.csv")


def test_something_in_the_trash_says_so(drive):
    drive.mkdir("/a")
    file = drive.write("/a/x.csv", "x")
    drive.remove("/a/x.csv")
    with pytest.raises(NotFound, match=r"/a/x\.csv is in Box's trash") as error:
        drive.stat("/a/x.csv")
    assert (error.value.code, error.value.item_id) == ("trashed", file.id)
    with pytest.raises(NotFound, match="is in Box's trash") as error:
        drive.stat(f"id:{file.id}")
    assert error.value.code == "trashed"


def test_unicode_twins_are_two_names_and_the_other_is_told_of(drive):
    composed, decomposed = (unicodedata.normalize(form, "/Müller.csv") for form in ("NFC", "NFD"))
    made = drive.write(composed, "x")
    with pytest.raises(NotFound, match="looks the same") as error:
        drive.stat(decomposed)
    assert f"id:{made.id}" in error.value.hint
    assert drive.write(decomposed, "y").id != made.id
    assert drive.read(composed) == b"x"


def test_an_id_that_is_nowhere_is_not_found(drive):
    with pytest.raises(NotFound, match="id:424242 is not in Box"):
        drive.stat("id:424242")
    for path in ("id:x", "id:", "id:../0"):
        with pytest.raises(InvalidName, match="is not an id"):
            drive.stat(path)


def test_a_web_link_is_an_item(drive):
    drive.client.web_links.create_web_link("https://example.com/a", {"id": drive.stat("/").id}, name="Manual")
    (link,) = drive.list("/")
    assert (link.type, link.path, link.web_url) == ("web_link", "/Manual", "https://example.com/a")
    assert drive.stat(f"id:{link.id}").path == "/Manual"
    for act in (drive.read, drive.lock, drive.versions, drive.download):
        with pytest.raises(InvalidName, match="/Manual is a web link, not a file"):
            act("/Manual")
    with pytest.raises(InvalidName, match="Box copies files and folders only"):
        drive.copy("/Manual", "/Manual 2")
    assert drive.rename("/Manual", "Handbook").path == "/Handbook"
    drive.remove("/Handbook")
    assert not list(drive.list("/"))


def test_a_service_account_that_sees_nothing_says_whom_to_invite(box, box_environment, monkeypatch):
    lonely = box.add_app("Lonely")
    for name in ("BOX_CLIENT_ID", "BOX_CLIENT_SECRET", "BOX_ENTERPRISE_ID"):
        monkeypatch.setenv(name, lonely[name])
    with connect() as drive:
        login = drive.status().account.login
        assert login.startswith("AutomationUser_")
        assert login in drive.status().hint
        with pytest.raises(NotFound, match="invite") as error:
            drive.stat("/Maintenance")
        assert login in error.value.hint
