"""The chart jupyter-box: what it makes is valid, hardened and whole, and what it cannot make it refuses in a sentence.

Schemas of CRDs (External Secrets, Secrets Store CSI) come with no test dependency: those documents are compared with
the fields that their projects document.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil

import jsonschema
import pytest
import yaml
from z2jh import CHART, OVERLAYS, merged, overlay

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install 'jupyter-box[hub-test]'")
pytestmark = pytest.mark.hub

VERSIONS = ("1.32", "1.34", "1.36")
SECRET = {"existingSecret": "jupyter-box"}
ESO = {"externalSecret": {"enabled": True, "secretStoreRef": {"name": "aws"}, "remoteKey": "prod/box"}}
CSI = {
    "secretsStore": {"enabled": True, "objectName": "prod/box"},
    "clientId": "abc123",
    "enterpriseId": "42",
}
JWT_CSI = {"secretsStore": {"enabled": True, "objectName": "prod/box", "region": "eu-central-1"}, "auth": "jwt"}
CREDENTIALS = {
    "secret": SECRET,
    "secret-jwt": SECRET | {"auth": "jwt"},
    "eso": ESO,
    "eso-jwt": ESO | {"auth": "jwt"},
    "csi": CSI,
    "csi-jwt": JWT_CSI,
}
SHAPES = {
    "plain": {},
    "hpa": {"broker": {"autoscaling": {"enabled": True}}},
    "folder": {"broker": {"mapping": "folder", "folder": "123"}},
    "managed": {"broker": {"mapping": "managed-user", "login": "{email}", "scopes": ["item_download", "item_upload"]}},
    "tls": {"tls": {"existingSecret": "broker-tls"}, "broker": {"userPrefix": "hub-a:"}},
    "hub-elsewhere": {"hub": {"namespace": "jhub", "apiUrl": "http://hub.jhub:8081/hub/api"}},
    "bare": {
        "networkPolicy": {"enabled": False},
        "serviceAccount": {"create": False},
        "test": {"enabled": False},
        "broker": {"podDisruptionBudget": {"enabled": False}},
    },
    "full": {
        "broker": {
            "extraEnv": {"BOX_BROKER_X": "1", "Y": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}},
            "nodeSelector": {"pool": "core"},
            "tolerations": [{"key": "core", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "podAnnotations": {"prometheus.io/scrape": "true"},
            "podLabels": {"team": "data"},
            "priorityClassName": "core",
        },
        "image": {"repository": "example.org/box/broker", "digest": f"sha256:{'0' * 64}"},
        "imagePullSecrets": [{"name": "pull"}],
        "service": {"port": 8443, "annotations": {"a": "b"}},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/box"}},
        "networkPolicy": {
            "extraIngress": [{"from": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]}],
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        },
    },
}


@pytest.fixture(params=CREDENTIALS, scope="module")
def credentials(request):
    """Each way to give the chart the credentials."""
    return CREDENTIALS[request.param]


def broker_pod(documents):
    (deployment,) = (document for (kind, _), document in documents.items() if kind == "Deployment")
    return deployment["spec"]["template"]


def environment(documents):
    return {entry["name"]: entry for entry in broker_pod(documents)["spec"]["containers"][0]["env"]}


def test_lint_finds_nothing(helm):
    done = helm("lint", "--strict", values=SECRET)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("way", "shape"), [*itertools.product(CREDENTIALS, SHAPES)])
def test_every_document_is_valid_on_three_versions_of_kubernetes(render, way, shape):
    documents = render(merged(CREDENTIALS[way], SHAPES[shape]))
    for document, version in itertools.product(documents.values(), VERSIONS):
        if document["kind"] not in {"ExternalSecret", "SecretProviderClass"}:
            kubernetes_validate.validate(document, version, strict=True)


def test_every_overlay_names_no_value_twice_and_is_yaml():
    for path in OVERLAYS.glob("*.yaml"):
        assert isinstance(yaml.load(path.read_text(), Loader=UniqueKeys), dict), path.name


class UniqueKeys(yaml.SafeLoader):
    """YAML's loader, strict about keys, of which Helm would silently take the last."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{keys} at {node.start_mark}"
        return super().construct_mapping(node, deep)


def test_the_names_of_a_release_called_jupyter_box_are_those_of_the_overlay(render):
    documents = render(SECRET, name="jupyter-box")
    service = documents["Service", "jupyter-box-broker"]
    url = overlay("broker")["singleuser"]["extraEnv"]["BOX_BROKER_URL"]
    assert url == f"http://jupyter-box-broker:{service['spec']['ports'][0]['port']}"


def test_the_broker_is_confined(render, credentials):
    pod = broker_pod(render(credentials))["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    container = pod["containers"][0]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


def test_the_secret_is_a_file_and_in_no_variable(render, credentials):
    documents = render(credentials)
    variables = environment(documents)
    assert not {"BOX_CLIENT_SECRET", "BOX_JWT_CONFIG"} & variables.keys()
    (path,) = (entry["value"] for name, entry in variables.items() if name.endswith("_FILE"))
    mount, volume = broker_pod(documents)["spec"]["containers"][0]["volumeMounts"][0], broker_pod(documents)["spec"]
    assert path.startswith(mount["mountPath"] + "/")
    assert mount["readOnly"] is True
    held = volume["volumes"][0]
    if "secret" in held:
        assert held["secret"]["defaultMode"] == 0o400
        assert [item["path"] for item in held["secret"]["items"]] == [path.rsplit("/", 1)[1]]


def test_settings_of_the_broker_arrive_in_its_environment(render):
    groups = {"students": {"folders": {"123": "viewer"}, "scopes": ["item_share"]}}
    documents = render(SECRET | {"broker": {"groups": groups, "scopes": ["a", "b"], "userPrefix": "x:"}})
    values = {name: entry.get("value") for name, entry in environment(documents).items()}
    assert json.loads(values["BOX_BROKER_GROUPS"]) == groups
    assert values["BOX_BROKER_SCOPES"] == "a b"
    assert values["BOX_BROKER_USER_PREFIX"] == "x:"
    assert values["BOX_BROKER_MAPPING"] == "app-user"
    assert values["JUPYTERHUB_API_URL"] == "http://hub:8081/hub/api"


def test_tls_reaches_the_broker_its_probes_and_its_address(render):
    documents = render(SECRET | SHAPES["tls"])
    container = broker_pod(documents)["spec"]["containers"][0]
    assert {container[probe]["httpGet"]["scheme"] for probe in ("livenessProbe", "readinessProbe")} == {"HTTPS"}
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    for name in ("BOX_BROKER_CERTFILE", "BOX_BROKER_KEYFILE"):
        assert environment(documents)[name]["value"].rsplit("/", 1)[0] in mounts
    test = documents["Pod", "box-jupyter-box-broker-test"]["spec"]["containers"][0]
    assert test["env"][0]["value"] == "https://box-jupyter-box-broker:8080"


def test_the_service_has_the_port_of_the_container(render):
    documents = render(SECRET | {"service": {"port": 8443}})
    port = documents["Service", "box-jupyter-box-broker"]["spec"]["ports"][0]
    container = broker_pod(documents)["spec"]["containers"][0]
    assert port["port"] == port["targetPort"] == container["ports"][0]["containerPort"] == 8443
    assert environment(documents)["BOX_BROKER_PORT"]["value"] == "8443"


def test_replicas_belong_to_the_autoscaler_where_there_is_one(render):
    documents = render(SECRET | SHAPES["hpa"])
    assert "replicas" not in documents["Deployment", "box-jupyter-box-broker"]["spec"]
    target = documents["HorizontalPodAutoscaler", "box-jupyter-box-broker"]["spec"]["scaleTargetRef"]
    assert target["name"] == "box-jupyter-box-broker"


def test_selectors_of_service_budget_and_policy_find_the_broker_and_not_the_test_pod(render):
    documents = render(SECRET)
    labels = broker_pod(documents)["metadata"]["labels"]
    test_pod = documents["Pod", "box-jupyter-box-broker-test"]["metadata"]["labels"]
    name = "box-jupyter-box-broker"
    for selector in (
        documents["Service", name]["spec"]["selector"],
        documents["PodDisruptionBudget", name]["spec"]["selector"]["matchLabels"],
        documents["NetworkPolicy", name]["spec"]["podSelector"]["matchLabels"],
        documents["NetworkPolicy", "box-jupyter-box-singleuser"]["spec"]["egress"][0]["to"][0]["podSelector"][
            "matchLabels"
        ],
    ):
        assert selector.items() <= labels.items()
        assert not selector.items() <= test_pod.items()


def test_the_broker_takes_calls_from_the_users_servers_and_makes_calls_to_dns_the_hub_and_https(render):
    documents = render(SECRET)
    policy = documents["NetworkPolicy", "box-jupyter-box-broker"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    sources = [source["podSelector"]["matchLabels"] for source in policy["ingress"][0]["from"]]
    assert {source["app.kubernetes.io/component"] for source in sources} == {"singleuser-server", "test"}
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 8081, 443}
    assert broker_pod(documents)["metadata"]["labels"]["hub.jupyter.org/network-access-hub"] == "true"


def test_the_policy_for_the_users_servers_only_adds_the_broker(render):
    policy = render(SECRET)["NetworkPolicy", "box-jupyter-box-singleuser"]["spec"]
    assert policy["policyTypes"] == ["Egress"]
    assert len(policy["egress"]) == 1
    assert not [
        name
        for kind, name in render(SECRET | {"networkPolicy": {"singleuserEgress": False}})
        if (kind, name) == ("NetworkPolicy", "box-jupyter-box-singleuser")
    ]


def test_a_hub_in_another_namespace_gets_the_policies_there(render):
    documents = render(merged(SECRET, SHAPES["hub-elsewhere"]))
    for name in ("box-jupyter-box-singleuser", "box-jupyter-box-hub"):
        assert documents["NetworkPolicy", name]["metadata"]["namespace"] == "jhub"
    source = documents["NetworkPolicy", "box-jupyter-box-broker"]["spec"]["ingress"][0]["from"][0]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "jhub"}


@pytest.mark.parametrize(
    ("auth", "properties"),
    [
        (
            "client-credentials",
            {"client-id": "client-id", "client-secret": "client-secret", "enterprise-id": "enterprise-id"},
        ),
        ("jwt", {"jwt-config.json": None}),
    ],
)
def test_the_external_secret_makes_the_secret_that_is_mounted(render, auth, properties):
    documents = render(ESO | {"auth": auth})
    external = documents["ExternalSecret", "box-jupyter-box"]
    assert external["apiVersion"] == "external-secrets.io/v1"
    assert external["spec"]["secretStoreRef"] == {"kind": "SecretStore", "name": "aws"}
    entries = {entry["secretKey"]: entry["remoteRef"] for entry in external["spec"]["data"]}
    assert {key: reference.get("property") for key, reference in entries.items()} == properties
    assert {reference["key"] for reference in entries.values()} == {"prod/box"}
    volume = broker_pod(documents)["spec"]["volumes"][0]
    assert volume["secret"]["secretName"] == external["spec"]["target"]["name"]


@pytest.mark.parametrize(("values", "alias"), [(CSI, "client-secret"), (JWT_CSI, "jwt-config.json")])
def test_the_secrets_store_mounts_the_file_that_is_read(render, values, alias):
    documents = render(values)
    spec = documents["SecretProviderClass", "box-jupyter-box"]["spec"]
    (held,) = yaml.safe_load(spec["parameters"]["objects"])
    aliases = [path["objectAlias"] for path in held.get("jmesPath", [])] or [held["objectAlias"]]
    assert aliases == [alias]
    assert spec["parameters"]["usePodIdentity"] == "false"
    volume = broker_pod(documents)["spec"]["volumes"][0]["csi"]
    assert volume["volumeAttributes"] == {"secretProviderClass": "box-jupyter-box"}
    variables = environment(documents).values()
    assert not [entry for entry in variables if "valueFrom" in entry], "there is no Secret to read from"
    assert f"/etc/jupyter-box/{alias}" in [entry["value"] for entry in variables]


def test_direct_mode_takes_only_the_external_secret(render):
    documents = render(ESO | {"broker": {"enabled": False}})
    assert {kind for kind, _ in documents} == {"ExternalSecret"}


def test_irsa_annotates_the_service_account_and_pod_identity_needs_nothing(render):
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/box"}
    documents = render(CSI | {"serviceAccount": {"annotations": role}})
    account = documents["ServiceAccount", "box-jupyter-box-broker"]
    assert account["metadata"]["annotations"] == role
    assert account["automountServiceAccountToken"] is False
    assert broker_pod(documents)["spec"]["serviceAccountName"] == "box-jupyter-box-broker"


def test_values_that_the_guide_shows_are_taken(render):
    guide = (CHART.parents[1] / "docs" / "admin" / "broker.md").read_text()
    shown = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)]
    assert shown
    for values in shown:
        assert render(SECRET | values)


def test_helm_test_asks_the_broker_and_its_script_is_python(render):
    pod = render(SECRET)["Pod", "box-jupyter-box-broker-test"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    container = pod["spec"]["containers"][0]
    compile(container["args"][0], "helm-test", "exec")
    assert container["env"] == [{"name": "BROKER_URL", "value": "http://box-jupyter-box-broker:8080"}]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"existingSecret": "box_client_secret"}, r"a name that Kubernetes takes, such as jupyter-box"),
        ({"existingSecret": "Box"}, r"a name that Kubernetes takes, such as jupyter-box"),
        (merged(ESO, {"externalSecret": {"targetName": "box_secret"}}), r"externalSecret.targetName"),
        (SECRET | {"imagePullSecrets": [{"name": "pull_secret"}]}, r"imagePullSecrets.0.name"),
        (SECRET | {"exsitingSecret": "x"}, r"exsitingSecret"),
        (SECRET | {"broker": {"maping": "folder"}}, r"broker.*maping"),
        (SECRET | {"broker": {"mapping": "folders"}}, r'"app-user", "managed-user", "folder"'),
        (SECRET | {"broker": {"extraEnv": {"N": 3}}}, r"broker.extraEnv.N.*string, given: integer"),
        (SECRET | {"broker": {"extraEnv": [{"name": "N", "value": "3"}]}}, r"broker.extraEnv.*object, given: array"),
        (SECRET | {"hub": {"apiUrl": "hub:8081"}}, r"hub.apiUrl"),
        (SECRET | {"service": {"port": 80}}, r"service.port.*1024"),
        (SECRET | {"enterpriseId": "E-42"}, r"enterpriseId"),
        ({}, r"credentials are missing: set existingSecret"),
        (SECRET | ESO, r"exactly one of existingSecret, externalSecret.enabled and secretsStore.enabled"),
        (SECRET | CSI, r"exactly one of existingSecret, externalSecret.enabled and secretsStore.enabled"),
        (ESO | CSI, r"exactly one of existingSecret, externalSecret.enabled and secretsStore.enabled"),
        (SECRET | {"broker": {"enabled": False}}, r"nothing to install"),
        ({"externalSecret": {"enabled": True}}, r"needs externalSecret.secretStoreRef.name"),
        ({"secretsStore": {"enabled": True}}, r"needs secretsStore.objectName"),
        ({"secretsStore": CSI["secretsStore"]}, r"set clientId and enterpriseId"),
        (SECRET | {"auth": "jwt", "clientId": "x"}, r"belong to auth: client-credentials"),
        (SECRET | {"broker": {"mapping": "folder"}}, r"broker.folder must be the id"),
        (SECRET | {"broker": {"folder": "12"}}, r"the mapping is app-user"),
        (SECRET | {"broker": {"login": "{email}"}}, r"broker.login is for broker.mapping: managed-user"),
        (SECRET | {"broker": {"groups": {"a": {"folders": {"1": "owner"}}}}}, r'"viewer", "editor"'),
        (SECRET | {"tls": {"existingSecret": "a_b"}}, r"tls.existingSecret"),
        (SECRET | {"broker": {"autoscaling": {"minReplicas": 9}}}, r"minReplicas is greater"),
        (SECRET | {"serviceAccount": {"create": False, "annotations": {"a": "b"}}}, r"set serviceAccount.create"),
        (SECRET | {"broker": {"extraEnv": {"BOX_CLIENT_SECRET": "s3cret-canary"}}}, r"mounted as files"),
        (SECRET | {"broker": {"extraEnv": {"BOX_BROKER_PORT": "1"}}}, r"the chart sets it"),
    ],
    ids=str,
)
def test_bad_values_are_refused_with_a_message(helm, values, message):
    done = helm("template", values=values)
    assert done.returncode != 0
    assert re.search(message, done.stderr), done.stderr
    assert "s3cret-canary" not in done.stderr


def test_the_schema_knows_every_value_and_its_default_is_allowed():
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(defaults, schema)
    assert set(keys(defaults)) == set(schema_keys(schema)) - {("global",)}


def keys(values, path=()):
    for name, value in values.items():
        yield (*path, name)
        if isinstance(value, dict) and (*path, name) not in FREE:
            yield from keys(value, (*path, name))


def schema_keys(schema, path=()):
    for name, below in schema.get("properties", {}).items():
        yield (*path, name)
        if (*path, name) not in FREE:
            yield from schema_keys(below, (*path, name))


FREE = {("broker", "resources")}


def test_an_older_kubernetes_is_refused(helm):
    done = helm("template", "--kube-version=1.31.0", values=SECRET)
    assert done.returncode != 0
    assert "requires kubeVersion: >=1.32.0-0" in done.stderr


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (SECRET, "values broker --broker-url http://box-jupyter-box-broker:8080"),
        (SECRET | SHAPES["tls"], "values broker --broker-url https://box-jupyter-box-broker:8080"),
        (SECRET | SHAPES["hub-elsewhere"], "values broker --broker-url http://box-jupyter-box-broker.hub:8080"),
        (ESO | {"broker": {"enabled": False}}, "every user of the Hub can read the Box app's credentials"),
        (ESO | {"broker": {"enabled": False}}, "values direct --secret box-jupyter-box"),
    ],
)
def test_notes_say_how_to_go_on(render, tmp_path, values, said):
    chart = shutil.copytree(CHART, tmp_path / "jupyter-box")
    # `helm template` leaves the notes out, and `helm install` wants a cluster even for a dry run
    notes = (chart / "templates" / "NOTES.txt").read_text()
    (chart / "templates" / "_notes.tpl").write_text('{{- define "notes" -}}' + notes + "{{- end -}}")
    (chart / "templates" / "notes.yaml").write_text(
        'kind: ConfigMap\nmetadata: {name: notes}\ndata: {notes: {{ include "notes" . | quote }}}'
    )
    assert said in render(values, chart=chart)["ConfigMap", "notes"]["data"]["notes"]
