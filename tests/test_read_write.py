"""Reading, writing, uploading and downloading, as the drive offers them; how bytes travel is tested with `transfer`."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from jupyter_box.errors import BoxError, Changed, Corrupted, Denied, Exists, InvalidName, NotFound


def test_what_is_written_is_read(drive):
    item = drive.write("/Täglich 50%.csv", "a;ü\n")
    assert item.path == "/Täglich 50%.csv"
    assert drive.read("/Täglich 50%.csv") == "a;ü\n".encode()
    assert drive.stat("/Täglich 50%.csv").size == 5


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff", "text", io.BytesIO(b"stream")], ids=["empty", "bytes", "text", "stream"]
)
def test_anything_can_be_written(drive, data):
    wanted = data.getvalue() if isinstance(data, io.BytesIO) else data.encode() if isinstance(data, str) else data
    drive.write("/x", data)
    assert drive.read("/x") == wanted


def test_writing_again_makes_a_version(drive):
    first = drive.write("/x", "1")
    second = drive.write("/X", "2")
    assert (second.id, second.path) == (first.id, "/x")
    assert second.version != first.version


def test_a_small_file_goes_in_one_request(drive, box):
    drive.exists("/x")
    box.clear()
    drive.write("/x", "1")
    assert box.counts["post_files_content"] == 1
    assert sum(count for name, count in box.counts.items() if name.startswith("post_")) == 1


def test_equal_content_is_not_sent(drive, box):
    drive.write("/x", "1")
    box.clear()
    drive.write("/x", "1")
    assert not any(name.startswith("post_") for name in box.counts)


def test_a_write_can_insist_on_what_it_read(drive):
    item = drive.write("/x", "1")
    assert drive.write("/x", "2", if_match=item.etag).etag != item.etag
    with pytest.raises(Changed, match="/x has a newer version"):
        drive.write("/x", "3", if_match=item.etag)
    assert drive.read("/x") == b"2"
    with pytest.raises(Changed, match="is gone"):
        drive.write("/gone", "3", if_match=item.etag)
    assert not drive.exists("/gone")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_local_file_made_during_the_download_is_kept(drive, box, tmp_path, kind):
    drive.mkdir("/data")
    drive.write("/data/a.txt", "theirs")
    path, local = ("/data", tmp_path / "data" / "a.txt") if kind == "folder" else ("/data/a.txt", tmp_path / "a.txt")
    box.fault("hold", "GET /d/1/", name="content")
    with ThreadPoolExecutor(1) as pool:
        download = pool.submit(drive.download, path, tmp_path)
        box.wait_held("content")
        local.write_text("mine")
        box.release("content")
        with pytest.raises(BoxError, match=r"a\.txt exists on this machine"):
            download.result(20).raise_for_failures()
    assert local.read_text() == "mine"
    assert [file.name for file in local.parent.iterdir()] == ["a.txt"]


def test_a_version_that_comes_between_is_not_overwritten(drive, box):
    item = drive.write("/x", "1")
    box.fault("hold", "POST .*/files/.*/content", name="late")
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(drive.write, "/x", "late", if_match=item.etag)
        box.wait_held("late")
        drive.rename("/x", "y")
        box.release("late")
        with pytest.raises(Changed):
            late.result(20)
    assert drive.read("/y") == b"1"


def test_two_who_write_a_new_file_at_once_make_two_versions(drive, box):
    box.fault("hold", "POST .*/files/content", name="first")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(drive.write, "/x", "first")
        box.wait_held("first")
        second = drive.write("/x", "second")
        box.release("first")
        assert first.result(20).id == second.id
    assert [drive.read("/x", version=version.id) for version in drive.versions("/x")] == [b"first", b"second"]


def test_writing_needs_the_folder(drive):
    with pytest.raises(NotFound, match="/nowhere is not in Box"):
        drive.write("/nowhere/x", "1")
    drive.mkdir("/a")
    with pytest.raises(Exists, match="folder has the name /a"):
        drive.write("/a", "1")
    with pytest.raises(InvalidName):
        drive.write("/a/" + "x" * 300, "1")


def test_a_file_is_written_by_its_id(drive):
    item = drive.write("/x", "1")
    assert drive.write(f"id:{item.id}", "2").path == "/x"
    with pytest.raises(NotFound):
        drive.write("id:424242", "1")


def test_a_lost_reply_to_a_write_makes_one_file(drive, box):
    box.fault("lost_reply", "POST .*/files/content")
    item = drive.write("/x", "1")
    assert [found.id for found in drive.list("/")] == [item.id]
    assert len(drive.versions("/x")) == 1


def test_a_part_of_a_file_can_be_read(drive):
    drive.write("/x", "0123456789")
    with drive.open("/x", start=2, end=5) as download:
        assert download.size == 3
        assert b"".join(download) == b"234"
    with drive.open("/x", start=8) as download:
        assert download.read() == b"89"


def test_a_browser_can_fetch_the_content_without_a_token(drive):
    drive.write("/x", "old")
    drive.write("/x", "new")
    for version, content in ((None, b"new"), (drive.versions("/x")[1].id, b"old")):
        url = drive.download_url("/x", version=version)
        assert drive._session.send("GET", url, authorize=False).content == content
    drive.mkdir("/a")
    with pytest.raises(InvalidName, match="/a is a folder"):
        drive.download_url("/a")


def test_what_arrives_corrupted_is_not_returned(drive, box):
    drive.write("/x", "0123456789")
    box.fault("corrupt", "GET .*", times=None)
    with pytest.raises(Corrupted, match="/x"):
        drive.read("/x")


def test_a_folder_is_not_read(drive):
    drive.mkdir("/a")
    with pytest.raises(InvalidName, match="/a is a folder, not a file"):
        drive.read("/a")


@pytest.fixture
def logs(tmp_path):
    """A local folder with two files."""
    folder = tmp_path / "logs"
    (folder / "2026").mkdir(parents=True)
    (folder / "a.csv").write_text("a")
    (folder / "2026" / "b.csv").write_text("bb")
    return folder


def test_a_folder_goes_up_as_itself(drive, logs):
    report = drive.upload(logs, "/Maintenance/new")
    assert (report.sent, report.ok) == (2, True)
    assert drive.read("/Maintenance/new/logs/2026/b.csv") == b"bb"
    assert drive.upload(logs, "/Maintenance/new").skipped == 2


def test_a_file_goes_up_under_its_name_or_another(drive, logs):
    assert drive.upload(logs / "a.csv").sent == 1
    drive.upload(str(logs / "a.csv"), "/x/y", name="z.csv")
    assert drive.read("/a.csv") == drive.read("/x/y/z.csv") == b"a"


@pytest.mark.parametrize(
    ("on_conflict", "action", "content", "names"),
    [
        ("version", "sent", b"a", ["a.csv"]),
        ("skip", "skipped", b"old", ["a.csv"]),
        ("rename", "renamed", b"old", ["a (1).csv", "a.csv"]),
    ],
)
def test_a_taken_name_is_treated_as_asked(drive, logs, *, on_conflict, action, content, names):
    drive.write("/a.csv", "old")
    (outcome,) = drive.upload(logs / "a.csv", on_conflict=on_conflict).outcomes
    assert outcome.action == action
    assert drive.read("/a.csv") == content
    assert [item.name for item in drive.list("/")] == names


def test_a_taken_name_can_stop_the_upload(drive, logs):
    drive.write("/a.csv", "old")
    with pytest.raises(Exists, match=r"/a\.csv"):
        drive.upload(logs / "a.csv", on_conflict="fail")
    drive.mkdir("/b/a.csv")
    with pytest.raises(Exists, match=r"folder has the name /b/a\.csv"):
        drive.upload(logs / "a.csv", "/b")


def test_a_local_file_that_is_not_there_makes_nothing_in_box(drive, tmp_path):
    with pytest.raises(NotFound, match="not on this machine"):
        drive.upload(tmp_path / "nothing", "/new")
    assert not drive.exists("/new")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_local_file_that_cannot_be_read_is_denied(drive, logs):
    (logs / "a.csv").chmod(0)
    with pytest.raises(Denied):
        drive.upload(logs / "a.csv")


def test_a_file_comes_down_into_a_folder_or_under_a_name(drive, tmp_path):
    drive.write("/x.csv", "x")
    report = drive.download("/x.csv", tmp_path)
    assert report.outcomes[0].action == "received"
    assert (tmp_path / "x.csv").read_text() == "x"
    drive.download("/x.csv", tmp_path / "y.csv")
    assert (tmp_path / "y.csv").read_text() == "x"


def test_a_local_file_is_kept_unless_it_may_be_overwritten(drive, tmp_path):
    drive.write("/x.csv", "new")
    (tmp_path / "x.csv").write_text("mine")
    with pytest.raises(Exists, match="exists on this machine"):
        drive.download("/x.csv", tmp_path)
    assert (tmp_path / "x.csv").read_text() == "mine"
    drive.download("/x.csv", tmp_path, overwrite=True)
    assert (tmp_path / "x.csv").read_text() == "new"


def test_a_past_version_comes_down(drive, tmp_path):
    drive.write("/x.csv", "old")
    drive.write("/x.csv", "new")
    drive.download("/x.csv", tmp_path / "old.csv", version=drive.versions("/x.csv")[1].id)
    assert (tmp_path / "old.csv").read_text() == "old"


def test_a_folder_comes_down_as_itself(drive, logs, tmp_path):
    drive.upload(logs, "/")
    report = drive.download("/logs", tmp_path / "here")
    assert report.ok
    assert (tmp_path / "here" / "logs" / "2026" / "b.csv").read_text() == "bb"
    (tmp_path / "there").mkdir()
    drive.download("/logs", tmp_path / "there")
    assert (tmp_path / "there" / "logs" / "a.csv").read_text() == "a"
