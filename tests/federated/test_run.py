"""Whole runs in processes of their own: what comes out is FedAvg, bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("flwr")

import numpy as np
import plant
import safetensors.numpy

pytestmark = pytest.mark.slow

FINISHED = "Training finished"
EVERYONE = (0, 1, 2)


def fedavg(rounds, parts_of_round=lambda _: EVERYONE, size=0):
    """Return federated averaging computed directly, as McMahan et al. 2017 have it, in the order of the names."""
    model = plant.initial(size)
    for number in range(1, rounds + 1):
        fitted = [plant.fit(model, part) for part in parts_of_round(number)]
        total = sum(rows for _, rows in fitted)
        factors = [rows / total for _, rows in fitted]
        summed = {}
        for (update, _), factor in zip(fitted, factors, strict=True):
            for key, value in update.items():
                summed[key] = summed[key] + np.asarray(value) * factor if key in summed else np.asarray(value) * factor
        model = {key: np.asarray(value) for key, value in summed.items()}
    return model


def model_of(field, number):
    return safetensors.numpy.load(field.read(f"rounds/{number:02}/server.safetensors"))


def assert_equal(model, expected):
    assert set(model) == set(expected)
    for key, value in expected.items():
        assert np.array_equal(model[key], value), key
        assert model[key].dtype == value.dtype


def test_federated_averaging_is_bit_identical_to_computing_it_directly(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=3", rounds=5)
    run.share()
    server, clients = run.begin(2, 0, 1)
    run.all_end_well()
    assert_equal(model_of(run, 6), fedavg(5))
    assert json.loads(server.text.splitlines()[-1]) == {
        "rounds": 5, "participants": ["tester0", "tester1", "tester2"], "lost": []
    }  # fmt: skip
    assert all(FINISHED in client.text for client in clients)
    assert {"server.1.train.json", "server.1.train.closed.json", "tester0.safetensors", "server.safetensors"} <= set(
        run.files("rounds/01")
    )
    answer = run.read("authentications/tester1_authentication.txt").decode()
    assert answer.startswith(f"Authenticated - Token {run.users[1]}\n")
    assert len(run.drive.versions(f"{run.path}/authentications/tester1_authentication.txt")) == 2
    assert run.read("server_ended.txt").decode().startswith(FINISHED)


def test_the_commands_work_as_a_person_starts_them(field_of_play):
    """All other tests fork a process that has Flower; this one starts Python, as a person's shell does."""
    run = field_of_play
    run.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", clients=1, rounds=1)
    run.share()
    command = [sys.executable, "-m", "jupyter_box.cli", "federate"]
    common = {"cwd": run.folder, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    server = subprocess.Popen(
        [*command, "server", run.path, "--state", run.folder / "server"], env=run.environment, **common
    )
    words = ["client", run.public, "--name", "tester0", "--allow", "plant:client", "--node-config", "partition-id=0"]
    client = subprocess.Popen(
        [*command, *words, "--state", run.folder / "tester0"],
        env=run.environment | {"BOX_USER_ID": run.users[0]}, **common,
    )  # fmt: skip
    try:
        told, said = server.communicate(timeout=60)[0], client.communicate(timeout=60)[0]
    finally:
        server.kill()
        client.kill()
    assert (server.returncode, client.returncode) == (0, 0), told + said
    assert said.splitlines()[-1].startswith(FINISHED)
    assert_equal(model_of(run, 2), fedavg(1, lambda _: (0,)))
