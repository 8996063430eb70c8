"""The apps of the tests: ordinary Flower apps with a small linear model on synthetic machine data."""

import os
import time
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAdam, FedAvg, FedMedian, FedProx

STRATEGIES = {"FedAvg": FedAvg, "FedProx": FedProx, "FedAdam": FedAdam, "FedMedian": FedMedian}
OPTIONS = {"FedProx": {"proximal_mu": 0.1}, "FedAdam": {"eta": 0.05}}


def data(part):
    """Return one site's rows: vibration, temperature, load, age; and the wear."""
    rng = np.random.default_rng(part)
    rows = rng.normal(size=(40 * (part + 1), 4))
    return rows, rows @ np.array([1.0, -2.0, 0.5, 3.0]) + 0.1 * rng.normal(size=len(rows))


def initial(size=0):
    more = {"more": np.zeros(size, np.float32)} if size else {}
    return {"weights": np.zeros(4), "bias": np.zeros(()), **more}


def fit(model, part, steps=5):
    rows, wear = data(part)
    weights, bias = model["weights"].copy(), model["bias"].copy()
    for _ in range(steps):
        error = rows @ weights + bias - wear
        weights = weights - 0.1 * rows.T @ error / len(wear)
        bias = np.asarray(bias - 0.1 * error.mean())
    return {**model, "weights": weights, "bias": bias}, len(wear)


def loss(model, part):
    rows, wear = data(part)
    return float(np.mean((rows @ model["weights"] + model["bias"] - wear) ** 2)), len(wear)


def to_record(model):
    return ArrayRecord({key: Array(np.asarray(value)) for key, value in model.items()})


client = ClientApp()


def _arrays(message):
    return {key: array.numpy() for key, array in message.content["arrays"].items()}


@client.train()
def train(message: Message, context: Context) -> Message:
    part = int(context.node_config["part"])
    wait_for_round(part, message.content["config"]["server-round"])
    model, rows = fit(_arrays(message), part)
    error = loss(model, part)[0]
    if context.node_config.get("poison"):
        model["weights"][0] = np.nan
    if context.node_config.get("grow"):
        model["weights"] = np.zeros(5)
    if context.node_config.get("huge"):
        model["weights"] = np.zeros(1_000_000)
    if context.node_config.get("fails"):
        raise RuntimeError("the sensor's file is gone")
    reply = RecordDict(
        {
            "arrays": to_record(model),
            "metrics": MetricRecord({"num-examples": rows, "train_loss": error}),
        }
    )
    return Message(reply, reply_to=message)


@client.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    error, rows = loss(_arrays(message), int(context.node_config["part"]))
    return Message(RecordDict({"metrics": MetricRecord({"num-examples": rows, "loss": error})}), reply_to=message)


def wait_for_round(part, round_):
    """Stop at a gate where the test has put one: a folder of files `PART-ROUND`, which the test removes."""
    gates = os.environ.get("PLANT_GATES")
    if not gates:
        return
    gate = Path(gates) / f"{part}-{round_}"
    if gate.exists():
        gate.with_suffix(".reached").touch()
        while gate.exists():
            time.sleep(0.02)  # another process opens it: there is no event


server = ServerApp()


@server.main()
def main(grid, context: Context) -> None:
    config = context.run_config
    name = str(config.get("strategy", "FedAvg"))
    enough = int(config.get("min-nodes", 2))
    strategy = STRATEGIES[name](
        min_train_nodes=enough, min_evaluate_nodes=enough, min_available_nodes=enough,
        fraction_evaluate=float(config.get("fraction-evaluate", 1.0)), **OPTIONS.get(name, {}),
    )  # fmt: skip
    result = strategy.start(
        grid=grid,
        initial_arrays=to_record(initial(int(config.get("size", 0)))),
        num_rounds=int(config["num-server-rounds"]),
        timeout=float(config.get("timeout", 60)),
    )
    context.state["arrays"] = result.arrays
