"""The broker as an administrator runs it: `jupyter-box broker` in a process of its own, on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

CANARY = "boxsecretcanary"


class Broker:
    """One broker; `url` is its address, `log` its lines.

    Args:
        folder: Where its log and its secret file are.
        box: The emulator.
        hub: The Hub's API.
        environment: Further settings.
    """

    def __init__(self, folder: Path, box, hub: str, environment: dict, port: int = 0) -> None:
        self._folder, self._out = folder, folder / "broker.log"
        self.secret = folder / "client-secret"
        given = box.env
        self.secrets = [given["BOX_CLIENT_SECRET"]]
        self.secret.write_text(given["BOX_CLIENT_SECRET"])
        self.environment = {
            "PATH": os.environ["PATH"],
            "BOX_URL": given["BOX_URL"],
            "BOX_CLIENT_ID": given["BOX_CLIENT_ID"],
            "BOX_ENTERPRISE_ID": given["BOX_ENTERPRISE_ID"],
            "BOX_CLIENT_SECRET_FILE": str(self.secret),
            "JUPYTERHUB_API_URL": hub,
            "BOX_BROKER_PORT": str(port),
            "BOX_BROKER_IP": "127.0.0.1",
            **environment,
        }
        self.given = []

    def start(self):
        """Start it and wait until it listens."""
        with self._out.open("a") as out:
            command = [sys.executable, "-m", "jupyter_box.cli", "broker"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out)
        self.began = len(self.lines())
        port = self.wait_for("started")["port"]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def lines(self) -> list[dict]:
        """Return its log so far."""
        return [json.loads(line) for line in self._out.read_text().splitlines() if line.startswith("{")]

    def wait_for(self, event: str, seconds: float = 30, **about) -> dict:
        """Return the first line of its log with this event, once it is there."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.lines():
                if line["event"] == event and all(line.get(name) == value for name, value in about.items()):
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        pytest.fail(f"no {event!r} in the log:\n{self._out.read_text()[-4000:]}")

    def ask(self, token: str, body: object = None, **headers: str) -> requests.Response:
        """Ask for a token as the client does."""
        headers = {"Authorization": f"token {token}", **headers}
        answer = requests.post(f"{self.url}/token", json=body or {}, headers=headers, timeout=60)
        if answer.ok:
            self.given.append(answer.json()["access_token"])
        else:
            self.check_refusal(answer)
        return answer

    def check_refusal(self, answer: requests.Response) -> None:
        """Check that a refusal has the form of the contract."""
        assert set(answer.json()) == {"code", "message", "hint", "request_id"}
        assert answer.headers["Cache-Control"] == "no-store"
        assert not any(secret in answer.text for secret in self.secrets)

    def check_secrets(self, hub) -> None:
        """Check that the log has no token and no secret."""
        text = self._out.read_text()
        for secret in (*self.secrets, *self.given, *hub.given):
            assert secret not in text
