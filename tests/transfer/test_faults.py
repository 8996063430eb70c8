"""Trouble on every side at once, of single files and of whole trees: nothing is lost and nothing doubled."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_box.errors import Exists
from jupyter_box.transfer import SyncOptions

from .conftest import PART, RANGE, THRESHOLD, TREE, here, in_thread, sha1

BYTES_ROUTE = "^GET /d/1/"
TROUBLES = {
    "429 on every tenth request": {"fault": "rate_limit", "every": 10, "retry_after": 0.01},
    "a storm of 500s": {"fault": "error", "every": 3, "status": 500},
    "a storm of 503s that were applied": {"fault": "error", "every": 4, "status": 503, "applied": True},
    "lost replies": {"fault": "lost_reply", "every": 7},
    "resets in mid request": {"fault": "reset_request", "every": 6, "bytes": 50},
    "resets in mid answer": {"fault": "reset_response", "every": 9, "bytes": 50},
}


@pytest.fixture
def quick(session, monkeypatch):
    """A session whose waits between tries cost nothing: how long they are is tested elsewhere."""
    monkeypatch.setattr(type(session.network.clock), "random", lambda _: -0.49)


@pytest.fixture
def tree(make_tree):
    """A folder with enough files for every trouble to meet some, one of them in ranges."""
    return make_tree({**TREE, "g.bin": 2 * RANGE + 5, **{f"h/{number}": 100 for number in range(9)}})


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("verb", ["upload", "sync up", "download", "sync down"])
def test_a_tree_arrives_whole_and_once(box, transfers, folder, tree, in_box, versions, workdir, trouble, verb, quick):
    if "down" in verb:
        transfers.upload_tree(tree, folder.id, folder.path)
    copy = workdir / "copy"
    box.fault(times=None, **trouble)

    report = {
        "upload": lambda: transfers.upload_tree(tree, folder.id, folder.path),
        "sync up": lambda: transfers.sync(tree, folder),
        "download": lambda: transfers.download_tree(folder, copy),
        "sync down": lambda: transfers.sync(copy, folder, SyncOptions(direction="down")),
    }[verb]()

    box.clear()
    assert [outcome for outcome in report.outcomes if outcome.action == "failed"] == []
    found = list(in_box(folder.id))
    assert sorted((path, item.sha1) for path, item in found) == sorted(here(tree).items())
    assert [path for path, item in found if versions(item) > 1] == []
    assert "down" not in verb or here(copy) == here(tree)


@pytest.mark.parametrize("size", [10, 4 * PART])
class TestANameThatAnotherTakesMeanwhile:
    def held(self, box, transfers, folder, write, size, upload):
        """Begin an upload; another client's file has the name before Box makes ours."""
        box.fault("hold", "POST .*/(files/content|commit)$", name="ours")
        ours = in_thread(lambda: upload(write("ours/data.bin", size)))
        box.wait_held("ours")
        theirs = transfers.upload_file(write("theirs/data.bin", 20), folder.id, "data.bin")
        box.release("ours")
        return ours, theirs

    def test_stays_theirs_where_it_was_to_be_new(
        self, box, transfers, folder, write, names, versions, open_sessions, size
    ):
        ours, theirs = self.held(
            box, transfers, folder, write, size, lambda path: transfers.upload_file(path, folder.id, "data.bin")
        )
        with pytest.raises(Exists):
            ours()
        assert names(folder) == {"data.bin": theirs.sha1}
        assert (versions(theirs), open_sessions()) == (1, 0)

    def test_gets_ours_as_its_next_version(self, box, transfers, folder, write, names, versions, open_sessions, size):
        ours, theirs = self.held(
            box,
            transfers,
            folder,
            write,
            size,
            lambda path: transfers.place_file(path, folder.id, folder.path, "data.bin"),
        )
        (outcome,) = ours().outcomes
        assert (outcome.action, outcome.item_id) == ("sent", theirs.id)
        assert names(folder) == {"data.bin": sha1(Path(outcome.local))}
        assert (versions(theirs), open_sessions()) == (2, 0)


def test_two_processes_that_upload_one_file_make_one_file(box, folder, write, names, versions, transfers, tmp_path):
    path = write("data.bin", 12 * PART)
    box.fault("hold", "POST .*/files/upload_sessions$", times=2, name="both")
    script, states = Path(__file__).with_name("killed.py"), (tmp_path / "one", tmp_path / "two")
    words = [[sys.executable, script, "upload", str(THRESHOLD), state, path, folder.id] for state in states]
    processes = [subprocess.Popen(line) for line in words]
    box.wait_held("both", 2, timeout=60)
    box.release("both")

    assert [process.wait(60) for process in processes] == [0, 0]
    assert names(folder) == {"data.bin": sha1(path)}
    (item,) = (transfers.content.stat(entry) for entry in _ids(transfers, folder))
    assert versions(item) == 1


def _ids(transfers, folder):
    page = transfers.content.session.call("GET", f"/folders/{folder.id}/items")
    return [entry["id"] for entry in page["entries"]]


def _can_mount() -> bool:
    words = ["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        shutil.which("unshare") is not None and subprocess.run(words, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not _can_mount(), reason="this machine lets nobody mount in a namespace of their own")
@pytest.mark.parametrize("size", [70_000, 3 * RANGE + 17])
def test_a_disk_that_fills_up_meanwhile_keeps_nothing_half(box, folder, transfers, write, tmp_path, size):
    """There is room for one of two files when both begin."""
    item = transfers.upload_file(write("data.bin", size), folder.id, "data.bin")
    (tmp_path / "mount").mkdir()
    box.fault("hold", BYTES_ROUTE, times=2, name="both")
    room = str((size * 3 // 2) // 4096 * 4096)
    words = [tmp_path / "mount", room, str(RANGE), tmp_path / "state", item.id]
    process = subprocess.Popen(
        ["unshare", "-Urm", sys.executable, Path(__file__).with_name("full_disk.py"), *words], stdout=subprocess.PIPE
    )
    box.wait_held("both", 2, timeout=60)
    box.release("both")
    told = json.loads(process.communicate(timeout=60)[0])

    assert "disk_full" in told["codes"]
    assert set(told["codes"]) <= {"disk_full", "whole"}
    assert list(told["there"].values()) == [size] * told["codes"].count("whole")
