"""When to look again, and who is still there: by one's own clock alone, so that no two clocks are compared."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from jupyter_box.items import Item

GROWTH = 1.5
SHORTEST = 0.02  # seconds between two looks, however short the rounds are
SHARE = 0.03  # of the time that has passed; looking more often hardly shortens the run
LOOKS = 4  # between the earliest and the latest that it is likely to come
QUICK = 5.0  # seconds; who waits for less looks again at once, as a look takes its time, too
SECOND = 1.0  # how exact Box's times are
REMEMBERED = 3


@dataclass(frozen=True)
class Clock:
    """Time in seconds, and sleep; a test passes its own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Wait:
    """A wait that is over: in seconds, when it was not there yet (0: no look found nothing), and when it was."""

    missed: float
    found: float


def seconds_between(first: Item | None, then: Item | None) -> float | None:
    """Return how long after one file another was written, by Box's clock alone; None where it does not tell."""
    if first is None or then is None or first.modified is None or then.modified is None:
        return None
    return (then.modified - first.modified).total_seconds()


class Pace:
    """When to look for what comes again and again: where earlier waits place it, and ever more rarely after that.

    Args:
        floor: The time to the first look and between the next ones, in seconds, while nothing is known; what comes
            sooner than that is looked for sooner.
        ceiling: The longest between two looks that find nothing.
        clock: Tells the time.
    """

    def __init__(self, floor: float, ceiling: float, clock: Clock) -> None:
        self._floor, self._ceiling, self._clock = floor, max(floor, ceiling), clock
        self._waits: dict[str, deque[Wait]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self.begin("")

    def begin(self, kind: str, busy: float = 0.0) -> None:
        """Begin to wait for something of a kind.

        Args:
            kind: What comes after equal times.
            busy: Seconds that the round has taken so far; in a long one, looks need not follow each other at once.
        """
        self._kind, self._began, self._busy = kind, self._clock.now(), busy
        self._looked = self._missed = 0.0
        first, self._last = self._expected()
        self._step = self._at_least(0.0 if first + busy < QUICK else (self._last - first) / LOOKS, first)
        self.due = self._began + first + self._step

    def look(self) -> None:
        """Note that a look begins: what it finds was there by now."""
        self._looked = self._clock.now() - self._began

    def again(self, *, news: bool = False) -> None:
        """Note that the look did not end the wait.

        Args:
            news: Whether it found a part, so that the rest may come soon.
        """
        self._missed = self._looked
        if self._missed > self._last:
            self._step = 0.0 if news else self._step * GROWTH
        self._step = min(self._at_least(self._step, self._missed), self._ceiling)
        self.due = self._clock.now() + self._step

    def end(self, came: float | None = None) -> None:
        """Note that the look found what was waited for.

        Args:
            came: Seconds after the beginning at which it came, to the second, where Box's own times tell that.
        """
        missed, found = self._missed, self._looked
        if came is not None:
            missed = min(max(missed, came - SECOND), found)
            found = max(missed, min(found, came + SECOND))
        self._waits[self._kind].append(Wait(missed, found))

    def _expected(self) -> tuple[float, float]:
        """Return between which two times it is likely to come, in seconds after the beginning."""
        waits = self._waits[self._kind]
        if not waits:
            return 0.0, 0.0
        last = waits[-1]
        is_first = len(waits) == 1 and last.found + self._busy < QUICK
        if is_first or not last.missed:
            # what the first look finds may have been there for long, and a first round takes longer than the others:
            # the next time that look comes sooner
            return last.found / 2, last.found
        ends = max(wait.missed for wait in waits), min(wait.found for wait in waits)
        return min(ends), max(ends)

    def _at_least(self, step: float, passed: float) -> float:
        shortest = (
            max(SHORTEST, min(self._floor, SHARE * (self._busy + passed))) if self._waits[self._kind] else self._floor
        )
        return max(step, shortest)


@dataclass
class Liveness:
    """Who gives signs of life: whose mark, such as a file version, changes between two looks.

    Attributes:
        timeout: Seconds without a change after which someone is lost.
        clock: Tells the time.
    """

    timeout: float
    clock: Clock
    _marks: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, float] = field(default_factory=dict)

    def expect(self, names: Iterable[str]) -> None:
        """Count these as seen just now."""
        self._seen.update(dict.fromkeys(names, self.clock.now()))

    def look(self, marks: Mapping[str, str]) -> None:
        """Compare the marks with those of the last look."""
        self.expect(name for name, mark in marks.items() if self._marks.get(name) != mark and name in self._seen)
        self._marks.update(marks)

    @property
    def oldest(self) -> float:
        """When the one was seen whom nobody has seen for longest; for ever if nobody is expected."""
        return min(self._seen.values(), default=math.inf)

    def overdue(self) -> list[str]:
        """Return who has given no sign for too long."""
        limit = self.clock.now() - self.timeout
        return sorted(name for name, seen in self._seen.items() if seen < limit)

    def forget(self, name: str) -> None:
        """Expect no more of someone."""
        self._seen.pop(name, None)
