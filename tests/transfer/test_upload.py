"""Uploads of one file, whole and in parts, when all goes well and when it does not."""

from __future__ import annotations

import io
import os
import threading
from datetime import datetime, timezone

import pytest
from scripted import Answer, Scripted

from jupyter_box.config import BoxConfig
from jupyter_box.errors import Cancelled, Changed, Corrupted, Denied, Exists, NotFound
from jupyter_box.session import Session
from jupyter_box.transfer import Transfers

from .conftest import PART, THRESHOLD, in_thread, sha1, waits_in_thread

PART_ROUTE = "^PUT .*/files/upload_sessions/"
COMMIT_ROUTE = "^POST .*/upload_sessions/.*/commit"
DIRECT_ROUTE = "^POST .*/files/content"
SIZES = (0, 1, THRESHOLD - 1, THRESHOLD, 2 * PART - 1, 2 * PART, 2 * PART + 1, 10 * PART + 7)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_arrives_whole_and_keeps_its_time(transfers, folder, write, size):
    path = write("data.bin", size)
    os.utime(path, (1_600_000_000, 1_600_000_000))

    item = transfers.upload_file(path, folder.id, "data.bin")

    assert (item.size, item.sha1, item.parent_id) == (size, sha1(path), folder.id)
    assert item.content_modified == datetime.fromtimestamp(1_600_000_000, timezone.utc)


def test_a_large_file_goes_in_parts_and_a_small_one_whole(box, transfers, folder, write, parts_received):
    transfers.upload_file(write("small", THRESHOLD - 1), folder.id, "small")
    assert parts_received() == 0

    transfers.upload_file(write("large", 5 * PART + 1), folder.id, "large")
    assert parts_received() == 6


@pytest.mark.parametrize("size", [1000, 4 * PART])
def test_an_unchanged_file_is_not_sent(box, transfers, folder, write, size):
    path = write("data.bin", size)
    item = transfers.upload_file(path, folder.id, "data.bin")
    box.control(reset_counts=True)

    assert transfers.upload_file(path, folder.id, "data.bin", existing=item) is item
    assert box.counts == {}


@pytest.mark.parametrize("size", [1000, 4 * PART])
def test_a_changed_file_becomes_a_new_version(transfers, folder, write, versions, size):
    first = transfers.upload_file(write("data.bin", size), folder.id, "data.bin")
    path = write("data.bin", size, seed=2)

    second = transfers.upload_file(path, folder.id, "data.bin", existing=first)

    assert (second.id, second.sha1, versions(second)) == (first.id, sha1(path), 2)


@pytest.mark.parametrize("size", [1000, 4 * PART])
def test_someone_elses_version_is_not_overwritten(transfers, folder, write, versions, size):
    first = transfers.upload_file(write("data.bin", size), folder.id, "data.bin")
    theirs = transfers.upload_file(write("data.bin", size, seed=2), folder.id, "data.bin", existing=first)

    with pytest.raises(Changed):
        transfers.upload_file(write("data.bin", size, seed=3), folder.id, "data.bin", existing=first, if_match="0")
    assert versions(theirs) == 2


@pytest.mark.parametrize("size", [1000, 4 * PART])
def test_a_taken_name_says_by_what(transfers, folder, write, size, open_sessions):
    there = transfers.upload_file(write("data.bin", size), folder.id, "data.bin")

    with pytest.raises(Exists) as caught:
        transfers.upload_file(write("data.bin", size, seed=2), folder.id, "data.bin")
    assert caught.value.item_id == there.id
    assert open_sessions() == 0


@pytest.mark.parametrize("seekable", [True, False], ids=["seekable", "not seekable"])
@pytest.mark.parametrize("size", [0, 1000, 4 * PART])
def test_a_stream_is_uploaded(transfers, folder, write, size, seekable):
    path = write("data.bin", size)
    stream = io.BytesIO(path.read_bytes())
    if not seekable:
        stream.seekable = lambda: False

    assert transfers.upload_file(stream, folder.id, "stream.bin").sha1 == sha1(path)


class TestFaults:
    @pytest.mark.parametrize("kind", ["rate_limit", "error"])
    def test_trouble_on_every_third_request_changes_nothing(self, box, transfers, folder, write, kind):
        box.fault(kind, every=3, times=None, retry_after=0.01, status=503)
        path = write("data.bin", 10 * PART)

        assert transfers.upload_file(path, folder.id, "data.bin").sha1 == sha1(path)

    @pytest.mark.parametrize("fault", ["lost_reply", "error"])
    def test_a_part_whose_answer_is_lost_is_not_sent_again(self, box, transfers, folder, write, parts_received, fault):
        box.fault(fault, PART_ROUTE, times=2, applied=True, status=500)
        path = write("data.bin", 8 * PART)

        assert transfers.upload_file(path, folder.id, "data.bin").sha1 == sha1(path)
        received = [entry for entry in box.log if entry["operation"] == "put_files_upload_sessions_id"]
        assert len(received) <= 8

    def test_a_reset_in_the_middle_of_a_part(self, box, transfers, folder, write):
        box.fault("reset_request", PART_ROUTE, times=2, bytes=30_000)
        path = write("data.bin", 8 * PART)

        assert transfers.upload_file(path, folder.id, "data.bin").sha1 == sha1(path)

    def test_a_reset_in_the_middle_of_a_direct_upload(self, box, transfers, folder, write, names):
        box.fault("reset_request", DIRECT_ROUTE, bytes=30_000)
        path = write("data.bin", 90_000)

        assert transfers.upload_file(path, folder.id, "data.bin").sha1 == sha1(path)
        assert names(folder) == {"data.bin": sha1(path)}

    @pytest.mark.parametrize(("route", "size"), [(DIRECT_ROUTE, 1000), (COMMIT_ROUTE, 4 * PART)])
    def test_a_lost_reply_makes_one_file(self, box, transfers, folder, write, names, versions, route, size):
        box.fault("lost_reply", route)
        path = write("data.bin", size)

        item = transfers.upload_file(path, folder.id, "data.bin")

        assert names(folder) == {"data.bin": sha1(path)}
        assert versions(item) == 1

    @pytest.mark.parametrize(("route", "size"), [("^POST .*/files/[0-9]+/content", 1000), (COMMIT_ROUTE, 4 * PART)])
    def test_a_lost_reply_makes_one_version(self, box, transfers, folder, write, versions, route, size):
        first = transfers.upload_file(write("data.bin", size), folder.id, "data.bin")
        box.fault("lost_reply", route)
        path = write("data.bin", size, seed=2)

        item = transfers.upload_file(path, folder.id, "data.bin", existing=first)

        assert (item.sha1, versions(item)) == (sha1(path), 2)

    def test_a_commit_that_takes_its_time(self, box, transfers, folder, write, names):
        box.fault("accepted", COMMIT_ROUTE, times=3, retry_after=0.01)
        box.fault("error", COMMIT_ROUTE, times=2, status=400, code="parts_mismatch")
        path = write("data.bin", 4 * PART)

        transfers.upload_file(path, folder.id, "data.bin")
        assert names(folder) == {"data.bin": sha1(path)}

    def test_a_commit_that_never_ends_is_an_error(self, box, session, folder, write, names, tmp_path):
        box.fault("accepted", COMMIT_ROUTE, times=None, retry_after=0.2)
        session.network.deadline = 0.5

        with pytest.raises(Exception, match=r"data\.bin"):
            Transfers(session, threshold=THRESHOLD, state_dir=tmp_path / "s").upload_file(
                write("data.bin", 4 * PART), folder.id, "data.bin"
            )
        assert names(folder) == {}

    def test_a_token_that_ends_in_mid_transfer(self, box, transfers, folder, write):
        box.fault("hold", PART_ROUTE, after=2)
        path = write("data.bin", 12 * PART)
        upload = in_thread(lambda: transfers.upload_file(path, folder.id, "data.bin"))
        box.wait_held()
        box.control(expire_tokens=True)
        box.release()

        assert upload().sha1 == sha1(path)

    def test_a_wrong_digest_is_an_error_and_leaves_nothing(self, box, transfers, folder, write, names, open_sessions):
        box.fault("error", COMMIT_ROUTE, times=None, status=400, code="bad_digest")

        with pytest.raises(Corrupted):
            transfers.upload_file(write("data.bin", 4 * PART), folder.id, "data.bin")
        assert (names(folder), open_sessions()) == ({}, 0)

    def test_a_session_that_someone_else_aborts_is_begun_anew(self, box, transfers, folder, write):
        box.fault("hold", PART_ROUTE, after=2, times=1)
        path = write("data.bin", 8 * PART)
        upload = in_thread(lambda: transfers.upload_file(path, folder.id, "data.bin"))
        box.wait_held()
        box.call(lambda store: store.run("DELETE FROM sessions"))
        box.release()

        assert upload().sha1 == sha1(path)


class TestTheSource:
    @pytest.mark.parametrize("change", ["grows", "shrinks", "is rewritten", "is replaced"])
    def test_that_changes_is_not_committed(self, box, transfers, folder, write, names, open_sessions, change):
        path = write("data.bin", 8 * PART)
        box.fault("hold", PART_ROUTE, times=1)
        upload = in_thread(lambda: transfers.upload_file(path, folder.id, "data.bin"))
        box.wait_held()
        _change(path, change)
        box.release()

        with pytest.raises(Changed, match=r"data\.bin changed while"):
            upload()
        assert (names(folder), open_sessions()) == ({}, 0)

    def test_that_is_not_there(self, transfers, folder, workdir):
        with pytest.raises(NotFound, match="is not on this machine"):
            transfers.upload_file(workdir / "nothing", folder.id, "nothing")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_that_may_not_be_read(self, transfers, folder, write):
        path = write("data.bin", 10)
        path.chmod(0)
        with pytest.raises(Denied, match=r"data\.bin"):
            transfers.upload_file(path, folder.id, "data.bin")

    @pytest.mark.parametrize("kind", ["folder", "pipe"])
    def test_that_is_no_file_is_refused_at_once(self, transfers, folder, workdir, kind):
        path = workdir / "odd"
        path.mkdir() if kind == "folder" else os.mkfifo(path)
        with pytest.raises(Exception, match=r"folder|no regular file"):
            transfers.upload_file(path, folder.id, "odd")


@pytest.mark.parametrize(("route", "size"), [(DIRECT_ROUTE, 1000), (PART_ROUTE, 8 * PART), (COMMIT_ROUTE, 4 * PART)])
def test_a_cancelled_upload_leaves_nothing(box, transfers, folder, write, names, open_sessions, route, size):
    box.fault("rate_limit", route, times=None, retry_after=60)
    upload, cancel = waits_in_thread(transfers.upload_file, write("data.bin", size), folder.id, "data.bin")
    cancel.set()

    with pytest.raises(Cancelled):
        upload()
    assert (names(folder), open_sessions()) == ({}, 0)


def test_two_uploads_of_one_file_make_one_file(transfers, folder, write, names, versions):
    path = write("data.bin", 20 * PART)

    first, second = (in_thread(lambda: transfers.upload_file(path, folder.id, "data.bin")) for _ in range(2))

    assert first().id == second().id
    assert names(folder) == {"data.bin": sha1(path)}
    assert versions(first()) == 1


def test_progress_begins_grows_and_ends(transfers, folder, write):
    heard = []
    transfers.upload_file(write("data.bin", 8 * PART), folder.id, "data.bin", on_progress=heard.append)

    assert [heard[0].phase, heard[-1].phase] == ["started", "done"]
    assert (heard[-1].done, heard[-1].total, heard[-1].files_done) == (8 * PART, 8 * PART, 1)


def test_progress_tells_why_it_waits_and_how_it_failed(box, transfers, folder, write):
    heard = []
    box.fault("rate_limit", DIRECT_ROUTE, retry_after=0.01)
    box.fault("error", DIRECT_ROUTE, status=403, code="storage_limit_exceeded")

    with pytest.raises(Exception, match="no space"):
        transfers.upload_file(write("data.bin", 10), folder.id, "data.bin", on_progress=heard.append)
    assert any(progress.phase == "waiting" and "Box asks us to wait" in progress.message for progress in heard)
    assert (heard[-1].phase, heard[-1].code) == ("failed", "storage_limit_exceeded")


def _change(path, how):
    if how == "grows":
        with path.open("ab") as file:
            file.write(b"more")
    elif how == "shrinks":
        os.truncate(path, PART)
    elif how == "is rewritten":
        with path.open("r+b") as file:
            file.write(b"other")
        os.utime(path, ns=(1, path.stat().st_mtime_ns + 5_000_000_000))
    else:
        other = path.with_name("other")
        other.write_bytes(path.read_bytes())
        other.replace(path)


def test_an_upload_cancelled_while_bytes_go_out_leaves_nothing(box, transfers, folder, write, names, open_sessions):
    box.control(bandwidth=400_000)
    cancel = threading.Event()

    def stop(progress):
        if progress.done:
            cancel.set()

    with pytest.raises(Cancelled):
        transfers.upload_file(write("data.bin", 40 * PART), folder.id, "data.bin", cancel=cancel, on_progress=stop)
    assert (names(folder), open_sessions()) == ({}, 0)


def test_a_live_session_that_box_names_is_used(tmp_path, write):
    path = write("data.bin", 3 * PART)
    live = "/api/2.0/files/upload_sessions/LIVE"
    with Scripted() as script:
        session = {"id": "LIVE", "part_size": 3 * PART, "session_endpoints": {"upload_part": script.url + live}}
        conflict = {"code": "session_conflict", "status": 409, "context_info": {"session": session}}
        part = {"part_id": "P", "offset": 0, "size": 3 * PART, "sha1": sha1(path)}
        file = {"id": "7", "type": "file", "name": "data.bin", "size": 3 * PART, "sha1": sha1(path)}
        script.answers += [
            Answer(status=409, json=conflict),
            Answer(json={"total_count": 0, "entries": []}),
            Answer(json={"part": part}),
            Answer(status=201, json={"total_count": 1, "entries": [file]}),
        ]
        config = BoxConfig(url=script.url, developer_token_file=str(_token(tmp_path)), rate_limit="off")
        with Session.connect(config) as connection:
            transfers = Transfers(connection, threshold=THRESHOLD, state_dir=tmp_path / "state")
            assert transfers.upload_file(path, "0", "data.bin").id == "7"
        assert [(method, url) for method, url, *_ in script.seen] == [
            ("POST", "/api/2.0/files/upload_sessions"),
            ("GET", f"{live}/parts?offset=0&limit=1000"),
            ("PUT", live),
            ("POST", f"{live}/commit"),
        ]


def _token(folder):
    (folder / "token").write_text("a-token-for-an-hour")
    return folder / "token"
