"""Runs are made and taken over from mila; what makes no sense is refused in one line before anything is written."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timezone

import pytest

from jupyter_box.errors import Exists, InvalidName, NotFound
from jupyter_box.federated.config import RunConfig, Schedule, check, check_name
from jupyter_box.federated.making import create, new_run_id
from jupyter_box.federated.mila import convert
from jupyter_box.federated.run import Run
from jupyter_box.federated.signing import Forged, Signer


def config(**values):
    return RunConfig(**{"run": new_run_id(), "server_app": "plant:server", "client_app": "plant:client", **values})


@pytest.fixture
def signer(tmp_path):
    return Signer.at(tmp_path / "key")


@pytest.mark.parametrize("name", ["server", "SERVER", "a/b", "a b", "", "x" * 65, "Zoë", "../up", "a.b", "a\n"])
def test_odd_names_are_refused(name):
    with pytest.raises(InvalidName):
        check_name(name)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"server_app": "plant"}, "plant"),
        ({"client_app": "plant:client; import os"}, "names no app"),
        ({"isolated": True}, "participants by name"),
        ({"expected": {"a": "someone@example.com"}}, "no Box user id"),
        ({"schedule": Schedule(minimum_clients=3, maximum_clients=2)}, "above"),
        ({"schedule": Schedule(heartbeat_timeout=60, heartbeat_frequency=60)}, "two heartbeats"),
        ({"schedule": Schedule(client_wait_time=-1)}, "client_wait_time"),
        ({"schedule": Schedule(poll_interval=float("nan"))}, "poll_interval"),
    ],
)
def test_what_makes_no_sense_is_refused(values, word):
    with pytest.raises(InvalidName, match=word):
        check(config(**values))


def test_a_run_is_made_once_in_a_folder(drive, signer):
    made = create(drive, "/Run", config(), signer)
    assert made.server_key == signer.public
    assert Run.open(drive, "/Run").config == made
    with pytest.raises(Exists, match="has a run already"):
        create(drive, "/Run", config(), signer)
    drive.write("/Run/server_ended.txt", "Training finished")
    with pytest.raises(Exists, match="finished run"):
        create(drive, "/Run", config(), signer)


def test_a_folder_without_a_run_says_so(drive):
    drive.mkdir("/Empty")
    with pytest.raises(NotFound, match="no federated run in /Empty"):
        Run.open(drive, "/Empty")


def test_an_edited_configuration_is_refused(drive, signer):
    create(drive, "/Run", config(), signer)
    text = drive.read("/Run/cfg.json").decode()
    drive.write("/Run/cfg.json", text.replace("plant:client", "evil:client"))
    with pytest.raises(Forged):
        Run.open(drive, "/Run")


def test_a_missing_group_names_the_step_of_the_administrator(drive, signer):
    with pytest.raises(NotFound, match="The Box administrator makes it"):
        create(drive, "/Run", config(), signer, group="No such group")


def test_options_of_mila_are_taken_over(tmp_path):
    file = tmp_path / "server.json"
    file.write_text(
        json.dumps(
            {
                "server_type": "mila.services.servers.BoxServer",
                "rounds_count": 3,
                "minimum_clients": 2,
                "maximum_clients": 2,
                "client_wait_time": 300,
                "heartbeat_timeout": 90,
                "start_point": "model.pt",
                "box_configuration": {
                    "box_configuration_path": "box/jwt.json",
                    "shared_dir_name": "Consortium",
                    "save_path": "runs/affinity",
                    "group_name": "testers",
                },
            }
        )
    )
    taken = convert(file, datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc))
    assert taken == {
        "schedule": {"minimum_clients": 2, "maximum_clients": 2, "client_wait_time": 300, "heartbeat_timeout": 90},
        "run_config": {"num-server-rounds": 3, "start-point": "model.pt"},
        "folder": "/Consortium/runs/affinity/2026-03-04_05-06-07",
        "group": "testers",
        "jwt_file": str(tmp_path / "box/jwt.json"),
        "unused": ["server_type"],
    }


@pytest.mark.parametrize(
    ("text", "word"),
    [("[]", "no JSON object"), ("{", "no JSON object"), ('{"rounds": 3}', "rounds"), ("{}", "box_configuration")],
)
def test_a_configuration_that_is_not_milas_is_refused(tmp_path, text, word):
    (tmp_path / "server.json").write_text(text)
    with pytest.raises(InvalidName, match=word):
        convert(tmp_path / "server.json")


def test_without_the_extra_the_package_imports_and_says_what_to_install():
    block = "import sys; sys.modules.update(dict.fromkeys(['flwr', 'safetensors', 'numpy']))"
    lines = "import jupyter_box.federated, importlib.metadata as m"
    missing = "m.version = lambda name, real=m.version: real('no-such-distribution' if name == 'flwr' else name)"
    call = "from jupyter_box.cli import main; sys.exit(main(['federate', 'init', '/Run', '--app', 'a:b']))"
    code = f"{block}; {lines}; {missing}; {call}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)  # noqa: PLW1510
    assert done.returncode == 3
    assert "pip install 'jupyter-box[federated]'" in done.stderr
    assert done.stderr.count("\n") == 1
