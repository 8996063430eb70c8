"""Flower's strategies give over Box what they give in one process, to the last bit; secure aggregation works, too."""

from __future__ import annotations

import pytest

pytest.importorskip("flwr")

import numpy as np
import plant
import plant_secagg
from flwr.app import Context, Error, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity
from test_run import fedavg, model_of

pytestmark = pytest.mark.slow

PARTS = (0, 1, 2)


class OneProcess(Grid):
    """Flower without a network: a ClientApp is called where it is asked. Ray, which Flower's own simulation needs, is
    half a gigabyte and not at hand everywhere; strategy and apps are Flower's own all the same."""

    def __init__(self):
        self._run, self.contexts = Run.create_empty(1), {}

    set_run = create_message = push_messages = pull_messages = None
    run = property(lambda self: self._run)

    def get_node_ids(self):
        return [number + 2 for number in PARTS]

    def send_and_receive(self, messages, *, timeout=None):
        return [self.answer(message) for message in sorted(messages, key=lambda m: m.metadata.dst_node_id)]

    def answer(self, message):
        node = message.metadata.dst_node_id
        message.metadata.__dict__["_message_id"] = f"{node}"
        context = self.contexts.setdefault(node, Context(1, node, {"part": node - 2}, RecordDict(), {}))
        try:
            return plant.client(message=message, context=context)
        except RuntimeError as error:
            return Message(Error(2, str(error)), reply_to=message)


OneProcess.__abstractmethods__ = frozenset()


def in_one_process(strategy, rounds):
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
    config = {"strategy": strategy, "num-server-rounds": rounds, "min-nodes": 3}
    context = Context(1, 1, {}, RecordDict(), config)
    plant.server(grid=OneProcess(), context=context)
    return {key: array.numpy() for key, array in context.state["arrays"].items()}


@pytest.mark.parametrize("strategy", ["FedAvg", "FedProx", "FedAdam", "FedMedian"])
def test_a_strategy_gives_the_same_as_in_one_process(field_of_play, strategy):
    run = field_of_play
    run.init("--set", "min-nodes=3", "--set", f"strategy={strategy}", rounds=3)
    run.share()
    server, clients = run.serve_here(), [run.join_here(number) for number in PARTS]
    assert server.result(60)["rounds"] == 3
    assert all(client.result(60) for client in clients)
    over_box, expected = model_of(run, 4), in_one_process(strategy, 3)
    assert set(over_box) == set(expected)
    assert all(np.array_equal(over_box[key], expected[key]) for key in expected)


@pytest.mark.parametrize("killed", [False, True], ids=["all three", "one killed"])
def test_secure_aggregation_gives_the_mean_of_who_is_left(field_of_play, killed):
    run = field_of_play
    run.init("--set", "min-nodes=3", "--no-check-shapes", "--minimum-clients", 2, rounds=1, module="plant_secagg")
    run.share()
    gate = run.gate(2, 1)
    server, clients = run.serve_here(), [run.join_here(number) for number in (0, 1)]
    third = run.client(2)
    run.reached(gate)
    if killed:
        third.kill()
    gate.unlink()
    assert server.result(90)["lost"] == (["tester2"] if killed else [])
    assert all(client.result(60) for client in clients)
    model = model_of(run, 2)
    expected = fedavg(1, lambda _: (0, 1) if killed else PARTS)
    # SecAgg+ rounds to 2^22 steps of its clipping range, and so do its weights
    for name, value in zip(sorted(model), ("weights", "bias"), strict=True):
        assert np.allclose(model[name], expected[value], atol=1e-3)
    assert plant_secagg.client is not None
