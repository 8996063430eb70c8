"""Small parts that keep the broker bounded: a cache of limited age and size, one flight for many, a limit by key."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from jupyter_box._network import CLOCK, Clock
from jupyter_box._ratelimit import Bucket

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")


class Aging(Generic[K, V]):
    """A mapping whose entries go after some seconds, and the oldest first when there are too many.

    Args:
        seconds: How long an entry holds.
        size: How many there may be.
        clock: The time.
    """

    def __init__(self, seconds: float, size: int, clock: Clock = CLOCK) -> None:
        self._seconds, self._size, self._clock = seconds, size, clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return what was put there, unless it is too old by now."""
        entry = self._entries.get(key)
        if entry is None or self._clock.monotonic() >= entry[0]:
            self._entries.pop(key, None)
            return None
        return entry[1]

    def put(self, key: K, value: V) -> None:
        """Keep a value."""
        self._entries.pop(key, None)
        self._entries[key] = (self._clock.monotonic() + self._seconds, value)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        """Drop a value, if there is one."""
        self._entries.pop(key, None)


class Flights:
    """Lets those who want the same thing at once wait for one making of it."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}

    async def join(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return what `make` returns, or raise what it raises; whoever leaves early stops it for nobody else."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.ensure_future(_awaited(make))
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    def _landed(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            # looked at, so that asyncio does not complain where everybody has left
            task.exception()


async def _awaited(make: Callable[[], Awaitable[T]]) -> T:
    return await make()


class Limits:
    """How often each of many may do something in a minute.

    Args:
        per_minute: How often.
        clock: The time.
        size: How many are remembered; who was forgotten begins anew.
    """

    def __init__(self, per_minute: int, clock: Clock = CLOCK, size: int = 50_000) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._buckets: Aging[str, Bucket] = Aging(60.0, size, clock)

    def wait(self, key: str) -> float:
        """Return the seconds until it may be done once more; 0 if now."""
        bucket, now = self._buckets.get(key), self._clock.monotonic()
        return max(0.0, bucket.free_at(now) - now) if bucket else 0.0

    def count(self, key: str) -> None:
        """Note that it was done."""
        bucket = self._buckets.get(key) or Bucket(self._per_minute)
        bucket.take(self._clock.monotonic())
        self._buckets.put(key, bucket)
