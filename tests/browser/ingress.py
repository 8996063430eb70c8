"""A small reverse proxy that takes no request above a size, as an ingress before a Hub does: it answers 413."""

import asyncio
import contextlib
import re
import threading

REFUSAL = b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>413</h1>"
BLOCK = 1 << 16


class Ingress:
    """A proxy on a port of its own; `refused` has the sizes that were too large.

    Args:
        port: Where the server behind it listens.
        limit: The most bytes of a request's body.
    """

    def __init__(self, port, limit):
        self.behind, self.limit = port, limit
        self.refused = []
        self.port = 0

    async def _serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            size = int((re.search(rb"(?i)\r\ncontent-length: *(\d+)", head) or [b"", b"0"])[1])
            if size > self.limit:
                await self._refuse(reader, writer, size)
            else:
                await self._pass_on(head, reader, writer)

    async def _refuse(self, reader, writer, size):
        self.refused.append(size)
        writer.write(REFUSAL)
        # what is still coming is read and dropped, or the client would see a broken connection instead of the answer
        while size > 0 and (block := await reader.read(BLOCK)):
            size -= len(block)

    async def _pass_on(self, head, reader, writer):
        if b"\r\nupgrade:" not in head.lower():
            head = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head).replace(
                b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
            )
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self.behind)
        upstream.write(head)
        there = asyncio.create_task(_copy(reader, upstream))
        await _copy(upstream_reader, writer)
        there.cancel()


async def _copy(reader, writer):
    with contextlib.suppress(OSError), contextlib.closing(writer):
        while block := await reader.read(BLOCK):
            writer.write(block)
            await writer.drain()


@contextlib.contextmanager
def running_ingress(port, limit):
    """Run an `Ingress` in a thread."""
    ingress, started = Ingress(port, limit), threading.Event()
    loops = []

    async def serve():
        stopped = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stopped))
        server = await asyncio.start_server(ingress._serve, "127.0.0.1", 0)
        ingress.port = server.sockets[0].getsockname()[1]
        started.set()
        await stopped.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield ingress
    finally:
        loop, stopped = loops[0]
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
