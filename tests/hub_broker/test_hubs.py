"""Real JupyterHubs of every version at hand, with their proxy and users' servers, the broker and the emulator."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from broker_process import Broker
from hub_process import free_port
from hubs import DECLARE, GROUP, LIGHTLY, PYTHONS, REALLY, SERVER, USER, RunningHub, overlay, version_of

from jupyter_box.auth import Auth
from jupyter_box.config import BoxConfig, BrokerAccess
from jupyter_box.errors import BoxError

pytestmark = [pytest.mark.hub, pytest.mark.timeout(240)]
FAST = {"BOX_BROKER_CACHE_SECONDS": "1", "BOX_BROKER_RECHECK_SECONDS": "1", "BOX_BROKER_REQUESTS_PER_MINUTE": "100000"}


@pytest.fixture(scope="module", params=PYTHONS.split(os.pathsep), ids=lambda python: Path(python).parents[1].name)
def python(request):
    if not version_of(request.param):
        pytest.skip(f"{request.param} has no JupyterHub")
    return request.param


@contextlib.contextmanager
def running(folder, python, box, more, **environment):
    """A Hub with further configuration, and a broker that asks it."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    hub = RunningHub(folder, python, port, more)
    broker = Broker(folder, box, hub.api, {**FAST, **environment}, port)
    with hub:
        try:
            yield hub, broker.start()
        finally:
            broker.stop()
            broker.check_secrets(hub)


@pytest.mark.parametrize(
    ("more", "server", "user", "bob"),
    [
        (overlay(), 200, 200, 200),
        (DECLARE + SERVER + GROUP, 200, 200, 403),
        (DECLARE + USER, 403, 200, 403),
        (DECLARE + SERVER, 403, 403, 403),
    ],
    ids=["the overlay", "a group", "user alone", "server alone"],
)
def test_who_gets_a_token_by_the_hubs_roles(tmp_path, python, box, more, server, user, bob):
    with running(tmp_path / "hub", python, box, more + LIGHTLY) as (hub, broker):
        start_all(hub, ["alice", "bob"])
        assert hub.answer_of("alice")["status"] == server
        assert broker.ask(hub.new_token("alice")).status_code == user
        assert hub.answer_of("bob")["status"] == bob
        refused = [answer for answer in map(hub.answer_of, ("alice", "bob")) if answer["status"] == 403]
        assert {answer["code"] for answer in refused} <= {"hub_scope_missing"}


def start_all(hub, users):
    with ThreadPoolExecutor(len(users)) as pool:
        list(pool.map(hub.start, users))


def test_tokens_come_and_go_with_servers_and_users(tmp_path, python, box):
    with running(tmp_path / "hub", python, box, overlay() + LIGHTLY) as (hub, broker):
        start_all(hub, ["alice", "bob"])
        alice, bob = hub.answer_of("alice"), hub.answer_of("bob")
        assert alice["box_user"]["name"] == "alice"
        assert alice["box_user"]["id"] != bob["box_user"]["id"]
        assert broker.ask(hub.token).json()["code"] == "not_a_user"
        assert broker.ask("garbage").status_code == 401
        assert requests.post(f"{broker.url}/token?token={hub.token_of('bob')}", timeout=30).status_code == 401
        token = hub.token_of("alice")
        assert broker.ask(token).ok
        hub.ask("DELETE", "/hub/api/users/alice/server")
        # the Hub's word holds for a second here, a minute at most
        until(lambda: broker.ask(token).status_code == 401)
        broker.wait_for("revoked", user="alice")
        assert use(box, alice["access_token"]) == 401
        assert use(box, bob["access_token"]) == 200
        hub.ask("DELETE", "/hub/api/users/bob")
        broker.wait_for("revoked", user="bob")
        assert use(box, bob["access_token"]) == 401


def use(box, token) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{box.url}/2.0/folders/0", headers=headers, timeout=30).status_code


def until(done, seconds=30):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


def test_a_server_older_than_the_broker_works_after_a_restart(tmp_path, python, box):
    database = f'c.JupyterHub.db_url = "sqlite:///{tmp_path}/hub.sqlite"\nc.JupyterHub.cleanup_servers = False\n'
    with running(tmp_path / "hub", python, box, database + LIGHTLY) as (hub, broker):
        hub.start("alice")
        assert hub.answer_of("alice")["code"] == "hub_scope_missing"
        hub.__exit__()
        hub.text += overlay()
        hub.__enter__()
        assert broker.ask(hub.token_of("alice")).json()["code"] == "hub_scope_missing"
        assert "start it again" in broker.ask(hub.token_of("alice")).json()["hint"]
        hub.ask("DELETE", "/hub/api/users/alice/server")
        until(lambda: not hub.ask("GET", "/hub/api/users/alice").json()["servers"])
        hub.start("alice")
        assert hub.answer_of("alice")["status"] == 200
        hub.ask("DELETE", "/hub/api/users/alice/server")


def test_fifty_users_at_once_get_one_app_user_each(tmp_path, python, box):
    prefix = uuid.uuid4().hex[:6]
    users = [f"{prefix}-{number}" for number in range(50)]
    lightly = LIGHTLY + "c.JupyterHub.concurrent_spawn_limit = 0\n"
    with running(tmp_path / "hub", python, box, overlay() + lightly, BOX_RATE_LIMIT="1000,240,60") as (hub, _):
        start_all(hub, users)
        answers = [hub.answer_of(user) for user in users]
        assert {answer["status"] for answer in answers} == {200}
        assert len({answer["box_user"]["id"] for answer in answers}) == 50
        assert box.counts["post_users"] == 50
        calls = sum(count for name, count in box.counts.items() if "oauth2" not in name)
        assert calls < 1000


def test_the_broker_and_the_hub_restart_under_load_and_nobody_loses_anything(tmp_path, python, box):
    database = f'c.JupyterHub.db_url = "sqlite:///{tmp_path}/hub.sqlite"\n'
    with running(tmp_path / "hub", python, box, overlay() + database + LIGHTLY) as (hub, broker):
        hub.ask("POST", "/hub/api/users/alice")
        tokens, failures, done, ended = [hub.new_token("alice") for _ in range(4)], [], [0] * 4, threading.Event()
        access = [BrokerAccess(broker.url, token) for token in tokens]

        def work(number):
            while not ended.is_set():
                auth = Auth(access[number], BoxConfig(url=box.url).endpoints())
                try:
                    auth.token()
                    done[number] += 1
                except BoxError as error:
                    failures.append(str(error))
                finally:
                    auth.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: min(done) > 3)
        assert broker.stop() == 0
        broker.start()
        before = list(done)
        until(lambda: all(now > then for now, then in zip(done, before, strict=True)), 60)
        hub.__exit__()
        hub.__enter__()
        before = list(done)
        until(lambda: all(now > then for now, then in zip(done, before, strict=True)), 60)
        ended.set()
        for thread in threads:
            thread.join(90)
    assert failures == []


def test_real_servers_serve_each_user_their_own_box_and_the_secret_is_nowhere(tmp_path, python, box):
    more = overlay() + REALLY.format(python=python) + f'c.Spawner.environment["BOX_URL"] = "{box.url}"\n'
    with running(tmp_path / "hub", python, box, more) as (hub, broker):
        start_all(hub, ["alice", "bob"])
        assert hub.ask("PUT", "/user/alice/jupyter-box/files/secret.txt", data=b"of alice").ok
        status = {user: hub.ask("GET", f"/user/{user}/jupyter-box/status") for user in ("alice", "bob")}
        assert [status[user].json()["account"]["name"] for user in ("alice", "bob")] == ["alice", "bob"]
        assert hub.ask("GET", "/user/alice/jupyter-box/files/secret.txt").content == b"of alice"
        assert hub.ask("GET", "/user/bob/jupyter-box/files/secret.txt").status_code == 404
        for answer in status.values():
            assert not any(secret in answer.text for secret in broker.secrets)
        family = psutil.Process(hub.process.pid).children(recursive=True)
        environments = [
            Path(f"/proc/{one.pid}/environ").read_bytes() for one in [*family, psutil.Process(hub.process.pid)]
        ]
        assert sum(b"BOX_BROKER_URL" in environment for environment in environments) >= 2
        for secret in broker.secrets:
            assert not any(secret.encode() in environment for environment in environments)
            assert not any(secret.encode() in file.read_bytes() for file in hub.folder.rglob("*.log"))
            homes = [file for home in hub.folder.glob("home-*") for file in home.rglob("*") if file.is_file()]
            assert not any(secret.encode() in file.read_bytes() for file in homes)


def test_the_hub_manages_the_broker_and_its_proxy_leads_to_it(tmp_path, python, box):
    folder, port = tmp_path / "hub", free_port()
    folder.mkdir()
    secret = folder / "client-secret"
    secret.write_text(box.env["BOX_CLIENT_SECRET"])
    environment = {
        **{name: box.env[name] for name in ("BOX_URL", "BOX_CLIENT_ID", "BOX_ENTERPRISE_ID")},
        "BOX_CLIENT_SECRET_FILE": str(secret),
    }
    service = {
        "name": "box",
        "url": f"http://127.0.0.1:{port}",
        "command": [os.sys.executable, "-m", "jupyter_box.cli", "broker"],
        "environment": environment,
    }
    hub = RunningHub(folder, python, port, overlay() + LIGHTLY + f"c.JupyterHub.services.append({service!r})\n")
    with hub:
        until(lambda: requests.get(f"{hub.url}/services/box/healthz", timeout=30).status_code == 200)
        hub.ask("POST", "/hub/api/users/alice")
        headers = {"Authorization": f"token {hub.new_token('alice')}"}
        for url in (f"{hub.url}/services/box", f"http://127.0.0.1:{port}"):
            answer = requests.post(f"{url}/token", headers=headers, timeout=60)
            assert answer.status_code == 200
            assert answer.json()["box_user"]["name"] == "alice"
        # where its proxy has no route the Hub itself refuses; the client must not take that for the broker's word
        auth = Auth(
            BrokerAccess(f"{hub.url}/services/none", hub.new_token("alice")), BoxConfig(url=box.url).endpoints()
        )
        with pytest.raises(BoxError) as caught:
            auth.token()
        assert caught.value.code == "not_the_broker"
