"""Counts what moves and tells a listener, seldom enough to cost nothing; how it looks is the listener's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_box.errors import BoxError, Cancelled
from jupyter_box.events import Listener, Phase, Progress

_EVERY = 0.1  # seconds between two events; a person sees no more
_SMOOTHING = 0.3  # weight of the newest rate


class Meter:
    """The progress of one transfer or one run; safe to use from many threads.

    Args:
        path: What it is about, as the events name it.
        total: Bytes in all; None while it is not known.
        files_total: Files in all.
        listener: Who is told.
        cancel: Ends the work when it is set.
    """

    def __init__(
        self,
        path: str,
        total: int | None,
        listener: Listener,
        cancel: threading.Event | None = None,
        files_total: int = 1,
    ) -> None:
        self.path = path
        self.total = total
        self.files_total = files_total
        self.done = 0
        self.files_done = 0
        self.rate = 0.0
        self.cancel = cancel or threading.Event()
        self._listener = listener
        self._lock = threading.Lock()
        self._told = self._began = time.monotonic()
        self._told_bytes = 0

    def add(self, count: int) -> None:
        """Count bytes that moved; a negative count takes back what must move again."""
        with self._lock:
            self.done += count
            now = time.monotonic()
            due = now - self._told >= _EVERY
            if due:
                self._note_rate(now)
        if due:
            self.tell("running")

    def _note_rate(self, now: float) -> None:
        newest = max(0.0, (self.done - self._told_bytes) / (now - self._told))
        self.rate = newest if not self.rate else self.rate + _SMOOTHING * (newest - self.rate)
        self._told, self._told_bytes = now, self.done

    def add_file(self) -> None:
        """Count a file that ended."""
        with self._lock:
            self.files_done += 1
        self.tell("running")

    def expect(self, size: int, files: int = 0) -> None:
        """Raise what is expected in all."""
        with self._lock:
            self.total = (self.total or 0) + size
            self.files_total += files

    def restart(self, total: int) -> None:
        """Count anew, for a single file that must move again as a whole."""
        with self._lock:
            if self.files_total == 1:
                self.done, self.total = 0, total

    def wait(self, seconds: float, reason: str) -> None:
        """Tell that the work waits; ends it if the caller has cancelled."""
        self.check()
        self.tell("waiting", reason or f"Waiting {seconds:.0f} s")

    def check(self) -> None:
        """Do nothing unless the caller has cancelled.

        Raises:
            Cancelled: The caller has.
        """
        if self.cancel.is_set():
            raise Cancelled(f"The transfer of {self.path} was cancelled.")

    def tell(self, phase: Phase, message: str = "", code: str = "") -> None:
        """Tell the listener where the work stands."""
        self._listener(
            Progress(
                self.path, phase, self.done, self.total, self.files_done, self.files_total, self.rate, message, code
            )
        )


@contextmanager
def told(meter: Meter) -> Iterator[Meter]:
    """Tell the beginning and, whatever happens, the end of the work inside."""
    meter.tell("started")
    try:
        yield meter
    except BaseException as error:
        code = error.code if isinstance(error, BoxError) else Cancelled.code
        phase: Phase = "cancelled" if code == Cancelled.code else "failed"
        meter.tell(phase, str(error) or type(error).__name__, code)
        raise
    meter.files_done = max(1, meter.files_done)
    meter.tell("done")
