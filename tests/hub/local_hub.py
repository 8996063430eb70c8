"""A JupyterHub of this test run's own with its proxy: local processes, started and stopped with all that they start."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import requests
from emulated import by_client_credentials
from requests.adapters import HTTPAdapter
from running import EXTENSIONS, Running
from urllib3 import Retry

USERS = ("alice", "bob")


@contextlib.contextmanager
def running_hub(folder, emulator, root, proxy, *arguments, extensions=EXTENSIONS, environment=None):
    """Start a Hub whose users each have their own folder below `root` of Box.

    Args:
        folder: Where it keeps what it writes, and the users' homes.
        emulator: Box.
        root: The folder of Box that has one folder for each user.
        proxy: The program configurable-http-proxy.
        arguments: More arguments of each user's server.
        extensions: The server extensions, and whether each is loaded.
        environment: More of each user's environment.
    """
    port, hub_port, proxy_port = free_ports(3)
    given = {
        "port": port, "hub_port": hub_port, "proxy_port": proxy_port, "proxy": proxy, "folder": str(folder),
        "token": secrets.token_hex(16), "root": root, "extensions": extensions, "arguments": arguments,
        "environment": {**by_client_credentials(emulator.env), **(environment or {})},
    }  # fmt: skip
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BOX_", "JUPYTER"))}
    inherited |= {"HUB_OF_THIS_TEST": json.dumps(given), "HOME": str(folder)}
    config = Path(__file__).with_name("jupyterhub_config.py")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub", "-f", str(config)], env=inherited, cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True)
    reader.start()
    try:
        yield Hub(f"http://127.0.0.1:{port}", given["token"], lines)
    finally:
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()  # the Hub ends its proxy and its servers itself, unless it has not come up yet
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        for each in [process, *started]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()
        reader.join(5)


class Hub:
    """The Hub's API, asked by a service that may start servers."""

    def __init__(self, url, token, lines):
        self.url, self.lines = url, lines
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"token {token}"
        # the proxy answers before the Hub has told it where the Hub is
        self.http.mount("http://", HTTPAdapter(max_retries=patient((404, 502, 503))))
        self.http.get(f"{url}/hub/api/", timeout=60).raise_for_status()
        self.http.mount("http://", HTTPAdapter())

    def api(self, method, path, **json):
        answer = self.http.request(method, f"{self.url}/hub/api/{path}", json=json or None, timeout=60)
        assert answer.ok, f"{answer.status_code} {answer.text}\n{''.join(self.lines)}"
        return answer.json() if answer.content else None

    def start(self, user):
        """Start a user's server; returns it as the user sees it through the proxy."""
        self.api("POST", f"users/{user}")
        token = self.api("POST", f"users/{user}/tokens", note="test")["token"]
        self.api("POST", f"users/{user}/server")
        progress = self.http.get(f"{self.url}/hub/api/users/{user}/server/progress", stream=True, timeout=90)
        told = [line for line in progress.iter_lines(decode_unicode=True) if '"ready": true' in line]
        assert told, "".join(self.lines)
        server = Running(None, f"{self.url}/user/{user}/", self.lines, token)
        server.http.mount("http://", HTTPAdapter(max_retries=patient(())))
        return server


def patient(statuses):
    return Retry(connect=40, read=0, status=40, backoff_factor=0.05, status_forcelist=statuses, allowed_methods=None)


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
