"""When to look, and who is there, by a clock that the test turns."""

from __future__ import annotations

from jupyter_box.federated.pace import Clock, Liveness, Pace


class Time:
    def __init__(self):
        self.seconds = 1000.0
        self.clock = Clock(now=lambda: self.seconds, sleep=self.pass_)

    def pass_(self, seconds):
        self.seconds += seconds


def test_after_rounds_of_ten_minutes_the_first_look_comes_after_eight():
    time = Time()
    pace = Pace(2, 30, time.clock)
    for seconds in (600, 900):
        pace.begin("train")
        assert pace.due - time.seconds == 2
        time.pass_(seconds)
        pace.end()
    pace.begin("train")
    assert pace.due - time.seconds == 480
    waits = []
    for _ in range(10):
        time.pass_(pace.due - time.seconds)
        pace.again()
        waits.append(pace.due - time.seconds)
    assert waits[0] == 3
    assert waits[-1] == 30
    pace.again(news=True)
    assert pace.due - time.seconds == 2


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
