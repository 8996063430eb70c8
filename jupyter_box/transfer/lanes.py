"""How many requests the transfers of this process have under way at once, and the threads of one that make them."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jupyter_box.errors import BoxError, Busy, Unreachable
from jupyter_box.session import holding

if TYPE_CHECKING:
    from typing_extensions import Self

_FIRST = 4  # Box's guide advises three to five parts at once; more must prove itself
_WINDOW = 0.1  # seconds of one look at the throughput
_GROWTH = 1.25  # how much more must move after a doubling for yet more requests at once
_DOUBT = 0.5  # seconds that a growth has to show itself
_STALL = 1.0  # seconds in which nothing moves after which one more may try: a silent line must not stop all others
_PROBE = 1.0  # seconds after which another try to grow makes sense
_REST = 3.0  # seconds without growth after Box asked for less
_WORTH = 100_000  # bytes that a request counts for, so that small files show their throughput too


class Gate:
    """Lets a number of requests pass at once, in their order; it grows while throughput grows, and halves on trouble.

    Where requests last longer than a look, none has ended to tell the throughput by: then it grows, too.

    Args:
        most: It never grows beyond this.
        clock: Seconds that only go up.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.limit = min(_FIRST, most)
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._busy = 0
        self._waited = False
        self._steady = False
        self._rest_until = self._grown_at = 0.0
        self._best = 0.0
        self._since = clock()
        self._work = 0
        self._ended = 0

    def enter(self, check: Callable[[], None]) -> None:
        """Wait for a place; `check` may raise to give up."""
        with self._lock:
            if not self._busy:
                self._begin()
            turn = threading.Event()
            self._queue.append(turn)
            self._admit()
            self._waited = self._waited or bool(self._queue)
        try:
            while not turn.wait(_WINDOW):
                check()
                self.note(0)
        except BaseException:
            self._withdraw(turn)
            raise

    def leave(self) -> None:
        """Give the place back."""
        with self._lock:
            self._busy -= 1
            self._ended += 1
            self._work += _WORTH
            self._look()
            self._admit()

    def note(self, count: int) -> None:
        """Count bytes that have arrived."""
        with self._lock:
            self._work += count
            self._look()

    def shrink(self) -> None:
        """Halve the places, as Box or the way to it has trouble; a burst of such signs counts once."""
        with self._lock:
            now = self._clock()
            if now < self._rest_until - _REST + 1:
                return
            self.limit = max(1, self.limit // 2)
            self._steady, self._best, self._rest_until, self._grown_at = True, 0.0, now + _REST, now
            self._restart_window()

    def _begin(self) -> None:
        """Begin anew where nothing was under way: only trouble of a moment ago still counts."""
        self._restart_window()
        if not self._steady or self._clock() >= self._rest_until:
            self._steady, self._best, self._rest_until = False, 0.0, 0.0
            self.limit = max(self.limit, min(_FIRST, self.most))

    def _admit(self) -> None:
        while self._queue and self._busy < self.limit:
            self._busy += 1
            self._queue.popleft().set()

    def _withdraw(self, turn: threading.Event) -> None:
        with self._lock:
            if turn in self._queue:
                self._queue.remove(turn)
                return
        self.leave()

    def _look(self) -> None:
        now = self._clock()
        elapsed = now - self._since
        if elapsed < _WINDOW and not (elapsed > _WINDOW / 2 and self._ended >= self.limit):
            return
        rate, waited = self._work / elapsed, self._waited or bool(self._queue)
        self._restart_window()
        if waited and self.limit < self.most and now >= self._rest_until:
            self._grow(rate, now)

    def _grow(self, rate: float, now: float) -> None:
        if self._steady and not rate and now - self._grown_at < _STALL:
            return
        if rate and rate < self._best * _GROWTH:
            if now - self._grown_at >= _DOUBT:
                self._best, self._rest_until = 0.0, now + _PROBE
            return
        self._best, self._grown_at = rate, now
        self.limit = min(self.most, self.limit + 1 if self._steady else self.limit * 2)
        self._admit()

    def _restart_window(self) -> None:
        self._since, self._work, self._ended, self._waited = self._clock(), 0, 0, False


class Place:
    """A place of the gate, for what one thread has under way; taken, and given back, as often as is needed.

    Args:
        gate: Whose place.
        check: May raise to give up.
    """

    def __init__(self, gate: Gate, check: Callable[[], None]) -> None:
        self._gate, self._check = gate, check
        self._is_held = False

    def take(self) -> None:
        """Wait for the place, unless it is held already."""
        if not self._is_held:
            self._gate.enter(self._check)
            self._is_held = True

    def give_back(self) -> None:
        """Let others have it."""
        if self._is_held:
            self._is_held = False
            self._gate.leave()

    def shrink(self) -> None:
        """Have fewer places, as there is trouble."""
        self._gate.shrink()


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
        # threads of its own: those of another transfer may all be waiting for Box
        self._pool = ThreadPoolExecutor(gate.most, thread_name_prefix="box-transfer")
        self._free = threading.Semaphore(gate.most)
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is not None and self._failure is None:
            self._failure = error
        self._pool.shutdown()
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
        """Do the work in a thread, its requests within the gate; returns as soon as there is a thread for it."""
        self.check()
        while not self._free.acquire(timeout=0.1):
            self.check()
        self._pool.submit(contextvars.copy_context().run, self._work, work, *args)

    def _work(self, work: Callable[..., None], *args: Any) -> None:
        try:
            self.check()
            with holding(Place(self._gate, self.check)):
                work(*args)
        except BaseException as error:  # noqa: BLE001  it is raised where the lanes end
            self._failure = self._failure or error
        finally:
            self._free.release()


def is_trouble(error: BaseException) -> bool:
    """Tell whether the error may be a passing one of Box or of the way to it."""
    return isinstance(error, Busy | Unreachable) or type(error) is BoxError
