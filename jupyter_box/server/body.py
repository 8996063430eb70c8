"""A request's body as a file: the loop fills it, a thread reads it, and neither runs far ahead of the other."""

from __future__ import annotations

import asyncio
import io
import queue

from jupyter_box.errors import Cancelled

WINDOW = 4 * 1024 * 1024  # bytes that may wait for the reader; two of Tornado's largest reads would do
PATIENCE = 300.0  # seconds without a byte, after which a client counts as gone


class Body(io.RawIOBase):
    """The body of one request.

    Args:
        loop: The loop that fills it.
        size: The bytes that the client announced; None when it did not.
        patience: Seconds that a reader waits for the next byte.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int | None, *, patience: float = PATIENCE) -> None:
        super().__init__()
        self.size = size
        self._loop = loop
        self._patience = patience
        self._chunks: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
        self._waiting = 0
        self._room = asyncio.Event()
        self._room.set()
        self._rest = memoryview(b"")
        self._ended = False

    async def feed(self, chunk: bytes) -> None:
        """Add bytes, and wait while the reader is behind; after the reader closed the file they are dropped."""
        if self.closed:
            return
        self._chunks.put(chunk)
        self._waiting += len(chunk)
        if self._waiting > WINDOW:
            self._room.clear()
        await self._room.wait()

    def end(self) -> None:
        """Tell the reader that the body is complete."""
        self._chunks.put(b"")

    def abort(self) -> None:
        """Tell the reader that the rest will not come, so that it keeps nothing."""
        self._chunks.put(Cancelled("The client went away before it had sent the whole file.", hint="Send it again."))
        self._room.set()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read some bytes; 0 at the end.

        Raises:
            Cancelled: The client went away, or sent nothing for too long.
        """
        if not self._rest and not self._ended:
            self._rest = memoryview(self._next())
            self._ended = not self._rest
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next(self) -> bytes:
        try:
            chunk = self._chunks.get(timeout=self._patience)
        except queue.Empty:
            raise Cancelled(
                f"The client sent nothing for {self._patience:.0f} s.", hint="Send the file again."
            ) from None
        if isinstance(chunk, Exception):
            self._chunks.put(chunk)  # whoever reads on meets it again
            raise chunk
        self._tell_loop(len(chunk))
        return chunk

    def close(self) -> None:
        """End reading; a feeder that waits goes on."""
        if not self.closed:
            super().close()
            self._tell_loop(self._waiting)

    def _tell_loop(self, taken: int) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._make_room, taken)

    def _make_room(self, taken: int) -> None:
        self._waiting -= taken
        if self._waiting <= WINDOW or self.closed:
            self._room.set()
