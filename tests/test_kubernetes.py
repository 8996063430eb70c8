"""`jupyter box kubernetes` as an administrator runs it; apiserver.py says what its stand-in for a cluster cannot prove.

The credentials are tried at the emulator, as they would be at Box.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sys

import pexpect
import pytest
import yaml

from jupyter_box import cli
from jupyter_box.errors import InvalidName
from jupyter_box.kubernetes.names import label, subdomain

CANARY = "canary-of-a-secret"
JWT = {
    "boxAppSettings": {
        "clientID": "abc",
        "clientSecret": CANARY,
        "appAuth": {"publicKeyID": "k", "privateKey": CANARY, "passphrase": CANARY},
    },
    "enterpriseID": "42",
}
SECRETS = "/api/v1/namespaces/hub/secrets"
DEPLOYMENTS = "/apis/apps/v1/namespaces/hub/deployments"
PODS = "/api/v1/namespaces/hub/pods"
SERVICES = "/api/v1/namespaces/hub/services"
BROKER = {"app.kubernetes.io/part-of": "jupyter-box", "app.kubernetes.io/component": "broker"}
SINGLEUSER = {"app.kubernetes.io/component": "singleuser-server"}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """The API server, found by the kubeconfig as kubectl would find it."""
    pytest.importorskip("kubernetes", reason="pip install 'jupyter-box[hub-test]'")
    apiserver = pytest.importorskip("apiserver", reason="kmock needs Python 3.11: pip install 'jupyter-box[hub-test]'")
    from kubernetes.config import kube_config

    with apiserver.ApiServer() as server:
        path = server.kubeconfig(tmp_path / "kubeconfig")
        # the client reads KUBECONFIG once, as it is imported
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        monkeypatch.setenv("KUBECONFIG", str(path))
        yield server


@pytest.fixture
def secret_file(tmp_path):
    """Write a file with a secret and return its path."""

    def write(text):
        path = tmp_path / "secret"
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def run(capsys):
    """Run a command; return its exit code and all that it printed."""

    def command(*argv):
        code = cli.main(["kubernetes", *map(str, argv)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return command


def encoded(values):
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def put(cluster, values, name="jupyter-box", **metadata):
    cluster.add(SECRETS, "Secret", name=name, metadata=metadata, data=encoded(values))


def held(cluster, name="jupyter-box"):
    data = cluster.objects[f"{SECRETS}/{name}"]["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def app_of(box):
    return ("--client-id", box.env["BOX_CLIENT_ID"], "--enterprise-id", box.env["BOX_ENTERPRISE_ID"])


def good(secret=CANARY):
    return {"client-id": "abc", "client-secret": secret, "enterprise-id": "42"}


def add_server(cluster, user, *, env=(), created="2026-01-01T00:00:00Z"):
    cluster.add(
        PODS,
        "Pod",
        name=f"jupyter-{user}",
        labels=SINGLEUSER,
        metadata={"annotations": {"hub.jupyter.org/username": user}, "creationTimestamp": created},
        spec={"containers": [{"name": "notebook", "env": list(env)}]},
    )


def reads_secret(name="jupyter-box"):
    return {"name": "BOX_CLIENT_SECRET", "valueFrom": {"secretKeyRef": {"name": name, "key": "client-secret"}}}


@pytest.mark.parametrize("name", ["jupyter-box", "a", "box.example.org", "0" * 253])
def test_names_that_kubernetes_takes(name):
    assert subdomain(name, what="Secret") == name


@pytest.mark.parametrize("name", ["box_client_secret", "Box", "-a", "a-", "a..b", "", "0" * 254, "é", "a\n"])
def test_names_that_kubernetes_refuses(name):
    with pytest.raises(InvalidName, match="Kubernetes takes no Secret"):
        subdomain(name, what="Secret")


def test_a_refused_name_comes_with_a_better_one():
    with pytest.raises(InvalidName) as refused:
        subdomain("box_client_secret", what="Secret")
    assert "'box-client-secret'" in refused.value.hint


def test_a_namespace_is_a_label():
    assert label("hub", what="namespace") == "hub"
    with pytest.raises(InvalidName, match="namespace"):
        label("a.b", what="namespace")


@pytest.mark.parametrize("mode", ["direct", "broker", "eks", "eks-nlb"])
def test_values_prints_an_overlay(run, mode):
    code, printed = run("values", mode)
    assert code == 0
    assert set(yaml.safe_load(printed)) <= {"hub", "proxy", "ingress", "singleuser"}


def test_values_takes_the_names_of_an_installation(run):
    _, direct = run("values", "direct", "--secret", "team-a-box")
    references = [entry["valueFrom"]["secretKeyRef"]["name"] for entry in extra_env(direct).values()]
    assert set(references) == {"team-a-box"}
    _, broker = run("values", "broker", "--broker-url", "http://box-jupyter-box-broker.box:8080")
    assert extra_env(broker) == {"BOX_BROKER_URL": "http://box-jupyter-box-broker.box:8080"}


def extra_env(printed):
    return yaml.safe_load(printed)["singleuser"]["extraEnv"]


def test_values_refuses_a_secret_that_kubernetes_would_refuse(run):
    code, printed = run("values", "direct", "--secret", "box_client_secret")
    assert code == 11
    assert "'box-client-secret'" in printed


def test_values_refuses_an_address_that_is_none(run):
    code, printed = run("values", "broker", "--broker-url", 'jupyter-box-broker" # x')
    assert code == 11
    assert "The broker's address is no web address." in printed


def test_apply_tries_the_credentials_and_makes_the_secret(cluster, box, box_environment, run, secret_file):
    path = secret_file(box.env["BOX_CLIENT_SECRET"] + "\n")
    code, printed = run("secret", "apply", *app_of(box), "--client-secret-file", path)
    assert code == 0, printed
    assert "Box knows these credentials as" in printed
    assert held(cluster) == {
        "client-id": box.env["BOX_CLIENT_ID"],
        "client-secret": box.env["BOX_CLIENT_SECRET"],
        "enterprise-id": box.env["BOX_ENTERPRISE_ID"],
    }
    (patch,) = [asked for asked in cluster.requests if asked.method == "PATCH"]
    assert patch.content_type == "application/apply-patch+yaml"
    assert patch.params["fieldManager"] == "jupyter-box"
    assert patch.params["force"] == "false"
    assert box.env["BOX_CLIENT_SECRET"] not in printed


def test_apply_takes_a_jwt_configuration(cluster, box, box_environment, run):
    code, printed = run("secret", "apply", "--jwt-config-file", box.env["BOX_JWT_CONFIG_FILE"])
    assert code == 0, printed
    assert set(held(cluster)) == {"jwt-config.json"}


def test_apply_asks_a_person_and_does_not_show_the_secret(cluster):
    command = ["-m", "jupyter_box.cli", "kubernetes", "secret", "apply", "--skip-box"]
    terminal = pexpect.spawn(sys.executable, command, timeout=60, encoding="utf-8")
    terminal.logfile_read = shown = io.StringIO()
    for prompt, typed in (("client id: ", "abc"), ("client secret: ", CANARY), ("enterprise id: ", "42")):
        terminal.expect_exact(prompt)
        terminal.sendline(typed)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0, shown.getvalue()
    assert held(cluster) == good()
    assert CANARY not in shown.getvalue()


def test_apply_changes_nothing_when_box_refuses(cluster, box, box_environment, run, secret_file):
    code, printed = run("secret", "apply", *app_of(box), "--client-secret-file", secret_file(CANARY))
    assert code == 4
    assert not [asked for asked in cluster.requests if asked.method == "PATCH"]
    assert CANARY not in printed


def test_apply_reads_the_secret_from_standard_input(cluster, run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(CANARY + "\n"))
    ids = ("--client-id", "abc", "--enterprise-id", "42")
    code, printed = run("secret", "apply", *ids, "--client-secret-file", "-", "--skip-box")
    assert code == 0, printed
    assert held(cluster) == good()
    assert CANARY not in printed


def test_apply_without_a_terminal_says_what_to_give(cluster, run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, printed = run("secret", "apply", "--client-id", "abc", "--enterprise-id", "42", "--skip-box")
    assert code == 3
    assert "--client-secret-file (a file, or - for standard input)" in printed


def test_apply_dry_run_lets_the_api_server_judge(cluster, run, secret_file):
    ids = ("--client-id", "abc", "--enterprise-id", "42", "--client-secret-file", secret_file(CANARY))
    assert run("secret", "apply", *ids, "--skip-box", "--dry-run")[0] == 0
    (patch,) = [asked for asked in cluster.requests if asked.method == "PATCH"]
    assert patch.params["dryRun"] == "All"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (CANARY + "\n\n", "client-secret ends with a newline"),
        (f"my {CANARY}", "client-secret has white space in it"),
        ("\n", "client-secret is empty"),
    ],
)
def test_apply_refuses_a_value_that_box_never_gave(cluster, run, secret_file, text, fault):
    ids = ("--client-id", "abc", "--enterprise-id", "42", "--client-secret-file", secret_file(text))
    code, printed = run("secret", "apply", *ids, "--skip-box")
    assert code == 3
    assert fault in printed
    assert not [asked for asked in cluster.requests if asked.method == "PATCH"]
    assert CANARY not in printed


def test_apply_refuses_a_jwt_file_that_is_not_whole(cluster, run, secret_file):
    broken = {**JWT, "enterpriseID": ""}
    code, printed = run("secret", "apply", "--jwt-config-file", secret_file(json.dumps(broken)), "--skip-box")
    assert code == 3
    assert "jwt-config.json lacks enterpriseID" in printed
    assert CANARY not in printed


def test_apply_checks_the_name_before_any_call(cluster, run):
    code, printed = run("secret", "apply", "--name", "box_client_secret")
    assert code == 11
    assert "'box-client-secret'" in printed
    assert not cluster.requests


@pytest.mark.parametrize("argument", [f"--client-secret={CANARY}", f"--secret={CANARY}", CANARY])
def test_a_secret_among_the_arguments_is_refused_and_not_repeated(run, capsys, argument):
    with pytest.raises(SystemExit) as left:
        run("secret", "apply", argument)
    assert left.value.code == 2
    printed = "".join(capsys.readouterr())
    assert CANARY not in printed
    assert "a prompt, a file or standard input only" in printed


def test_a_secret_given_as_a_file_name_is_not_repeated(cluster, run):
    ids = ("--client-id", "abc", "--enterprise-id", "42")
    code, printed = run("secret", "apply", *ids, "--client-secret-file", CANARY)
    assert code == 3
    assert "cannot be read" in printed
    assert CANARY not in printed


def test_apply_leaves_keys_of_another_manager_until_told(cluster, run, secret_file):
    conflict = {
        "reason": "Conflict",
        "message": f'Apply failed: {CANARY} conflict with "kubectl-create"',
        "details": {
            "causes": [
                {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-create" using v1'},
            ]
        },
    }
    cluster.answer("PATCH", f"{SECRETS}/jupyter-box", 409, conflict)
    ids = ("--client-id", "abc", "--enterprise-id", "42", "--client-secret-file", secret_file(CANARY))
    code, printed = run("secret", "apply", *ids, "--skip-box")
    assert code == 7
    assert "set by kubectl-create. Say --force-conflicts" in printed
    assert CANARY not in printed
    run("secret", "apply", *ids, "--skip-box", "--force-conflicts")
    assert cluster.requests[-1].params["force"] == "true"


@pytest.mark.parametrize(
    ("answer", "message", "exit_code"),
    [
        ((401, {}), "The cluster does not know us.", 4),
        ((403, {"reason": "Forbidden"}), "does not allow PATCH Secret jupyter-box in namespace hub", 5),
        ((409, {"reason": "Conflict"}), "Somebody else changed Secret jupyter-box meanwhile.", 8),
        ((422, {"reason": "Invalid", "message": f"data is immutable {CANARY}"}), "is immutable: delete it", 11),
        ((500, {"message": CANARY}), "HTTP 500", 14),
        ((502, b"<html>a proxy</html>"), "HTTP 502", 14),
        ((200, b"<html>a login page</html>"), "HTTP 200", 14),
    ],
)
def test_refusals_of_the_api_server_are_sentences_without_values(cluster, run, secret_file, answer, message, exit_code):
    cluster.answer("PATCH", f"{SECRETS}/jupyter-box", *answer)
    ids = ("--client-id", "abc", "--enterprise-id", "42", "--client-secret-file", secret_file(CANARY))
    code, printed = run("secret", "apply", *ids, "--skip-box")
    assert code == exit_code
    assert message in printed
    assert CANARY not in printed
    assert "Traceback" not in printed


def test_a_secret_that_an_operator_keeps_is_left_alone(cluster, run):
    put(cluster, good(), ownerReferences=[{"kind": "ExternalSecret", "name": "jupyter-box"}])
    for verb in ("apply", "rotate"):
        code, printed = run("secret", verb, "--skip-box")
        assert code == 5
        assert "kept by ExternalSecret jupyter-box" in printed


def test_check_tells_lengths_and_no_values(cluster, run):
    put(cluster, good())
    code, printed = run("secret", "check")
    assert code == 0
    assert f"{len(CANARY)} bytes  ok" in printed
    assert CANARY not in printed


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (good(CANARY + "\n"), "client-secret.*ends with a newline"),
        ({"client-id": "abc", "client-secret": CANARY}, "enterprise-id.*is missing"),
        ({**good(), "enterprise-id": "E42"}, "enterprise-id.*is no Box id"),
        ({**good(), "client_secret": CANARY}, "client_secret.*does not read"),
        ({"jwt-config.json": "{"}, "jwt-config.json.*is no JSON"),
        ({"jwt-config.json": "[]"}, "jwt-config.json.*lacks boxAppSettings.clientID"),
        ({}, "client-id.*is missing"),
    ],
)
def test_check_finds_what_is_wrong(cluster, run, values, fault):
    put(cluster, values)
    code, printed = run("secret", "check")
    assert code == 1
    assert re.search(fault, printed), printed
    assert CANARY not in printed


def test_check_of_no_secret_says_how_to_make_it(cluster, run):
    code, printed = run("secret", "check", "-n", "elsewhere")
    assert code == 6
    assert "no Secret jupyter-box in namespace elsewhere" in printed
    assert "secret apply" in printed


def test_rotate_keeps_the_ids_rolls_the_broker_and_names_who_must_restart(cluster, run, secret_file):
    put(cluster, good("the-old-secret"))
    cluster.add(DEPLOYMENTS, "Deployment", name="jupyter-box-broker", labels=BROKER, spec={"template": {}})
    add_server(cluster, "alice", env=[reads_secret()])
    add_server(cluster, "bob", env=[reads_secret("another")])
    code, printed = run("secret", "rotate", "--client-secret-file", secret_file(CANARY), "--skip-box")
    assert code == 0, printed
    assert held(cluster) == good()
    template = cluster.objects[f"{DEPLOYMENTS}/jupyter-box-broker"]["spec"]["template"]
    assert "jupyter-box/secret-version" in template["metadata"]["annotations"]
    assert "run with the old secret until they are restarted: alice." in printed
    assert "bob" not in printed
    assert CANARY not in printed
    assert not [asked for asked in cluster.requests if asked.method == "DELETE"]


def test_rotate_to_the_same_secret_changes_nothing(cluster, run, secret_file):
    put(cluster, good())
    code, printed = run("secret", "rotate", "--client-secret-file", secret_file(CANARY), "--skip-box")
    assert code == 0
    assert "has these values already" in printed
    assert not [asked for asked in cluster.requests if asked.method == "PATCH"]


def test_rotate_of_a_jwt_app_wants_a_jwt_file(cluster, run, secret_file):
    put(cluster, {"jwt-config.json": json.dumps(JWT)})
    code, printed = run("secret", "rotate", "--client-secret-file", secret_file(CANARY))
    assert code == 6
    assert "Give --jwt-config-file" in printed


def test_an_api_server_that_is_not_there_is_one_line(run, cluster, monkeypatch, tmp_path):
    from kubernetes.config import kube_config

    cluster.url = "http://127.0.0.1:9"
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(cluster.kubeconfig(tmp_path / "other")))
    code, printed = run("secret", "check")
    assert code == 14
    assert "http://127.0.0.1:9 does not answer" in printed
    assert printed.strip().count("\n") == 0


def test_an_unknown_context_is_named(cluster, run):
    code, printed = run("secret", "check", "--context", "production")
    assert code == 3
    assert "no context 'production'" in printed


def install_hub(cluster, values):
    """Put what a Zero to JupyterHub release leaves in its namespace."""
    labels = {"component": "hub", "app.kubernetes.io/instance": "jhub", "helm.sh/chart": "jupyterhub-4.4.0"}
    running = {"spec": {"replicas": 1}, "status": {"readyReplicas": 1}}
    cluster.add(DEPLOYMENTS, "Deployment", name="hub", labels=labels, **running)
    cluster.add(SERVICES, "Service", name="hub", labels=labels, spec={"ports": [{"port": 8081}]})
    cluster.answer("GET", f"{SERVICES}/hub:8081/proxy/hub/api", 200, {"version": "5.5.0"})
    put(cluster, {"values.yaml": yaml.safe_dump(values)}, name="hub")


def install_broker(cluster, *, ready=True):
    """Put what the chart jupyter-box leaves in its namespace."""
    running = {"spec": {"replicas": 2}, "status": {"readyReplicas": 2 if ready else 0}}
    cluster.add(DEPLOYMENTS, "Deployment", name="jupyter-box-broker", labels=BROKER, **running)
    cluster.add(SERVICES, "Service", name="jupyter-box-broker", labels=BROKER, spec={"ports": [{"port": 8080}]})
    path = f"{SERVICES}/jupyter-box-broker:8080/proxy/readyz"
    cluster.answer("GET", path, 200 if ready else 503, {})


def overlay(run, mode):
    return yaml.safe_load(run("values", mode)[1])


def calico(cluster):
    cluster.add("/apis/apps/v1/namespaces/calico-system/daemonsets", "DaemonSet", name="calico-node", namespace="x")


def test_doctor_finds_broker_mode_well(cluster, run):
    install_hub(cluster, overlay(run, "broker"))
    install_broker(cluster)
    calico(cluster)
    put(cluster, good())
    add_server(cluster, "alice", env=[{"name": "BOX_BROKER_URL", "value": "http://jupyter-box-broker:8080"}])
    code, printed = run("doctor")
    assert code == 0, printed
    for expected in (
        "Zero to JupyterHub 4.4.0, release jhub",
        "JupyterHub 5.5.0",
        "The overlay for broker mode is applied",
        "The broker reaches Box and the Hub",
        "Network policies: Calico",
        "All 1 running servers have BOX_BROKER_URL",
    ):
        assert expected in printed
    assert CANARY not in printed


def test_doctor_finds_direct_mode_well(cluster, run):
    install_hub(cluster, overlay(run, "direct"))
    calico(cluster)
    put(cluster, good())
    code, printed = run("doctor")
    assert code == 0, printed
    assert "The overlay for direct mode is applied" in printed


def merged(values, *path_and_value):
    *path, value = path_and_value
    below = values
    for name in path[:-1]:
        below = below.setdefault(name, {})
    below[path[-1]] = value
    return values


@pytest.mark.parametrize(
    ("mode", "change", "finding"),
    [
        ("direct", ("singleuser", "extraEnv", []), "none of jupyter-box's variables"),
        ("direct", ("singleuser", "extraEnv", [{"name": "BOX_CLIENT_ID"}]), "is a list: every spawn fails"),
        ("direct", ("singleuser", "extraEnv", "BOX_CLIENT_SECRET", CANARY), "stands in the values themselves"),
        ("direct", ("singleuser", "extraEnv", "BOX_CLIENT_SECRET", {"value": CANARY}), "stands in the values"),
        ("direct", ("singleuser", "extraEnv", "BOX_BROKER_URL", "http://b:8080"), "has both BOX_BROKER_URL and"),
        ("direct", ("hub", "config", "KubeSpawner", "environment", {}), "replaces all of singleuser.extraEnv"),
        ("broker", ("hub", "config", "JupyterHub", {}), "does not know the scope"),
        ("broker", ("hub", "extraConfig", {}), "No role has the scope"),
    ],
)
def test_doctor_finds_what_is_wrong_in_the_values(cluster, run, mode, change, finding):
    install_hub(cluster, merged(overlay(run, mode), *change))
    install_broker(cluster)
    put(cluster, good())
    code, printed = run("doctor")
    assert code == 2
    assert finding in printed
    assert CANARY not in printed


def test_doctor_warns_of_a_kubernetes_token_in_the_users_pods(cluster, run):
    values = merged(overlay(run, "direct"), "singleuser", "serviceAccountName", "s3")
    install_hub(cluster, merged(values, "hub", "config", "KubeSpawner", {}))
    put(cluster, good())
    code, printed = run("doctor")
    assert code == 1
    assert "gives the users' servers a token of Kubernetes" in printed


def test_doctor_finds_a_bad_secret_and_a_broker_that_is_not_ready(cluster, run):
    install_hub(cluster, overlay(run, "broker"))
    install_broker(cluster, ready=False)
    put(cluster, good(CANARY + "\n"))
    code, printed = run("doctor")
    assert code == 2
    assert "Secret jupyter-box: client-secret ends with a newline" in printed
    assert "The broker jupyter-box-broker is not ready" in printed
    assert "/readyz answered 503" in printed
    assert CANARY not in printed


def test_doctor_names_servers_that_must_be_restarted(cluster, run):
    install_hub(cluster, overlay(run, "broker"))
    install_broker(cluster)
    put(cluster, good())
    add_server(cluster, "alice")
    add_server(cluster, "bob", env=[reads_secret(), {"name": "BOX_BROKER_URL", "value": "x"}])
    code, printed = run("doctor")
    assert code == 2
    assert "Servers from before the overlay: alice." in printed
    assert "still hold the Box app's credentials: bob." in printed


def test_doctor_warns_of_amazons_network_policies(cluster, run):
    install_hub(cluster, overlay(run, "broker"))
    install_broker(cluster)
    put(cluster, good())
    agent = {"name": "aws-eks-nodeagent", "args": ["--enable-network-policy=true"]}
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets"
    cluster.add(path, "DaemonSet", name="aws-node", spec={"template": {"spec": {"containers": [agent]}}})
    code, printed = run("doctor")
    assert code == 1
    assert "does not cover the users' pods reliably" in printed


def test_doctor_finds_that_our_policy_would_be_the_only_one(cluster, run):
    values = merged(overlay(run, "broker"), "singleuser", "networkPolicy", {"enabled": False})
    install_hub(cluster, values)
    install_broker(cluster)
    put(cluster, good())
    cluster.add(
        "/apis/networking.k8s.io/v1/namespaces/hub/networkpolicies",
        "NetworkPolicy",
        name="jupyter-box-singleuser",
        labels={"app.kubernetes.io/part-of": "jupyter-box"},
        spec={"podSelector": {"matchLabels": SINGLEUSER}},
    )
    code, printed = run("doctor")
    assert code == 2
    assert "it cuts them off from all else" in printed


def add_hub_elsewhere(cluster, namespace):
    labels = {"component": "hub", "helm.sh/chart": "jupyterhub-4.4.0"}
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    cluster.add(path, "Deployment", name="hub", namespace=namespace, labels=labels)


def test_doctor_goes_to_the_namespace_of_the_only_hub(cluster, run):
    add_hub_elsewhere(cluster, "jhub")
    _, printed = run("doctor")
    assert "namespace jhub" in printed
    assert "Zero to JupyterHub 4.4.0" in printed


def test_doctor_stays_where_it_is_told_to_and_names_the_others(cluster, run):
    add_hub_elsewhere(cluster, "jhub")
    add_hub_elsewhere(cluster, "teaching")
    code, printed = run("doctor", "--namespace", "box")
    assert code == 2
    assert "no Zero to JupyterHub in namespace box" in printed
    assert "There is one in jhub, teaching" in printed


def test_doctor_asks_a_broker_with_tls_by_https(cluster, run):
    install_hub(cluster, overlay(run, "broker"))
    install_broker(cluster)
    put(cluster, good())
    cluster.objects[f"{SERVICES}/jupyter-box-broker"]["spec"]["ports"][0]["appProtocol"] = "https"
    cluster.answer("GET", f"{SERVICES}/https:jupyter-box-broker:8080/proxy/readyz", 200, {})
    assert "The broker reaches Box and the Hub" in run("doctor")[1]


def test_doctor_takes_a_namespace_with_the_broker_alone(cluster, run):
    add_hub_elsewhere(cluster, "jhub")
    install_broker(cluster)
    put(cluster, good())
    calico(cluster)
    code, printed = run("doctor", "--namespace", "hub")
    assert code == 0, printed
    assert "has the broker, and no Hub" in printed


def test_doctor_goes_on_where_it_may_not_look(cluster, run):
    install_hub(cluster, overlay(run, "broker"))
    install_broker(cluster)
    cluster.denied = {("get", "secrets")}
    forbidden = {"reason": "Forbidden", "message": f'secrets "hub" is forbidden {CANARY}'}
    cluster.answer("GET", f"{SECRETS}/hub", 403, forbidden)
    cluster.answer("GET", "/apis/apps/v1/daemonsets", 403, forbidden)
    code, printed = run("doctor")
    assert code == 1
    assert "We may not get secrets in namespace hub" in printed
    assert "Not checked: The cluster does not allow GET Secret hub" in printed
    assert "JupyterHub 5.5.0" in printed
    assert CANARY not in printed


def test_without_the_package_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    code, printed = run("secret", "check")
    assert code == 3
    assert "pip install 'jupyter-box[kubernetes]'" in printed
