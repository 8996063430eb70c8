"""When to look, and who is there, by a clock that the test turns."""

from __future__ import annotations

from jupyter_box.federated.pace import Clock, Liveness, Pace


class Time:
    def __init__(self):
        self.seconds = 1000.0
        self.clock = Clock(now=lambda: self.seconds, sleep=self.pass_)

    def pass_(self, seconds):
        self.seconds += seconds


def looks(time, pace, seconds, busy=0.0):
    """Wait for what comes after so many seconds, as Box tells to the second; returns when it was looked for."""
    began, found = time.seconds, []
    pace.begin("train", busy)
    while not found or found[-1] < seconds:
        time.pass_(pace.due - time.seconds)
        found.append(time.seconds - began)
        pace.look()
        if found[-1] < seconds:
            pace.again()
    pace.end(float(round(seconds)))
    return found


def test_looks_of_a_first_wait_grow_rarer():
    time = Time()
    waits = looks(time, Pace(2, 30, time.clock), 600)
    steps = [after - before for before, after in zip([0, *waits], waits, strict=False)]
    assert steps[0] == 2
    assert steps[-1] == 30
    assert steps == sorted(steps)


def test_after_a_round_of_ten_minutes_the_next_costs_a_look_or_two():
    time = Time()
    pace = Pace(2, 30, time.clock)
    assert len(looks(time, pace, 600)) > 20
    for _ in range(10):
        found = looks(time, pace, 600)
        assert len(found) <= 2
        assert found[-1] <= 604


def test_short_rounds_are_looked_for_soon():
    time = Time()
    pace = Pace(2, 30, time.clock)
    late = [looks(time, pace, 0.4)[-1] - 0.4 for _ in range(10)]
    assert max(late[4:]) <= 0.1


def test_a_second_round_that_is_shorter_than_the_first_is_looked_for_in_time():
    time = Time()
    pace = Pace(0.1, 1, time.clock)
    looks(time, pace, 2.3)
    assert looks(time, pace, 1.3)[-1] <= 1.6
    assert looks(time, pace, 1.3)[-1] <= 1.4


def test_a_short_wait_in_a_long_round_costs_few_looks():
    time = Time()
    pace = Pace(3, 30, time.clock)
    assert max(len(looks(time, pace, 4, busy=60)) for _ in range(8)) <= 4
    assert len(looks(time, pace, 4)) <= 12


def test_rounds_that_become_faster_are_found_sooner():
    time = Time()
    pace = Pace(2, 30, time.clock)
    for seconds in (60, 60, 60):
        looks(time, pace, seconds)
    assert looks(time, pace, 50)[-1] <= 63
    assert looks(time, pace, 50)[-1] <= 54
    looks(time, pace, 0.4)
    late = [looks(time, pace, 0.4)[-1] - 0.4 for _ in range(8)]
    assert late[-1] <= 0.1


def test_who_shows_no_new_mark_for_too_long_is_lost_whatever_the_clocks_say():
    time = Time()
    liveness = Liveness(300, time.clock)
    liveness.expect(["a", "b"])
    for beat in range(5):
        time.pass_(100)
        liveness.look({"a": f"version-{beat}", "b": "the same"})
    assert liveness.overdue() == ["b"]
    liveness.forget("b")
    assert liveness.overdue() == []


def test_who_is_not_expected_is_not_counted():
    time = Time()
    liveness = Liveness(300, time.clock)
    liveness.look({"stranger": "1"})
    time.pass_(1000)
    assert liveness.overdue() == []
