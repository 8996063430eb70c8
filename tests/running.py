"""A real `jupyter server` process for tests, as a person starts it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

EXTENSIONS = {"jupyter_box": True, "jupyterlab": False, "jupyter_lsp": False, "notebook_shim": False}
HOMES = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
TOKEN = "the-token-of-this-process"


class Running:
    """A server process: its address, its log so far, and kernels in it."""

    def __init__(self, process, url, lines, token, runtime=None):
        self.process, self.url, self.lines, self.token, self._runtime = process, url, lines, token, runtime
        self.http = requests.Session()
        self.http.trust_env = False
        # the address is told just before the port listens
        for scheme in ("http://", "https://"):
            self.http.mount(scheme, HTTPAdapter(max_retries=Retry(connect=20, read=0, backoff_factor=0.05)))
        if token:
            self.http.headers["Authorization"] = f"token {token}"

    @property
    def log(self):
        return "".join(self.lines)

    def end(self, how=signal.SIGTERM):
        """End the process for good, by a signal; a killed one leaves files that look as if it were ready."""
        self.process.send_signal(how)
        self.process.wait(20)
        for file in self._runtime.glob("jpserver-*"):
            file.unlink(missing_ok=True)

    def ask(self, method, path, **options):
        return self.http.request(method, f"{self.url}jupyter-box/{path}", timeout=30, allow_redirects=False, **options)

    def run(self, *cells, timeout=60):
        """Run cells in a new kernel of the server; returns what they printed, tracebacks included."""
        from websocket import create_connection

        kernel = self.http.post(f"{self.url}api/kernels", json={"name": "python3"}, timeout=60).json()["id"]
        header = [f"Authorization: token {self.token}"] if self.token else []
        address = self.url.replace("http", "ws", 1) + f"api/kernels/{kernel}/channels"
        trusted = {"ca_certs": self.http.verify} if isinstance(self.http.verify, str) else None
        connection = create_connection(address, header=header, timeout=timeout, sslopt=trusted)
        with contextlib.closing(connection) as socket:
            outputs = [_execute(socket, cell) for cell in cells]
        self.http.delete(f"{self.url}api/kernels/{kernel}", timeout=30)
        return outputs


def _execute(socket, cell):
    header = {"msg_id": os.urandom(8).hex(), "msg_type": "execute_request", "username": "", "session": "t"}
    message = {
        "header": {**header, "version": "5.3"},
        "parent_header": {},
        "metadata": {},
        "channel": "shell",
        "content": {"code": cell, "silent": False, "allow_stdin": False},
    }
    socket.send(json.dumps(message))
    printed = []
    while True:
        answer = json.loads(socket.recv())
        if answer["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        content = answer["content"]
        if answer["msg_type"] == "stream":
            printed.append(content["text"])
        elif answer["msg_type"] in {"execute_result", "display_data"}:
            printed.append(content["data"].get("text/plain", ""))
        elif answer["msg_type"] == "error":
            printed.append("\n".join(content["traceback"]))
        elif answer["msg_type"] == "status" and content["execution_state"] == "idle":
            return "".join(printed)


@contextlib.contextmanager
def running_server(folder, environment, *arguments, token=TOKEN):
    """Start `jupyter server` with the extension in an empty home; stops it at the end."""
    home = {name: str(folder / name) for name in HOMES}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BOX_", "JUPYTER"))}
    login = [f"--IdentityProvider.token={token}"] if token else []
    port = [] if any(argument.startswith("--ServerApp.port=") for argument in arguments) else ["--ServerApp.port=0"]
    options = ["--allow-root", *port, f"--ServerApp.root_dir={folder}", *login, *arguments]
    extensions = f"--ServerApp.jpserver_extensions={EXTENSIONS}"
    command = [sys.executable, "-m", "jupyter_server", extensions, *options]
    process = subprocess.Popen(
        command, env={**inherited, **home, **environment}, cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines = []
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        runtime = folder / "JUPYTER_RUNTIME_DIR"
        yield Running(process, _wait_until_ready(process, runtime, lines), lines, token, runtime)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)


def _read(process, lines):
    lines.extend(iter(process.stdout.readline, ""))


def _wait_until_ready(process, runtime, lines):
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            with contextlib.suppress(ValueError):  # half-written
                return json.loads(file.read_text())["url"]
        time.sleep(0.02)  # there is no event to wait for
    raise AssertionError("".join(lines))
