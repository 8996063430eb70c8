"""A file of Box onto the disk: a temporary file beside the target, verified, then renamed over it."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from jupyter_box.errors import Changed, Corrupted, QuotaFull
from jupyter_box.items import Item
from jupyter_box.session import holding, waiting

from .content import Content
from .download import Address, verify
from .hashing import InOrder, new_sha1, pieces_of
from .journal import Journal, Pending, key_of
from .lanes import Gate, Lanes, Place, is_trouble
from .local import BLOCK, LocalError, local_errors, set_modified
from .progress import Meter
from .report import in_bytes

RANGE = 8 << 20  # bytes of one range: long enough to fill a connection, short enough to share the work evenly
SUFFIX = ".box-part"
_SAVE_EVERY = 0.5  # seconds between two notes of what has come: a kill costs no more than that


class Saving:
    """One download of one file.

    Args:
        content: Box's calls.
        gate: How much comes in at once.
        journal: Where it is written down, so that it can go on after a crash.
        item: The file, with its size and SHA-1; of a past version, those of that version.
        target: Where it goes; what is there is replaced.
        meter: Told of every byte; says when to stop.
        version: The id of a past version; None for the current one.
        range_size: Bytes of one range; a file of two and more comes in ranges.
        check: Called before the file gets its name; may raise, and then what is there stays.
    """

    def __init__(
        self,
        content: Content,
        gate: Gate,
        journal: Journal,
        *,
        item: Item,
        target: Path,
        meter: Meter,
        version: str | None = None,
        range_size: int = RANGE,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._content, self._gate, self._journal = content, gate, journal
        self._item, self._target, self._meter, self._version = item, target, meter, version
        self._range, self._check = range_size, check
        self._key = key_of("download", content.session.identity, str(target.absolute()), item.id, version or "")
        self._scratch = target.parent / f".{_cut(target.name)}.{self._key[:8]}{SUFFIX}"

    @property
    def _size(self) -> int:
        return self._item.size or 0

    def run(self) -> Path:
        """Fetch the file and return where it is."""
        with waiting(self._meter.wait, cancel=self._meter.cancel), self._claim() as is_journaled:
            if not is_journaled:
                self._scratch = self._scratch.with_name(f"{self._scratch.stem}-{secrets.token_hex(4)}{SUFFIX}")
            try:
                with local_errors(self._target):
                    self._fetch(is_journaled=is_journaled)
            except BaseException as error:
                if not (is_journaled and is_trouble(error)):
                    self._clear()
                raise
            if is_journaled:
                self._journal.drop(self._key)
        return self._target

    def _claim(self) -> AbstractContextManager[bool]:
        return self._journal.claim(self._key) if self._size >= 2 * self._range else nullcontext(False)

    def _fetch(self, *, is_journaled: bool) -> None:
        _check_target(self._target)
        done = self._earlier() if is_journaled else set[int]()
        try:
            verify(self._item, self._fill(done, is_journaled=is_journaled))
        except (Corrupted, Changed):
            # a break can damage what came, and someone may have written a new version: one new start
            self._clear()
            self._item = self._item if self._version else self._content.stat(self._item.id).at(self._item.path)
            self._meter.restart(self._size)
            verify(self._item, self._fill(set(), is_journaled=is_journaled))
        self._keep()

    def _keep(self) -> None:
        with suppress(FileNotFoundError):
            shutil.copymode(self._target, self._scratch)
        set_modified(self._scratch, self._item.content_modified)
        self._check()
        self._scratch.replace(self._target)

    def _clear(self) -> None:
        with suppress(OSError):
            self._scratch.unlink()
        self._journal.drop(self._key)

    def _earlier(self) -> set[int]:
        """Return where the ranges begin that an earlier try has fetched of the same content."""
        pending = self._journal.get(self._key)
        if pending and pending.state.get("content") == self._content_key() and _size_of(self._scratch) == self._size:
            return set(pending.state.get("done") or ())
        self._clear()
        return set()

    def _content_key(self) -> list[str | int | None]:
        return [self._item.sha1, self._item.version, self._size, self._range]

    def _fill(self, done: set[int], *, is_journaled: bool) -> str:
        flags = os.O_RDWR | os.O_CREAT | (0 if done else os.O_TRUNC) | getattr(os, "O_BINARY", 0)
        _check_space(self._target, self._size - self._range * len(done))
        descriptor = os.open(self._scratch, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            if self._size < 2 * self._range:
                return self._in_one(descriptor)
            return self._in_ranges(descriptor, done, is_journaled=is_journaled)
        finally:
            os.close(descriptor)

    def _in_one(self, descriptor: int) -> str:
        digest, address, offset = new_sha1(), Address(self._content, self._item, self._version), 0
        with holding(Place(self._gate, self._meter.check)):
            for block in self._blocks(address, 0, self._size, self._meter.check):
                offset += _pwrite(descriptor, block, offset)
                digest.update(block)
        return digest.hexdigest()

    def _in_ranges(self, descriptor: int, done: set[int], *, is_journaled: bool) -> str:
        address = Address(self._content, self._item, self._version)
        os.truncate(descriptor, self._size)
        arrived = _Arrived(descriptor, self._size, self._range, done, self._note if is_journaled else _forget)
        self._meter.add(sum(min(self._range, self._size - start) for start in done))

        def fetch(start: int, end: int, check: Callable[[], None]) -> None:
            offset = start
            for block in self._blocks(address, start, end, check):
                with local_errors(self._target):
                    offset += _pwrite(descriptor, block, offset)
            arrived.add(start)

        with arrived:
            with Lanes(self._gate, self._meter.check) as lanes:
                for start, end in pieces_of(self._size, self._range):
                    if start not in done:
                        lanes.run(fetch, start, end, lanes.check)
            return arrived.sha1()

    def _note(self, done: list[int]) -> None:
        self._journal.put(self._pending(done))

    def _pending(self, done: list[int]) -> Pending:
        state = {"scratch": str(self._scratch), "content": self._content_key(), "done": done}
        name, identity = self._item.path or self._item.name, self._content.session.identity
        return Pending(self._key, "download", identity, str(self._target.absolute()), name, self._size, state, 0)

    def _blocks(self, address: Address, start: int, end: int, check: Callable[[], None]) -> Iterator[bytes]:
        for block in address.blocks(start, end, check):
            check()
            yield block
            self._meter.add(len(block))
            self._gate.note(len(block))


class _Arrived(InOrder):
    """Which ranges have come: they are hashed in their order while others still come, and noted now and then.

    Args:
        descriptor: The file.
        size: Its bytes.
        step: The bytes of a range.
        done: Where the ranges begin that are there already.
        note: Told now and then which there are.
    """

    look_every = _SAVE_EVERY

    def __init__(
        self, descriptor: int, size: int, step: int, done: set[int], note: Callable[[list[int]], None]
    ) -> None:
        super().__init__(pieces_of(size, step), lambda start, end: _blocks(descriptor, start, end), done)
        self._note = note
        self._noted, self._due = len(done), 0.0

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._due = 0.0
        self.look()

    def look(self) -> None:
        """Note what has come, if there is more than was noted, and not too soon after that."""
        if len(self.ready) > self._noted and time.monotonic() >= self._due:
            self._noted, self._due = len(self.ready), time.monotonic() + _SAVE_EVERY
            self._note(sorted(self.ready.copy()))


def _blocks(descriptor: int, offset: int, end: int) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(BLOCK))
    while offset < end:
        count = os.preadv(descriptor, [buffer[: min(BLOCK, end - offset)]], offset)
        if not count:
            return  # someone cut the file: the SHA-1 will tell
        yield buffer[:count]
        offset += count


def _forget(_done: list[int]) -> None:
    """Note nothing."""


def _cut(name: str) -> str:
    """Return the beginning of a name; file systems count its bytes, and ours has more to come."""
    return name.encode(errors="ignore")[:120].decode(errors="ignore")


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise LocalError(f"{target} is a folder.", hint="Choose another name for the file.", code="is_a_folder")


def _check_space(target: Path, size: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < size:
        raise QuotaFull(
            f"{target} needs {in_bytes(size)}, {target.parent} has {in_bytes(free)} left.",
            hint="Free some space on this machine.",
            code="disk_full",
        )


def _size_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return -1


def _pwrite(descriptor: int, block: bytes, offset: int) -> int:
    view = memoryview(block)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count
    return len(block)
