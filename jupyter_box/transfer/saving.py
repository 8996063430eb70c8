"""A file of Box onto the disk: a temporary file beside the target, verified, then renamed over it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jupyter_box.errors import BoxError, QuotaFull
from jupyter_box.items import Item
from jupyter_box.session import waiting

from .content import Content
from .download import Address, new_sha1, verify
from .lanes import Gate, Lanes
from .local import BLOCK, local_errors, set_modified
from .progress import Meter
from .report import in_bytes

RANGE = 8 << 20  # bytes of one range: long enough to fill a connection, short enough to share the work evenly
SUFFIX = ".box-part"


class Saving:
    """One download of one file.

    Args:
        content: Box's calls.
        gate: How much comes in at once.
        item: The file, with its size and SHA-1; of a past version, those of that version.
        version: The id of a past version; None for the current one.
        target: Where it goes; what is there is replaced.
        meter: Told of every byte; says when to stop.
    """

    def __init__(
        self, content: Content, gate: Gate, item: Item, version: str | None, target: Path, meter: Meter
    ) -> None:
        self._gate, self._item, self._target, self._meter = gate, item, target, meter
        self._address = Address(content, item, version)
        self._size = item.size or 0

    def run(self) -> Path:
        """Fetch the file and return where it is."""
        with (
            waiting(self._wait, cancel=self._meter.cancel),
            local_errors(self._target),
            _scratch(self._target) as scratch,
        ):
            _check_space(self._target, self._size)
            descriptor = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            try:
                verify(self._item, self._fill(descriptor))
            finally:
                os.close(descriptor)
            self._keep(scratch)
        return self._target

    def _keep(self, scratch: Path) -> None:
        if self._target.is_dir():
            raise BoxError(f"{self._target} is a folder.", hint="Choose another name for the file.", code="is_a_folder")
        with suppress(FileNotFoundError):
            shutil.copymode(self._target, scratch)
        set_modified(scratch, self._item.content_modified)
        os.replace(scratch, self._target)

    def _wait(self, seconds: float, reason: str) -> None:
        self._gate.shrink()
        self._meter.wait(seconds, reason)

    def _pause(self, seconds: float, reason: str) -> None:
        self._wait(seconds, reason)
        self._meter.cancel.wait(seconds)

    def _fill(self, descriptor: int) -> str:
        if self._size < 2 * RANGE:
            return self._in_one(descriptor)
        os.truncate(descriptor, self._size)
        with Lanes(self._gate, self._meter.check) as lanes:
            for start in range(0, self._size, RANGE):
                lanes.run(self._place, descriptor, start, min(start + RANGE, self._size))
        return _sha1_of(descriptor)

    def _in_one(self, descriptor: int) -> str:
        digest = new_sha1()
        self._gate.enter(self._meter.check)
        try:
            for block in self._blocks(0, self._size):
                _write(descriptor, block)
                digest.update(block)
        finally:
            self._gate.leave()
        return digest.hexdigest()

    def _place(self, descriptor: int, start: int, end: int) -> None:
        for block in self._blocks(start, end):
            with local_errors(self._target):
                start += _pwrite(descriptor, block, start)

    def _blocks(self, start: int, end: int) -> Iterator[bytes]:
        for block in self._address.blocks(start, end, self._size, self._meter.check, self._pause):
            yield block
            self._meter.add(len(block))
            self._gate.note(len(block))


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    scratch = target.parent / f".{target.name[:180]}.{secrets.token_hex(4)}{SUFFIX}"
    try:
        yield scratch
    finally:
        with suppress(OSError):
            scratch.unlink()


def _check_space(target: Path, size: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < size:
        raise QuotaFull(
            f"{target} needs {in_bytes(size)}, {target.parent} has {in_bytes(free)} left.",
            hint="Free some space on this machine.",
            code="disk_full",
        )


def _write(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _pwrite(descriptor: int, block: bytes, offset: int) -> int:
    view = memoryview(block)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count
    return len(block)


def _sha1_of(descriptor: int) -> str:
    digest, offset = new_sha1(), 0
    while block := os.pread(descriptor, BLOCK, offset):
        digest.update(block)
        offset += len(block)
    return digest.hexdigest()
