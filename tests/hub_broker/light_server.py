"""Stands in for jupyterhub-singleuser where many have to start: asks the broker once, then answers whatever is asked.

Fifty real servers do not fit on the machine that runs the tests; the suites with one or two users start real ones.
"""

import json
import os
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

home, token = Path(os.environ["HOME"]), os.environ["JUPYTERHUB_API_TOKEN"]
(home / "token").write_text(token)


def ask() -> dict:
    request = urllib.request.Request(
        f"{os.environ['BOX_BROKER_URL']}/token", method="POST", headers={"Authorization": f"token {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return {"status": answer.status, **json.load(answer)}
    except urllib.error.HTTPError as error:
        return {"status": error.code, **json.load(error)}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


(home / "answer.json").write_text(json.dumps(ask()))
HTTPServer(("127.0.0.1", urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port), Handler).serve_forever()
