"""The tornado shell: reads requests, asks a view, writes what it answers; all that is HTTP, and nothing that is Box."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import socket
import struct
from collections import Counter, deque
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from tornado import httputil
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets

from jupyter_box.emulator import answering, envelope, pages
from jupyter_box.emulator.authentication import identify, shared_link
from jupyter_box.emulator.control import Control
from jupyter_box.emulator.faults import Faults
from jupyter_box.emulator.limits import Limits
from jupyter_box.emulator.messages import Request, Response
from jupyter_box.emulator.network import Line, Network
from jupyter_box.emulator.problems import GrantProblem, Problem
from jupyter_box.emulator.receiving import Memory, Multipart, Nowhere, Part, Sink
from jupyter_box.emulator.routes import DOWNLOADS, EMULATED, NUMERIC, OTHERS, PAGES, Route, Table
from jupyter_box.emulator.views import sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tornado.http1connection import HTTP1Connection

    from jupyter_box.emulator.store import Store

    OnResponse = Callable[[str, str, int, Any], None]

log = logging.getLogger("jupyter_box.emulator")
PREFIXES = ("/api/2.0", "/2.0", "/api")
NO_BODY = (204, 304)
# What in a path opens a door by itself has no place in a log
SEALED = re.compile(r"^(/d/1/|/s/|/v/|/shared/static/|/2\.0/zip_downloads/)[^/]+")


def plain_path(path: str) -> str:
    """Return a path without the prefix of its host and without a trailing slash."""
    path = unquote(path.rstrip("/")) or "/"
    prefix = next((prefix for prefix in PREFIXES if path.startswith(prefix + "/")), "")
    return path[len(prefix) :]


class Server:
    """The two listening ports and what all requests share."""

    def __init__(self, store: Store, on_response: OnResponse | None = None) -> None:
        self.store = store
        self.on_response = on_response
        self.network = Network()
        self.faults = Faults()
        self.limits = Limits(store)
        self.control = Control(self)
        self.counts: Counter[str] = Counter()
        self.log: deque[dict[str, Any]] = deque(maxlen=10_000)
        self.news = asyncio.Condition()
        self.base = self.download_base = ""
        self._servers: list[HTTPServer] = []
        self.exchanges: set[Exchange] = set()

    def listen(self, port: int) -> None:
        """Open the API's port, and one more for downloads."""
        self.base = self._open(port, Table([*EMULATED, *OTHERS, *PAGES]))
        self.download_base = self._open(0, Table(DOWNLOADS))

    def _open(self, port: int, table: Table) -> str:
        (bound,) = bind_sockets(port, "127.0.0.1")
        server = HTTPServer(
            Connections(self, table), chunk_size=1 << 20, max_buffer_size=1 << 26, max_body_size=1 << 50
        )
        server.add_socket(bound)
        self._servers.append(server)
        return f"http://127.0.0.1:{bound.getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening and end all connections."""
        for server in self._servers:
            server.stop()
        self.faults.release(None)
        for exchange in list(self.exchanges):
            exchange.cancel()
        for server in self._servers:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(server.close_all_connections(), 2)

    async def tell_news(self) -> None:
        """Wake the long polls."""
        async with self.news:
            self.news.notify_all()


class Connections(httputil.HTTPServerConnectionDelegate):
    """Makes an exchange for every request of every connection."""

    def __init__(self, server: Server, table: Table) -> None:
        self.server = server
        self.table = table
        self.lines: dict[int, Line] = {}

    def start_request(self, server_conn: object, request_conn: httputil.HTTPConnection) -> Exchange:
        """Begin a request."""
        line = self.lines.setdefault(id(server_conn), Line(self.server.network))
        return Exchange(self.server, self.table, line, request_conn)  # type: ignore[arg-type]

    def on_close(self, server_conn: object) -> None:
        """Forget a connection."""
        self.lines.pop(id(server_conn), None)


class Exchange(httputil.HTTPMessageDelegate):
    """One request and its answer."""

    def __init__(self, server: Server, table: Table, line: Line, connection: HTTP1Connection) -> None:
        self.server = server
        self.table = table
        self.line = line
        self.connection = connection
        self.sink: Sink = Memory()
        self.refusal: Response | None = None
        self.route: Route | None = None
        self.request: Request | None = None
        self.received = 0
        self.limit: int | None = None
        self.task: asyncio.Task[None] | None = None

    async def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> None:
        """Find the route and the caller, and where the body goes."""
        self.server.exchanges.add(self)
        await self.line.arrive()
        self.method, self.headers = start_line.method, headers
        raw, _, query = start_line.path.partition("?")
        self.raw_path = raw.rstrip("/") or "/"
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.path = plain_path(raw)
        # a fault's route may name the path with the prefix of either host, or without
        self.label = "\n".join(f"{self.method} {path}" for path in (self.raw_path, self.path, f"/2.0{self.path}"))
        rule = self.server.faults.pick("reset_request", self.label)
        self.limit = rule.bytes if rule else None
        if self.limit == 0:
            self.reset()
        self._guard(self._open)

    def _guard(self, step: Callable[[], None]) -> None:
        """Run a step; what it refuses becomes the answer once the body is through."""
        try:
            step()
        except Problem as problem:
            self._refuse(envelope.of_problem(problem))
        except GrantProblem as problem:
            self._refuse(envelope.of_grant_problem(problem))
        except Exception as error:  # a defect of the emulator must not look like silence
            log.exception("%s %s failed", self.method, self.path)
            self._refuse(envelope.error(500, "internal_server_error", f"The emulator failed: {type(error).__name__}"))

    def _refuse(self, response: Response) -> None:
        self.sink.abandon()
        self.sink, self.refusal = Nowhere(), response

    def _open(self) -> None:
        self.refusal = answering.special(self)
        if self.refusal is not None or self.raw_path == "/_control":
            return
        method = "GET" if self.method == "HEAD" else self.method
        found = self.table.find(method, self.path)
        if found is None:
            known = self.table.methods(self.path)
            raise Problem(
                "method_not_allowed" if known else "not_found", "Method Not Allowed" if known else "Not Found"
            )
        self.route, params = found
        self.server.counts[self.route.operation] += 1
        if self.route.view is None:
            self.refusal = envelope.error(501, "not_implemented", f"{self.route.operation} is not emulated")
            return
        if any(name in NUMERIC and not value.isdecimal() for name, value in params.items()):
            raise Problem("method_not_allowed", "Method Not Allowed")
        self._identify(params)

    def _identify(self, params: dict[str, str]) -> None:
        assert self.route is not None
        store = self.server.store
        identity = None
        if not self.route.public:
            if self.server.faults.pick("unauthorized", self.label):
                raise Problem("unauthorized", "Unauthorized", reason="expired")
            identity = identify(store, self.headers, self.query)
            self.server.limits.check(identity.user, self.route.operation)
        self.request = Request(
            store=store,
            method=self.method,
            path=self.path,
            params=params,
            query=self.query,
            headers=self.headers,
            body=b"",
            base=self.server.base,
            download_base=self.server.download_base,
            identity=identity,
            shared_link=shared_link(self.headers),
        )
        self._choose_sink(self.request)

    def _choose_sink(self, request: Request) -> None:
        assert self.route is not None
        store = self.server.store
        if self.route.body == "multipart":
            self.sink = Multipart(store.blobs, self.headers.get("Content-Type", ""))
        elif self.route.body == "part":
            session = store.sessions.get(request.params["upload_session_id"], request.who.user)
            offset, size = sessions.part_range(session, self.headers.get("Content-Range"))
            algorithm, _ = sessions.digest_header(self.headers.get("Digest"))
            store.sessions.reserve(session, offset, size)
            key = session["id"]
            self.sink = Part(
                store.blobs.create(session["blob"]),
                offset,
                size,
                lambda: store.sessions.release(key, offset, size),
                sha512=algorithm == "sha-512",
            )

    async def data_received(self, chunk: bytes) -> None:
        """Take the next bytes of the body, as fast as the emulated line allows."""
        self.received += len(chunk)
        await self.line.carry("up", len(chunk))
        if self.limit is not None and self.received >= self.limit:
            self.reset()
            return
        try:
            await self.sink.write(chunk)
        except Problem as problem:
            self._refuse(envelope.of_problem(problem))

    def finish(self) -> None:
        """Answer, now that the request is whole."""
        self.connection.set_close_callback(self.cancel)
        self.task = asyncio.ensure_future(self._answer())

    def on_connection_close(self) -> None:
        """Drop the request: the client is gone."""
        self.cancel()

    def cancel(self) -> None:
        """End this exchange."""
        if self.task is not None:
            self.task.cancel()
        else:
            self.sink.abandon()
        self.server.exchanges.discard(self)

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        stream = self.connection.stream
        if stream.socket is not None:
            with contextlib.suppress(OSError):
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()

    async def _answer(self) -> None:
        try:
            response = self.refusal or await answering.answer(self)
            if response is not None:
                await Writer(self, response).write()
        except (StreamClosedError, asyncio.CancelledError):
            self.sink.abandon()
        except Exception:
            self.sink.abandon()
            log.exception("could not answer %s %s", self.method, self.path)
            self.connection.stream.close()
        finally:
            self.server.exchanges.discard(self)


class Writer:
    """Writes one response, with the faults that hit it on the way."""

    def __init__(self, exchange: Exchange, response: Response) -> None:
        self.exchange = exchange
        self.server = exchange.server
        self.response = response
        self.line = exchange.line
        self.connection = exchange.connection

    async def write(self) -> None:
        """Write status, headers and body."""
        body = self._body()
        self._record()
        headers = self._headers(body)
        start = httputil.ResponseStartLine("HTTP/1.1", self.response.status, _reason(self.response.status))
        stream = self.response.stream
        if self.exchange.method == "HEAD" or stream is None:
            data = b"" if self.exchange.method == "HEAD" else body
            await self.line.carry("down", len(data))
            await self.connection.write_headers(start, headers, data or None)
        else:
            await self.connection.write_headers(start, headers)
            await self._stream()
        self.connection.finish()

    def _body(self) -> bytes:
        if self.response.content is not None:
            return self.response.content
        if self.response.json is None:
            return b""
        return json.dumps(self.response.json, ensure_ascii=False, separators=(",", ":")).encode()

    def _headers(self, body: bytes) -> httputil.HTTPHeaders:
        response = self.response
        headers = httputil.HTTPHeaders(
            {"Server": pages.SERVER, "Date": formatdate(self.server.store.now(), usegmt=True)}
        )
        if response.status not in NO_BODY and (body or response.stream is not None):
            headers["Content-Type"] = response.content_type
        for name, value in response.headers.items():
            headers[name] = value
        for name, value in answering.cors(self.exchange).items():
            headers[name] = value
        size = answering.stream_size(response)
        if size is not None or response.stream is None:
            headers["Content-Length"] = str(len(body) if size is None else size)
        if response.status in NO_BODY:
            headers.pop("Content-Length", None)
        if size is None and response.stream is not None:
            headers["Transfer-Encoding"] = "chunked"
        return headers

    async def _stream(self) -> None:
        size, sent = answering.stream_size(self.response) or 0, 0
        faults, label = self.server.faults, self.exchange.label
        breaks = {kind: faults.pick(kind, label) for kind in ("reset_response", "truncate", "corrupt")}
        for chunk in answering.chunks(self.response, self.server.network.chunk()):
            data = answering.spoil(chunk, sent, breaks["corrupt"])
            for kind in ("reset_response", "truncate"):
                rule = breaks[kind]
                if rule is not None and sent + len(data) > rule.bytes:
                    await self._break(data[: rule.bytes - sent], kind)
                    return
            await self.line.carry("down", len(data))
            await self.connection.write(data)
            sent += len(data)
        assert size in (0, sent)

    async def _break(self, data: bytes, kind: str) -> None:
        if data:
            await self.connection.write(data)
        if kind == "reset_response":
            self.exchange.reset()
        self.connection.stream.close()
        raise StreamClosedError

    def _record(self) -> None:
        exchange, server = self.exchange, self.server
        operation = exchange.route.operation if exchange.route else None
        user = exchange.request.identity.user if exchange.request and exchange.request.identity else None
        server.log.append(
            {
                "method": exchange.method,
                "path": SEALED.sub(r"\1…", exchange.raw_path),
                "operation": operation,
                "status": self.response.status,
                "user": user,
                "received": exchange.received,
            }
        )
        if server.on_response is not None and operation and exchange.route and not exchange.route.undocumented:
            server.on_response(operation, exchange.method, self.response.status, self.response.json)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
