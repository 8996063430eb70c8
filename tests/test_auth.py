"""Tokens: got once, renewed early, never shown; and each refusal in words."""

from __future__ import annotations

import json
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from scripted import Answer, Scripted, Stopwatch

from jupyter_box.auth import Auth
from jupyter_box.config import (
    BoxConfig,
    BrokerAccess,
    ClientCredentials,
    DeveloperToken,
    Endpoints,
    JwtCredentials,
    RateLimit,
    ServerAccess,
)
from jupyter_box.errors import BoxError, Denied, NotAuthorized, NotConfigured, Unreachable
from jupyter_box.session import Session

CANARY = "canary-5ecret"
OFF = RateLimit(None, None, None)


def endpoints(url):
    return Endpoints(url, f"{url}/api", f"{url}/api/oauth2")


def client_credentials(box, **changes):
    env = box.env
    values = {
        "client_id": env["BOX_CLIENT_ID"],
        "client_secret": env["BOX_CLIENT_SECRET"],
        "enterprise_id": env["BOX_ENTERPRISE_ID"],
    }
    return ClientCredentials(**{**values, **changes})


def jwt_settings(box):
    return json.loads(Path(box.env["BOX_JWT_CONFIG_FILE"]).read_text())


def token_calls(box):
    return box.counts.get("post_oauth2_token", 0)


@pytest.fixture
def clock():
    return Stopwatch()


@pytest.fixture
def auth(box, clock):
    box.clear()
    auth = Auth(client_credentials(box), endpoints(box.url), clock=clock)
    yield auth
    auth.close()


@pytest.fixture
def session(box, auth, clock):
    with Session(auth, endpoints(box.url), OFF, clock=clock) as session:
        yield session


def refusal(auth):
    with pytest.raises(BoxError) as caught:
        auth.token()
    text = "".join(traceback.format_exception(caught.value))
    assert CANARY not in text
    assert "assertion=" not in text
    return caught.value


def test_many_threads_make_one_token_call(box, auth):
    barrier = threading.Barrier(16)

    def header(_):
        barrier.wait()
        return auth.header()

    with ThreadPoolExecutor(16) as pool:
        headers = set(pool.map(header, range(16)))
    assert len(headers) == 1
    assert token_calls(box) == 1


@pytest.mark.parametrize(("life", "early"), [(3600, 300), (100, 10)], ids=["five minutes", "a tenth of its life"])
def test_a_token_is_renewed_before_it_ends(box, auth, clock, life, early):
    box.control(token_lifetime=life)
    first = auth.header()
    clock.now += life - early - 1
    assert auth.header() == first
    clock.now += 2
    assert auth.header() != first
    assert token_calls(box) == 2


def test_while_one_thread_renews_early_the_others_go_on(box, auth, clock):
    box.control(token_lifetime=100)
    first = auth.header()
    clock.now += 95
    box.fault("hold", "POST /oauth2/token", name="token")
    renewing = threading.Thread(target=auth.header)
    renewing.start()
    box.wait_held("token")
    assert auth.header() == first
    box.release("token")
    renewing.join(10)
    assert auth.header() != first


def test_a_failed_early_renewal_stops_nobody(box, auth, clock):
    box.control(token_lifetime=1000)
    first = auth.header()
    clock.now += 910
    box.fault("error", "POST /oauth2/token", status=400, times=None)
    assert auth.header() == first
    assert auth.header() == first
    assert token_calls(box) == 2


def test_a_refused_token_is_renewed_once_for_all_threads_and_without_a_wait(box, session, clock):
    session.me()
    box.control(expire_tokens=True)
    barrier = threading.Barrier(8)

    def call(_):
        barrier.wait()
        return session.call("GET", "/folders/0")["id"]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(call, range(8))) == {"0"}
    assert token_calls(box) == 2
    assert clock.waits == []


def test_renewal_of_a_token_that_another_thread_has_replaced_asks_nobody(box, auth):
    old = auth.header()
    auth.renew(old)
    auth.renew(old)
    assert token_calls(box) == 2


def test_token_requests_carry_no_as_user():
    answers = [Answer(json={"access_token": "t", "expires_in": 3600}), Answer(json={"id": "1", "type": "user"})]
    with Scripted(*answers) as server:
        where = endpoints(server.url)
        with Session(Auth(ClientCredentials("id", CANARY, "1"), where), where, OFF) as session:
            session.client.with_as_user_header("55").users.get_user_me()
        (_, path, first, _), (_, _, second, _) = server.seen
    assert path == "/oauth2/token"
    assert "As-User" not in first
    assert second["As-User"] == "55"


@pytest.mark.parametrize("minutes", [-90, 90], ids=["ahead", "behind"])
def test_a_wrong_clock_is_corrected_for_the_assertion(box, minutes):
    box.clear()
    box.control(clock_offset=minutes * 60.0)
    auth = Auth(JwtCredentials(jwt_settings(box)), endpoints(box.url))
    try:
        assert auth.token().value
        assert auth.skew() == pytest.approx(minutes * 60, abs=5)
        assert token_calls(box) == 2
    finally:
        box.control(clock_offset=0.0)
        auth.close()


@pytest.mark.parametrize(("minutes", "way"), [(10, "behind"), (-10, "ahead")])
def test_a_wrong_clock_is_explained_when_correcting_does_not_help(box, minutes, way):
    date = format_datetime(datetime.now(timezone.utc) + timedelta(minutes=minutes), usegmt=True)
    no = Answer(400, {"error": "invalid_grant", "error_description": "Please check the 'exp' claim"}, {"Date": date})
    with Scripted(no, no) as server:
        error = refusal(Auth(JwtCredentials(jwt_settings(box)), endpoints(server.url)))
    assert isinstance(error, NotAuthorized)
    assert error.code == "clock_skew"
    assert way in error.message
    assert any(f"{seconds} s" in error.message for seconds in range(595, 606))


def _without(*path):
    def change(settings):
        for name in path[:-1]:
            settings = settings[name]
        del settings[path[-1]]

    return change


def _with(value, *path):
    def change(settings):
        for name in path[:-1]:
            settings = settings[name]
        settings[path[-1]] = value

    return change


def _misspelt(settings):
    settings["boxAppSettings"]["clientId"] = settings["boxAppSettings"].pop("clientID")


def _unencrypted(settings):
    key = settings["boxAppSettings"]["appAuth"]
    key["privateKey"] = key["privateKey"].replace("ENCRYPTED ", "")


def _elliptic(settings):
    app = settings["boxAppSettings"]["appAuth"]
    locked = BestAvailableEncryption(app["passphrase"].encode())
    key = ec.generate_private_key(ec.SECP256R1())
    app["privateKey"] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode()


APP_AUTH = ("boxAppSettings", "appAuth")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_misspelt, "clientId where Box writes clientID"),
        (_without("boxAppSettings"), "no boxAppSettings"),
        (_without(*APP_AUTH), "no boxAppSettings.appAuth"),
        (_without("boxAppSettings", "clientSecret"), "no boxAppSettings.clientSecret"),
        (_without(*APP_AUTH, "publicKeyID"), "no boxAppSettings.appAuth.publicKeyID"),
        (_without(*APP_AUTH, "passphrase"), "no boxAppSettings.appAuth.passphrase"),
        (_with("", *APP_AUTH, "passphrase"), "no boxAppSettings.appAuth.passphrase"),
        (_with(CANARY, *APP_AUTH, "passphrase"), "passphrase does not open its privateKey"),
        (_with(CANARY, *APP_AUTH, "privateKey"), "no PEM"),
        (_unencrypted, "not encrypted"),
        (_elliptic, "no RSA key"),
        (_without("enterpriseID"), "no enterpriseID"),
    ],
)
def test_a_faulty_jwt_configuration_says_what_is_wrong_with_it(box, change, says):
    settings = jwt_settings(box)
    change(settings)
    error = refusal(Auth(JwtCredentials(settings), endpoints(box.url)))
    assert isinstance(error, NotConfigured)
    assert says in error.message
    assert error.hint


def test_a_wrong_secret_is_refused_in_words(box):
    error = refusal(Auth(client_credentials(box, client_secret=CANARY), endpoints(box.url)))
    assert isinstance(error, NotAuthorized)
    assert "BOX_CLIENT_SECRET" in error.hint


@pytest.mark.parametrize("status", [404, 405, 501])
def test_tokens_are_asked_for_below_the_oauth_address_where_the_api_has_none(status):
    given = {"access_token": CANARY, "expires_in": 3600}
    with Scripted(Answer(status), Answer(json=given)) as server:
        assert Auth(ClientCredentials("app1", CANARY, "42"), endpoints(server.url)).token().value == CANARY
    assert [path for _, path, _, _ in server.seen] == ["/oauth2/token", "/api/oauth2/token"]
    assert server.seen[0][3] == server.seen[1][3]


def test_where_nothing_gives_tokens_the_address_is_named():
    with Scripted(Answer(404), Answer(404)) as server:
        error = refusal(Auth(ClientCredentials("app1", CANARY, "42"), endpoints(server.url)))
    assert isinstance(error, Unreachable)
    assert error.code == "not_a_token"


def test_an_unknown_user_is_named_by_its_variable(box):
    error = refusal(Auth(client_credentials(box, user_id="999999999"), endpoints(box.url)))
    assert isinstance(error, NotAuthorized)
    assert "BOX_USER_ID" in error.message


def test_an_app_without_the_administrators_authorisation_says_who_can_help(box):
    env = box.add_app(authorized=False)
    credentials = ClientCredentials(env["BOX_CLIENT_ID"], env["BOX_CLIENT_SECRET"], env["BOX_ENTERPRISE_ID"])
    error = refusal(Auth(credentials, endpoints(box.url)))
    assert error.code == "unauthorized_client"
    assert "administrator" in error.message
    assert "Admin Console" in error.hint


def test_a_rotated_secret_file_is_read_again(box, monkeypatch, tmp_path):
    secret = tmp_path / "client-secret"
    secret.write_text(CANARY)
    config = BoxConfig(
        url=box.url,
        client_id=box.env["BOX_CLIENT_ID"],
        enterprise_id=box.env["BOX_ENTERPRISE_ID"],
        client_secret_file=str(secret),
    )
    with Session.connect(config) as session:
        secret.write_text(box.env["BOX_CLIENT_SECRET"])
        assert session.me()["id"] == box.service_account


def test_an_expired_developer_token_says_so(box):
    where = endpoints(box.url)
    with Session(Auth(DeveloperToken(CANARY), where), where, OFF) as session, pytest.raises(NotAuthorized) as caught:
        session.me()
    assert caught.value.code == "developer_token_expired"
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_new_developer_token_in_its_file_is_taken_up(box, tmp_path):
    file = tmp_path / "token"
    file.write_text(box.token())
    with Session.connect(BoxConfig(url=box.url, developer_token_file=str(file))) as session:
        session.me()
        box.control(expire_tokens=True)
        file.write_text(box.token())
        assert session.me(fresh=True)["id"] == box.service_account


BROKER_ANSWER = {"access_token": CANARY, "expires_in": 3600, "box_user": {"id": "7"}, "root": {"id": "42"}}


def test_the_broker_gives_token_user_and_root():
    with Scripted(Answer(json=BROKER_ANSWER)) as broker:
        auth = Auth(BrokerAccess(broker.url, "hub-token"), endpoints(broker.url))
        assert auth.header() == f"Bearer {CANARY}"
        assert (auth.root, auth.box_user) == ("42", {"id": "7"})
        assert broker.seen[0][:2] == ("POST", "/token")
        assert broker.seen[0][2]["Authorization"] == "token hub-token"
        assert "hub-token" not in auth.identity


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (Answer(200, html="<html>Sign in</html>"), Unreachable, "something else answers"),
        (Answer(302, html="moved", headers={"Location": "/hub/login"}), Unreachable, "something else answers"),
        (Answer(403, html="<html>Forbidden</html>"), Unreachable, "as the Hub or a proxy does"),
        (Answer(403, {"status": 403, "message": "Forbidden"}), Unreachable, "as the Hub or a proxy does"),
        (Answer(403, {"code": "denied", "message": "No app user.", "hint": "Ask."}), Denied, "No app user."),
        (Answer(200, {"access_token": ""}), Unreachable, "something else answers"),
    ],
    ids=["sign-in page", "redirect", "the Hub's page", "the Hub's refusal", "the broker's refusal", "no token"],
)
def test_an_answer_that_is_no_token_is_explained(answer, error, says):
    with Scripted(answer) as broker:
        found = refusal(Auth(BrokerAccess(broker.url, CANARY), endpoints(broker.url)))
    assert isinstance(found, error)
    assert says in found.message


def test_a_kernel_finds_its_servers_token_in_the_runtime_file(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    with Scripted(Answer(json=BROKER_ANSWER)) as server:
        other = {"url": "http://127.0.0.1:1/user/ada/", "token": "no"}
        own = {"url": f"{server.url}/user/ada/", "token": "runtime-token"}
        for number, info in enumerate([other, own]):
            (tmp_path / f"jpserver-{number}.json").write_text(json.dumps(info))
        (tmp_path / "jpserver-9.json").write_text("half-writt")
        auth = Auth(ServerAccess(f"{server.url}/user/ada", ""), endpoints(server.url))
        assert auth.root is None
        assert auth.token().root == "42"
        _, path, headers, _ = server.seen[0]
    assert path == "/user/ada/jupyter-box/kernel-token"
    assert headers["Authorization"] == "token runtime-token"


def test_a_kernel_without_its_server_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    error = refusal(Auth(ServerAccess("http://127.0.0.1:1", ""), endpoints("http://127.0.0.1:1")))
    assert isinstance(error, NotConfigured)


def test_nothing_shows_a_token(auth, session):
    token = auth.token()
    sdk_token = auth.retrieve_token()
    shown = [repr(token), repr(auth), repr(session), repr(sdk_token), str(sdk_token), auth.identity]
    assert not any(token.value in text for text in shown)


@pytest.mark.parametrize("change", [_with("1", "enterpriseID"), _with(CANARY, *APP_AUTH, "passphrase"), _elliptic])
def test_a_traceback_with_local_variables_shows_no_part_of_the_jwt_configuration(box, monkeypatch, change):
    settings = jwt_settings(box)
    app = settings["boxAppSettings"]
    hidden = [app["clientSecret"], app["appAuth"]["passphrase"], app["appAuth"]["privateKey"].split("\n")[1], CANARY]
    change(settings)
    monkeypatch.setenv("BOX_JWT_CONFIG", json.dumps(settings))
    told = _locals_of(refusal(Auth(BoxConfig(url=box.url).credentials(), endpoints(box.url))))
    assert not [secret for secret in hidden if secret in told]


def test_a_traceback_with_local_variables_shows_no_secret_and_no_token(box, monkeypatch):
    monkeypatch.setenv("BOX_CLIENT_SECRET", CANARY)
    config = BoxConfig(client_id=box.env["BOX_CLIENT_ID"], enterprise_id=box.env["BOX_ENTERPRISE_ID"])
    refused = refusal(Auth(config.credentials(), endpoints(box.url)))
    assert CANARY not in _locals_of(refused)
    monkeypatch.delenv("BOX_CLIENT_SECRET")
    monkeypatch.setenv("BOX_DEVELOPER_TOKEN", CANARY)
    with Session.connect(BoxConfig(url=box.url)) as session, pytest.raises(NotAuthorized) as caught:
        session.me()
    assert CANARY not in _locals_of(caught.value)


def _locals_of(error):
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_a_downscoped_token_is_good_for_its_item_only(box, session):
    folder = session.call("POST", "/folders", json={"name": "downscoped", "parent": {"id": "0"}})
    answer = session.downscope(["item_download", "item_upload"], f"/folders/{folder['id']}")
    where = endpoints(box.url)
    with Session(Auth(DeveloperToken(answer["access_token"]), where), where, OFF) as small:
        assert small.call("GET", f"/folders/{folder['id']}")["id"] == folder["id"]
        with pytest.raises(BoxError):
            small.call("GET", "/folders/0/items")


def test_a_revoked_token_is_replaced(box, auth, session):
    session.me()
    auth.revoke_token()
    assert session.me(fresh=True)["id"] == box.service_account
    assert token_calls(box) == 2
