"""What is right and wrong with jupyter-box in a cluster, finding by finding; it looks, and changes nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from jupyter_box.errors import Denied

from .cluster import BROKER, HUB, SINGLEUSER, Cluster, Json
from .credentials import examine
from .overlays import SECRET

SCOPE = "custom:jupyter-box:token"
_LITERALS = ("BOX_CLIENT_SECRET", "BOX_JWT_CONFIG", "BOX_DEVELOPER_TOKEN")
_NEEDED = (
    ("get", "secrets", ""),
    ("patch", "secrets", ""),
    ("list", "pods", ""),
    ("list", "services", ""),
    ("list", "deployments", "apps"),
    ("patch", "deployments", "apps"),
    ("list", "networkpolicies", "networking.k8s.io"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: How it is.
        text: What was found.
        hint: What to do about it.
    """

    level: Literal["ok", "warning", "failure"]
    text: str
    hint: str = ""


Findings = Iterator[Finding]


class Patient:
    """What the checks look at, each asked for once."""

    def __init__(self, cluster: Cluster, secret: str = SECRET) -> None:
        self.cluster = cluster
        self.secret = secret

    @cached_property
    def hubs(self) -> list[Json]:
        """The Hub's Deployments in the namespace."""
        return _hubs_of(self.cluster)

    @cached_property
    def brokers(self) -> list[Json]:
        """The broker's Deployments in the namespace."""
        return self.cluster.deployments(BROKER)

    @cached_property
    def servers(self) -> list[Json]:
        """The pods of the users' servers."""
        return self.cluster.pods(SINGLEUSER)

    @cached_property
    def values(self) -> Json:
        """The values of the Zero to JupyterHub release, which the Hub reads from its Secret."""
        import yaml

        held = values_of(self.cluster.secret("hub") or {}).get("values.yaml", "")
        values = yaml.safe_load(held) or {}
        return values if isinstance(values, dict) else {}

    @property
    def environment(self) -> Any:
        """The value singleuser.extraEnv, a map if all is well."""
        return _at(self.values, "singleuser", "extraEnv") or {}

    @property
    def mode(self) -> str:
        """How the users' servers get to Box by these values: direct, broker, both or none."""
        names = set(self.environment) if isinstance(self.environment, Mapping) else set()
        broker, direct = "BOX_BROKER_URL" in names, bool(names & {*_LITERALS, "BOX_CLIENT_ID"})
        return {(True, True): "both", (True, False): "broker", (False, True): "direct"}.get((broker, direct), "none")


Check = Callable[[Patient], Findings]


def at_the_hub(cluster: Cluster) -> Cluster:
    """Return the cluster at the namespace of its only Hub, found by labels; unchanged where that is not one."""
    if _hubs_of(cluster):
        return cluster
    namespaces = _namespaces_with_a_hub(cluster)
    return replace(cluster, namespace=namespaces[0]) if len(namespaces) == 1 else cluster


def diagnose(cluster: Cluster, secret: str = SECRET) -> Findings:
    """Yield what is found, check by check; a check that we may not make is a warning that says so."""
    patient = Patient(cluster, secret)
    yield Finding("ok", f"Kubernetes {cluster.version()}, namespace {cluster.namespace}.")
    for check in CHECKS:
        yield from _as_far_as_allowed(check, patient)


def _as_far_as_allowed(check: Check, patient: Patient) -> Findings:
    try:
        yield from check(patient)
    except Denied as error:
        yield Finding("warning", f"Not checked: {error.message}", error.hint)


def stale(pods: list[Json], secret: str, since: str = "9999") -> list[str]:
    """Return the users whose pods read a Secret and started before a time.

    Args:
        pods: The pods of users' servers.
        secret: The Secret's name.
        since: A time as Kubernetes writes it, `2026-01-31T12:00:00Z`.
    """
    old = [pod for pod in pods if pod["metadata"].get("creationTimestamp", "") < since]
    return sorted(_user(pod) for pod in old if secret in _secrets_of(pod))


def values_of(secret: Json) -> dict[str, str]:
    """Return a Secret's decoded values by key; what is no text reads as what cannot be decoded."""
    data = secret.get("data") or {}
    return {key: base64.b64decode(value or "").decode("utf-8", "replace") for key, value in data.items()}


def _permissions(patient: Patient) -> Findings:
    for verb, resource, group in _NEEDED:
        if not patient.cluster.may(verb, resource, group=group):
            yield Finding(
                "warning",
                f"We may not {verb} {resource} in namespace {patient.cluster.namespace}.",
                "Ask the cluster's administrator for a Role that allows it.",
            )


def _hub(patient: Patient) -> Findings:
    if not patient.hubs and patient.brokers:
        yield Finding("ok", f"Namespace {patient.cluster.namespace} has the broker, and no Hub.")
    elif not patient.hubs:
        yield Finding(
            "failure",
            f"There is no Zero to JupyterHub in namespace {patient.cluster.namespace}.",
            _elsewhere(patient.cluster),
        )
    for hub in patient.hubs:
        labels = hub["metadata"].get("labels", {})
        release = labels.get("app.kubernetes.io/instance") or labels.get("release", "?")
        yield Finding("ok", f"Zero to JupyterHub {_chart(hub).removeprefix('jupyterhub-')}, release {release}.")
        if not _ready(hub):
            yield Finding("failure", "The Hub's pod is not ready.", "kubectl describe pod -l component=hub")


def _hub_version(patient: Patient) -> Findings:
    for service in patient.cluster.services(HUB):
        status, body = patient.cluster.through(service, "/hub/api")
        version = _version(body) if status == 200 else ""
        if not version:
            yield Finding("warning", f"The Hub's version is unknown: its API answered with {status}.")
        elif tuple(int(part) for part in version.split(".")[:2]) < (5, 5):
            yield Finding("failure", f"JupyterHub {version} is too old.", "Upgrade to 5.5 or newer.")
        else:
            yield Finding("ok", f"JupyterHub {version}.")


def _overlay(patient: Patient) -> Findings:
    if not patient.hubs:
        return
    yield from _overlay_faults(patient)
    if patient.mode == "none":
        yield Finding(
            "failure",
            "The users' servers get no way to Box: singleuser.extraEnv has none of jupyter-box's variables.",
            "Add the overlay that `jupyter box kubernetes values broker` (or direct) prints, and run helm upgrade.",
        )
    elif patient.mode == "both":
        yield Finding(
            "failure",
            "singleuser.extraEnv has both BOX_BROKER_URL and the Box app's credentials.",
            "Keep one: with the broker, no user's server needs the credentials.",
        )
    else:
        yield Finding("ok", f"The overlay for {patient.mode} mode is applied.")


def _overlay_faults(patient: Patient) -> Findings:
    values, environment = patient.values, patient.environment
    if not isinstance(environment, Mapping):
        yield Finding("failure", "singleuser.extraEnv is a list: every spawn fails.", "Write it as a map.")
        return
    for name in _LITERALS:
        entry = environment.get(name)
        if isinstance(entry, str) or (isinstance(entry, Mapping) and "value" in entry):
            yield Finding(
                "failure",
                f"singleuser.extraEnv.{name} stands in the values themselves, readable in the Helm release.",
                "Change it in Box, put it into a Secret (jupyter box kubernetes secret apply), and refer to that.",
            )
    if "environment" in (_at(values, "hub", "config", "KubeSpawner") or {}):
        yield Finding(
            "failure",
            "hub.config.KubeSpawner.environment replaces all of singleuser.extraEnv.",
            "Move what it has to singleuser.extraEnv.",
        )
    automount = _at(values, "hub", "config", "KubeSpawner", "automount_service_account_token")
    if _at(values, "singleuser", "serviceAccountName") and automount is not False:
        yield Finding(
            "warning",
            "singleuser.serviceAccountName gives the users' servers a token of Kubernetes.",
            "Set hub.config.KubeSpawner.automount_service_account_token to false; IAM roles still work.",
        )


def _secret(patient: Patient) -> Findings:
    if patient.mode == "broker" and not patient.brokers:
        return
    name = patient.secret
    held = patient.cluster.secret(name)
    if held is None:
        where = f"in namespace {patient.cluster.namespace}"
        yield Finding("failure", f"There is no Secret {name} {where}.", "jupyter box kubernetes secret apply makes it.")
        return
    faults = [f"{report.key} {fault}" for report in examine(values_of(held)) for fault in report.faults]
    for fault in faults:
        yield Finding("failure", f"Secret {name}: {fault}.", "jupyter box kubernetes secret apply puts it right.")
    if not faults:
        yield Finding("ok", f"Secret {name} has what is needed.")


def _broker(patient: Patient) -> Findings:
    if patient.mode == "broker" and not patient.brokers:
        yield Finding(
            "warning",
            f"There is no broker in namespace {patient.cluster.namespace}.",
            "If it has a namespace of its own, run doctor there too; else install the chart jupyter-box.",
        )
    for broker in patient.brokers:
        name = broker["metadata"]["name"]
        if _ready(broker):
            yield Finding("ok", f"The broker {name} runs ({_chart(broker)}).")
        else:
            yield Finding("failure", f"The broker {name} is not ready.", f"kubectl describe deployment {name}")
    for service in patient.cluster.services(BROKER):
        status, _ = patient.cluster.through(service, "/readyz")
        if status == 200:
            yield Finding("ok", "The broker reaches Box and the Hub.")
        else:
            yield Finding("failure", f"The broker's /readyz answered {status}.", "kubectl logs shows why.")


def _scopes(patient: Patient) -> Findings:
    if patient.mode != "broker":
        return
    hub = patient.values.get("hub") or {}
    if SCOPE not in (_at(hub, "config", "JupyterHub", "custom_scopes") or {}):
        yield Finding("failure", f"The Hub does not know the scope {SCOPE}.", "Add the overlay for broker mode.")
    granted = json.dumps([hub.get("extraConfig"), hub.get("loadRoles"), hub.get("config")])
    if granted.count(SCOPE) < 2:
        yield Finding("failure", f"No role has the scope {SCOPE}.", "Add the overlay for broker mode.")


def _network(patient: Patient) -> Findings:
    engines = [engine for engine in map(_engine, patient.cluster.daemon_sets()) if engine]
    if not engines:
        yield Finding(
            "warning",
            "No network policy engine was found: NetworkPolicies have no effect.",
            "The broker authenticates every call without them; Calico or Cilium would add a wall.",
        )
    for engine in engines:
        yield Finding("ok", f"Network policies: {engine}.")
    if any(engine.startswith("Amazon VPC CNI") for engine in engines):
        yield Finding(
            "warning",
            "Amazon's VPC CNI does not cover the users' pods reliably, which belong to no Deployment.",
            "Keep singleuser.cloudMetadata.blockWithIptables, or use Calico or Cilium.",
        )
    enabled = _at(patient.values, "singleuser", "networkPolicy", "enabled")
    ours = patient.cluster.network_policies("app.kubernetes.io/part-of=jupyter-box")
    if enabled is False and any(_selects_servers(policy) for policy in ours):
        yield Finding(
            "failure",
            "The policy that lets users' servers call the broker is their only one: it cuts them off from all else.",
            "Set networkPolicy.singleuserEgress of the chart jupyter-box to false.",
        )


def _servers(patient: Patient) -> Findings:
    if patient.mode not in ("broker", "direct"):
        return
    wanted = "BOX_BROKER_URL" if patient.mode == "broker" else "BOX_CLIENT_ID"
    without = sorted(_user(pod) for pod in patient.servers if wanted not in _environment_of(pod))
    if without:
        yield Finding("warning", f"Servers from before the overlay: {', '.join(without)}.", "They must be restarted.")
    elif patient.servers:
        yield Finding("ok", f"All {len(patient.servers)} running servers have {wanted}.")
    holders = stale(patient.servers, patient.secret) if patient.mode == "broker" else []
    if holders:
        yield Finding(
            "failure",
            f"Servers that still hold the Box app's credentials: {', '.join(holders)}.",
            "Restart them, then rotate the secret.",
        )


CHECKS: tuple[Check, ...] = (
    _permissions,
    _hub,
    _hub_version,
    _overlay,
    _scopes,
    _secret,
    _broker,
    _network,
    _servers,
)


def _hubs_of(cluster: Cluster, *, everywhere: bool = False) -> list[Json]:
    found = cluster.deployments(HUB, everywhere=everywhere)
    return [deployment for deployment in found if _chart(deployment).startswith("jupyterhub-")]


def _namespaces_with_a_hub(cluster: Cluster) -> list[str]:
    try:
        return sorted({hub["metadata"]["namespace"] for hub in _hubs_of(cluster, everywhere=True)})
    except Denied:
        return []


def _elsewhere(cluster: Cluster) -> str:
    found = ", ".join(_namespaces_with_a_hub(cluster))
    return f"There is one in {found}: say --namespace." if found else "Install it first."


def _chart(deployment: Json) -> str:
    labels = deployment["metadata"].get("labels") or {}
    return str(labels.get("helm.sh/chart") or labels.get("chart") or "")


def _ready(deployment: Json) -> bool:
    wanted = int((deployment.get("spec") or {}).get("replicas", 1))
    return int((deployment.get("status") or {}).get("readyReplicas") or 0) >= wanted > 0


def _version(body: bytes) -> str:
    try:
        return str(json.loads(body).get("version", ""))
    except (ValueError, AttributeError):
        return ""


def _engine(daemon_set: Json) -> str:
    name = daemon_set["metadata"]["name"]
    containers = _at(daemon_set, "spec", "template", "spec", "containers") or []
    if name == "aws-node":
        arguments = [argument for container in containers for argument in container.get("args") or ()]
        return "Amazon VPC CNI" if "--enable-network-policy=true" in arguments else ""
    return {"calico-node": "Calico", "cilium": "Cilium", "antrea-agent": "Antrea", "kube-router": "kube-router"}.get(
        name, ""
    )


def _selects_servers(policy: Json) -> bool:
    labels = _at(policy, "spec", "podSelector", "matchLabels") or {}
    return "singleuser-server" in (labels.get("app.kubernetes.io/component"), labels.get("component"))


def _containers(pod: Json) -> list[Json]:
    spec = pod.get("spec") or {}
    return [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]


def _environment_of(pod: Json) -> set[str]:
    return {entry["name"] for container in _containers(pod) for entry in container.get("env") or ()}


def _secrets_of(pod: Json) -> set[str]:
    containers = _containers(pod)
    entries = [entry for container in containers for entry in container.get("env") or ()]
    names = {_at(entry, "valueFrom", "secretKeyRef", "name") for entry in entries}
    sources = [source for container in containers for source in container.get("envFrom") or ()]
    names |= {_at(source, "secretRef", "name") for source in sources}
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return {str(name) for name in names | {_at(volume, "secret", "secretName") for volume in volumes} if name}


def _user(pod: Json) -> str:
    meta = pod["metadata"]
    return str((meta.get("annotations") or {}).get("hub.jupyter.org/username") or meta["name"])


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
