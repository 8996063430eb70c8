"""A real JupyterHub with a real proxy: two users, each with a server, a kernel and a folder in Box of their own."""

import json

import pytest
import requests
from local_hub import USERS, running_hub

pytestmark = [pytest.mark.hub, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def hub(running_emulator, homes, proxy, tmp_path_factory):
    with running_hub(tmp_path_factory.mktemp("hub"), running_emulator, homes, proxy) as hub:
        yield hub


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
