"""A server that answers what a test tells it: stands in for what the emulator is not (the broker, a proxy's page)."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jupyter_box._network import Clock


@dataclass
class Answer:
    status: int = 200
    json: object = None
    headers: dict[str, str] = field(default_factory=dict)
    html: str = ""


class Scripted:
    """Answers in order, then `{}` for ever; `seen` are (method, path, headers, body) of what came."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.seen, self.connections = list(answers), [], set()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _handler(script) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler below has `self`
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                script.seen.append((self.command, self.path, dict(self.headers), body))
                script.connections.add(self.client_address)
                answer = script.answers.pop(0) if script.answers else Answer(json={})
                text = answer.html.encode() if answer.html else json.dumps(answer.json).encode()
                self.send_response_only(answer.status)
                headers = {"Content-Type": "text/html" if answer.html else "application/json", **answer.headers}
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has gone."""


class Stopwatch(Clock):
    """A clock that only a wait moves; `waits` are the seconds of each."""

    def __init__(self) -> None:
        self.now, self.waits, self._lock = 1000.0, [], threading.Lock()

    def monotonic(self) -> float:
        return self.now

    def random(self) -> float:
        return 0.5

    def sleep(self, seconds: float, cancel: threading.Event | None = None) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += seconds
