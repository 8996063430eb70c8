"""Which real JupyterHubs there are to try, and how each is configured: by the overlay that administrators use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from hub_process import Hub

ROOT = Path(__file__).parents[2]
SCOPE = "custom:jupyter-box:token"
OTHER = ROOT / ".venv-hub55" / "bin" / "python"
LIGHT = Path(__file__).with_name("light_server.py")
# Pythons with a JupyterHub, most recent first; `make test` makes the second
PYTHONS = os.environ.get("HUB_PYTHONS", os.pathsep.join([sys.executable, *([str(OTHER)] if OTHER.exists() else [])]))

DECLARE = f'c.JupyterHub.custom_scopes = {{"{SCOPE}": {{"description": "A Box token"}}}}\n'
LIGHTLY = f'c.Spawner.cmd = ["{sys.executable}", "{LIGHT}"]\nc.Spawner.args = []\n'
REALLY = """
c.Spawner.cmd = ["{python}", "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", '--ServerApp.jpserver_extensions={{"jupyter_box": True}}']
c.Spawner.environment["JUPYTERHUB_SINGLEUSER_APP"] = "jupyter_server.serverapp.ServerApp"
"""
ROLE = 'c.JupyterHub.load_roles.append({{"name": "{}", "scopes": {}}})\n'
SERVER = ROLE.format("server", ["users:activity!user", "access:servers!server", SCOPE])
USER = ROLE.format("user", ["self", SCOPE])
GROUP = f"""
c.JupyterHub.load_groups = {{"box": {{"users": ["alice"]}}}}
c.JupyterHub.load_roles.append({{"name": "box", "groups": ["box"], "scopes": ["{SCOPE}"]}})
"""


def overlay() -> str:
    """Return what helm/values/broker.yaml adds to a Hub's configuration."""
    values = yaml.safe_load((ROOT / "helm/values/broker.yaml").read_text())["hub"]
    return DECLARE + "".join(values["extraConfig"].values())


def version_of(python: str) -> str:
    """Return the version of a Python's JupyterHub; empty where it has none."""
    code = "import jupyterhub; print(jupyterhub.__version__)"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


class RunningHub(Hub):
    """A Hub whose users' servers are told of a broker that starts later, on a port of its own."""

    def __init__(self, folder: Path, python: str, broker_port: int, more: str) -> None:
        environment = {"BOX_BROKER_URL": f"http://127.0.0.1:{broker_port}"}
        super().__init__(folder, environment, more, python)
        self.api = f"http://127.0.0.1:{self.api_port}/hub/api"
        self.given = []

    def token_of(self, user: str) -> str:
        """Return the Hub token that a light server of the user was started with."""
        self.given.append((self.folder / f"home-{user}" / "token").read_text())
        return self.given[-1]

    def answer_of(self, user: str) -> dict:
        """Return what the broker answered to a light server of the user."""
        return json.loads((self.folder / f"home-{user}" / "answer.json").read_text())

    def new_token(self, user: str) -> str:
        """Return another token of a user, with all that the user may."""
        self.given.append(self.ask("POST", f"/hub/api/users/{user}/tokens", json={"note": "test"}).json()["token"])
        return self.given[-1]
