"""What the handlers share: the drive, built at its first use, and the threads that its work runs in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_box.config import BoxConfig
from jupyter_box.errors import NotConfigured

if TYPE_CHECKING:
    from jupyter_box.drive import Drive

CALLS = 8  # quick work at once; Box itself allows some 17 calls a second


class Backend:
    """The drive and its threads; a long transfer has threads of its own, so that it never delays a listing.

    Args:
        config: The settings.
        problem: Why there can be no drive, where that is known from the start.
    """

    def __init__(self, config: BoxConfig, problem: NotConfigured | None = None) -> None:
        self.config = config
        self.calls = ThreadPoolExecutor(CALLS, "box-call")
        self.transfers = ThreadPoolExecutor(config.max_parallel_transfers, "box-transfer")
        self.closing = threading.Event()
        self._problem = problem
        self._attended: set[threading.Event] = set()
        self._lock = threading.Lock()
        self._drive: Drive | None = None

    def drive(self) -> Drive:
        """Return the drive; to be called in a thread.

        Raises:
            NotConfigured: There are no credentials, or only half of them.
        """
        if self._problem is not None:
            raise self._problem
        with self._lock:
            if self._drive is None:
                from jupyter_box.drive import Drive

                self._drive = Drive.connect(self.config)
            return self._drive

    @contextmanager
    def attending(self, cancel: threading.Event) -> Iterator[None]:
        """Set `cancel` if the server stops meanwhile."""
        self._attended.add(cancel)
        try:
            yield
        finally:
            self._attended.discard(cancel)

    def close(self) -> None:
        """End waits and retries, and give the connections back."""
        self.closing.set()
        for cancel in list(self._attended):
            cancel.set()
        for pool in (self.calls, self.transfers):
            pool.shutdown(wait=False, cancel_futures=True)
        if self._drive is not None:
            self._drive.close()
