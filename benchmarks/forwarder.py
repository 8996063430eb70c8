"""Ends TLS in front of the emulator, one connection to it for each from a client: `forwarder.py CERTIFICATE PORT`."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys

HTTPS = 443
PIECE = 1 << 18  # bytes


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write all that is read, then hang up."""
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
    writer.close()


async def serve(certificate: str, port: int) -> None:
    """Forward until the process is ended; says a line once it listens."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", port, limit=PIECE)
        await asyncio.gather(pour(reader, outer), pour(inner, writer))

    server = await asyncio.start_server(forward, "127.0.0.1", HTTPS, ssl=context, limit=PIECE)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
