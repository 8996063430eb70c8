"""How a call waits: who hears of it, what stops it, how long it lasts, and the place it lets others have meanwhile."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from ._stopping import STOPPER
from .errors import BoxError, Cancelled


class Clock:
    """Time and chance, as one argument: a test passes its own."""

    def monotonic(self) -> float:
        """Return seconds on a clock that never jumps."""
        return time.monotonic()

    def time(self) -> float:
        """Return this machine's idea of the seconds since 1970."""
        return time.time()

    def random(self) -> float:
        """Return a number from 0 to 1, for the jitter."""
        return random.random()  # noqa: S311  spreads retries, hides nothing

    def sleep(self, seconds: float, cancel: threading.Event | None = None) -> None:
        """Wait, but no longer than until `cancel` is set."""
        (cancel or threading.Event()).wait(seconds)


CLOCK = Clock()


class OnWait(Protocol):
    """Is told of each wait before it begins; may raise `Cancelled`."""

    def __call__(self, seconds: float, reason: str, /) -> None:
        """Take note of a wait of so many seconds, and why."""


def _in_silence(_seconds: float, _reason: str, /) -> None:
    """Tell nobody."""


class Place(Protocol):
    """What a request holds while it is under way, where only so many may be at once."""

    def take(self) -> None:
        """Wait for it, unless it is held already; may raise to give up."""

    def give_back(self) -> None:
        """Let others have it; nothing happens if it is not held."""

    def shrink(self) -> None:
        """Have fewer of them, as there is trouble."""


class _Anywhere:
    """No place is needed."""

    def take(self) -> None:
        pass

    def give_back(self) -> None:
        pass

    def shrink(self) -> None:
        pass


ANYWHERE: Place = _Anywhere()


@dataclass(frozen=True, slots=True)
class _Waiter:
    on_wait: OnWait = _in_silence
    cancel: threading.Event | None = None

    def check(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("Stopped.", hint="Nothing half-done was kept.")


_waiter: ContextVar[_Waiter] = ContextVar("jupyter_box_waiter", default=_Waiter())  # noqa: B039  it is frozen
_place: ContextVar[Place] = ContextVar("jupyter_box_place", default=ANYWHERE)


@contextmanager
def waiting(on_wait: OnWait | None = None, *, cancel: threading.Event | None = None) -> Iterator[None]:
    """Say who hears of the waits of the calls inside, and what stops them; it holds for this thread only.

    Args:
        on_wait: Called before each wait with its seconds and one sentence, e.g. "Box asks us to wait 12 s"
        cancel: Once it is set, a wait ends at once, a connection within a moment, and the call raises `Cancelled`.
    """
    token = _waiter.set(_Waiter(on_wait or _in_silence, cancel))
    try:
        with STOPPER.heeding(cancel):
            yield
    finally:
        _waiter.reset(token)


@contextmanager
def holding(place: Place) -> Iterator[None]:
    """Let the calls inside hold a place while they are under way, and give it back while they wait.

    Whoever holds it when the block ends gives it back.
    """
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)
        place.give_back()


def current_place() -> Place:
    """Return the place of the calls of this thread."""
    return _place.get()


def current_cancel() -> threading.Event | None:
    """Return what stops the calls of this thread."""
    return _waiter.get().cancel


class Patience:
    """How long one call may go on: every wait of it passes here, and none goes past its deadline.

    Args:
        clock: The time.
        deadline: Seconds from now.
        place: What it gives back while it waits.
    """

    def __init__(self, clock: Clock, deadline: float, place: Place = ANYWHERE) -> None:
        self.clock = clock
        self.place = place
        self.until = clock.monotonic() + deadline
        self.tries: Counter[str] = Counter()

    def check(self) -> None:
        """Raise `Cancelled` when the caller has asked to stop."""
        _waiter.get().check()

    def wait(self, seconds: float, reason: str) -> None:
        """Wait, telling the listener why and how long first; raise `Cancelled` once the caller asks to stop."""
        waiter = _waiter.get()
        waiter.check()
        if not seconds:
            return
        self.place.give_back()
        waiter.on_wait(seconds, f"{reason} {max(1, round(seconds))} s")
        self.clock.sleep(seconds, waiter.cancel)
        waiter.check()

    def endure(self, trouble: Trouble) -> None:
        """Wait before another try; raise the trouble's error when it was the last one or time is up."""
        self.tries[trouble.kind] += 1
        tries = self.tries[trouble.kind]
        seconds = self._pause(trouble, tries)
        limit = TRIES[trouble.kind]
        if (limit is not None and tries > limit) or self.clock.monotonic() + seconds > self.until:
            raise trouble.error
        if seconds and trouble.kind in _SIGNS:
            self.place.shrink()
        self.wait(seconds, trouble.reason)

    def _pause(self, trouble: Trouble, tries: int) -> float:
        if trouble.delay is not None:
            return max(trouble.delay, 0.05)
        # a connection that idled too long breaks on its next use: that is worth one try at once
        if trouble.kind == "lost" and tries == 1:
            return 0.0
        return min(30.0, 0.25 * 2.0 ** min(tries, 10)) * (0.5 + self.clock.random())


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt did not do: the error to raise in the end, and how another try would go."""

    kind: str
    error: BoxError
    reason: str = ""
    delay: float | None = None


_SIGNS = ("throttled", "server", "lost", "offline")  # of doing too much at once
# How often each kind of trouble is tried again; None: until the deadline.
TRIES: dict[str, int | None] = {
    "final": 0,
    "unauthorized": 0,
    "throttled": None,
    "unready": None,
    "blocked": None,
    "settling": 6,
    "server": 5,
    "lost": 5,
    "offline": 2,
}


def rest(seconds: float, reason: str) -> None:
    """Wait as a call does, where a caller itself tries again: told, cancellable, its place given back.

    Raises:
        Cancelled: The caller asks to stop.
    """
    Patience(CLOCK, seconds, current_place()).wait(seconds, reason)
