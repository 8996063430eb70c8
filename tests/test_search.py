"""Search and favourites."""

from __future__ import annotations

import uuid

import pytest

from jupyter_box import connect
from jupyter_box.errors import InvalidName, NotFound


@pytest.fixture
def word():
    """A word that no other test's files have."""
    return f"w{uuid.uuid4().hex[:10]}"


@pytest.fixture
def files(drive, word):
    drive.mkdir("/a/b")
    return [drive.write(path, path) for path in (f"/{word}.csv", f"/a/{word}.txt", f"/a/b/{word}.csv")]


def found(items):
    return sorted(item.path for item in items)


def test_search_finds_names_everywhere_below(drive, files, word):
    assert found(drive.search(word)) == sorted(file.path for file in files)


def test_search_is_narrowed_by_extension_type_and_folder(drive, files, word):
    folder = drive.mkdir(f"/{word}-folder")
    assert found(drive.search(word, extensions=["csv"])) == sorted([files[0].path, files[2].path])
    assert found(drive.search(word, extensions=(".txt",))) == [files[1].path]
    assert found(drive.search(word, folder="/a/b")) == [files[2].path]
    assert found(drive.search(word, type="folder")) == [folder.path]
    assert len(drive.search(word, limit=2)) == 2


def test_search_stays_below_the_root(drive, files, word, box_environment):
    with connect() as whole:
        whole.mkdir(f"/{word}")
        assert f"/{word}" in found(whole.search(word))
    assert found(drive.search(word)) == sorted(file.path for file in files)


def test_more_than_a_page_is_found(drive, box, word):
    folder = drive.mkdir("/many")
    box.fill(folder.id, 450, prefix=f"{word} ")
    assert len({item.id for item in drive.search(word, limit=1000)}) == 450


def test_a_search_goes_on_page_by_page(drive, box, word):
    folder = drive.mkdir("/pages")
    box.fill(folder.id, 7, prefix=f"{word} ")
    first = drive.search_page(word, limit=3)
    assert (len(first.items), first.total) == (3, 7)
    second = drive.search_page(word, limit=3, marker=first.next_marker)
    third = drive.search_page(word, limit=3, marker=second.next_marker)
    assert third.next_marker is None
    pages = [first, second, third]
    assert sorted(item.id for page in pages for item in page.items) == sorted(item.id for item in drive.search(word))


@pytest.mark.parametrize("wrong", ["next", "-1", "10000", "1:2"])
def test_a_marker_of_no_search_is_refused(drive, word, wrong):
    with pytest.raises(InvalidName, match="marker"):
        drive.search_page(word, marker=wrong)


@pytest.mark.parametrize("wrong", [{"query": " "}, {"query": "x", "type": "image"}], ids=str)
def test_a_search_for_nothing_is_refused(drive, wrong):
    with pytest.raises(InvalidName):
        drive.search(**wrong)
    with pytest.raises(NotFound, match="/nowhere"):
        drive.search("x", folder="/nowhere")


def test_find_gives_the_one_item_of_that_name(drive, files, word):
    drive.write(f"/{word}.csv.bak", "other")
    assert drive.find(f"{word}.TXT").path == f"/a/{word}.txt"
    assert drive.find(f"{word}.csv", folder="/a/b").path == f"/a/b/{word}.csv"


def test_find_lists_several_and_guesses_none(drive, files, word):
    with pytest.raises(InvalidName, match="Several items") as error:
        drive.find(f"{word}.csv")
    assert error.value.code == "ambiguous"
    assert f"/a/b/{word}.csv, /{word}.csv" in error.value.message


def test_find_says_that_the_index_lags(drive, box, word):
    box.control(search_delay=600)
    drive.write(f"/{word}.new", "x")
    with pytest.raises(NotFound, match="ten minutes"):
        drive.find(f"{word}.new")
    assert drive.exists(f"/{word}.new")


def test_favourites_are_kept_by_box(drive):
    drive.mkdir("/a")
    drive.write("/x", "x")
    assert drive.add_favourite("/a").favourite
    drive.add_favourite("/x")
    assert found(drive.favourites()) == ["/a", "/x"]
    assert all(item.favourite for item in drive.favourites())
    assert not drive.remove_favourite("/a").favourite
    assert found(drive.favourites()) == ["/x"]


def test_favourites_elsewhere_are_not_shown(drive, box_environment):
    drive.add_favourite(drive.write("/x", "x").path)
    with connect() as whole:
        other = whole.mkdir(f"/elsewhere-{uuid.uuid4().hex[:8]}")
        whole.add_favourite(other.path)
        assert other.path in found(whole.favourites())
        assert found(drive.favourites()) == ["/x"]
        whole.remove_favourite(other.path)
