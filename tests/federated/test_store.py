"""A run's files in Box: new names are taken once, and what changes while it is read is told as changed."""

from __future__ import annotations

import pytest

from jupyter_box.errors import Changed, Corrupted, Exists
from jupyter_box.federated.store import Store


@pytest.fixture
def store(drive):
    return Store(drive)


@pytest.fixture
def folder(drive):
    return drive.mkdir("/Run")


@pytest.mark.parametrize("later", [b"short", b"as long as that", b"much longer than what was there"])
def test_a_file_that_changes_between_listing_and_reading_is_told_as_changed(store, folder, later):
    listed = store.create(folder, "server.lock", b"as long as this")
    store.replace(listed, later)
    with pytest.raises((Changed, Corrupted)):
        store.read(listed)


def test_a_name_is_taken_once_in_any_spelling_and_equal_content_is_our_own_earlier_try(store, folder):
    first = store.create(folder, "tester1.safetensors", b"update")
    assert store.create(folder, "tester1.safetensors", b"update").id == first.id
    with pytest.raises(Exists):
        store.create(folder, "TESTER1.safetensors", b"another")
    assert store.create_beside(folder, "tester1.safetensors", b"another").name == "tester1.2.safetensors"


def test_a_write_that_lost_its_reply_is_written_once(box, store, folder):
    box.fault("lost_reply", "POST .*content")
    store.create(folder, "cfg.json", b"{}")
    assert list(store.list(folder)) == ["cfg.json"]


def test_a_folder_of_more_than_a_page_is_listed_whole(box, store, folder):
    box.fill(folder.id, 1001)
    assert len(store.list(folder)) == 1001


def test_a_folder_is_made_once(store, folder):
    assert store.below(folder, "01").id == Store(store.drive).below(folder, "01").id


def test_an_old_version_is_not_replaced(store, folder):
    first = store.create(folder, "server.lock", b"1")
    store.replace(first, b"2", if_match=first.etag)
    with pytest.raises(Changed):
        store.replace(first, b"3", if_match=first.etag)
