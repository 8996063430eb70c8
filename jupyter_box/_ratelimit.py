"""How often one identity may ask Box: shared by every session of that identity in this process."""

from __future__ import annotations

import threading
from collections import deque
from typing import Literal

from .config import RateLimit

Kind = Literal["call", "upload", "search", "part", "download", "commit", "urgent"]


class Bucket:
    """A bucket of tokens, each of which comes back a fixed time after it was taken.

    So a burst may use the whole budget at once, and still no window of that length, wherever it begins, sees more
    than the budget: a bucket that refills evenly would let through almost twice as much in its first minute.

    Args:
        size: How many tokens there are; None for no limit.
        window: Seconds after which a token comes back.
    """

    def __init__(self, size: int | None, window: float = 60.0) -> None:
        self._taken: deque[float] | None = None if size is None else deque(maxlen=size)
        self._window = window

    def free_at(self, now: float) -> float:
        """Return the time at which the next token can be had."""
        if self._taken is None or len(self._taken) < (self._taken.maxlen or 0):
            return now
        return max(now, self._taken[0] + self._window)

    def take(self, at: float) -> None:
        """Take a token at that time, which may be in the future: waiting callers are served in their order."""
        if self._taken is not None:
            self._taken.append(at)


class RateLimiter:
    """The budgets of one identity: every request counts as a call, uploads and searches against their own budget too.

    Args:
        limit: What may be sent a minute.
    """

    def __init__(self, limit: RateLimit) -> None:
        calls = Bucket(limit.calls)
        # Box's developer guide allows a user six searches a second besides those a minute
        searches = [Bucket(limit.searches), Bucket(6 if limit.searches else None, 1.0)]
        self._buckets: dict[Kind, list[Bucket]] = {
            "call": [calls],
            "part": [calls],
            "download": [calls],
            "commit": [calls],
            "urgent": [calls],
            "upload": [calls, Bucket(limit.uploads)],
            "search": [calls, *searches],
        }
        self._lock = threading.Lock()

    def reserve(self, kind: Kind, now: float, latest: float) -> float:
        """Return when the request may go; a time after `latest` is told, but not reserved."""
        with self._lock:
            buckets = self._buckets[kind]
            at = max(bucket.free_at(now) for bucket in buckets)
            if at <= latest:
                for bucket in buckets:
                    bucket.take(at)
            return at


_limiters: dict[tuple[object, ...], RateLimiter] = {}
_lock = threading.Lock()


def limiter_of(identity: str, limit: RateLimit, clock: object) -> RateLimiter:
    """Return the one limiter of an identity in this process."""
    with _lock:
        return _limiters.setdefault((identity, limit, clock), RateLimiter(limit))
