"""Cancelling while nothing moves: a connection that nobody answers ends at once, and nothing is left behind."""

from __future__ import annotations

import threading

import pytest

from jupyter_box.config import BoxConfig
from jupyter_box.errors import Cancelled
from jupyter_box.session import Session, waiting
from jupyter_box.transfer import Transfers

from .conftest import PART, RANGE, in_thread, leftovers, waits_in_thread

PATIENCE = 10  # seconds: far from the minute after which a silent connection counts as lost


def ends(work, cancel):
    """Cancel the work and see that it ends although Box says nothing."""
    cancel.set()
    work.thread.join(PATIENCE)
    assert not work.thread.is_alive()
    with pytest.raises(Cancelled):
        work()


@pytest.mark.parametrize(
    ("name", "size", "route"),
    [
        ("small", 1000, "POST .*/files/content$"),
        ("big", 6 * PART, "PUT .*/upload_sessions/"),
        ("dead", 6 * PART, "(PUT|DELETE) .*/upload_sessions/"),
        ("opening", 6 * PART, "POST .*/upload_sessions$"),
        ("last", 3 * PART, "POST .*/commit$"),
    ],
)
def test_an_upload_that_box_does_not_answer(box, transfers, folder, write, names, open_sessions, name, size, route):
    cancel = threading.Event()
    box.fault("hold", route, times=None, name="silence")
    work = in_thread(lambda: transfers.upload_file(write(name, size), folder.id, name, cancel=cancel))
    box.wait_held("silence")

    ends(work, cancel)

    box.clear()
    assert names(folder) == {}
    # a session whose id never came cannot be ended; one whose end Box did not answer stays pending
    assert open_sessions() <= (name in {"opening", "dead"})
    assert [pending.name for pending in transfers.pending()] == (["dead"] if name == "dead" else [])


@pytest.mark.parametrize(
    ("name", "size", "route"),
    [
        ("asked", 1000, "GET .*/content$"),
        ("small", 1000, "GET /d/1/"),
        ("big", 6 * RANGE, "GET /d/1/"),
    ],
)
def test_a_download_that_box_does_not_answer(box, transfers, folder, write, workdir, name, size, route):
    item = transfers.upload_file(write(name, size), folder.id, name)
    cancel = threading.Event()
    box.fault("hold", route, times=None, name="silence")
    work = in_thread(lambda: transfers.download_file(item, workdir / "copy", cancel=cancel))
    box.wait_held("silence")

    ends(work, cancel)

    box.clear()
    assert leftovers(workdir) == []
    assert not (workdir / "copy").exists()


@pytest.mark.parametrize("route", ["GET .*/items", "POST .*/folders$", "POST .*/files/content$"])
def test_a_tree_that_box_does_not_answer(box, transfers, folder, write, workdir, route):
    write("tree/inner/a", 10)
    cancel = threading.Event()
    box.fault("hold", route, times=None, name="silence")
    work = in_thread(lambda: transfers.upload_tree(workdir / "tree", folder.id, folder.path, cancel=cancel))
    box.wait_held("silence")

    ends(work, cancel)


@pytest.mark.parametrize("route", ["GET .*/items", "POST .*/folders$", "POST .*/files/content$"])
def test_a_sync_that_box_does_not_answer(box, transfers, folder, write, workdir, route):
    write("tree/inner/a", 10)
    cancel = threading.Event()
    box.fault("hold", route, times=None, name="silence")
    work = in_thread(lambda: transfers.sync(workdir / "tree", folder, cancel=cancel))
    box.wait_held("silence")

    ends(work, cancel)


def test_one_callers_cancel_stops_nobody_else(box, session):
    first, second = threading.Event(), threading.Event()
    box.fault("hold", "GET .*/users/me", times=2, name="silence")

    def ask(cancel):
        with waiting(cancel=cancel):
            return session.me(fresh=True)

    other = Session(session.auth, session.endpoints, BoxConfig().limits())
    stopped = in_thread(lambda: ask(first))
    with waiting(cancel=second):
        going_on = in_thread(lambda: other.me(fresh=True))
        box.wait_held("silence", 2)
        ends(stopped, first)
        box.release("silence")
        assert going_on()["id"]
    other.close()


def test_a_download_that_keeps_within_our_own_limit_holds_up_no_other(box, box_environment, folder, write, tmp_path):
    with Session.connect(BoxConfig(rate_limit="3,240,60")) as kept, Session.connect(BoxConfig()) as free:
        frugal = Transfers(kept, parallel=1, state_dir=tmp_path / "a")
        generous = Transfers(free, parallel=1, state_dir=tmp_path / "b", range_size=RANGE)
        big = generous.upload_file(write("big", 4 * RANGE), folder.id, "big")
        for number in range(3):
            frugal.download_file(big, tmp_path / f"copy-{number}")
        late, cancel = waits_in_thread(frugal.download_file, big, tmp_path / "late")
        assert generous.download_file(big, tmp_path / "copy").stat().st_size == 4 * RANGE
        ends(late, cancel)


def test_parts_that_keep_within_our_own_limit_hold_up_no_other(box, session, folder, write, tmp_path):
    with Session.connect(BoxConfig(rate_limit="4,240,60")) as kept:
        frugal = Transfers(kept, parallel=2, threshold=PART, state_dir=tmp_path / "a")
        generous = Transfers(session, parallel=2, threshold=PART, state_dir=tmp_path / "b")
        late, cancel = waits_in_thread(frugal.upload_file, write("late", 8 * PART), folder.id, "late")
        assert generous.upload_file(write("other", 4 * PART), folder.id, "other").size == 4 * PART
        ends(late, cancel)
