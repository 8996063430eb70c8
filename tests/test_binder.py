"""Binder's configuration: the start script gives what follows a drive, and the notebook it opens runs to its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parent.parent
NOTEBOOK = REPO / "jupyter_box" / "notebooks" / "getting-started.ipynb"

EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
for run in ("first", "again"):
    NotebookClient(notebook, timeout=90, kernel_name="python3").execute()
nbformat.write(notebook, "executed.ipynb")
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def start(home, *command):
    """Run a command by Binder's start script; end all that it started; return how it went."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}
    process = subprocess.Popen(
        [REPO / "binder" / "start", *command],
        cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=110)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
    return process.returncode, output


@pytest.mark.slow
def test_the_notebook_runs_to_its_end_and_again(home):
    code, output = start(home, "python", "-c", EXECUTE, str(NOTEBOOK))
    assert code == 0, output[-3000:]
    cells = json.loads((home / "executed.ipynb").read_text())["cells"]
    assert [cell for cell in cells if cell["cell_type"] == "code" and cell["outputs"]]


@pytest.mark.slow
def test_what_follows_is_connected(home):
    code, output = start(home, "jupyter-box", "status")
    assert code == 0, output
    assert "client-secret" not in output


def test_the_notebook_is_committed_without_output():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]


def test_the_configuration_opens_the_notebook():
    config = json.loads((REPO / "binder" / "jupyter_server_config.json").read_text())
    assert config["LabApp"]["default_url"].endswith(NOTEBOOK.name)
    assert f"jupyter_box/notebooks/{NOTEBOOK.name}" in (REPO / "binder" / "postBuild").read_text()
