"""Whole runs in processes of their own: what comes out is FedAvg, bit for bit, whoever is late, killed or forged."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("flwr")

import numpy as np
import plant
import safetensors.numpy

pytestmark = pytest.mark.slow

FINISHED = "Training finished"


def fedavg(rounds, parts_of_round, size=0):
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
    return safetensors.numpy.load(field.drive.read(f"{field.path}/rounds/{number:02}/server.safetensors"))


def assert_equal(model, expected):
    assert set(model) == set(expected)
    for key, value in expected.items():
        assert np.array_equal(model[key], value), key
        assert model[key].dtype == value.dtype


def all_end_well(field):
    for process in field.processes:
        assert process.ends() == 0, process.text


def test_federated_averaging_is_bit_identical_to_computing_it_directly(field_of_play):
    field_of_play.init("--set", "min-nodes=3", rounds=3)
    field_of_play.share()
    server = field_of_play.server()
    clients = [field_of_play.client(number) for number in (2, 0, 1)]
    all_end_well(field_of_play)
    assert_equal(model_of(field_of_play, 4), fedavg(3, lambda _: (0, 1, 2)))
    assert json.loads(server.text.splitlines()[-1]) == {
        "rounds": 3, "participants": ["tester0", "tester1", "tester2"], "lost": []
    }  # fmt: skip
    assert all(FINISHED in client.text for client in clients)
    assert {"server.1.train.json", "server.1.train.closed.json", "tester0.safetensors", "server.safetensors"} <= set(
        field_of_play.files("rounds/01")
    )
    answer = field_of_play.drive.read(f"{field_of_play.path}/authentications/tester1_authentication.txt").decode()
    assert answer.startswith(f"Authenticated - Token {field_of_play.users[1]}\n")
    assert len(field_of_play.drive.versions(f"{field_of_play.path}/authentications/tester1_authentication.txt")) == 2
    assert field_of_play.drive.read(f"{field_of_play.path}/server_ended.txt").decode().startswith(FINISHED)
