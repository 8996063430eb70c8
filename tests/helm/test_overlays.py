"""The overlays for Zero to JupyterHub: what the Hub makes of them, up to a real server that serves Box.

No cluster is at hand, so the kubelet's one step, Secret to environment, is taken by `kubelet_environment`.
"""

from __future__ import annotations

import json

import pytest
from hub_process import Hub
from z2jh import hub_config, kubelet_environment, merged, overlay, pod_of

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install 'jupyter-box[hub-test]'")
pytest.importorskip("kubespawner", reason="pip install 'jupyter-box[hub-test]'")
pytestmark = pytest.mark.hub

SCOPE = "custom:jupyter-box:token"
CANARY = "canary-of-the-client-secret"
SECRET = {"client-id": "abc", "client-secret": CANARY, "enterprise-id": "42"}


def box_variables(environment):
    return {name: value for name, value in environment.items() if name.startswith("BOX_")}


def roles_of(config):
    return {role["name"]: role["scopes"] for role in config.JupyterHub.load_roles}


@pytest.mark.parametrize("mode", ["direct", "broker"])
@pytest.mark.parametrize("user", ["alice", "Zoë.O'Hara@example.org", "x" * 200])
def test_the_pod_is_valid(mode, user):
    kubernetes_validate.validate(pod_of(hub_config(overlay(mode)), user), "1.34", strict=True)


def test_direct_mode_gives_the_values_of_the_secret():
    pod = pod_of(hub_config(overlay("direct")))
    assert box_variables(kubelet_environment(pod, {"jupyter-box": SECRET})) == {
        "BOX_CLIENT_ID": "abc",
        "BOX_CLIENT_SECRET": CANARY,
        "BOX_ENTERPRISE_ID": "42",
    }
    jwt = {"jupyter-box": {"jwt-config.json": '{"boxAppSettings": {}}'}}
    assert box_variables(kubelet_environment(pod, jwt)) == {"BOX_JWT_CONFIG": '{"boxAppSettings": {}}'}


def test_direct_mode_without_the_secret_still_starts_the_server():
    pod = pod_of(hub_config(overlay("direct")))
    assert box_variables(kubelet_environment(pod, {})) == {}


def test_overlays_keep_what_the_administrator_has_in_extra_env():
    own = {"singleuser": {"extraEnv": {"TEAM": "data", "FOLDER": "users/{unescaped_username}"}}}
    for mode in ("direct", "broker"):
        environment = kubelet_environment(pod_of(hub_config(merged(overlay(mode), own))), {"jupyter-box": SECRET})
        assert environment["TEAM"] == "data"
        assert environment["FOLDER"] == "users/alice@example.org"
        assert box_variables(environment)


def test_every_value_in_extra_env_is_text_or_a_reference():
    for mode in ("direct", "broker"):
        for value in overlay(mode)["singleuser"]["extraEnv"].values():
            assert isinstance(value, str) or set(value) == {"valueFrom"}


def test_no_user_pod_gets_a_token_of_kubernetes():
    for mode in ("direct", "broker"):
        config = hub_config(overlay(mode))
        config.KubeSpawner.service_account = "s3-reader"
        assert pod_of(config)["spec"]["automountServiceAccountToken"] is False


def test_broker_mode_puts_no_secret_of_box_into_the_pod():
    pod = pod_of(hub_config(overlay("broker")))
    assert box_variables(kubelet_environment(pod, {})) == {"BOX_BROKER_URL": "http://jupyter-box-broker:8080"}
    text = json.dumps(pod)
    assert "secretKeyRef" not in text
    assert "secretRef" not in text
    assert "secretName" not in text


def test_broker_mode_gives_users_and_servers_the_scope():
    config = hub_config(overlay("broker"))
    assert roles_of(config)["user"] == ["self", SCOPE]
    assert roles_of(config)["server"] == ["users:activity!user", "access:servers!server", SCOPE]
    assert roles_of(config)["jupyterhub-idle-culler"] == ["list:users"]
    assert config.JupyterHub.custom_scopes[SCOPE]["description"]


def test_broker_mode_adds_to_the_roles_that_the_administrator_has():
    own = {"hub": {"loadRoles": {"user": {"scopes": ["self", "list:users"]}, "server": {"scopes": ["inherit"]}}}}
    config = hub_config(merged(overlay("broker"), own))
    assert roles_of(config)["user"] == ["self", "list:users", SCOPE]
    assert roles_of(config)["server"] == ["inherit", SCOPE]


@pytest.mark.parametrize("section", ["Spawner", "KubeSpawner"])
def test_broker_mode_adds_to_the_scopes_that_a_spawner_asks_for(section):
    own = {"hub": {"config": {section: {"server_token_scopes": ["access:servers!server"]}}}}
    config = hub_config(merged(overlay("broker"), own))
    assert config[section].server_token_scopes == ["access:servers!server", SCOPE]


def test_broker_mode_wraps_a_function_that_chooses_the_scopes():
    own = {"hub": {"extraConfig": {"10-own": "c.Spawner.server_token_scopes = lambda spawner: ['inherit']"}}}
    config = hub_config(merged(overlay("broker"), own))
    assert config.Spawner.server_token_scopes(None) == ["inherit", SCOPE]


def test_a_real_single_user_server_with_the_environment_of_the_pod_serves_box(box, tmp_path):
    """From the overlay to Box: the values of a Secret reach the server as a kubelet hands them over."""
    app = {
        "client-id": box.env["BOX_CLIENT_ID"],
        "client-secret": box.env["BOX_CLIENT_SECRET"],
        "enterprise-id": box.env["BOX_ENTERPRISE_ID"],
    }
    own = {"singleuser": {"extraEnv": {"BOX_URL": box.env["BOX_URL"], "BOX_RATE_LIMIT": "off"}}}
    pod = pod_of(hub_config(merged(overlay("direct"), own)))
    environment = box_variables(kubelet_environment(pod, {"jupyter-box": app}))
    with Hub(tmp_path, environment) as hub:
        hub.start("alice")
        status = hub.ask("GET", "/user/alice/jupyter-box/status").json()
        assert status["connected"], status
        assert "items" in hub.ask("GET", "/user/alice/jupyter-box/items/").json()
        assert app["client-secret"] not in json.dumps(status) + hub.log.read_text()


def test_a_real_hub_gives_the_servers_token_the_scope(tmp_path):
    values = overlay("broker")["hub"]
    custom = values["config"]["JupyterHub"]["custom_scopes"]
    with Hub(
        tmp_path, {}, f"c.JupyterHub.custom_scopes = {custom!r}\n{values['extraConfig']['50-jupyter-box']}"
    ) as hub:
        hub.start("alice")
        tokens = hub.ask("GET", "/hub/api/users/alice/tokens").json()["api_tokens"]
        (scopes,) = (token["scopes"] for token in tokens if token["note"].startswith("Server at"))
    assert SCOPE in scopes
    assert "users:activity!user=alice" in scopes
