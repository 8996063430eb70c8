"""Zero to JupyterHub without a cluster: values laid over one another, the Hub's configuration, a user's pod."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "jupyter-box"
OVERLAYS = ROOT / "helm" / "values"


def merged(*layers):
    """Return values laid over one another, as Helm does it: maps merge, all else is replaced."""
    return functools.reduce(_merge, layers, {})


def _merge(below, above):
    both = dict(below)
    for key, value in above.items():
        maps = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = _merge(both[key], value) if maps else value
    return both


def overlay(mode):
    """Return an overlay for Zero to JupyterHub from helm/values."""
    return yaml.safe_load((OVERLAYS / f"{mode}.yaml").read_text())


def hub_config(values):
    """Return the traitlets configuration that Zero to JupyterHub makes of values, as far as it concerns jupyter-box.

    The chart's own files/hub/jupyterhub_config.py does this, in this order: singleuser.extraEnv becomes
    KubeSpawner.environment, hub.loadRoles are appended to its own roles, hub.config updates section by section, and
    hub.extraConfig is executed. That file itself runs only in the Hub's pod, with the cluster's files around it.
    """
    from traitlets.config import Config

    config, singleuser, hub = Config(), values.get("singleuser", {}), values.get("hub", {})
    config.KubeSpawner.environment = singleuser.get("extraEnv", {})
    config.KubeSpawner.cmd = ["jupyterhub-singleuser"]
    config.KubeSpawner.image = "singleuser:test"
    config.JupyterHub.load_roles = [{"name": "jupyterhub-idle-culler", "scopes": ["list:users"]}]
    config.JupyterHub.load_roles += [{"name": name, **role} for name, role in hub.get("loadRoles", {}).items()]
    for section, settings in hub.get("config", {}).items():
        config[section].update(settings)
    for _, code in sorted(hub.get("extraConfig", {}).items()):
        exec(code, {"c": config})
    return config


def pod_of(config, user="alice@example.org"):
    """Return the pod that KubeSpawner would ask the cluster for, as JSON; `_mock` only keeps it from calling one."""
    from jupyterhub import orm
    from jupyterhub.objects import Hub
    from jupyterhub.user import User
    from kubernetes_asyncio import client
    from kubespawner import KubeSpawner

    async def manifest():
        database = orm.new_session_factory("sqlite://")()
        database.add(orm.User(name=user))
        database.commit()
        owner = User(database.query(orm.User).one(), {})
        spawner = KubeSpawner(config=config, _mock=True, hub=Hub(), user=owner, api_token="the-hub-token")
        async with client.ApiClient() as api:
            return api.sanitize_for_serialization(await spawner.get_pod_manifest())

    return asyncio.run(manifest())


def kubelet_environment(pod, secrets):
    """Return the environment that the kubelet gives the pod's first container, its Secrets being these.

    Raises KeyError for a Secret or key that is not there and not optional, where a kubelet says
    CreateContainerConfigError.
    """
    environment = {}
    for entry in pod["spec"]["containers"][0].get("env", []):
        if "value" in entry:
            environment[entry["name"]] = entry["value"]
            continue
        reference = entry.get("valueFrom", {}).get("secretKeyRef")
        if reference is None:
            continue
        held = secrets.get(reference["name"], {})
        if reference["key"] in held or not reference.get("optional"):
            environment[entry["name"]] = held[reference["key"]]
    return environment
