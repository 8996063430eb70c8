"""How many requests go at once: more while more gets through, fewer when there is trouble, and places for all."""

from __future__ import annotations

import threading

import pytest

from jupyter_box.config import BoxConfig
from jupyter_box.errors import Cancelled
from jupyter_box.session import Session
from jupyter_box.transfer import Transfers
from jupyter_box.transfer.lanes import Gate, Lanes

from .conftest import in_thread, waits_in_thread


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gate(clock):
    return Gate(16, clock)


@pytest.fixture
def narrowed(gate, clock):
    """A gate that trouble has left with a single place."""
    for _ in range(4):
        gate.shrink()
        clock.now += 2.5
    assert gate.limit == 1
    return gate


def work_for(gate, clock, windows, rate):
    """Let the gate see windows in which each of its places moves `rate` bytes a second, and more is wanted."""
    for _ in range(windows):
        gate._waited = True
        clock.now += 0.3
        gate.note(int(rate(gate.limit) * 0.3))


def test_it_grows_while_throughput_grows(gate, clock):
    assert gate.limit == 4
    work_for(gate, clock, 6, lambda places: 12e6 * places)
    assert gate.limit == 16


def test_it_stops_where_more_places_move_no_more(gate, clock):
    work_for(gate, clock, 4, lambda _: 50e6)
    assert gate.limit == 8


def test_it_halves_on_trouble_once_for_a_burst_and_grows_again(gate, clock):
    work_for(gate, clock, 6, lambda places: 12e6 * places)
    for _ in range(16):
        gate.shrink()
    assert gate.limit == 8

    clock.now += 4
    work_for(gate, clock, 3, lambda places: 12e6 * places)
    assert 8 < gate.limit < 16


def test_it_does_not_grow_without_need(gate, clock):
    for _ in range(8):
        clock.now += 0.3
        gate.note(1_000_000)
    assert gate.limit == 4


def test_it_grows_where_requests_last_longer_than_a_look(gate, clock):
    for _ in range(2):
        gate._waited = True
        clock.now += 0.11
        gate.note(0)
    assert gate.limit == 16


def test_a_line_that_is_silent_after_trouble_stops_nobody_for_long(narrowed, clock):
    narrowed._waited = True
    clock.now += 3.5
    narrowed.note(0)
    assert narrowed.limit == 2


def test_what_was_learnt_in_trouble_is_forgotten_when_nothing_was_under_way(narrowed, clock):
    clock.now += 3
    narrowed.enter(lambda: None)
    assert narrowed.limit == 4


def test_places_are_given_in_the_order_of_those_who_wait():
    gate, order = Gate(1), []
    gate.enter(lambda: None)

    def wait(number):
        gate.enter(lambda: None)
        order.append(number)
        gate.leave()

    waiting = []
    for number in range(5):
        waiting.append(in_thread(lambda number=number: wait(number)))
        while len(gate._queue) <= number:
            pass
    gate.leave()
    for one in waiting:
        one()
    assert order == list(range(5))


def test_no_more_than_the_limit_are_inside_at_once():
    gate, inside, most = Gate(16), [], []
    go_on = threading.Event()

    def work():
        inside.append(1)
        most.append(len(inside))
        go_on.wait(5)
        inside.pop()

    with Lanes(gate, lambda: None) as lanes:
        for _ in range(4):
            lanes.run(work)
        go_on.set()
        for _ in range(20):
            lanes.run(work)
    assert max(most) <= 16
    assert len(most) == 24


def test_the_first_failure_ends_all_and_is_raised():
    gate = Gate(16)

    def fail():
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        _run_for_ever(gate, lambda: None, fail)
    assert gate._busy == 0


def test_who_waits_for_a_place_can_be_cancelled():
    gate, cancel, go_on = Gate(1), threading.Event(), threading.Event()

    def check():
        if cancel.is_set():
            go_on.set()
            raise Cancelled("Stopped.")

    def work():
        cancel.set()
        go_on.wait(5)

    with pytest.raises(Cancelled):
        _run_for_ever(gate, check, work)


def _run_for_ever(gate, check, work):
    with Lanes(gate, check) as lanes:
        while True:
            lanes.run(work)


def test_an_upload_that_keeps_within_our_own_limit_holds_up_no_download(box, box_environment, folder, write, tmp_path):
    with Session.connect(BoxConfig(rate_limit="900,1,60")) as session:
        transfers = Transfers(session, parallel=1, state_dir=tmp_path)
        item = transfers.upload_file(write("first", 10), folder.id, "first")
        second, cancel = waits_in_thread(transfers.upload_file, write("second", 10), folder.id, "second")
        assert transfers.download_file(item, tmp_path / "copy").stat().st_size == 10
        cancel.set()
        with pytest.raises(Cancelled):
            second()
