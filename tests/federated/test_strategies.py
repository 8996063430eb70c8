"""Flower's strategies give over Box what they give in Flower's own simulation; secure aggregation works, too."""

from __future__ import annotations

import pytest

pytest.importorskip("flwr")

import numpy as np
from forked import METHOD
from simulated import HAS_RAY, simulate
from test_run import EVERYONE, fedavg, model_of

pytestmark = pytest.mark.slow

STRATEGIES = ("FedAvg", "FedProx", "FedAdam", "FedMedian")
no_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed: pip install 'flwr[simulation]'")


class Simulated:
    """A model of Flower's simulation, which begins at once in a process of its own."""

    def __init__(self, folder, strategy, rounds, *, with_ray):
        self._file = folder / f"{strategy}.npz"
        self._process = METHOD.Process(target=simulate, args=(strategy, rounds, str(self._file), with_ray))
        self._process.start()

    def model(self):
        self._process.join(100)
        self._process.kill()
        assert self._process.exitcode == 0
        return dict(np.load(self._file))


@pytest.mark.parametrize("with_ray", [False, pytest.param(True, marks=no_ray)], ids=["in a process", "with Ray"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_gives_the_same_as_in_flowers_simulation(field_of_play, strategy, with_ray):
    run = field_of_play
    simulation = Simulated(run.folder, strategy, 3, with_ray=with_ray)
    run.init("--set", "min-nodes=3", "--set", f"strategy={strategy}", rounds=3)
    run.share()
    run.begin(*EVERYONE)
    run.all_end_well()
    over_box, expected = model_of(run, 4), simulation.model()
    assert set(over_box) == set(expected)
    for key, value in expected.items():
        # the simulation adds the updates in the order in which they came, we in that of the names
        assert np.allclose(over_box[key], value, rtol=1e-14, atol=0), key
        assert over_box[key].dtype == value.dtype
    # and it is not every strategy's result
    assert np.allclose(over_box["weights"], fedavg(3)["weights"], rtol=1e-4) == (strategy == "FedAvg")


@pytest.mark.parametrize("killed", [False, True], ids=["all three", "one killed"])
def test_secure_aggregation_gives_the_mean_of_who_is_left(field_of_play, killed):
    run = field_of_play
    run.init("--set", "min-nodes=3", "--minimum-clients", 2, rounds=1, module="plant_secagg")
    run.share()
    gate = run.gate(2, 1)
    server, clients = run.begin(*EVERYONE)
    run.reached(gate)
    if killed:
        clients[2].kill()
    gate.unlink()
    for process in (server, *clients[: 2 if killed else 3]):
        assert process.ends() == 0, process.text
    assert ('"lost": ["tester2"]' in server.text) == killed
    model = model_of(run, 2)
    expected = fedavg(1, lambda _: (0, 1) if killed else EVERYONE)
    # SecAgg+ rounds to 2^22 steps of its clipping range, and so do its weights
    for name, value in zip(sorted(model), ("weights", "bias"), strict=True):
        assert np.allclose(model[name], expected[value], atol=1e-3)
