"""A real JupyterHub with a real proxy: two users, each with a server, a kernel and a folder in Box of their own."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
import requests
from requests.adapters import HTTPAdapter
from running import EXTENSIONS, Running
from urllib3 import Retry

TOOLS = Path(__file__).parents[2] / ".tools" / "node_modules" / ".bin"
USERS = ("alice", "bob")

pytestmark = [pytest.mark.hub, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def proxy():
    found = shutil.which("configurable-http-proxy", path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    if not found:
        pytest.skip("configurable-http-proxy is not there: `make node` installs it")
    pytest.importorskip("jupyterhub", reason="jupyterhub is not there: pip install -e '.[hub]'")
    return found


@pytest.fixture(scope="module")
def homes(running_emulator):
    """The folder in Box that has one folder for each user."""
    from traitlets.config import Config

    from jupyter_box import connect

    with pytest.MonkeyPatch.context() as patch:
        for name, value in running_emulator.env.items():
            if name != "BOX_JWT_CONFIG_FILE":
                patch.setenv(name, value)
        with connect(Config(), rate_limit="off") as drive:
            for user in USERS:
                drive.mkdir(f"/homes/{user}")
                drive.write(f"/homes/{user}/of {user}.txt", user.encode())
    return "/homes"


@pytest.fixture(scope="module")
def hub(running_emulator, homes, proxy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    box = {name: value for name, value in running_emulator.env.items() if name != "BOX_JWT_CONFIG_FILE"}
    port, hub_port, proxy_port = free_ports(3)
    given = {
        "port": port, "hub_port": hub_port, "proxy_port": proxy_port, "proxy": proxy, "folder": str(folder),
        "token": secrets.token_hex(16), "environment": box, "root": homes, "extensions": EXTENSIONS,
    }  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BOX_", "JUPYTER"))}
    environment |= {"HUB_OF_THIS_TEST": json.dumps(given), "HOME": str(folder)}
    config = Path(__file__).with_name("jupyterhub_config.py")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub", "-f", str(config)], env=environment, cwd=folder, text=True,
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


@pytest.fixture(scope="module")
def servers(hub):
    return {user: hub.start(user) for user in USERS}


@pytest.mark.parametrize("user", USERS)
def test_the_rest_face_shows_each_user_their_own_folder(servers, user):
    server = servers[user]
    status = server.ask("GET", "status").json()
    assert (status["connected"], status["root"]["name"]) == (True, user)
    names = [item["name"] for item in server.ask("GET", "items/").json()["items"]]
    assert f"of {user}.txt" in names
    assert server.ask("GET", f"files/of {user}.txt").content == user.encode()
    assert server.ask("PUT", "files/sent.bin", data=b"x" * 3_000_000).status_code == 201
    assert server.ask("GET", "files/sent.bin", headers={"Range": "bytes=0-2"}).content == b"xxx"
    assert server.ask("DELETE", "shared-links/sent.bin").status_code == 204
    assert server.ask("GET", "search?q=sent").status_code == 200


def test_nobody_reaches_the_other_users_server(servers):
    server = servers["alice"]
    answer = server.http.get(
        server.url.replace("alice", "bob") + "jupyter-box/status", timeout=30, allow_redirects=False
    )
    assert answer.status_code in {302, 403}
    assert requests.get(f"{server.url}jupyter-box/status", timeout=30, allow_redirects=False).status_code in {302, 403}


@pytest.mark.parametrize("user", USERS)
def test_a_kernels_token_never_goes_out_through_the_proxy(servers, user):
    answer = servers[user].ask("POST", "kernel-token")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("user", USERS)
def test_the_magics_work_in_each_users_kernel_without_the_secret(servers, running_emulator, user):
    inherited, loaded, listed, made, found, above = servers[user].run(
        "import os, json; print(json.dumps(dict(os.environ)))",
        "%load_ext jupyter_box",
        "%box_ls /",
        "open('made here.txt', 'w').write('made')\n%box_upload 'made here.txt' /kernel",
        "import jupyter_box; print(jupyter_box.connect().read('/kernel/made here.txt'))",
        "jupyter_box.connect().client.folders.get_folder_items('0').entries",
    )
    environment = json.loads(inherited)
    assert running_emulator.env["BOX_CLIENT_SECRET"] not in inherited
    assert environment["BOX_SERVER_URL"].endswith(f"/user/{user}/")
    assert loaded == ""
    assert f"of {user}.txt" in listed
    assert "Traceback" not in made
    assert found.strip() == "b'made'"
    other = next(name for name in USERS if name != user)
    assert f"of {other}" not in above


def test_no_secret_is_in_the_logs_of_the_hub_and_its_servers(servers, hub, running_emulator):
    assert running_emulator.env["BOX_CLIENT_SECRET"] not in "".join(hub.lines)
