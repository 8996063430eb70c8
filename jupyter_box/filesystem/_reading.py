"""A file of Box that is open for reading: blocks fetched side by side and ahead of the reader, a few of them kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from fsspec.caching import BaseCache, register_cache
from fsspec.spec import AbstractBufferedFile

from jupyter_box.errors import Changed, Corrupted, Denied, NotFound

from ._threads import pool

# Bytes: a round trip to Box takes as long as this on an ordinary line, so that smaller blocks gain no time.
BLOCK = 2 << 20
KEPT = 32  # blocks, 64 MiB
AHEAD = 8  # blocks
_LINE = 1 << 14  # bytes in which a line's end is looked for


class Blocks(BaseCache):  # type: ignore[misc]
    """Keeps the blocks of one file that were read last, and fetches ahead of who reads one after the other.

    Args:
        blocksize: Bytes of a block.
        fetcher: Returns the bytes from a start up to an end.
        size: The file's bytes.
        kept: The most blocks in memory.
        ahead: The most blocks that are fetched before they are asked for; it grows up to that while reading goes on.
    """

    name = "box"

    def __init__(
        self, blocksize: int, fetcher: Callable[[int, int], bytes], size: int, *, kept: int = KEPT, ahead: int = AHEAD
    ) -> None:
        super().__init__(blocksize, fetcher, size)
        self._kept, self._most_ahead = max(kept, 2), min(ahead, kept - 1)
        self._blocks: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._last, self._ahead = -1, 0
        self._lock = threading.Lock()

    def _fetch(self, start: int | None, stop: int | None) -> bytes:
        start, stop = start or 0, min(self.size if stop is None else stop, self.size)
        if start >= stop:
            return b""
        first, last = start // self.blocksize, (stop - 1) // self.blocksize
        if last - first >= self._kept:
            return self._through(start, stop)
        pieces = [self._result(number, block) for number, block in self._ask(first, last)]
        return _cut(pieces, start - first * self.blocksize, stop - first * self.blocksize)

    def _through(self, start: int, stop: int) -> bytes:
        """Return more than would be kept."""
        starts = range(start, stop, self.blocksize)
        return b"".join(pool().map(self.fetcher, starts, [min(place + self.blocksize, stop) for place in starts]))

    def _ask(self, first: int, last: int) -> list[tuple[int, Future[bytes]]]:
        with self._lock:
            wanted = [(number, self._block(number)) for number in range(first, last + 1)]
            self._look_ahead(first, last)
            self._drop()
            return wanted

    def _look_ahead(self, first: int, last: int) -> None:
        if last == self._last:
            return
        goes_on = first in {self._last, self._last + 1}
        self._ahead = min(max(1, self._ahead * 2), self._most_ahead) if goes_on else 0
        self._last = last
        end = -(-self.size // self.blocksize)
        for number in range(last + 1, min(last + 1 + self._ahead, end)):
            self._block(number)

    def _block(self, number: int) -> Future[bytes]:
        block = self._blocks.pop(number, None)
        if block is None:
            start = number * self.blocksize
            block = pool().submit(self.fetcher, start, min(start + self.blocksize, self.size))
        self._blocks[number] = block
        return block

    def _drop(self) -> None:
        while len(self._blocks) > self._kept:
            _, block = self._blocks.popitem(last=False)
            block.cancel()

    def _result(self, number: int, block: Future[bytes]) -> bytes:
        try:
            return block.result()
        except BaseException:
            with self._lock:
                self._blocks.pop(number, None)
            raise

    def close(self) -> None:
        """Forget the blocks; those that are not under way yet are not fetched any more."""
        with self._lock:
            while self._blocks:
                self._blocks.popitem()[1].cancel()

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: value for name, value in self.__dict__.items() if name not in {"_blocks", "_lock"}}
        return {**kept, "_last": -1, "_ahead": 0}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _blocks=OrderedDict(), _lock=threading.Lock())


register_cache(Blocks)


def _cut(pieces: list[bytes], start: int, stop: int) -> bytes:
    if len(pieces) == 1:
        return pieces[0] if (start, stop) == (0, len(pieces[0])) else pieces[0][start:stop]
    rest = stop - sum(map(len, pieces[:-1]))
    return b"".join([memoryview(pieces[0])[start:], *pieces[1:-1], memoryview(pieces[-1])[:rest]])


class Reader(AbstractBufferedFile):  # type: ignore[misc]
    """A file that is open for reading, as it was when it was opened; picklable.

    Args:
        fs: The file system.
        path: The address.
        details: What `fs.info` says of it.
        block_size: Bytes of a block.
        cache_type: The name of another of fsspec's caches.
        cache_options: For the cache: `kept` and `ahead`, in blocks.
    """

    def __init__(
        self,
        fs: Any,
        path: str,
        mode: str = "rb",
        block_size: int | str | None = None,
        *,
        details: dict[str, Any],
        cache_type: str = Blocks.name,
        cache_options: dict[str, Any] | None = None,
    ) -> None:
        self._details = details
        self._is_pinned = True
        super().__init__(
            fs,
            path,
            mode,
            BLOCK if block_size in {None, "default"} else block_size,
            cache_type=cache_type,
            cache_options=cache_options,
            size=details["size"],
        )

    def _fetch_range(self, start: int, end: int) -> bytes:
        try:
            return self._fetch_own(start, end)
        except (Changed, Corrupted, NotFound):
            self.fs.invalidate_cache(self.path)
            raise

    def _fetch_own(self, start: int, end: int) -> bytes:
        """Return bytes of the version that was opened, so that those of two versions never mix."""
        if self._is_pinned:
            try:
                return self.fs.fetch(self._details, start, end, is_pinned=True)  # type: ignore[no-any-return]
            except (Denied, NotFound):
                # accounts without a history keep no past version, and not every role may ask for one by its id
                self.fs.check_unchanged(self._details)
                self._is_pinned = False
        return self.fs.fetch(self._details, start, end)  # type: ignore[no-any-return]

    def readline(self, size: int | None = -1) -> bytes:
        """Return the next line, with its end; or `size` bytes of it."""
        start: int = self.tell()
        line: bytes = self.readuntil(b"\n", blocks=_LINE)
        if size is None or size < 0 or len(line) <= size:
            return line
        self.seek(start + size)
        return line[:size]

    def close(self) -> None:
        """Forget what was read."""
        if not self.closed and isinstance(self.cache, Blocks):
            self.cache.close()
        super().close()
