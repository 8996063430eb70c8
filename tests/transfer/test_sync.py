"""Syncs, up and down: what is carried over, what is left alone, and that neither side of a conflict is lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from jupyter_box.errors import BoxError, InvalidName, NotFound
from jupyter_box.transfer import SyncOptions
from jupyter_box.transfer.ignoring import Rules

from .conftest import THRESHOLD, TREE, here, in_thread, leftovers, sha1

CONTENT = "(POST|GET) .*/content$"  # a file on its way up or down
UP, DOWN = SyncOptions(), SyncOptions(direction="down")


@pytest.fixture
def there(in_box):
    """The files below a folder of Box by relative path, with their SHA-1."""
    return lambda folder: {path: item.sha1 for path, item in in_box(folder.id)}


def put(transfers, session, folder, path, data: bytes):
    """Write a file into Box as someone else would."""
    import io

    item = next(
        entry
        for entry in session.call("GET", f"/folders/{folder.id}/items", params={"fields": "name,sha1,etag,size"})[
            "entries"
        ]
        if entry["name"] == path
    )
    from jupyter_box.items import Item

    return transfers.upload_file(io.BytesIO(data), folder.id, path, existing=Item.of(item))


def test_up_makes_box_like_this_machine(transfers, folder, tree, there):
    report = transfers.sync(tree, folder, UP)

    assert report.ok
    assert report.sent == len(TREE)
    assert there(folder) == here(tree)


def test_down_makes_this_machine_like_box(transfers, folder, tree, workdir):
    transfers.sync(tree, folder, UP)

    report = transfers.sync(workdir / "copy", folder, DOWN)
    assert report.sent == len(TREE)
    assert here(workdir / "copy") == here(tree)


@pytest.mark.parametrize("options", [UP, DOWN], ids=["up", "down"])
def test_a_second_run_moves_nothing_and_asks_once_for_each_folder(box, transfers, folder, tree, options):
    transfers.sync(tree, folder, UP)
    box.control(reset_counts=True)

    report = transfers.sync(tree, folder, options)

    assert (report.sent, report.skipped, report.failed) == (0, len(TREE), 0)
    assert box.counts == {"get_folders_id_items": 4}


def test_only_what_changed_is_sent(transfers, folder, tree, write, there, versions):
    transfers.sync(tree, folder, UP)
    write("tree/a.txt", 10, seed=2)

    report = transfers.sync(tree, folder, UP)

    assert [outcome.path.rpartition("/")[2] for outcome in report.outcomes if outcome.action == "sent"] == ["a.txt"]
    assert there(folder) == here(tree)


def test_no_more_files_are_told_than_there_are(transfers, folder, tree, write):
    transfers.sync(tree, folder, UP)
    write("tree/a.txt", 10, seed=2)
    (tree / "b" / "c.bin").rename(tree / "c.bin")
    (tree / "b" / "d" / "e.txt").unlink()
    heard = []

    transfers.sync(tree, folder, SyncOptions(delete=True), on_progress=heard.append)

    assert all(progress.files_done <= progress.files_total for progress in heard)
    assert (heard[-1].files_done, heard[-1].files_total) == (len(TREE), len(TREE))


def test_a_moved_file_is_moved_in_box(box, transfers, folder, tree, there):
    transfers.sync(tree, folder, UP)
    (tree / "new").mkdir()
    (tree / "b" / "c.bin").rename(tree / "new" / "moved.bin")
    box.control(reset_counts=True)

    report = transfers.sync(tree, folder, UP)

    assert [outcome.action for outcome in report.outcomes if outcome.action != "skipped"] == ["moved"]
    assert there(folder) == here(tree)
    assert "post_files_content" not in box.counts


def test_a_file_moved_in_box_is_moved_here(box, session, transfers, folder, tree, there):
    transfers.sync(tree, folder, UP)
    entries = session.call("GET", f"/folders/{folder.id}/items")["entries"]
    moved = next(entry["id"] for entry in entries if entry["name"] == "a.txt")
    session.call("PUT", f"/files/{moved}", json={"name": "z.txt"})
    box.control(reset_counts=True)

    report = transfers.sync(tree, folder, DOWN)

    assert [outcome.action for outcome in report.outcomes if outcome.action != "skipped"] == ["moved"]
    assert here(tree) == there(folder)
    assert "get_files_id_content" not in box.counts


def test_what_is_gone_stays_in_box_unless_told(transfers, folder, tree, there):
    transfers.sync(tree, folder, UP)
    before = there(folder)
    (tree / "a.txt").unlink()
    shutil.rmtree(tree / "b")

    transfers.sync(tree, folder, UP)
    assert there(folder) == before

    report = transfers.sync(tree, folder, SyncOptions(delete=True))
    assert there(folder) == here(tree)
    assert sorted(o.path.rpartition("/")[2] for o in report.outcomes if o.action == "deleted") == [
        "a.txt", "c.bin", "e.txt",
    ]  # fmt: skip


def test_down_deletes_only_what_box_had(session, transfers, folder, tree, write):
    transfers.sync(tree, folder, UP)
    for entry in session.call("GET", f"/folders/{folder.id}/items")["entries"]:
        if entry["name"] == "a.txt":
            session.call("DELETE", f"/files/{entry['id']}")
    write("tree/mine.txt", 5)

    transfers.sync(tree, folder, SyncOptions(direction="down", delete=True))

    assert "a.txt" not in here(tree)
    assert "mine.txt" in here(tree)


def test_nothing_is_deleted_when_something_could_not_be_read(transfers, folder, tree, there):
    transfers.sync(tree, folder, UP)
    before = there(folder)
    (tree / "a.txt").unlink()
    (tree / "loop").symlink_to(tree)

    report = transfers.sync(tree, folder, SyncOptions(delete=True))

    assert there(folder) == before
    assert [outcome.code for outcome in report.failures] == ["link_loop"]


@pytest.mark.parametrize("options", [UP, DOWN], ids=["up", "down"])
def test_a_conflict_keeps_both_sides(session, transfers, folder, tree, there, options):
    transfers.sync(tree, folder, UP)
    (tree / "a.txt").write_bytes(b"changed here")
    put(transfers, session, folder, "a.txt", b"changed there")
    contents = {sha1(tree / "a.txt"), there(folder)["a.txt"]}

    report = transfers.sync(tree, folder, options)

    assert [outcome.action for outcome in report.outcomes if outcome.action != "skipped"] == ["conflict"]
    both = there(folder) if options is UP else here(tree)
    assert contents <= set(both.values())
    assert (tree / "a.txt").read_bytes() == b"changed here"

    again = transfers.sync(tree, folder, SyncOptions(direction=options.direction, delete=True))
    assert (again.sent, again.failed) == (0, 0)
    assert contents <= set((there(folder) if options is UP else here(tree)).values())


@pytest.mark.parametrize("options", [UP, DOWN], ids=["up", "down"])
def test_a_conflict_whose_second_file_fails_is_one_the_next_time(box, session, transfers, folder, tree, there, options):
    transfers.sync(tree, folder, UP)
    (tree / "a.txt").write_bytes(b"changed here")
    put(transfers, session, folder, "a.txt", b"changed there")
    contents = {sha1(tree / "a.txt"), there(folder)["a.txt"]}
    box.fault("error", CONTENT, status=403)

    assert transfers.sync(tree, folder, options).failed == 1
    report = transfers.sync(tree, folder, options)

    assert [outcome.action for outcome in report.outcomes if outcome.action != "skipped"] == ["conflict"]
    assert contents <= set((there(folder) if options is UP else here(tree)).values())


@pytest.mark.parametrize(("options", "action"), [(UP, "sent"), (DOWN, "received")], ids=["up", "down"])
def test_a_change_that_fails_is_no_conflict_the_next_time(
    box, session, transfers, folder, tree, there, options, action
):
    transfers.sync(tree, folder, UP)
    if options is UP:
        (tree / "a.txt").write_bytes(b"changed here")
    else:
        put(transfers, session, folder, "a.txt", b"changed there")
    box.fault("error", CONTENT, status=403)

    assert transfers.sync(tree, folder, options).failed == 1
    report = transfers.sync(tree, folder, options)

    assert [outcome.action for outcome in report.outcomes if outcome.action != "skipped"] == [action]
    assert there(folder) == here(tree)


def test_a_move_into_a_folder_that_cannot_be_made_is_done_the_next_time(box, transfers, folder, tree, there):
    transfers.sync(tree, folder, UP)
    before = there(folder)
    (tree / "new").mkdir()
    (tree / "a.txt").rename(tree / "new" / "a.txt")
    box.fault("error", "POST .*/folders$", status=403)

    assert transfers.sync(tree, folder, UP).failed
    assert there(folder) == before
    report = transfers.sync(tree, folder, UP)

    assert [outcome.action for outcome in report.outcomes if outcome.action != "skipped"] == ["moved"]
    assert there(folder) == here(tree)


def test_what_was_not_removed_is_still_known(box, session, transfers, folder, tree, there):
    """A removal that failed, and a change in Box since: that file is kept."""
    options = SyncOptions(delete=True)
    transfers.sync(tree, folder, UP)
    (tree / "a.txt").unlink()
    box.fault("error", "DELETE .*/files/", status=403)
    assert transfers.sync(tree, folder, options).failed == 1
    put(transfers, session, folder, "a.txt", b"changed there")

    assert transfers.sync(tree, folder, options).ok
    assert "a.txt" in there(folder)


@pytest.mark.parametrize("is_there", [True, False], ids=["changed", "made"])
def test_what_is_written_while_a_sync_down_runs_is_kept(box, session, transfers, folder, tree, is_there):
    transfers.sync(tree, folder, UP)
    if not is_there:
        (tree / "a.txt").unlink()
    put(transfers, session, folder, "a.txt", b"changed there")
    box.fault("hold", "GET /d/1/", name="content")
    syncing = in_thread(lambda: transfers.sync(tree, folder, DOWN))
    box.wait_held("content")
    (tree / "a.txt").write_bytes(b"changed here")
    box.release("content")

    assert [outcome.code for outcome in syncing().failures] == ["changed_here"]
    assert (tree / "a.txt").read_bytes() == b"changed here"
    assert leftovers(tree) == []


@pytest.mark.parametrize(("options", "side"), [(UP, "there"), (DOWN, "here")], ids=["up", "down"])
def test_what_changed_on_the_other_side_only_is_left_alone(session, transfers, folder, tree, there, options, side):
    transfers.sync(tree, folder, UP)
    if side == "here":
        (tree / "a.txt").write_bytes(b"changed here")
    else:
        put(transfers, session, folder, "a.txt", b"changed there")
    sides = here(tree), there(folder)

    assert transfers.sync(tree, folder, options).sent == 0
    assert (here(tree), there(folder)) == sides

    other = DOWN if options is UP else UP
    assert transfers.sync(tree, folder, other).sent == 1
    assert here(tree) == there(folder)


def test_a_first_sync_down_over_other_content_keeps_both(transfers, folder, tree, workdir, there):
    transfers.sync(tree, folder, UP)
    (workdir / "other").mkdir()
    (workdir / "other" / "a.txt").write_bytes(b"mine")

    transfers.sync(workdir / "other", folder, DOWN)

    assert (workdir / "other" / "a.txt").read_bytes() == b"mine"
    assert set(there(folder).values()) <= set(here(workdir / "other").values())


def test_a_dry_run_tells_and_does_nothing(box, transfers, folder, tree, there):
    report = transfers.sync(tree, folder, SyncOptions(dry_run=True))

    assert {outcome.action for outcome in report.outcomes} == {"planned"}
    assert (len(report.outcomes), there(folder)) == (len(TREE), {})


def test_patterns_and_boxignore_leave_out_files(transfers, folder, tree, write, there):
    (tree / ".boxignore").write_text("# scratch\n*.tmp\n/f/\n")
    write("tree/b/x.tmp", 5)
    write("tree/keep.txt", 5)

    transfers.sync(tree, folder, SyncOptions(include=("*.txt",), exclude=("a.*",)))
    assert set(there(folder)) == {"b/d/e.txt", "keep.txt"}


def test_excluded_files_of_box_are_not_deleted(transfers, folder, tree, there):
    transfers.sync(tree, folder, UP)
    (tree / "a.txt").unlink()

    transfers.sync(tree, folder, SyncOptions(delete=True, exclude=("a.txt",)))
    assert "a.txt" in there(folder)


@pytest.mark.parametrize(
    ("lines", "path", "allowed"),
    [
        (["*.tmp"], "a/b.tmp", False),
        (["/a.tmp"], "b/a.tmp", True),
        (["build/"], "x/build", False),
        (["a/**/z"], "a/b/c/z", False),
        (["a/**/z"], "a/z", False),
        (["*", "!keep"], "keep", True),
        (["d?ta[0-9]"], "data7", False),
        (["d?ta[!0-9]"], "data7", True),
        (["a/*"], "a/b/c", True),
        (["logs/**"], "logs/x/y", False),
    ],
)
def test_patterns_mean_what_they_mean_to_git(tmp_path, lines, path, allowed):
    assert Rules.of(tmp_path, exclude=lines).allow(path, is_folder=path.endswith("build")) is allowed


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("*.csv", "a/b.csv", True),
        ("data/", "data/x/y.csv", True),
        ("data/", "data", False),
        ("/data", "x/data/y.csv", False),
        ("data/*.csv", "data/x/y.csv", False),
    ],
)
def test_a_file_is_included_by_its_name_or_by_a_folder_that_it_is_in(tmp_path, pattern, path, allowed):
    assert Rules.of(tmp_path, include=[pattern]).allow(path, is_folder=False) is allowed


@pytest.mark.parametrize("given", ["include", "exclude", "ignore file"])
def test_a_pattern_that_is_none_is_refused_by_its_name(tmp_path, given):
    if given == "ignore file":
        (tmp_path / ".boxignore").write_text("*.tmp\n[z-a]\n")
    with pytest.raises(InvalidName, match=r"\[z-a\]"):
        Rules.of(tmp_path, **{} if given == "ignore file" else {given: ["[z-a]"]})


def test_an_ignore_file_that_is_no_utf8_says_so(tmp_path):
    (tmp_path / ".boxignore").write_bytes("Prüfung/\n".encode("latin-1"))
    with pytest.raises(BoxError, match=r"\.boxignore is not UTF-8"):
        Rules.of(tmp_path)


def test_a_file_and_a_folder_of_one_name_are_reported_and_left(transfers, folder, tree, there):
    transfers.sync(tree, folder, UP)
    before = there(folder)
    (tree / "a.txt").unlink()
    (tree / "a.txt").mkdir()
    (tree / "a.txt" / "inner").write_text("x")

    report = transfers.sync(tree, folder, UP)
    assert not report.ok
    assert there(folder) == before


def test_one_failure_does_not_stop_the_rest(box, transfers, folder, tree, write, there):
    (tree / "bad ").write_text("Box takes no name that ends with a space")

    report = transfers.sync(tree, folder, UP)

    assert [outcome.code for outcome in report.failures] == ["invalid_name"]
    assert len(there(folder)) == len(TREE)


def test_a_tree_that_is_not_there(transfers, folder, workdir):
    with pytest.raises(NotFound):
        transfers.sync(workdir / "nothing", folder, SyncOptions(delete=True))


def test_an_executor_of_other_processes_does_the_work(box_environment, transfers, folder, tree, there, tmp_path):
    from .workers import connect

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        report = transfers.sync(tree, folder, SyncOptions(executor=pool, connect=connect))

    assert (report.sent, report.failed) == (len(TREE), 0)
    assert there(folder) == here(tree)


@pytest.mark.slow
def test_a_dask_cluster_does_the_work(box_environment, transfers, folder, tree, there):
    distributed = pytest.importorskip("distributed")
    from .workers import connect

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        options = SyncOptions(executor=client.get_executor(), connect=connect)
        report = transfers.sync(tree, folder, options)

    assert (report.sent, report.failed) == (len(TREE), 0)
    assert there(folder) == here(tree)


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.2, 1.5])
def test_a_sync_killed_at_any_moment_ends_complete(box, transfers, folder, tree, write, there, tmp_path, moment):
    for number in range(30):
        write(f"tree/more/{number}.txt", 100)
    box.control(latency=0.03)
    words = ["sync", str(THRESHOLD), str(tmp_path / "state"), str(tree), folder.id]
    with subprocess.Popen([sys.executable, str(Path(__file__).with_name("killed.py")), *words]) as process:
        deadline = time.monotonic() + 20
        while not box.counts.get("get_folders_id_items"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(moment)  # the moment of the kill is what the test is about
        process.kill()

    transfers.sync(tree, folder, UP)
    assert there(folder) == here(tree)
