"""Listings: sorted by Box, lazily, nothing doubled or missed while the folder changes."""

from __future__ import annotations

from itertools import islice

import pytest

from jupyter_box.errors import InvalidName, NotFound


@pytest.fixture
def big(drive, box):
    """A folder of 2,500 files and two folders."""
    folder = drive.mkdir("/big")
    box.fill(folder.id, 2500)
    drive.mkdir("/big/zeta")
    drive.mkdir("/big/alpha")
    return folder


def test_folders_come_first_and_paths_are_whole(drive):
    drive.write("/b.csv", "b")
    drive.mkdir("/Sub")
    drive.write("/a.csv", "aa")
    assert [item.path for item in drive.list()] == ["/Sub", "/a.csv", "/b.csv"]
    assert [item.name for item in drive.list("/", sort="size", direction="desc")] == ["Sub", "a.csv", "b.csv"]
    assert [item.name for item in drive.list("/", sort="name", direction="desc")] == ["Sub", "b.csv", "a.csv"]


def test_a_listing_knows_what_a_list_shows(drive):
    written = drive.write("/a.csv", "aa")
    (item,) = drive.list("/")
    assert (item.id, item.size, item.sha1, item.type) == (written.id, 2, written.sha1, "file")
    assert item.modified is not None
    assert item.parent_id == drive.stat("/").id


def test_all_of_a_big_folder_comes_in_order(drive, big):
    names = [item.name for item in drive.list("/big")]
    assert names[:2] == ["alpha", "zeta"]
    assert len(names) == 2502
    assert names[2:] == sorted(names[2:])


def test_only_the_pages_that_are_used_are_asked_for(drive, box, big):
    drive.stat("/big")
    box.clear()
    assert len(list(islice(drive.list("/big"), 10))) == 10
    assert box.counts["get_folders_id_items"] == 1


def test_an_item_removed_meanwhile_lets_no_other_slip_through(drive, big):
    first, *rest = drive.list("/big")
    entries = drive.list("/big", sort="name")
    seen = list(islice(entries, 1000))
    drive.remove(f"id:{seen[5].id}")
    seen += list(entries)
    assert {item.id for item in [first, *rest]} == {item.id for item in seen}
    assert len(seen) == 2502


def test_an_item_added_meanwhile_doubles_no_other(drive, big):
    entries = drive.list("/big")
    seen = list(islice(entries, 1000))
    drive.write("/big/aaa.txt", "x")
    seen += list(entries)
    assert len(seen) == len({item.id for item in seen}) == 2503


def test_beyond_ten_thousand_items_markers_take_over(drive, box):
    folder = drive.mkdir("/huge")
    box.fill(folder.id, 10_500)
    assert len({item.id for item in drive.list("/huge")}) == 10_500
    page = drive.page("/huge", limit=1000)
    assert page.total == 10_500
    seen = list(page.items)
    while page.next_marker:
        page = drive.page("/huge", limit=1000, marker=page.next_marker)
        seen += page.items
    assert len(seen) == len({item.id for item in seen}) == 10_500


def test_pages_follow_each_other(drive):
    for name in "abcde":
        drive.write(f"/{name}", name)
    pages = [drive.page("/", limit=2)]
    while pages[-1].next_marker:
        pages.append(drive.page("/", limit=2, marker=pages[-1].next_marker))
    assert [[item.name for item in page.items] for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert pages[0].total == 5


@pytest.mark.parametrize(
    "wrong",
    [{"limit": 0}, {"limit": 1001}, {"marker": "x"}, {"marker": "offset::-1"}, {"sort": "colour"}, {"direction": "up"}],
    ids=str,
)
def test_a_page_that_cannot_be_is_refused(drive, wrong):
    with pytest.raises(InvalidName):
        drive.page("/", **wrong)


def test_a_file_has_no_listing(drive):
    drive.write("/a.csv", "a")
    with pytest.raises(InvalidName, match="is a file"):
        drive.list("/a.csv")
    with pytest.raises(NotFound, match="/nowhere is not in Box"):
        drive.list("/nowhere")


def test_cd_moves_what_relative_paths_start_from(drive):
    drive.mkdir("/A/b")
    assert drive.cd("a/B") == "/A/b" == drive.cwd
    drive.write("x", "x")
    assert drive.read("/a/b/x") == b"x"
    assert drive.cd("..") == "/A"
    with pytest.raises(InvalidName, match="climbs above"):
        drive.cd("../..")
    with pytest.raises(InvalidName, match="is a file"):
        drive.cd("b/x")
    assert drive.cwd == "/A"
