"""The broker starts with the environment that the chart renders: what a Deployment says is what the program reads."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from hub_process import free_port
from z2jh import kubelet_environment

pytest.importorskip("kubespawner", reason="pip install 'jupyter-box[hub-test]'")
pytestmark = pytest.mark.hub


@pytest.mark.parametrize("auth", ["client-credentials", "jwt"])
def test_the_rendered_environment_starts_the_broker(render, box, tmp_path, auth):
    port = free_port()
    values = {"existingSecret": "jupyter-box", "auth": auth, "service": {"port": port}}
    values["broker"] = {"extraEnv": {"BOX_URL": box.env["BOX_URL"], "BOX_RATE_LIMIT": "off"}}
    pod = render(values)["Deployment", "box-jupyter-box-broker"]["spec"]["template"]
    secret = secret_of(box)
    environment = kubelet_environment(pod, {"jupyter-box": secret})
    for item in pod["spec"]["volumes"][0]["secret"]["items"]:
        (tmp_path / item["path"]).write_text(secret[item["key"]])
    mount = pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"]
    # the kubelet's mounts, at a place that a test may write to
    environment = {name: value.replace(mount, str(tmp_path)) for name, value in environment.items()}
    program, *arguments = pod["spec"]["containers"][0]["command"]
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    with (tmp_path / "log").open("w") as log:
        broker = subprocess.Popen(
            command, env={"PATH": os.environ["PATH"]} | environment, stdout=log, stderr=log, cwd=tmp_path
        )
    try:
        assert status_of(broker, f"http://127.0.0.1:{port}/healthz") == 200, (tmp_path / "log").read_text()
    finally:
        broker.send_signal(signal.SIGTERM)
        assert broker.wait(timeout=30) == 0
    assert box.env["BOX_CLIENT_SECRET"] not in (tmp_path / "log").read_text()


def secret_of(box):
    return {
        "client-id": box.env["BOX_CLIENT_ID"],
        "client-secret": box.env["BOX_CLIENT_SECRET"],
        "enterprise-id": box.env["BOX_ENTERPRISE_ID"],
        "jwt-config.json": Path(box.env["BOX_JWT_CONFIG_FILE"]).read_text(),
    }


def status_of(process, url):
    """Return what the address answers with, once something listens there; None if the process ends before."""
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(url, timeout=5).status_code
        time.sleep(0.05)
    return None
