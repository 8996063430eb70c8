"""The demo as a new user runs it: one command, an address, and nothing left behind after Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import psutil
import pytest

from jupyter_box import demo


def test_a_data_folder_that_cannot_be_made_is_one_clear_line(tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert demo.main(["--no-browser", "--data", str(tmp_path / "taken")]) == 1
    captured = capsys.readouterr()
    assert "--data" in captured.err
    assert captured.err.count("\n") == 1


def test_the_notebook_is_there_and_a_changed_one_is_kept(tmp_path):
    demo._prepare(tmp_path)
    notebook = tmp_path / "notebooks" / demo.NOTEBOOK
    assert json.loads(notebook.read_text())["cells"]
    notebook.write_text("mine")
    demo._prepare(tmp_path)
    assert notebook.read_text() == "mine"


def test_settings_for_another_box_do_not_reach_the_demo(monkeypatch):
    monkeypatch.setenv("BOX_DEVELOPER_TOKEN", "of-my-company")
    assert demo._environment({"BOX_URL": "http://emulator"}).items() >= {("BOX_URL", "http://emulator")}
    assert "BOX_DEVELOPER_TOKEN" not in demo._environment({})


@pytest.fixture
def taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def running_demo(tmp_path, taken_port):
    """The demo's process, started with a port that another program has."""
    command = [sys.executable, "-m", "jupyter_box.demo", "--no-browser", "--port", str(taken_port)]
    process = subprocess.Popen(
        [*command, "--data", str(tmp_path / "demo")],
        env={**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def address_of(process):
    for line in process.stdout:
        found = re.search(r"(http://\S+?)/lab/tree/\S+\?token=(\S+)", line)
        if found:
            return found.groups()
    raise AssertionError("the demo ended without an address")


def get(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.read()


@pytest.mark.slow
def test_the_demo_serves_a_connected_drive_and_leaves_no_process(running_demo, taken_port):
    address, token = address_of(running_demo)
    assert not address.endswith(f":{taken_port}")
    assert b"JupyterLab" in get(f"{address}/lab", token)
    assert json.loads(get(f"{address}/jupyter-box/status", token))["connected"] is True
    children = psutil.Process(running_demo.pid).children(recursive=True)
    assert children
    running_demo.send_signal(signal.SIGINT)
    assert running_demo.wait(timeout=30) == 0
    assert not [child for child in children if child.is_running()]
