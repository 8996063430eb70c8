"""The Dockerfile: clean by hadolint, and with the parts that the chart and the overlays count on; not built here."""

from __future__ import annotations

import re
import subprocess

import pytest
from z2jh import ROOT

pytestmark = pytest.mark.hub
DOCKERFILE = ROOT / "helm" / "image" / "Dockerfile"


def stages():
    """Return the text of each named stage."""
    parts = re.split(r"^FROM \S+ AS (\S+)$", DOCKERFILE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_hadolint_finds_nothing(hadolint):
    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_no_image_runs_as_root_and_the_broker_is_who_the_chart_says(render):
    documents = render({"existingSecret": "jupyter-box"})
    pod = documents["Deployment", "box-jupyter-box-broker"]["spec"]["template"]["spec"]
    assert f"USER {pod['securityContext']['runAsUser']}:" in stages()["broker"]
    assert "USER 1000" in stages()["singleuser"]
    assert 'CMD ["jupyter-box", "broker"]' in stages()["broker"]
    assert pod["containers"][0]["command"] == ["jupyter-box", "broker"]


def test_the_build_takes_what_the_wheel_is_made_of():
    taken = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().split()
    for part in ("jupyter_box", "jupyter-config", "helm/values", "pyproject.toml", "README.md", "LICENSE"):
        assert f"!{part}" in taken
        assert (ROOT / part).exists()
