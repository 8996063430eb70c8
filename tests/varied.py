"""A Box that answers otherwise than the emulator wherever Box's documents leave it open: a proxy before the emulator.

Short pages; times with an offset; fields nobody has heard of, and optional ones left out; conflicts as a list where
the emulator has an object, and the reverse; JSON compressed and in chunks; header names in small letters.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

PAGE = 40  # entries, whatever the client asks for: Box may give fewer than the limit
CHUNK = 97  # bytes
PACIFIC = timezone(timedelta(hours=-8))
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)")
OPTIONAL = {"session_endpoints", "help_url", "request_id"}
OF_THE_MESSAGE = {"content-encoding", "content-length", "content-type", "transfer-encoding"}
OF_THE_CONNECTION = {"connection", "date", "server"}


@contextmanager
def varied(target: str):
    """Yield the address of a Box that varies the answers of the emulator at `target`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Varied, target.rstrip("/")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Varied(BaseHTTPRequestHandler):
    """Passes one request on, and the answer back as another implementation might have worded it."""

    protocol_version = "HTTP/1.1"

    def __init__(self, target, *args):
        self.target = target
        super().__init__(*args)

    def log_message(self, *_args):
        """Say nothing: the emulator has a log."""

    def do_GET(self):
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=60)
        try:
            connection.request(self.command, self.asked(), self.body(), self.passed_on())
            answer = connection.getresponse()
            self.reply(answer, answer.read())
        finally:
            connection.close()

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def asked(self):
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.has_marker = query.get("usemarker") == "true"
        if "limit" in query:
            query["limit"] = str(min(int(query["limit"]), PAGE))
        return url.path + (f"?{urlencode(query)}" if query else "")

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(iter(self.chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def chunk(self):
        size = int(self.rfile.readline(), 16)
        return self.rfile.read(size + 2)[:size]

    def passed_on(self):
        left_out = {"accept-encoding", "connection", "content-length", "host", "transfer-encoding"}
        return {name: value for name, value in self.headers.items() if name.lower() not in left_out}

    def reply(self, answer, content):
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in OF_THE_MESSAGE | OF_THE_CONNECTION:
                self.send_header(name.lower(), self.here(value))
        if "json" in answer.headers.get("Content-Type", "") and content:
            return self.reply_json(self.otherwise(json.loads(content)))
        if answer.status != http.HTTPStatus.NO_CONTENT:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        return self.wfile.write(content)

    def reply_json(self, value):
        content = gzip.compress(json.dumps(value).encode())
        self.send_header("content-type", "application/json; charset=utf-8")
        self.send_header("content-encoding", "gzip")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for start in range(0, len(content), CHUNK):
            part = content[start : start + CHUNK]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def here(self, text):
        return text.replace(self.target, f"http://{self.headers['Host']}")

    def otherwise(self, value):
        if isinstance(value, list):
            return [self.otherwise(entry) for entry in value]
        if isinstance(value, str):
            return _elsewhere(value) if TIME.fullmatch(value) else self.here(value)
        if not isinstance(value, dict):
            return value
        return self.page(
            {
                name: _other_shape(entry) if name == "conflicts" else self.otherwise(entry)
                for name, entry in value.items()
                if name not in OPTIONAL
            }
        ) | {"of_another_year": {"type": "unheard_of", "id": "1"}}

    def page(self, value):
        if "entries" not in value or not self.has_marker:
            return value
        value.pop("total_count", None)
        return value | {"next_marker": value.get("next_marker") or ""}


def _elsewhere(time):
    return datetime.fromisoformat(time.replace("Z", "+00:00")).astimezone(PACIFIC).isoformat()


def _other_shape(conflicts):
    if isinstance(conflicts, dict):
        return [conflicts]
    return conflicts[0] if len(conflicts) == 1 else conflicts
