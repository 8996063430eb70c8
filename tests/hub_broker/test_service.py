"""The broker as a service: who is let in, what is answered, and how it behaves when the Hub or Box does not."""

from __future__ import annotations

import asyncio
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from certificates import self_signed

CONTRACT = {"access_token", "expires_in", "token_type", "restricted_to", "box_user", "root"}


def test_a_token_is_given_as_the_contract_says(broker, hub, box):
    answer = broker.ask(hub.token("alice"))
    assert answer.status_code == 200
    assert set(answer.json()) == CONTRACT
    assert (answer.headers["Cache-Control"], answer.json()["token_type"]) == ("no-store", "bearer")
    assert "Etag" not in answer.headers
    assert "Server" not in answer.headers
    assert (answer.json()["root"], answer.json()["box_user"]["name"]) == ("0", "alice")
    assert 0 < answer.json()["expires_in"] <= 4200
    assert me(box, answer)["id"] == answer.json()["box_user"]["id"] != box.service_account


def me(box, answer):
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return requests.get(f"{box.url}/2.0/users/me", headers=headers, timeout=30).json()


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ({}, 401, "no_hub_token"),
        ({"Authorization": "Basic YTpi"}, 401, "no_hub_token"),
        ({"Authorization": "token "}, 401, "no_hub_token"),
        ({"Authorization": "token garbage"}, 401, "hub_token_refused"),
        ({"Authorization": f"token {'x' * 600}"}, 401, "hub_token_refused"),
        ({"Authorization": "token caf\xe9".encode("latin-1")}, 401, "hub_token_refused"),
    ],
    ids=["none", "another scheme", "empty", "garbage", "too long", "not ASCII"],
)
def test_who_the_hub_does_not_know_gets_nothing(broker, box, header, status, code):
    answer = requests.post(f"{broker.url}/token", headers=header, timeout=30)
    broker.check_refusal(answer)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not box.counts.get("post_users")


def test_a_token_in_the_address_is_not_looked_at(broker, hub):
    answer = requests.post(f"{broker.url}/token?token={hub.token('alice')}", timeout=30)
    assert (answer.status_code, hub.calls) == (401, 0)


@pytest.mark.parametrize(
    ("model", "code", "says"),
    [
        ({"kind": "service"}, "not_a_user", "service"),
        ({"scopes": ["access:servers!server"]}, "hub_scope_missing", "start it again"),
    ],
    ids=["a service", "without the scope"],
)
def test_who_may_not_ask_is_told_what_to_do(broker, hub, model, code, says):
    answer = broker.ask(hub.token("alice", **model))
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert says in answer.json()["message"] + answer.json()["hint"]


def test_bearer_is_a_word_for_token_too(broker, hub):
    headers = {"Authorization": f"Bearer {hub.token('alice')}"}
    assert requests.post(f"{broker.url}/token", headers=headers, timeout=30).status_code == 200


def test_one_question_to_the_hub_and_one_token_serve_for_a_while(broker, hub, box):
    token = hub.token("alice-who-asks-often")
    values = {broker.ask(token).json()["access_token"] for _ in range(5)}
    assert len(values) == 1
    assert hub.calls == 1
    assert box.counts["post_oauth2_token"] <= 2  # alice's, and the service account's to make the user


def test_fifty_at_once_make_one_app_user(broker, hub, box):
    tokens = [hub.token("alice-of-fifty") for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(broker.ask, tokens))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["access_token"] for answer in answers}) == 1
    assert box.counts["post_users"] == 1


def test_two_brokers_agree_on_the_elder_of_two_app_users(start, hub, box):
    brokers, token = (start(), start()), hub.token("alice-of-two")
    box.fault("hold", "GET /2.0/users", name="look", times=2)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(broker.ask, token) for broker in brokers]
        box.wait_held("look", 2)
        box.release("look")
        users = {one.result().json()["box_user"]["id"] for one in asked}
    assert len(users) == 1
    assert box.call(lambda store: len(store.all("SELECT id FROM users WHERE name = ?", "alice-of-two"))) == 1


def test_the_next_broker_finds_the_app_user_again(start, hub):
    token = hub.token("alice-again")
    first, second = (start().ask(token).json()["box_user"]["id"] for _ in range(2))
    assert first == second


def test_a_hub_that_is_away_means_nobody_gets_anything(start, hub):
    broker = start(BOX_BROKER_CACHE_SECONDS="0")
    token = hub.token("alice")
    assert broker.ask(token).ok
    hub.status = 500
    answer = broker.ask(token)
    assert (answer.status_code, answer.json()["code"]) == (503, "hub_unreachable")
    assert answer.headers["Retry-After"]
    hub.status = 200
    assert broker.ask(token).ok
    nobody = start(JUPYTERHUB_API_URL="http://127.0.0.1:9/hub/api")
    assert nobody.ask(token).json()["code"] == "hub_unreachable"


def test_what_is_no_hub_is_not_taken_for_one(broker, hub):
    hub.html = "<html>Sign in</html>"
    answer = broker.ask(hub.token("alice"))
    assert (answer.status_code, answer.json()["code"]) == (503, "hub_unreachable")


def test_box_away_is_told_within_the_time_that_clients_wait(broker, hub, box):
    box.fault("error", "POST /oauth2/token", status=503, times=None)
    answer = broker.ask(hub.token("alice-while-box-is-away"))
    assert answer.status_code in (503, 504)
    assert "Box" in answer.json()["message"]


def test_what_nobody_waits_for_is_not_asked_of_box_once_it_is_back(hub, box, box_environment, monkeypatch):
    from jupyter_box.config import BoxConfig
    from jupyter_box.errors import Unreachable
    from jupyter_box.hub.account import Account
    from jupyter_box.hub.broker import Broker, Wanted
    from jupyter_box.hub.metrics import Metrics
    from jupyter_box.hub.settings import BrokerConfig

    monkeypatch.setattr("jupyter_box.hub.broker.THREADS", 2)
    monkeypatch.setattr("jupyter_box.hub.broker.ANSWER_WITHIN", 0.5)
    box.fault("hold", "GET /users", name="box", times=None)

    async def scenario():
        settings = BrokerConfig(hub_api_url=hub.url).settings()
        broker = Broker(settings, Account(BoxConfig()), lambda *_: None, Metrics())
        grants = (broker.grant(hub.token(f"user-{number}"), Wanted()) for number in range(10))
        outcomes = await asyncio.gather(*grants, return_exceptions=True)
        box.control(release=True)
        broker._pool.shutdown(wait=True)
        await broker.close()
        return outcomes

    assert {type(outcome) for outcome in asyncio.run(scenario())} == {Unreachable}
    assert box.counts["post_users"] == 2  # of the two that were asked for when Box fell silent


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"user": "bob"}', 400),
        (b'{"scopes": ["manage_app_users"]}', 400),
        (b'{"scopes": 3}', 400),
        (b'{"resource": "/users/1"}', 400),
        (b'{"resource": "https://evil.example/2.0/files/1"}', 400),
        (b'{"resource": ["/files/1"]}', 400),
        (b'"' + b"x" * 10_000 + b'"', 413),
        (b"[" * 5000, 400),
    ],
    ids=["half", "a list", "a name", "a scope to rule", "a number", "users", "elsewhere", "several", "large", "deep"],
)
def test_a_request_that_is_none_is_refused(broker, hub, body, status):
    answer = requests.post(
        f"{broker.url}/token", data=body, headers={"Authorization": f"token {hub.token('alice')}"}, timeout=30
    )
    broker.check_refusal(answer)
    assert answer.status_code == status


def test_a_body_without_end_is_cut_off(broker, hub):
    with pytest.raises(requests.RequestException):
        requests.post(f"{broker.url}/token", data=iter([b"x" * 100_000] * 50), timeout=30).raise_for_status()
    assert broker.ask(hub.token("alice")).ok


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/token", 405), ("GET", "/nothing", 404)])
def test_other_routes_and_methods_are_refused(broker, method, path, status):
    answer = requests.request(method, f"{broker.url}{path}", timeout=30)
    broker.check_refusal(answer)
    assert answer.status_code == status


def test_a_user_who_asks_too_often_waits_and_nobody_else(start, hub):
    broker = start(BOX_BROKER_REQUESTS_PER_MINUTE="3")
    alice, bob = hub.token("alice"), hub.token("bob")
    assert [broker.ask(alice).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert broker.ask(alice).json()["code"] == "too_many_requests"
    assert broker.ask(bob).ok


def test_a_flood_of_bad_tokens_does_not_reach_the_hub_nor_shut_out_the_good(start, hub):
    broker, alice = start(), hub.token("alice")
    assert broker.ask(alice).ok
    statuses = [broker.ask(f"garbage{number}").status_code for number in range(200)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert hub.calls < 140
    assert broker.ask(alice).ok


def test_refusals_are_kept_for_a_moment_too(broker, hub):
    for _ in range(5):
        broker.ask("garbage-kept")
    assert hub.calls == 1


def test_health_asks_nobody_and_readiness_everybody(start, hub, box):
    broker = start()
    assert requests.get(f"{broker.url}/healthz", timeout=30).json() == {"status": "ok"}
    assert not box.counts
    ready = requests.get(f"{broker.url}/readyz", timeout=30)
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    other = start(JUPYTERHUB_API_URL="http://127.0.0.1:9/hub/api")
    answer = requests.get(f"{other.url}/readyz", timeout=30)
    other.check_refusal(answer)
    assert (answer.status_code, answer.json()["code"]) == (503, "hub_unreachable")


def test_readiness_names_credentials_that_box_refuses(start, tmp_path):
    wrong = tmp_path / "secret"
    wrong.write_text("boxsecretcanary-wrong")
    broker = start(BOX_CLIENT_SECRET_FILE=str(wrong))
    broker.secrets.append("boxsecretcanary-wrong")
    answer = requests.get(f"{broker.url}/readyz", timeout=30)
    assert answer.status_code == 503
    assert "credentials" in answer.json()["message"]
    assert "boxsecretcanary" not in answer.text


def test_metrics_count_and_name_nobody(start, hub):
    broker = start()
    token = hub.token("alice-of-metrics")
    broker.ask(token)
    broker.ask(token)
    broker.ask("garbage")
    text = requests.get(f"{broker.url}/metrics", timeout=30).text
    assert 'jupyter_box_broker_tokens_issued_total{cached="true"} 1.0' in text
    assert 'jupyter_box_broker_requests_total{code="hub_token_refused",status="401"} 1.0' in text
    assert 'jupyter_box_broker_hub_calls_total{outcome="ok"} 1.0' in text
    assert "jupyter_box_broker_tokens_out 1.0" in text
    assert "alice" not in text


def test_each_token_given_is_a_line_of_the_audit_log(broker, hub):
    answer = broker.ask(hub.token("alice\n{}"), {"scopes": ["item_download"], "resource": "/folders/0"})
    line = broker.wait_for("issued", user="alice\n{}")
    assert (line["scopes"], line["resource"]) == (["item_download"], "/folders/0")
    assert line["box_user"] == answer.json()["box_user"]["id"]
    assert line["request_id"]


def test_a_refusal_is_a_line_of_the_audit_log_and_names_a_known_user(broker, hub):
    broker.ask(hub.token("alice-refused"), {"scopes": ["item_upload"], "resource": "/files/999999"})
    line = broker.wait_for("refused", user="alice-refused")
    assert line["status"] >= 400
    assert line["code"]


def test_a_token_that_box_refused_is_replaced_when_the_client_says_so(start, hub, box):
    broker, token = start(), hub.token("alice")
    first = broker.ask(token).json()["access_token"]
    box.control(expire_tokens=True)
    assert broker.ask(token).json()["access_token"] == first
    second = broker.ask(token, **{"Cache-Control": "no-cache"})
    assert second.json()["access_token"] != first
    assert me(box, second)["name"] == "alice"


def test_a_rotated_secret_is_read_from_its_file(start, hub, box):
    broker = start()
    assert broker.ask(hub.token("alice")).ok
    rotated = "boxsecretcanary-rotated"
    box.call(lambda store: store.run("UPDATE apps SET secret = ? WHERE secret = ?", rotated, broker.secrets[0]))
    try:
        broker.secrets.append(rotated)
        assert broker.ask(hub.token("bob")).json()["code"] != "ok"
        broker.secret.write_text(rotated)
        assert broker.ask(hub.token("bob")).ok
    finally:
        box.call(lambda store: store.run("UPDATE apps SET secret = ? WHERE secret = ?", broker.secrets[0], rotated))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_what_has_begun_is_finished_before_the_end(start, hub, box, number):
    broker = start()
    box.fault("hold", "POST /2.0/users", name="making")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(broker.ask, hub.token(f"late-{number}"))
        box.wait_held("making")
        broker.process.send_signal(number)
        threading.Timer(0.3, box.release).start()
        assert asked.result().ok
    assert broker.process.wait(timeout=60) == 0
    broker.wait_for("ended")


def test_who_is_removed_from_the_hub_has_the_tokens_revoked(start, hub, box):
    broker = start(BOX_BROKER_RECHECK_SECONDS="1", BOX_BROKER_CACHE_SECONDS="1")
    alice, bob = hub.token("alice-removed"), hub.token("bob-stays")
    answers = [broker.ask(alice), broker.ask(bob)]
    narrow = broker.ask(alice, {"scopes": ["item_download"]})
    del hub.tokens[alice]
    assert broker.wait_for("revoked", user="alice-removed")["tokens"] == 2
    statuses = [use(box, answer) for answer in (answers[0], narrow, answers[1])]
    assert statuses == [401, 401, 200]
    assert broker.ask(alice).status_code == 401


def test_a_hub_that_is_away_revokes_nobody(start, hub, box):
    broker = start(BOX_BROKER_RECHECK_SECONDS="1", BOX_BROKER_CACHE_SECONDS="0")
    answer = broker.ask(hub.token("alice"))
    calls, hub.status = hub.calls, 500
    wait_until(lambda: hub.calls >= calls + 2)
    assert use(box, answer) == 200


def test_one_of_two_servers_that_stops_takes_nothing_from_the_other(start, hub, box):
    broker = start(BOX_BROKER_RECHECK_SECONDS="1", BOX_BROKER_CACHE_SECONDS="0")
    one, two = hub.token("alice-of-two-servers"), hub.token("alice-of-two-servers")
    answer = broker.ask(one)
    broker.ask(two)
    del hub.tokens[one]
    calls = hub.calls
    wait_until(lambda: hub.calls >= calls + 4)
    assert use(box, answer) == 200
    del hub.tokens[two]
    broker.wait_for("revoked", user="alice-of-two-servers")
    assert use(box, answer) == 401


def use(box, answer) -> int:
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return requests.get(f"{box.url}/2.0/folders/0", headers=headers, timeout=30).status_code


def wait_until(done, seconds=20):
    event = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if done():
            return
        event.wait(0.05)
    pytest.fail("it did not come to pass")


def test_https_is_served_with_a_certificate(start, tmp_path):
    certificate, key = self_signed(tmp_path, "127.0.0.1")
    broker = start(BOX_BROKER_CERTFILE=str(certificate), BOX_BROKER_KEYFILE=str(key))
    url = broker.url.replace("http://", "https://")
    assert requests.get(f"{url}/healthz", verify=str(certificate), timeout=30).json() == {"status": "ok"}
