"""A participant that has heard of a model waits for it where it will be: until it is there, but not for ever."""

from __future__ import annotations

import hashlib

import pytest
from test_pace import Time

from jupyter_box.federated.arrival import Arrival
from jupyter_box.federated.config import RunConfig, Schedule
from jupyter_box.federated.exchange import folder_reference, from_reference
from jupyter_box.federated.making import create, new_run_id
from jupyter_box.federated.run import Run
from jupyter_box.federated.signing import Signer

MODEL = b"the model"


@pytest.fixture
def run(drive, tmp_path):
    schedule = Schedule(heartbeat_timeout=300, poll_interval=2, poll_ceiling=30)
    config = RunConfig(run=new_run_id(), server_app="plant:server", client_app="plant:client", schedule=schedule)
    create(drive, "/Run", config, Signer.at(tmp_path / "server"))
    return Run.open(drive, "/Run")


def content_of(folder):
    """Return what an instruction has for a participant while its model is on its way."""
    coming = {"folder": folder_reference(folder), "sha1": hashlib.sha1(MODEL).hexdigest()}
    return [["arrays", "arrays", {"digest": "0", "coming": coming}], ["config", "config", {"lr": 0.1}]]


def test_a_model_is_found_by_its_content_whatever_its_name(run):
    time, folder = Time(), run.config.folder("rounds")
    run.store.create(folder, "server.safetensors", b"another's")
    made = run.store.create(folder, "server.2.safetensors", MODEL)
    content = content_of(folder)
    assert Arrival(run, time.clock).is_whole(content)
    assert run.store.read(from_reference(content[0][2]["file"])) == MODEL
    assert content[0][2]["file"]["id"] == made.id


def test_who_waits_in_vain_comes_back_to_look_what_has_become_of_the_server(run, box):
    time, content = Time(), content_of(run.config.folder("rounds"))
    box.control(reset_counts=True)
    assert not Arrival(run, time.clock).is_whole(content)
    assert 100 <= time.seconds - 1000 <= 102
    assert box.counts["get_folders_id_items"] <= 10
    assert "file" not in content[0][2]
