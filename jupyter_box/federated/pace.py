"""When to look again, and who is still there: by one's own clock alone, so that no two clocks are compared."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

GROWTH = 1.5
PATIENCE = 0.8  # of the usual time before the first look
REMEMBERED = 5


@dataclass(frozen=True)
class Clock:
    """Time in seconds, and sleep; a test passes its own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Pace:
    """How long to wait between looks: most of the usual time first, then short and longer.

    Args:
        floor: The shortest wait, in seconds.
        ceiling: The longest between two looks after the first.
        clock: Tells the time.
    """

    def __init__(self, floor: float, ceiling: float, clock: Clock) -> None:
        self._floor, self._ceiling, self._clock = floor, max(floor, ceiling), clock
        self._usual: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self.begin("")

    def begin(self, kind: str) -> None:
        """Begin to wait for something of a kind."""
        self._kind, self._began, self._step = kind, self._clock.now(), self._floor
        usual = self._usual[kind]
        # the shortest of several, so that one slow round does not delay the next
        first = PATIENCE * min(usual) if len(usual) > 1 else 0.0
        self.due = self._began + max(self._floor, first)

    def again(self, *, news: bool = False) -> None:
        """Note a look that did not end the wait; after news the next comes soon."""
        self._step = self._floor if news else min(self._step * GROWTH, self._ceiling)
        self.due = self._clock.now() + self._step

    def end(self) -> None:
        """Note that what was waited for has come."""
        self._usual[self._kind].append(self._clock.now() - self._began)


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

    def overdue(self) -> list[str]:
        """Return who has given no sign for too long."""
        limit = self.clock.now() - self.timeout
        return sorted(name for name, seen in self._seen.items() if seen < limit)

    def forget(self, name: str) -> None:
        """Expect no more of someone."""
        self._seen.pop(name, None)
