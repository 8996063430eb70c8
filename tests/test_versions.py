"""Versions: listed newest first, read, promoted and deleted."""

from __future__ import annotations

import pytest

from jupyter_box.errors import InvalidName, NotFound


@pytest.fixture
def path(drive):
    for text in ("one", "two", "three"):
        drive.write("/x.csv", text)
    return "/x.csv"


def test_the_current_version_comes_first(drive, path):
    versions = drive.versions(path)
    assert [version.current for version in versions] == [True, False, False]
    assert [drive.read(path, version=version.id) for version in versions] == [b"three", b"two", b"one"]
    assert versions[0].id == drive.stat(path).version
    assert versions[0].sha1 == drive.stat(path).sha1


def test_equal_content_makes_no_version(drive, path):
    drive.write(path, "three")
    assert len(drive.versions(path)) == 3


def test_promote_puts_a_past_version_on_top(drive, path):
    oldest = drive.versions(path)[-1]
    promoted = drive.promote(path, oldest.id)
    assert promoted.current
    assert promoted.id == drive.stat(path).version
    assert drive.read(path) == b"one"
    assert len(drive.versions(path)) == 4


def test_promoting_the_current_version_changes_nothing(drive, path):
    current = drive.versions(path)[0]
    assert drive.promote(path, current.id) == current
    assert len(drive.versions(path)) == 3


def test_a_past_version_can_be_deleted(drive, path):
    oldest = drive.versions(path)[-1]
    drive.delete_version(path, oldest.id)
    assert oldest.id not in [version.id for version in drive.versions(path)]


def test_a_lost_reply_to_the_deletion_of_a_version_is_no_error(drive, path, box):
    box.fault("lost_reply", "DELETE .*/versions/")
    drive.delete_version(path, drive.versions(path)[-1].id)
    assert len(drive.versions(path)) == 2


def test_the_current_version_is_not_deleted(drive, path):
    with pytest.raises(InvalidName, match=r"current one of /x\.csv"):
        drive.delete_version(path, drive.versions(path)[0].id)
    assert drive.read(path) == b"three"


@pytest.mark.parametrize("verb", ["promote", "delete_version"])
def test_a_version_of_another_file_is_not_found(drive, path, verb):
    drive.write("/other", "1")
    drive.write("/other", "2")
    with pytest.raises(NotFound, match=r"/x\.csv has no version"):
        getattr(drive, verb)(path, drive.versions("/other")[-1].id)


def test_a_folder_has_no_versions(drive):
    drive.mkdir("/a")
    with pytest.raises(InvalidName, match="/a is a folder, not a file"):
        drive.versions("/a")


@pytest.mark.parametrize("version", ["x", "../../folders/0", "1?a=b", "\u0663"])
def test_a_version_that_is_no_id_is_refused(drive, path, version, tmp_path):
    for act in (drive.read, drive.open):
        with pytest.raises(InvalidName, match="is not an id"):
            act(path, version=version)
    with pytest.raises(InvalidName, match="is not an id"):
        drive.download(path, tmp_path, version=version)
