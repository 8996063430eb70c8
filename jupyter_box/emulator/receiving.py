"""Request bodies as they arrive: to memory when small, to disk and through the digests when they are contents."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_box.emulator.messages import Upload
from jupyter_box.emulator.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_box.emulator.store.blobs import Blobs

LARGEST_JSON = 16 * 1024 * 1024
WORTH_A_THREAD = 64 * 1024
BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
NAME = re.compile(rb'[;\s]name="([^"]*)"')
FILENAME = re.compile(rb'filename="([^"]*)"')


class Sink(Protocol):
    """Where a body goes."""

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""

    async def close(self) -> Upload | None:
        """Finish; return what was received."""

    def abandon(self) -> None:
        """Drop what was received: the request failed or the connection broke."""


class Memory:
    """A small body, kept whole."""

    def __init__(self) -> None:
        self.body = bytearray()

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes; refuse more than a JSON body ever needs."""
        if len(self.body) + len(chunk) > LARGEST_JSON:
            raise Problem("bad_request", "The request body is too large")
        self.body += chunk

    async def close(self) -> None:
        """Finish."""

    def abandon(self) -> None:
        """Drop the body."""
        self.body.clear()


class Nowhere:
    """A body nobody wants, because the answer is a refusal already."""

    async def write(self, chunk: bytes) -> None:
        """Drop the bytes."""

    async def close(self) -> None:
        """Finish."""

    def abandon(self) -> None:
        """Nothing to drop."""


class Disk:
    """Bytes to their place in a file, digested on the way; one step behind in a thread, so that reading goes on."""

    def __init__(self, descriptor: int, offset: int = 0, *, sha512: bool = False) -> None:
        self.descriptor = descriptor
        self.offset = offset
        self.size = 0
        self.sha1 = hashlib.sha1(usedforsecurity=False)
        self.sha512 = hashlib.sha512() if sha512 else None
        self._step: asyncio.Future[None] | None = None

    async def write(self, data: Any) -> None:
        """Take the next bytes."""
        await self._settle()
        place = self.offset + self.size
        self.size += len(data)
        if len(data) < WORTH_A_THREAD:
            self._keep(data, place)
        else:
            self._step = asyncio.get_running_loop().run_in_executor(None, self._keep, data, place)

    def _keep(self, data: Any, place: int) -> None:
        self.sha1.update(data)
        if self.sha512 is not None:
            self.sha512.update(data)
        view = memoryview(data)
        while view:
            written = os.pwrite(self.descriptor, view, place)
            view, place = view[written:], place + written

    async def _settle(self) -> None:
        if self._step is not None:
            step, self._step = self._step, None
            await step

    async def close(self) -> None:
        """Finish the last step and close the file."""
        try:
            await self._settle()
        finally:
            self._shut()

    def _shut(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def abandon(self) -> None:
        """Close the file as soon as no thread writes to it any more."""
        if self._step is None or self._step.done():
            self._shut()
        else:
            self._step.add_done_callback(lambda _: self._shut())


class Part:
    """A part of an upload session, straight to its place in the file to be."""

    def __init__(self, descriptor: int, offset: int, size: int, release: Callable[[], None], *, sha512: bool) -> None:
        self.disk = Disk(descriptor, offset, sha512=sha512)
        self.room = size
        self.release = release

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes; more than the range has are counted but not kept."""
        fits = max(0, self.room - self.disk.size)
        if len(chunk) <= fits:
            await self.disk.write(chunk)
        else:
            await self.disk.write(chunk[:fits])
            self.room = -1

    async def close(self) -> Upload:
        """Finish; a body longer than its range counts as empty, which fits no range."""
        await self.disk.close()
        sha512 = self.disk.sha512.hexdigest() if self.disk.sha512 else ""
        size = self.disk.size if self.room >= 0 else -1
        return Upload(size=size, sha1=self.disk.sha1.hexdigest(), sha512=sha512)

    def abandon(self) -> None:
        """Give the range back; what was written will be written over."""
        self.disk.abandon()
        self.release()


class Multipart:
    """A multipart/form-data body: the part `attributes` to memory, the file part, whatever its name, to disk."""

    def __init__(self, blobs: Blobs, content_type: str) -> None:
        match = BOUNDARY.search(content_type)
        if match is None or "multipart/form-data" not in content_type.lower():
            raise Problem("bad_request", "The body must be multipart/form-data")
        self.blobs = blobs
        self.delimiter = b"\r\n--" + match.group(1).encode("latin-1")
        self.attributes: bytearray | None = None
        self.attributes_first = True
        self.disk: Disk | None = None
        self.blob: str | None = None
        self.filename = ""
        self._target = ""
        self._tail: bytes = b"\r\n"
        self._state = "data"

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        for data in self._pieces(self._tail + chunk):
            await self._take(data)

    def _pieces(self, buffer: bytes) -> Iterator[memoryview]:
        view, start = memoryview(buffer), 0
        while self._state != "end":
            step = self._data(buffer, start) if self._state == "data" else self._between(buffer, start)
            begin, end, following = step
            if end > begin:
                yield view[begin:end]
            if following < 0:
                start = max(end, start)
                break
            start = following
        self._tail = b"" if self._state == "end" else buffer[start:]

    def _data(self, buffer: bytes, start: int) -> tuple[int, int, int]:
        """Return what of the buffer is data from `start`, and where to go on (-1: wait for more)."""
        found = buffer.find(self.delimiter, start)
        if found < 0:
            return start, max(start, len(buffer) - len(self.delimiter) + 1), -1
        self._state = "between"
        return start, found, found + len(self.delimiter)

    def _between(self, buffer: bytes, start: int) -> tuple[int, int, int]:
        """Read a part's headers, or the end of all parts."""
        if buffer[start : start + 2] == b"--":
            self._state = "end"
            return 0, 0, start + 2
        found = buffer.find(b"\r\n\r\n", start)
        if found < 0:
            return 0, 0, -1
        self._begin(buffer[start:found])
        self._state = "data"
        return 0, 0, found + 4

    def _begin(self, headers: bytes) -> None:
        name, filename = NAME.search(headers), FILENAME.search(headers)
        if name and name.group(1) == b"attributes":
            self._target = "attributes"
            self.attributes = bytearray()
            self.attributes_first = self.disk is None
        elif self.disk is None:
            self._target = "file"
            self.blob = self.blobs.new()
            self.disk = Disk(self.blobs.create(self.blob))
            self.filename = filename.group(1).decode("utf-8", "replace") if filename else ""
        else:
            self._target = ""

    async def _take(self, data: memoryview) -> None:
        if self._target == "attributes" and self.attributes is not None:
            if len(self.attributes) + len(data) > LARGEST_JSON:
                raise Problem("bad_request", "The attributes are too large")
            self.attributes += data
        elif self._target == "file" and self.disk is not None:
            await self.disk.write(data)

    async def close(self) -> Upload:
        """Finish; a body that ends before its last boundary is refused."""
        if self.disk is not None:
            await self.disk.close()
        if self._state != "end":
            raise Problem("bad_request", "The multipart body ends too early")
        return Upload(
            blob=self.blob,
            size=self.disk.size if self.disk else 0,
            sha1=self.disk.sha1.hexdigest() if self.disk else "",
            attributes=None if self.attributes is None else bytes(self.attributes),
            attributes_first=self.attributes_first,
            filename=self.filename,
        )

    def abandon(self) -> None:
        """Remove what was written."""
        if self.disk is not None:
            self.disk.abandon()
        if self.blob is not None:
            self.blobs.discard(self.blob)
