"""Box's rate limits, when switched on: calls, uploads and searches a minute for each user."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from jupyter_box.emulator.problems import Problem

if TYPE_CHECKING:
    from jupyter_box.emulator.store import Store

UPLOADS = frozenset(
    {"post_files_content", "post_files_id_content", "post_files_upload_sessions", "post_files_id_upload_sessions"}
)
WINDOW = 60.0


class Limits:
    """Counts each user's requests of the last minute."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._seen: dict[tuple[int, str], deque[float]] = {}

    def check(self, user: int, operation: str) -> None:
        """Count a request; raise `rate_limit_exceeded` when it is one too many."""
        text = self.store.rules.rate_limit
        if not text or text == "off":
            self._seen.clear()
            return
        calls, uploads, searches = (int(number) for number in text.split(","))
        self._count(user, "calls", calls)
        if operation in UPLOADS:
            self._count(user, "uploads", uploads)
        if operation == "get_search":
            self._count(user, "searches", searches)

    def _count(self, user: int, what: str, limit: int) -> None:
        now, seen = time.monotonic(), self._seen.setdefault((user, what), deque())
        while seen and seen[0] <= now - WINDOW:
            seen.popleft()
        if len(seen) >= limit:
            wait = int(seen[0] + WINDOW - now) + 1
            raise Problem(
                "rate_limit_exceeded", "Request rate limit exceeded, please try again later", retry_after=wait
            )
        seen.append(now)
