"""Ends what a line waits for once its caller asks to stop: a read that nobody answers would last for a minute."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakSet

_EVERY = 0.2  # seconds between two looks


class Line(Protocol):
    """A connection: whose caller's it is now, and how what it waits for ends at once."""

    cancel: threading.Event | None

    def stop(self) -> None:
        """Make whoever reads or writes fail now."""


class Stopper:
    """Looks after the connections of those who may ask to stop; its thread sleeps while there are none."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Know of nobody, and have no thread: as at first, and in a process just forked."""
        self._changed = threading.Condition()
        self._callers: Counter[threading.Event] = Counter()
        self._lines: WeakSet[Line] = WeakSet()
        self._thread: threading.Thread | None = None

    @contextmanager
    def heeding(self, cancel: threading.Event | None) -> Iterator[None]:
        """Stop the caller's connections as soon as `cancel` is set, while the block runs."""
        if cancel is None:
            yield
            return
        with self._changed:
            self._callers[cancel] += 1
            self._wake()
        try:
            yield
        finally:
            with self._changed:
                self._callers[cancel] -= 1
                self._callers += Counter()  # without those that are at nought

    def use(self, line: Line, cancel: threading.Event | None) -> None:
        """Take note of whose a connection is from now on."""
        line.cancel = cancel
        if cancel is not None:
            with self._changed:
                self._lines.add(line)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="box-stopper", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _watch(self) -> None:
        while True:
            for line in self._stopped():
                line.stop()
            time.sleep(_EVERY)

    def _stopped(self) -> list[Line]:
        with self._changed:
            while not self._callers:
                self._changed.wait()
            stopped = {caller for caller in self._callers if caller.is_set()}
            return [line for line in self._lines if line.cancel in stopped]


STOPPER = Stopper()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=STOPPER.begin)
