import json

import pytest
from traitlets import TraitError
from traitlets.config import Config

from jupyter_box import config as settings
from jupyter_box.config import BoxConfig
from jupyter_box.errors import NotConfigured

CANARY = "canary-7f3a"
CCG = {"BOX_CLIENT_ID": "app1", "BOX_CLIENT_SECRET": CANARY, "BOX_ENTERPRISE_ID": "42"}
JWT = json.dumps({"boxAppSettings": {"clientID": "app1", "clientSecret": CANARY}, "enterpriseID": "42"})


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """An environment without Box; returns the function that sets it."""
    import os

    for name in [name for name in os.environ if name.startswith(("BOX_", "JUPYTERHUB_"))]:
        monkeypatch.delenv(name)

    def set_environment(values):
        for name, value in values.items():
            if name.endswith("_FILE") and not value.startswith("/"):
                (tmp_path / name).write_text(value)
                monkeypatch.setenv(name, str(tmp_path / name))
            else:
                monkeypatch.setenv(name, value)

    return set_environment


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(CCG, settings.ClientCredentials("app1", CANARY, "42"), id="client credentials"),
        pytest.param(
            {**CCG, "BOX_USER_ID": "7"},
            settings.ClientCredentials("app1", CANARY, "42", "7"),
            id="client credentials, user",
        ),
        pytest.param(
            {"BOX_CLIENT_ID": "app1", "BOX_CLIENT_SECRET_FILE": CANARY + "\n", "BOX_ENTERPRISE_ID": "42"},
            settings.ClientCredentials("app1", CANARY, "42"),
            id="a mounted secret ends with a newline",
        ),
        pytest.param({"BOX_JWT_CONFIG": JWT}, settings.JwtCredentials(json.loads(JWT)), id="jwt text"),
        pytest.param({"BOX_JWT_CONFIG_FILE": JWT}, settings.JwtCredentials(json.loads(JWT)), id="jwt file"),
        pytest.param({"BOX_DEVELOPER_TOKEN": CANARY}, settings.DeveloperToken(CANARY), id="developer token"),
        pytest.param(
            {"BOX_BROKER_URL": "http://broker:8080/", "JUPYTERHUB_API_TOKEN": CANARY},
            settings.BrokerAccess("http://broker:8080", CANARY),
            id="broker",
        ),
        pytest.param(
            {
                "BOX_SERVER_URL": "http://127.0.0.1:8888/user/a/",
                "BOX_CLIENT_ID": "app1",
                "JUPYTERHUB_API_TOKEN": CANARY,
            },
            settings.ServerAccess("http://127.0.0.1:8888/user/a", CANARY),
            id="a kernel asks its server",
        ),
        pytest.param(
            {"BOX_SERVER_URL": "http://127.0.0.1:8888/", "BOX_CLIENT_ID": "app1", "BOX_DEVELOPER_TOKEN": CANARY},
            settings.DeveloperToken(CANARY),
            id="a user's own secret wins over the server",
        ),
        pytest.param(
            {**CCG, "BOX_JWT_CONFIG_FILE": JWT},
            settings.ClientCredentials("app1", CANARY, "42"),
            id="two ways of one app agree",
        ),
    ],
)
def test_credentials_from_the_environment(environment, values, expected):
    environment(values)
    assert BoxConfig().credentials() == expected
    assert CANARY not in repr(expected)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        pytest.param({}, ["BOX_CLIENT_ID", "BOX_JWT_CONFIG_FILE"], id="nothing"),
        pytest.param({"BOX_CLIENT_ID": "app1"}, ["BOX_CLIENT_SECRET", "BOX_ENTERPRISE_ID"], id="only the client id"),
        pytest.param({"BOX_CLIENT_SECRET": CANARY}, ["BOX_CLIENT_ID", "BOX_ENTERPRISE_ID"], id="only the secret"),
        pytest.param({**CCG, "BOX_CLIENT_SECRET": CANARY + "\n"}, ["BOX_CLIENT_SECRET"], id="trailing newline"),
        pytest.param({**CCG, "BOX_CLIENT_ID": "app1\n"}, ["BOX_CLIENT_ID"], id="trailing newline in the id"),
        pytest.param(
            {**CCG, "BOX_ENTERPRISE_ID": "42\n"}, ["BOX_ENTERPRISE_ID"], id="trailing newline in the enterprise"
        ),
        pytest.param({**CCG, "BOX_USER_ID": "me@x.org"}, ["BOX_USER_ID"], id="a login for an id"),
        pytest.param(
            {**CCG, "BOX_DEVELOPER_TOKEN": CANARY}, ["BOX_CLIENT_SECRET", "BOX_DEVELOPER_TOKEN"], id="two ways"
        ),
        pytest.param(
            {**CCG, "BOX_BROKER_URL": "http://b", "JUPYTERHUB_API_TOKEN": CANARY},
            ["BOX_CLIENT_SECRET", "BOX_BROKER_URL"],
            id="a secret beside the broker",
        ),
        pytest.param(
            {**CCG, "BOX_CLIENT_ID": "app2", "BOX_JWT_CONFIG": JWT},
            ["BOX_CLIENT_SECRET", "BOX_JWT_CONFIG"],
            id="two apps",
        ),
        pytest.param({**CCG, "BOX_CLIENT_SECRET_FILE": CANARY}, ["BOX_CLIENT_SECRET_FILE"], id="text and file"),
        pytest.param({"BOX_BROKER_URL": "http://b"}, ["JUPYTERHUB_API_TOKEN"], id="a broker without a Hub"),
        pytest.param({"BOX_JWT_CONFIG": CANARY}, ["BOX_JWT_CONFIG"], id="no JSON"),
        pytest.param({"BOX_JWT_CONFIG": f'["{CANARY}"]'}, ["BOX_JWT_CONFIG"], id="no JSON object"),
        pytest.param(
            {"BOX_JWT_CONFIG_FILE": "/nowhere/at/all"}, ["BOX_JWT_CONFIG_FILE", "/nowhere"], id="no such file"
        ),
    ],
)
def test_wrong_credentials_are_named_and_never_shown(environment, values, names):
    environment(values)
    with pytest.raises(NotConfigured) as caught:
        BoxConfig().credentials()
    for name in names:
        assert name in str(caught.value)
    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "says"),
    [(f"{CANARY}\n", ""), ("", "is empty"), (f"{CANARY}\n\n", "has white space"), (f"{CANARY} x", "has white space")],
)
def test_a_secrets_file_may_end_as_text_files_do(environment, tmp_path, content, says):
    file = tmp_path / "secret"
    file.write_text(content)
    environment({**CCG, "BOX_CLIENT_SECRET": "", "BOX_CLIENT_SECRET_FILE": str(file)})
    if not says:
        assert BoxConfig().credentials() == settings.ClientCredentials("app1", CANARY, "42")
        return
    with pytest.raises(NotConfigured, match=says) as caught:
        BoxConfig().credentials()
    assert "BOX_CLIENT_SECRET_FILE" in str(caught.value)


def test_a_root_folder_with_a_trailing_newline_is_named(environment):
    environment({"BOX_ROOT_FOLDER": "123\n"})
    with pytest.raises(NotConfigured, match="BOX_ROOT_FOLDER"):
        BoxConfig().root()


@pytest.mark.parametrize("name", ["BOX_URL", "BOX_API_URL", "BOX_UPLOAD_URL"])
def test_an_address_that_has_what_each_request_adds_is_refused(environment, name):
    environment({name: "http://127.0.0.1:9/2.0"})
    with pytest.raises(NotConfigured, match=f"{name} ends with /2.0"):
        BoxConfig().endpoints()


def test_box_url_sets_all_three_addresses(environment):
    environment({"BOX_URL": "http://127.0.0.1:9/"})
    assert BoxConfig().endpoints() == settings.Endpoints(
        "http://127.0.0.1:9", "http://127.0.0.1:9/api", "http://127.0.0.1:9/api/oauth2"
    )


def test_without_settings_the_addresses_are_boxs():
    assert BoxConfig().endpoints().api == "https://api.box.com"


@pytest.mark.parametrize("url", ["box.com", "ftp://box.com", "http://user:pw@host", "http://host/?q=1", "http://a b"])
def test_an_address_that_is_none_is_refused(environment, url):
    environment({"BOX_URL": url})
    with pytest.raises(NotConfigured, match="is no web address"):
        BoxConfig().endpoints()


def test_a_configuration_file_wins_over_the_environment(environment):
    environment({"BOX_ROOT_FOLDER": "12"})
    assert BoxConfig().root_folder == "12"
    assert BoxConfig(config=Config({"BoxConfig": {"root_folder": "/Maintenance"}})).root_folder == "/Maintenance"


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("off", settings.RateLimit(None, None, None)),
        ("1000,240,60", settings.RateLimit()),
        ("10, 2, 1", settings.RateLimit(10, 2, 1)),
    ],
)
def test_rate_limits(environment, text, limits):
    environment({"BOX_RATE_LIMIT": text})
    assert BoxConfig().limits() == limits


@pytest.mark.parametrize("text", ["fast", "10", "10,20", "0,1,1", "-1,1,1"])
def test_a_rate_limit_that_is_none_is_refused(environment, text):
    environment({"BOX_RATE_LIMIT": text})
    with pytest.raises(NotConfigured, match="BOX_RATE_LIMIT"):
        BoxConfig().limits()


def test_parts_begin_where_box_takes_them():
    with pytest.raises(TraitError):
        BoxConfig(chunked_upload_threshold=10_000_000)


def test_secrets_are_no_settings_and_the_server_hands_over_without_them(environment):
    import os

    environment(CCG)
    box = BoxConfig()
    assert CANARY not in repr(box.trait_values())
    assert box.secrets_given() == ("BOX_CLIENT_SECRET",)
    box.hand_over("http://127.0.0.1:8888/")
    assert CANARY not in os.environ.values()
    assert isinstance(BoxConfig().credentials(), settings.ServerAccess)
    os.environ.pop("BOX_SERVER_URL")
