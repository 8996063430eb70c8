"""How many requests the transfers of this process have under way at once, and the threads that make them."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jupyter_box.errors import BoxError, Busy, Unreachable

if TYPE_CHECKING:
    from typing_extensions import Self

_FIRST = 4  # Box's guide advises three to five parts at once; more must prove itself
_WINDOW = 0.25  # seconds of one look at the throughput
_GROWTH = 1.25  # how much more must move after a doubling for yet more requests at once
_PROBE = 2.0  # seconds after which another try to grow makes sense
_REST = 3.0  # seconds without growth after Box asked for less
_WORTH = 100_000  # bytes that a request counts for, so that small files show their throughput too


class Gate:
    """Lets a number of requests pass at once that adapts: it grows while throughput grows, and halves on trouble.

    Args:
        most: It never grows beyond this.
        clock: Seconds that only go up.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.limit = min(_FIRST, most)
        self.pool = ThreadPoolExecutor(most, thread_name_prefix="box-transfer")
        self._clock = clock
        self._free = threading.Condition()
        self._busy = 0
        self._waited = False
        self._steady = False
        self._rest_until = 0.0
        self._best = 0.0
        self._since = clock()
        self._work = 0
        self._ended = 0

    def enter(self, check: Callable[[], None]) -> None:
        """Wait for a place; `check` may raise to give up."""
        with self._free:
            if not self._busy:
                self._restart_window()
            while self._busy >= self.limit:
                self._waited = True
                self._free.wait(0.1)
                check()
            self._busy += 1

    def leave(self) -> None:
        """Give the place back."""
        with self._free:
            self._busy -= 1
            self._ended += 1
            self._work += _WORTH
            self._look()
            self._free.notify_all()

    def note(self, count: int) -> None:
        """Count bytes that moved."""
        with self._free:
            self._work += count
            self._look()

    def shrink(self) -> None:
        """Halve the places, as Box or the way to it has trouble; a burst of such signs counts once."""
        with self._free:
            now = self._clock()
            if now < self._rest_until - _REST + 1:
                return
            self.limit = max(1, self.limit // 2)
            self._steady, self._best, self._rest_until = True, 0.0, now + _REST
            self._restart_window()

    def _look(self) -> None:
        now = self._clock()
        elapsed = now - self._since
        if elapsed < _WINDOW and not (elapsed > _WINDOW / 5 and self._ended >= self.limit):
            return
        rate, waited = self._work / elapsed, self._waited
        self._restart_window()
        if waited and self.limit < self.most and now >= self._rest_until:
            self._grow(rate, now)

    def _grow(self, rate: float, now: float) -> None:
        if rate < self._best * _GROWTH:
            self._best, self._rest_until = 0.0, now + _PROBE
            return
        self._best = rate
        self.limit = min(self.most, self.limit + 1 if self._steady else self.limit * 2)
        self._free.notify_all()

    def _restart_window(self) -> None:
        self._since, self._work, self._ended, self._waited = self._clock(), 0, 0, False


class Place:
    """A place of the gate for one request at a time, given back while that request waits for a next try.

    Args:
        gate: Whose place.
        check: May raise to give up.
    """

    def __init__(self, gate: Gate, check: Callable[[], None]) -> None:
        self._gate, self._check = gate, check
        self.is_held = False

    def take(self) -> None:
        """Wait for the place, unless it is held already."""
        if not self.is_held:
            self._gate.enter(self._check)
            self.is_held = True

    def give_back(self) -> None:
        """Let others have it."""
        if self.is_held:
            self.is_held = False
            self._gate.leave()


@lru_cache
def shared_gate(most: int) -> Gate:
    """Return the gate that all transfers of this process share."""
    return Gate(most)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared_gate.cache_clear)  # a forked child has none of its parent's threads


class Lanes:
    """Runs the requests of one transfer side by side, within the gate; the first failure ends them all.

    Args:
        gate: Whose places and threads it uses.
        check: Raises when the caller has cancelled.
    """

    def __init__(self, gate: Gate, check: Callable[[], None]) -> None:
        self._gate = gate
        self._check = check
        self._under_way: set[Future[None]] = set()
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is not None and self._failure is None:
            self._failure = error
        wait(self._under_way)
        if kind is None and self._failure is not None:
            raise self._failure

    def check(self) -> None:
        """Do nothing while all goes well.

        Raises:
            BaseException: What went wrong first, in whichever lane; or the caller has cancelled.
        """
        if self._failure is not None:
            raise self._failure
        self._check()

    def run(self, work: Callable[..., None], *args: Any) -> None:
        """Do the work in a thread once there is a place; returns as soon as it has begun."""
        self.check()
        self._gate.enter(self.check)
        context = contextvars.copy_context()
        future = self._gate.pool.submit(context.run, self._work, work, *args)
        self._under_way = {other for other in self._under_way if not other.done()} | {future}

    def _work(self, work: Callable[..., None], *args: Any) -> None:
        try:
            self.check()
            work(*args)
        except BaseException as error:  # noqa: BLE001  it is raised where the lanes end
            self._failure = self._failure or error
        finally:
            self._gate.leave()


def is_trouble(error: BaseException) -> bool:
    """Tell whether the error may be a passing one of Box or of the way to it."""
    return isinstance(error, Busy | Unreachable) or type(error) is BoxError
