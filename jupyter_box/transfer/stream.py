"""A large upload whose bytes come once and are kept nowhere, as from a browser: part by part, a few parts in memory."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

from .content import Part, UploadSession
from .local import BLOCK, Source
from .upload import Sent, Upload

_AHEAD = 4  # parts in memory; Box's guide advises three to five parts at once


def is_one_way(source: object) -> bool:
    """Tell whether the source is a stream that can be read only once."""
    return isinstance(source, io.IOBase) and not source.seekable()


class StreamSource(Source):
    """A stream of known size that can be read only once; a part stays until it is released.

    Args:
        stream: Where the bytes come from.
        label: How errors name it.
        size: Its bytes.
    """

    def __init__(self, stream: BinaryIO, label: str, size: int) -> None:
        super().__init__(io.BytesIO(), label, size)
        self._stream = stream
        self._parts: dict[int, bytes] = {}
        self._room = threading.Semaphore(_AHEAD)
        self._position = 0

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        """Yield the bytes of a part: the next one, or one that is not released yet."""
        if start == self._position and start not in self._parts:
            self._take((self.size if end is None else end) - start)
        data = memoryview(self._parts[start])
        for place in range(0, len(data), BLOCK):
            yield data[place : place + BLOCK]

    def wait_for_room(self, check: Callable[[], None]) -> None:
        """Wait until there is room for one more part; `check` may raise to give up."""
        while not self._room.acquire(timeout=0.1):
            check()

    def release(self, start: int) -> None:
        """Forget the part that starts there."""
        self._parts.pop(start, None)
        self._room.release()

    def _take(self, size: int) -> None:
        data = self._stream.read(size)
        if len(data) < size:
            raise self._changed()
        self._parts[self._position] = data
        self._position += size


class StreamUpload(Upload):
    """One upload of a `StreamSource`: as any upload in parts, but it cannot go on after a crash, nor begin again."""

    _source: StreamSource

    def _in_parts(self) -> Sent:
        return Sent(self._through(*self._new_session()), is_new=True)

    def _part(self, start: int, end: int, whole: hashlib._Hash) -> Part:
        self._source.wait_for_room(self._check)
        return super()._part(start, end, whole)

    def _carry(self, session: UploadSession, part: Part, stored: Part | None, done: dict[int, Part]) -> None:
        try:
            super()._carry(session, part, stored, done)
        finally:
            self._source.release(part.offset)
