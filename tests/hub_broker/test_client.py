"""The client's side of the broker: what a pod's extension makes of its answers, and of those that are not its own."""

from __future__ import annotations

import json

import pytest
import requests
from scripted import Answer, Scripted, Stopwatch

from jupyter_box.auth import Auth
from jupyter_box.config import BoxConfig, BrokerAccess
from jupyter_box.drive import Drive
from jupyter_box.errors import BoxError, Busy, Denied, NotAuthorized, NotFound, Unreachable


def auth_at(url, token, clock=None):
    return Auth(BrokerAccess(url, token), BoxConfig(url=url).endpoints(), **({"clock": clock} if clock else {}))


def refusal(auth):
    with pytest.raises(BoxError) as caught:
        auth.token()
    return caught.value


def test_a_drive_works_with_nothing_but_a_hub_token(broker, hub, box, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("ada-with-a-drive"))
    with Drive.connect(BoxConfig(url=box.url, broker_url=broker.url)) as drive:
        drive.write("/first.txt", b"mine")
        assert drive.read("/first.txt") == b"mine"
        status = drive.status()
        assert (status.connected, status.mode) == (True, "broker")
        assert status.account.name == "ada-with-a-drive"


def test_a_drive_of_a_folder_has_that_folder_as_its_root(start, hub, box, monkeypatch):
    headers = {"Authorization": f"Bearer {box.token()}"}
    made = requests.post(
        f"{box.url}/2.0/folders", json={"name": "Hub", "parent": {"id": "0"}}, headers=headers, timeout=30
    ).json()
    broker = start(BOX_BROKER_MAPPING="folder", BOX_BROKER_FOLDER=made["id"])
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("ada"))
    with Drive.connect(BoxConfig(url=box.url, broker_url=broker.url)) as drive:
        drive.write("/a.txt", b"mine")
        assert [item.name for item in drive.list("/")] == ["a.txt"]
        assert drive.status().root.name == "ada"


def test_a_member_of_a_group_opens_its_folder_by_the_root_folder(start, hub, box, monkeypatch):
    headers = {"Authorization": f"Bearer {box.token()}"}
    parent, shared = (
        requests.post(
            f"{box.url}/2.0/folders", json={"name": name, "parent": {"id": "0"}}, headers=headers, timeout=30
        ).json()["id"]
        for name in ("Hub with groups", "Course")
    )
    rules = json.dumps({"students": {"folders": {shared: "editor"}}})
    broker = start(BOX_BROKER_MAPPING="folder", BOX_BROKER_FOLDER=parent, BOX_BROKER_GROUPS=rules)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("erin", groups=["students"]))
    with Drive.connect(BoxConfig(url=box.url, broker_url=broker.url, root_folder=shared)) as drive:
        drive.write("/exercise.txt", b"ours")
        assert drive.status().root.name == "Course"
        assert [item.name for item in drive.list("/")] == ["exercise.txt"]
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("frank"))
    with Drive.connect(BoxConfig(url=box.url, broker_url=broker.url, root_folder=shared)) as drive:
        with pytest.raises(NotFound, match=f"The folder {shared} is not in your folder"):
            drive.list("/")
        assert not drive.status().connected


def test_a_token_that_box_takes_back_is_replaced_without_a_word(broker, hub, box, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("ada-whose-token-ends"))
    with Drive.connect(BoxConfig(url=box.url, broker_url=broker.url)) as drive:
        drive.write("/a.txt", b"mine")
        box.control(expire_tokens=True)
        assert drive.read("/a.txt") == b"mine"


@pytest.mark.parametrize(
    ("model", "error", "says"),
    [({"scopes": []}, Denied, "start it again"), ({"kind": "service"}, Denied, "users")],
    ids=["a server older than the broker", "a service"],
)
def test_the_brokers_refusal_reaches_the_user_in_its_words(broker, hub, model, error, says):
    found = refusal(auth_at(broker.url, hub.token("ada", **model)))
    assert isinstance(found, error)
    assert says in str(found)
    assert found.request_id


def test_a_stopped_servers_token_is_told_as_that(broker):
    found = refusal(auth_at(broker.url, "stopped"))
    assert isinstance(found, NotAuthorized)
    assert found.code == "hub_token_refused"


def test_a_hub_that_restarts_is_waited_for_and_then_told(broker, hub):
    hub.status, clock = 503, Stopwatch()
    found = refusal(auth_at(broker.url, hub.token("ada-in-a-restart"), clock))
    assert isinstance(found, Busy)
    assert "cannot tell who calls" in found.message
    assert sum(clock.waits) > 30


def test_too_many_requests_are_waited_out():
    body = {"code": "too_many_requests", "message": "Too many.", "hint": "Wait.", "request_id": "1"}
    token = {"access_token": "t", "expires_in": 3600}
    clock = Stopwatch()
    with Scripted(Answer(429, body, {"Retry-After": "7"}), Answer(json=token)) as broker:
        assert auth_at(broker.url, "hub-token", clock).token().value == "t"
    assert clock.waits == [7.0]


def test_a_broker_that_restarts_is_waited_for():
    clock = Stopwatch()
    found = refusal(auth_at("http://127.0.0.1:9", "hub-token", clock))
    assert isinstance(found, Unreachable)
    assert sum(clock.waits) > 10


def test_a_proxy_without_a_route_is_no_refusal():
    with Scripted(Answer(403, html=" ")) as proxy:
        found = refusal(auth_at(proxy.url, "hub-token"))
    assert found.code == "not_the_broker"
    assert "BOX_BROKER_URL" in found.hint
