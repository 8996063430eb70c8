"""What goes on after a crash: with the real thing, a process killed in mid-transfer."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_box.errors import BoxError
from jupyter_box.transfer.journal import Journal

from .conftest import PART, RANGE, THRESHOLD, leftovers, sha1

PART_ROUTE = "^PUT .*/files/upload_sessions/"
BYTES_ROUTE = "^GET /d/1/"


@pytest.fixture
def begin(tmp_path):
    """Begin a transfer in a process of its own."""
    begun = []

    def begin(verb: str, local, box_id: str) -> subprocess.Popen[bytes]:
        words = [verb, str(THRESHOLD), str(tmp_path / "state"), str(local), box_id]
        process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("killed.py")), *words])
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.wait()


def test_an_upload_goes_on_after_a_kill(box, transfers, folder, write, begin, parts_received, open_sessions):
    path = write("data.bin", 20 * PART)
    box.fault("hold", PART_ROUTE, after=10, times=None)
    process = begin("upload", path, folder.id)
    box.wait_held(timeout=20)
    process.kill()
    process.wait()
    box.clear()
    assert open_sessions is not None

    item = transfers.upload_file(path, folder.id, "data.bin")

    assert item.sha1 == sha1(path)
    assert parts_received() <= 10
    assert box.counts.get("post_files_upload_sessions", 0) == 0


def test_an_upload_of_a_file_that_changed_begins_anew(box, transfers, folder, write, open_sessions):
    path = write("data.bin", 20 * PART)
    _break(box, transfers, path, folder)
    assert open_sessions is not None
    write("data.bin", 20 * PART, seed=2)

    item = transfers.upload_file(path, folder.id, "data.bin")

    assert item.sha1 == sha1(path)
    assert box.call(lambda store: store.value("SELECT COUNT(*) FROM sessions WHERE state = 'open'")) == 0


@pytest.mark.parametrize("end", ["expired", "gone"])
def test_an_upload_whose_session_has_ended_begins_anew(box, transfers, folder, write, end):
    path = write("data.bin", 20 * PART)
    _break(box, transfers, path, folder)
    box.call(lambda store: store.run(_END[end]))

    assert transfers.upload_file(path, folder.id, "data.bin").sha1 == sha1(path)


def test_what_is_pending_is_listed_and_can_be_aborted(box, transfers, folder, write, open_sessions):
    path = write("data.bin", 20 * PART)
    _break(box, transfers, path, folder)

    (pending,) = transfers.pending()
    assert (pending.kind, pending.local, pending.name, pending.size) == ("upload", str(path), "data.bin", 20 * PART)
    assert open_sessions() == 1

    transfers.abort(pending)
    assert (transfers.pending(), open_sessions()) == ([], 0)


def test_a_download_goes_on_after_a_kill(box, transfers, folder, write, workdir, begin):
    path = write("original/data.bin", 16 * RANGE)
    item = transfers.upload_file(path, folder.id, "data.bin")
    box.fault("hold", BYTES_ROUTE, after=12, times=None)
    process = begin("download", workdir / "copy.bin", item.id)
    box.wait_held(timeout=20)
    _wait_for(lambda: _ranges_known(transfers) >= 10)
    process.kill()
    process.wait()
    box.clear()

    saved = transfers.download_file(item, workdir / "copy.bin")

    assert sha1(saved) == sha1(path)
    held_by_the_dead = 4
    assert sum(entry["path"].startswith("/d/1/") for entry in box.log) <= 6 + held_by_the_dead
    assert leftovers(workdir) == []


def test_a_download_of_a_newer_version_begins_anew(box, transfers, folder, write, workdir):
    first = transfers.upload_file(write("original/data.bin", 4 * RANGE), folder.id, "data.bin")
    _break_download(box, transfers, first, workdir / "copy.bin")
    assert leftovers(workdir) != []
    newer = write("original/data.bin", 4 * RANGE, seed=2)
    second = transfers.upload_file(newer, folder.id, "data.bin", existing=first)

    assert sha1(transfers.download_file(second, workdir / "copy.bin")) == sha1(newer)
    assert leftovers(workdir) == []


def test_a_partial_file_that_was_damaged_is_fetched_again(box, transfers, folder, write, workdir):
    path = write("original/data.bin", 4 * RANGE)
    item = transfers.upload_file(path, folder.id, "data.bin")
    _break_download(box, transfers, item, workdir / "copy.bin")
    with (workdir / leftovers(workdir)[0]).open("r+b") as partial:
        partial.write(b"damage")

    assert sha1(transfers.download_file(item, workdir / "copy.bin")) == sha1(path)


def test_a_journal_that_cannot_be_written_stops_nothing(box, session, folder, write, tmp_path):
    from jupyter_box.transfer import Transfers

    (tmp_path / "file").write_text("no folder")
    transfers = Transfers(session, threshold=THRESHOLD, state_dir=tmp_path / "file" / "state")
    path = write("data.bin", 4 * PART)
    assert transfers.upload_file(path, folder.id, "data.bin").sha1 == sha1(path)


def test_a_journal_that_is_no_database_stops_nothing(transfers, folder, write, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "transfers.sqlite3").write_bytes(b"no database" * 1000)
    path = write("data.bin", 4 * PART)
    assert transfers.upload_file(path, folder.id, "data.bin").sha1 == sha1(path)


def test_only_one_has_the_claim(tmp_path):
    journal = Journal(tmp_path)
    with journal.claim("a") as first, journal.claim("a") as second, journal.claim("b") as other:
        assert (first, second, other) == (True, False, True)
    with journal.claim("a") as again:
        assert again
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2])
def test_an_upload_killed_at_any_moment_ends_as_one_file(box, transfers, folder, write, begin, names, moment):
    path = write("data.bin", 40 * PART)
    box.control(latency=0.03)
    process = begin("upload", path, folder.id)
    _wait_for(lambda: box.counts.get("post_files_upload_sessions"))
    time.sleep(moment)  # the moment of the kill is what the test is about
    process.kill()
    process.wait()

    there = transfers.content.named(_target(folder, path), path.stat().st_size)
    item = transfers.upload_file(path, folder.id, "data.bin", existing=there)

    assert (item.sha1, names(folder)) == (sha1(path), {"data.bin": sha1(path)})


def _target(folder, path):
    from jupyter_box.transfer.content import Target

    return Target(folder.id, path.name)


_END = {"expired": "UPDATE sessions SET expires_at = 0", "gone": "DELETE FROM sessions"}


def _break(box, transfers, path, folder):
    """Upload until half is there, then lose the network."""
    box.fault("error", PART_ROUTE, after=10, times=None, status=502)
    patience, transfers.content.session.network.deadline = transfers.content.session.network.deadline, 0.2
    with pytest.raises(BoxError):
        transfers.upload_file(path, folder.id, path.name)
    transfers.content.session.network.deadline = patience
    box.clear()


def _break_download(box, transfers, item, target):
    box.fault("error", BYTES_ROUTE, after=2, times=None, status=502)
    patience, transfers.content.session.network.deadline = transfers.content.session.network.deadline, 0.2
    with pytest.raises(BoxError):
        transfers.download_file(item, target)
    transfers.content.session.network.deadline = patience
    box.clear()


def _ranges_known(transfers) -> int:
    return max((len(pending.state.get("done", ())) for pending in transfers.pending()), default=0)


def _wait_for(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
