"""A real JupyterHub with configurable-http-proxy on loopback, which starts users' servers as local processes."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_api}"
c.ConfigurableHTTPProxy.command = ["{chp}"]
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.cookie_secret_file = "{folder}/cookie-secret"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/home-{{username}}"
c.Spawner.cmd = ["{python}", "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.env_keep = ["PATH"]
c.Spawner.environment = {environment!r}
c.JupyterHub.services = [{{"name": "test", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{
    "name": "test", "services": ["test"], "scopes": ["admin:users", "admin:servers", "access:servers", "tokens"]
}}]
{more}
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Hub:
    """The Hub; a context manager.

    Args:
        folder: Where it keeps its files and the users' homes.
        environment: What the users' servers get.
        more: Further lines of its configuration.
        python: The interpreter that has the JupyterHub to be run.
    """

    def __init__(self, folder: Path, environment: dict, more: str = "", python: str = sys.executable) -> None:
        chp = shutil.which("configurable-http-proxy")
        if not chp:
            pytest.skip("configurable-http-proxy is not on the PATH: make node")
        self.folder, self.token, self.port, self.python = folder, secrets.token_hex(), free_port(), python
        self.api_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.text = CONFIG.format(
            proxy=self.port,
            hub=self.api_port,
            proxy_api=free_port(),
            chp=chp,
            folder=folder,
            python=python,
            environment=environment,
            token=self.token,
            more=more,
        )

    def __enter__(self):
        config = self.folder / "jupyterhub_config.py"
        config.write_text(self.text)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("BOX_", "JUPYTERHUB_"))}
        self.log = self.folder / "hub.log"
        with self.log.open("a") as log:
            command = [self.python, "-m", "jupyterhub", "-f", str(config)]
            self.process = subprocess.Popen(command, cwd=self.folder, env=own, stdout=log, stderr=log)
        self._until(lambda: self.ask("GET", "/hub/api/").ok)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)

    def start(self, user: str) -> None:
        """Start a user's server and wait until it serves."""
        self.ask("POST", f"/hub/api/users/{user}")
        self.ask("POST", f"/hub/api/users/{user}/server")
        self._until(lambda: self.ask("GET", f"/hub/api/users/{user}").json()["servers"].get("", {}).get("ready"))

    def ask(self, method: str, path: str, **options: object) -> requests.Response:
        """Send a request through the proxy, as a service with rights over users and their servers."""
        headers = {"Authorization": f"token {self.token}"}
        return requests.request(method, self.url + path, headers=headers, timeout=60, **options)

    def _until(self, done) -> None:
        end = time.monotonic() + 90
        while self.process.poll() is None and time.monotonic() < end:
            try:
                if done():
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        pytest.fail(self.log.read_text()[-5000:])
