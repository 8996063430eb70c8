"""What stands beside the progress bar."""

from __future__ import annotations

import threading

import pytest

from jupyter_box import bar
from jupyter_box.errors import Cancelled
from jupyter_box.events import Progress


def test_the_reason_of_a_wait_outlasts_the_files_that_go_on():
    latest = bar.Latest()
    latest(Progress("a", "waiting", message="Box asks us to wait. (12 s)"))
    latest(Progress("a", "running", done=5))
    assert latest.progress.message == "Box asks us to wait. (12 s)"
    assert latest.progress.done == 5


def test_the_reason_goes_once_all_goes_on(monkeypatch):
    monkeypatch.setattr(bar, "NOTICED", 0.0)
    latest = bar.Latest()
    latest(Progress("a", "waiting", message="Box asks us to wait. (12 s)"))
    latest(Progress("a", "running", done=5))
    assert latest.progress.message == ""


def test_the_work_returns_and_raises_as_if_called_here():
    assert bar.watched(lambda _tell, _stop: 7, "x", bar=False) == 7
    with pytest.raises(Cancelled, match="because"):
        bar.watched(_fails, "x", bar=False)


def _fails(_tell, _stop):
    raise Cancelled("because")


def test_a_bar_is_drawn_in_a_terminal_only(capsys):
    done = threading.Event()
    bar.watched(lambda tell, _stop: (tell(Progress("a", done=1, total=2)), done.set()), "x")
    assert done.is_set()
    assert capsys.readouterr().err == ""
