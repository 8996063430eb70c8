"""Whole folders, up and down: each file has its outcome, and one file's failure does not stop the rest."""

from __future__ import annotations

import os
import threading

import pytest

from jupyter_box.errors import BoxError, Cancelled

from .conftest import TREE, here, leftovers, sha1


def by_name(report) -> dict[str, str]:
    return {outcome.path.rpartition("/")[2]: outcome.action for outcome in report.outcomes}


def test_a_folder_goes_up_and_comes_down_the_same(transfers, folder, tree, workdir):
    (tree / "empty").mkdir()

    up = transfers.upload_tree(tree, folder.id, folder.path)
    down = transfers.download_tree(folder, workdir / "copy")

    assert (up.sent, up.failed, up.bytes) == (4, 0, sum(TREE.values()))
    assert (down.sent, down.failed) == (4, 0)
    assert here(workdir / "copy") == here(tree)
    assert (workdir / "copy" / "empty").is_dir()


def test_again_nothing_is_sent_or_received(box, transfers, folder, tree):
    transfers.upload_tree(tree, folder.id, folder.path)
    box.control(reset_counts=True)

    assert transfers.upload_tree(tree, folder.id, folder.path).skipped == len(TREE)
    assert transfers.download_tree(folder, tree).skipped == len(TREE)
    assert set(box.counts) == {"get_folders_id_items"}


@pytest.mark.parametrize(
    ("on_conflict", "action", "name"),
    [
        ("version", "sent", "a.txt"),
        ("skip", "skipped", "a.txt"),
        ("rename", "renamed", "a (1).txt"),
        ("fail", "failed", "a.txt"),
    ],
)
def test_what_becomes_of_a_taken_name(transfers, folder, tree, write, names, on_conflict, action, name):
    transfers.upload_tree(tree, folder.id, folder.path)
    before = names(folder)
    changed = write("tree/a.txt", 11, seed=2)

    report = transfers.upload_tree(tree, folder.id, folder.path, on_conflict=on_conflict)

    assert by_name(report)[name] == action
    assert (names(folder).get(name) == sha1(changed)) == (action in {"sent", "renamed"})
    assert on_conflict == "version" or names(folder)["a.txt"] == before["a.txt"]


@pytest.mark.parametrize(("overwrite", "action"), [(False, "skipped"), (True, "received")])
def test_a_local_file_is_kept_unless_it_may_be_overwritten(transfers, folder, tree, overwrite, action):
    transfers.upload_tree(tree, folder.id, folder.path)
    (tree / "a.txt").write_bytes(b"mine")

    report = transfers.download_tree(folder, tree, overwrite=overwrite)

    assert by_name(report)["a.txt"] == action
    assert ((tree / "a.txt").read_bytes() == b"mine") is not overwrite


def test_odd_files_are_reported_and_the_rest_goes(transfers, folder, tree, names):
    (tree / "trailing ").write_text("x")
    (tree / "back\\slash").write_text("x")
    (tree / "CASE").write_text("x")
    (tree / "case").write_text("y")
    (tree / "dangling").symlink_to(tree / "nowhere")
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe")

    report = transfers.upload_tree(tree, folder.id, folder.path)

    failed = {outcome.local.rpartition("/")[2]: outcome.code for outcome in report.failures}
    assert failed == {
        "trailing ": "invalid_name",
        "back\\slash": "invalid_name",
        "case": "exists",
        "dangling": "local_not_found",
        "loop": "link_loop",
        "pipe": "not_a_file",
    }
    assert report.sent == 5
    assert not report.ok
    with pytest.raises(BoxError, match="6 of 11 files failed"):
        report.raise_for_failures()


def test_a_file_where_a_folder_is_and_the_reverse(session, transfers, folder, tree, write):
    session.call("POST", "/folders", json={"name": "a.txt", "parent": {"id": folder.id}})
    transfers.upload_file(write("b", 3), folder.id, "b")

    report = transfers.upload_tree(tree, folder.id, folder.path)
    assert sorted(outcome.code for outcome in report.failures) == ["exists", "exists"]
    assert report.sent == 1


def test_a_full_box_ends_the_run_soon(box, transfers, folder, tree):
    box.fault(
        "error", "^POST .*/(files/content|upload_sessions)", times=None, status=403, code="storage_limit_exceeded"
    )

    report = transfers.upload_tree(tree, folder.id, folder.path)
    assert {outcome.code for outcome in report.failures} == {"storage_limit_exceeded"}


def test_a_web_link_is_skipped(session, transfers, folder, workdir):
    body = {"url": "https://example.com", "name": "link", "parent": {"id": folder.id}}
    session.call("POST", "/web_links", json=body)

    report = transfers.download_tree(folder, workdir / "copy")
    assert by_name(report) == {"link": "skipped"}


def test_names_that_lead_elsewhere_write_nothing_outside(session, transfers, folder, tree, workdir):
    transfers.upload_tree(tree, folder.id, folder.path)
    (workdir / "outside").mkdir()
    (workdir / "copy").mkdir()
    (workdir / "copy" / "b").symlink_to(workdir / "outside")

    report = transfers.download_tree(folder, workdir / "copy")

    assert [outcome.code for outcome in report.failures] == ["outside"]
    assert list((workdir / "outside").iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b"])
def test_a_name_that_is_no_name_here_is_refused(name):
    from jupyter_box.transfer.tree import check_local_name

    with pytest.raises(BoxError, match="cannot be a file's name"):
        check_local_name(name)


def test_twin_folders_come_down_as_one(box, session, transfers, folder, workdir, write):
    made = [_twin(box, session, folder) for _ in range(2)]
    for number, twin in enumerate(made):
        transfers.upload_file(write(f"{number}", 5), twin["id"], f"{number}.txt")

    report = transfers.download_tree(folder, workdir / "copy")
    assert report.ok
    assert sorted(here(workdir / "copy")) == ["twin/0.txt", "twin/1.txt"]


def test_a_cancelled_run_ends_and_leaves_no_half_files(box, transfers, folder, tree, workdir):
    transfers.upload_tree(tree, folder.id, folder.path)
    cancel = threading.Event()

    def stop(progress):
        if progress.phase == "running":
            cancel.set()

    with pytest.raises(Cancelled):
        transfers.download_tree(folder, workdir / "copy", cancel=cancel, on_progress=stop)
    assert leftovers(workdir) == []


def test_progress_counts_files_and_bytes(transfers, folder, tree):
    heard = []
    transfers.upload_tree(tree, folder.id, folder.path, on_progress=heard.append)

    last = heard[-1]
    assert (last.phase, last.files_done, last.files_total) == ("done", 4, 4)
    assert (last.done, last.total) == (sum(TREE.values()), sum(TREE.values()))


def test_a_report_shows_itself(transfers, folder, tree):
    (tree / "<b> ").write_text("x")
    report = transfers.upload_tree(tree, folder.id, folder.path)

    assert str(report).startswith("4 sent, 1 failed; ")
    assert "&lt;b&gt;" in report._repr_html_()
    assert report.to_dict()["failed"] == 1
    assert len(report.to_dict()["outcomes"]) == 5


def _twin(box, session, folder):
    box.fault("twin", "^POST .*/folders", times=1)
    return session.call("POST", "/folders", json={"name": "twin", "parent": {"id": folder.id}})


def test_folders_made_by_two_runs_at_once_hold_each_file_once(box, transfers, folder, tree, workdir):
    box.fault("twin", "^POST .*/folders", times=None)
    runs = [threading.Thread(target=transfers.upload_tree, args=(tree, folder.id, folder.path)) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    report = transfers.download_tree(folder, workdir / "copy")
    assert report.ok
    assert here(workdir / "copy") == here(tree)


def test_a_version_keeps_the_name_that_box_has(transfers, folder, tree, write, names):
    transfers.upload_tree(tree, folder.id, folder.path)
    (tree / "a.txt").unlink()
    changed = write("tree/A.TXT", 12)

    transfers.upload_tree(tree, folder.id, folder.path)
    assert names(folder)["a.txt"] == sha1(changed)
