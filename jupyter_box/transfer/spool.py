"""A file that arrives piece by piece and in any order, kept on the disk until Box has it; who reads it waits."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_box.errors import Busy, Cancelled, Corrupted

from .local import BLOCK, Source, Stamp, local_errors

Ranges = tuple[tuple[int, int], ...]
PATIENCE = 60.0  # seconds without a new byte, after which whoever reads gives its thread back


class Spool(Source):
    """The bytes of one upload so far; safe to use from many threads.

    Args:
        path: Where they are kept; made if it is not there.
        size: The file's bytes.
        label: How errors name it.
        done: What is there from before, as first byte and the byte after the last of each range.
        sha1: What the SHA-1 of the whole must be, in hex; empty where nobody said.
        patience: Seconds that a reader waits for a new byte.
    """

    def __init__(
        self, path: Path, size: int, label: str, *, done: Ranges = (), sha1: str = "", patience: float = PATIENCE
    ) -> None:
        with local_errors(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        super().__init__(os.fdopen(descriptor, "r+b", buffering=0), label, size)
        self.path = path
        self.stamp = Stamp(size, 0, 0)  # the bytes of one upload never change
        self.done = done
        self.cancel = threading.Event()
        self._is_paused = False
        self._sha1, self._patience = sha1, patience
        self._arrived = threading.Condition()

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are there."""
        return not missing(self.done, 0, self.size)

    def write(self, offset: int, data: bytes | memoryview) -> Ranges:
        """Keep bytes, on the disk before this returns; what is there already is not written again.

        Returns:
            What is there then.

        Raises:
            Cancelled: The bytes were discarded meanwhile.
            BoxError: The disk refuses them.
        """
        view = memoryview(data)
        try:
            with local_errors(self.label):
                for start, end in missing(self.done, offset, offset + len(view)):
                    self._write(start, view[start - offset : end - offset])
                os.fsync(self._file.fileno())
        except ValueError:  # the file is closed
            raise Cancelled(f"The upload of {self.label} has ended.") from None
        with self._arrived:
            self.done = merged((*self.done, (offset, offset + len(view))))
            self._arrived.notify_all()
            return self.done

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        """Yield the bytes from `start` up to `end`, once they have arrived.

        Raises:
            Busy: Nothing arrived for too long; what is there is kept.
            Cancelled: The upload was.
        """
        last = self.size if end is None else end
        for place in range(start, last, BLOCK):
            self._wait_for(place, min(place + BLOCK, last))
            yield from super().blocks(place, min(place + BLOCK, last))

    def check(self) -> None:
        """Do nothing if the whole has the SHA-1 that it must have.

        Raises:
            Corrupted: It has another.
        """
        if self._sha1 and self._sha1 != self._digest():
            raise Corrupted(
                f"{self.label} arrived with other bytes than it was announced with; nothing of it was kept in Box.",
                hint="Upload it again once nothing writes to it.",
            )

    def pause(self) -> None:
        """Let nobody read on, as if no more bytes came; Box keeps what it has."""
        with self._arrived:
            self._is_paused = True
            self._arrived.notify_all()

    def stop(self) -> None:
        """End every wait for bytes: the upload is cancelled."""
        self.cancel.set()
        with self._arrived:
            self._arrived.notify_all()

    def close(self) -> None:
        """Leave the file open: `discard` closes it, once nobody reads any more."""

    def discard(self) -> None:
        """Remove the bytes."""
        self._file.close()
        assert self.path is not None
        self.path.unlink(missing_ok=True)

    def _digest(self) -> str:
        digest = hashlib.sha1(usedforsecurity=False)
        for block in self.blocks():
            digest.update(block)
        return digest.hexdigest()

    def _write(self, start: int, view: memoryview) -> None:
        with self._lock:
            self._file.seek(start)
            while view:
                view = view[self._file.write(view) :]

    def _wait_for(self, start: int, end: int) -> None:
        with self._arrived:
            until, seen = time.monotonic() + self._patience, self.done
            while self._is_paused or missing(self.done, start, end):
                if self.cancel.is_set():
                    raise Cancelled(f"The upload of {self.label} was cancelled.")
                if self._is_paused or time.monotonic() >= until:
                    raise Busy(f"{self.label} waits for the rest of its bytes.", hint="Send them.", code="paused")
                self._arrived.wait(max(0.0, until - time.monotonic()))
                if self.done != seen:
                    until, seen = time.monotonic() + self._patience, self.done


def merged(ranges: Ranges) -> Ranges:
    """Return the same bytes as the fewest ranges, in order.

    >>> merged(((4, 6), (0, 2), (2, 4), (9, 9)))
    ((0, 6),)
    """
    found: list[tuple[int, int]] = []
    for start, end in sorted(each for each in ranges if each[0] < each[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def missing(done: Ranges, start: int, end: int) -> Ranges:
    """Return what of the bytes from `start` up to `end` is not done.

    >>> missing(((0, 4), (6, 8)), 2, 10)
    ((4, 6), (8, 10))
    """
    gaps: list[tuple[int, int]] = []
    for first, last in done:
        if start < min(first, end):
            gaps.append((start, min(first, end)))
        start = max(start, last)
    if start < end:
        gaps.append((start, end))
    return tuple(gaps)
