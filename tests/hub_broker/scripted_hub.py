"""A Hub's `GET /user`, told by the test who has which token; the suites marked `hub` use a real one."""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCOPE = "custom:jupyter-box:token"


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


class ScriptedHub:
    """`tokens` maps tokens to the models that `GET /hub/api/user` answers; `status` other than 200 is for all."""

    def __init__(self) -> None:
        self.tokens, self.given = {}, []
        self.recover()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/hub/api"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def recover(self) -> None:
        """Answer again as it should."""
        self.status, self.calls, self.html = 200, 0, ""

    def token(self, name: str, *, kind: str = "user", groups=(), scopes=(SCOPE,), **more) -> str:
        """Return a new token of a user."""
        token = f"hubcanary{secrets.token_hex(16)}"
        model = {"name": name, "kind": kind, "groups": list(groups), "admin": False, "scopes": list(scopes)}
        self.tokens[token] = {**model, "token_id": f"a{len(self.given)}", **more}
        self.given.append(token)
        return token

    def _handler(hub):  # noqa: N805  the handler below has `self`
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, body = hub.status, {"version": "5.5.0"}
                if self.path.endswith("/user"):
                    hub.calls += 1
                    body = hub.tokens.get(self.headers.get("Authorization", "").removeprefix("token "))
                    if body is None and status == 200:
                        status, body = 403, {"status": 403, "message": "Missing or invalid credentials."}
                text = hub.html.encode() or json.dumps(body).encode()
                self.send_response_only(status)
                self.send_header("Content-Type", "text/html" if hub.html else "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        return Handler
