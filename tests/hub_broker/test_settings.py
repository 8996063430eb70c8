"""The broker's settings: what is wrong is told in one line that names the variable, before anything listens."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from scripted import Answer, Scripted

from jupyter_box import cli
from jupyter_box._grants import Token
from jupyter_box.config import BoxConfig
from jupyter_box.errors import Denied
from jupyter_box.hub.account import Account, Resource, widening
from jupyter_box.hub.names import safe_name
from jupyter_box.hub.settings import BrokerConfig

CANARY = "boxsecretcanary"
WHOLE = {
    "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
    "BOX_CLIENT_ID": "abc",
    "BOX_CLIENT_SECRET": CANARY,
    "BOX_ENTERPRISE_ID": "42",
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"JUPYTERHUB_API_URL": ""}, "JUPYTERHUB_API_URL is not set"),
        ({"JUPYTERHUB_API_URL": "hub:8081"}, "JUPYTERHUB_API_URL is no web address"),
        ({"BOX_BROKER_MAPPING": "appuser"}, "app-user, managed-user, folder"),
        ({"BOX_BROKER_MAPPING": "folder"}, "BOX_BROKER_FOLDER"),
        ({"BOX_BROKER_MAPPING": "folder", "BOX_BROKER_FOLDER": "/Hub"}, "BOX_BROKER_FOLDER"),
        ({"BOX_BROKER_PORT": "http"}, "BOX_BROKER_PORT"),
        ({"BOX_BROKER_PORT": "70000"}, "BOX_BROKER_PORT"),
        ({"BOX_BROKER_CACHE_SECONDS": "300"}, "from 0 to 60"),
        ({"BOX_BROKER_SCOPES": "item_download manage_users"}, "manage_users"),
        ({"BOX_BROKER_LOGIN": "hub@example.com"}, "all Hub users would be one Box user"),
        ({"BOX_BROKER_LOGIN": "{name.__class__}"}, "BOX_BROKER_LOGIN"),
        ({"BOX_BROKER_GROUPS": "students"}, "BOX_BROKER_GROUPS"),
        ({"BOX_BROKER_GROUPS": '{"students": {"folders": {"0": "viewer"}}}'}, "0: viewer"),
        ({"BOX_BROKER_GROUPS": '{"students": {"folders": {"12": "owner"}}}'}, "12: owner"),
        ({"BOX_BROKER_GROUPS": '{"students": {"folder": "12"}}'}, "folder"),
        ({"BOX_BROKER_CERTFILE": "/nowhere.pem"}, "BOX_BROKER_KEYFILE"),
        ({"BOX_ENTERPRISE_ID": ""}, "BOX_ENTERPRISE_ID"),
        ({"BOX_CLIENT_SECRET": f"{CANARY}\n"}, "trailing newline"),
        ({"BOX_CLIENT_SECRET": "", "BOX_CLIENT_SECRET_FILE": "/nowhere"}, "cannot be read"),
        ({"BOX_USER_ID": "7"}, "BOX_USER_ID"),
        ({"BOX_CLIENT_ID": "", "BOX_CLIENT_SECRET": "", "BOX_ENTERPRISE_ID": ""}, "No Box credentials"),
        (
            {"BOX_CLIENT_ID": "", "BOX_CLIENT_SECRET": "", "BOX_ENTERPRISE_ID": "", "BOX_DEVELOPER_TOKEN": CANARY},
            "the Box app's own credentials",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line(monkeypatch, capsys, changes, says):
    for name, value in {**WHOLE, **changes}.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["broker", "--check"]) == 3
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1
    assert CANARY not in told


def test_a_hub_that_does_not_answer_fails_the_check(monkeypatch, capsys):
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["broker", "--check"]) == 12
    assert "The Hub does not answer" in capsys.readouterr().err


def test_a_configuration_file_sets_traits(monkeypatch, capsys, tmp_path):
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "broker_config.py"
    file.write_text('c.BrokerConfig.mapping = "nonsense"\n')
    assert cli.main(["broker", "--check", "--config", str(file)]) == 3
    assert "nonsense" in capsys.readouterr().err
    assert cli.main(["broker", "--config", str(tmp_path / "none.py")]) == 11


@pytest.mark.parametrize("text", ["c.BrokerConfig = (\n", "import no_such_module\n"])
def test_a_configuration_file_that_cannot_be_run_is_told_in_one_line(capsys, tmp_path, text):
    file = tmp_path / "broker_config.py"
    file.write_text(text)
    assert cli.main(["broker", "--check", "--config", str(file)]) == 11
    told = capsys.readouterr().err
    assert (str(file) in told, told.count("\n")) == (True, 1)


def test_a_hub_managed_broker_listens_where_the_hub_says(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:8081/hub/api")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_NAME", "box")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/services/box/")
    settings = BrokerConfig().settings()
    assert (settings.ip, settings.port, settings.path) == ("127.0.0.1", 8080, "/services/box/")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:18181")
    assert BrokerConfig().settings().port == 18181


def test_jwt_credentials_do_as_well(box, hub, start):
    none = {"BOX_CLIENT_ID": "", "BOX_CLIENT_SECRET_FILE": "", "BOX_ENTERPRISE_ID": ""}
    broker = start(**none, BOX_JWT_CONFIG_FILE=box.env["BOX_JWT_CONFIG_FILE"])
    assert broker.ask(hub.token("ada-by-jwt")).json()["box_user"]["name"] == "ada-by-jwt"


def test_configured_scopes_bound_a_users_tokens(box, hub, start):
    broker = start(BOX_BROKER_SCOPES="base_explorer item_download")
    token = hub.token("ada-with-few-scopes")
    whole = broker.ask(token)
    assert whole.ok
    assert broker.ask(token, {"scopes": ["item_download"], "resource": "/folders/0"}).ok
    assert (
        broker.ask(token, {"scopes": ["item_delete"], "resource": "/folders/0"}).json()["code"] == "scope_not_allowed"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "Ada"),
        ("ada@example.com", "ada-example-com"),
        ("a/b", "a-b"),
        ("å", "a\u030a"),
        ("x" * 255, "x" * 254),
        ("ada ", "ada"),
        ("", "user"),
        ("..", "."),
        (safe_name("Ada"), "Ada"),
    ],
)
def test_two_names_are_never_one_folder(one, other):
    assert safe_name(one).lower() != safe_name(other).lower()


@pytest.mark.parametrize("name", ["ada", "Ada", "..", "a/b\\c", "x" * 255, "\u202eada", "CON", "ada.", "\ud800"])
def test_a_folders_name_is_one_that_box_takes(name):
    made = safe_name(name)
    assert made == made.strip(" .")
    assert made.isascii()
    assert 0 < len(made) < 100
    assert not set(made) & set('/\\:*?"<>|')


FOLDER = Resource("folder", "42")
GOOD = {"scope": "item_download", "object": {"type": "folder", "id": "42"}}


@pytest.mark.parametrize(
    ("restricted_to", "says"),
    [
        ([GOOD], ""),
        ([], "no item"),
        (None, "no item"),
        ([{**GOOD, "scope": "item_delete"}], "item_delete"),
        ([GOOD, {"scope": "item_download", "object": {"type": "folder", "id": "43"}}], "another item"),
        ([{"scope": "item_download", "object": {"type": "file", "id": "42"}}], "another item"),
        ([{"scope": "item_download"}], "another item"),
    ],
)
def test_an_exchange_that_gave_more_is_seen(restricted_to, says):
    found = widening({"restricted_to": restricted_to}, {"item_download"}, FOLDER)
    assert bool(found) == bool(says)
    assert says in found


def test_a_token_that_may_do_more_is_revoked_and_not_given(tmp_path):
    # neither the emulator nor Box gives such a token, so a scripted endpoint does
    wide = {"access_token": CANARY, "expires_in": 3600, "restricted_to": []}
    with Scripted(Answer(json=wide), Answer()) as script:
        secret = tmp_path / "secret"
        secret.write_text("s")
        account = Account(BoxConfig(url=script.url, client_id="a", enterprise_id="1", client_secret_file=str(secret)))
        with pytest.raises(Denied) as caught:
            account.narrowed(Token("parent"), {"item_download"}, FOLDER)
        account.close()
    assert caught.value.code == "token_too_wide"
    assert [path for _, path, _, _ in script.seen] == ["/oauth2/token", "/oauth2/revoke"]
    assert f"token={CANARY}".encode() in script.seen[1][3]
    assert CANARY not in str(caught.value)


def test_a_port_that_is_taken_is_told():
    with Scripted() as taken:
        port = taken.url.rpartition(":")[2]
        environment = {"PATH": os.environ["PATH"], **WHOLE, "BOX_BROKER_IP": "127.0.0.1", "BOX_BROKER_PORT": port}
        command = [sys.executable, "-m", "jupyter_box.cli", "broker"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"cannot listen on port {port}" in done.stderr
    assert "BOX_BROKER_PORT" in done.stderr
