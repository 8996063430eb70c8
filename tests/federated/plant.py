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


def fit(model, part, steps=5, proximal_mu=0.0):
    """Return a site's model after some steps, and its number of rows; FedProx holds it near the common one."""
    rows, wear = data(part)
    weights, bias = model["weights"].copy(), model["bias"].copy()
    for _ in range(steps):
        error = rows @ weights + bias - wear
        weights = weights - 0.1 * (rows.T @ error / len(wear) + proximal_mu * (weights - model["weights"]))
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


def _poison(model):
    model["weights"][0] = np.nan


MISTAKES = {
    "poison": _poison,
    "grow": lambda model: model.update(weights=np.zeros(5)),
    "huge": lambda model: model.update(weights=np.zeros(1_000_000)),
}


@client.train()
def train(message: Message, context: Context) -> Message:
    part, mistake = int(context.node_config["partition-id"]), context.node_config.get("mistake")
    round_ = message.content["config"]["server-round"]
    wait_for_round(part, round_)
    if mistake == "raise":
        raise RuntimeError("the sensor's file is gone")
    model, rows = fit(_arrays(message), part, proximal_mu=message.content["config"].get("proximal-mu", 0.0))
    metrics = MetricRecord({"num-examples": rows, "train_loss": loss(model, part)[0]})
    MISTAKES.get(mistake, lambda model: None)(model)
    note_trained(part, round_)
    return Message(RecordDict({"arrays": to_record(model), "metrics": metrics}), reply_to=message)


@client.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    error, rows = loss(_arrays(message), int(context.node_config["partition-id"]))
    return Message(RecordDict({"metrics": MetricRecord({"num-examples": rows, "loss": error})}), reply_to=message)


def wait_for_round(part, round_):
    """Stop at a gate where the test has put one: a file `PART-ROUND`, which the test removes."""
    folder = os.environ.get("PLANT_FOLDER")
    if not folder:
        return
    gate = Path(folder) / f"{part}-{round_}"
    if gate.exists():
        gate.with_suffix(".reached").touch()
        while gate.exists():
            time.sleep(0.02)  # another process opens it: there is no event


def note_trained(part, round_):
    """Leave word for the test that a site has trained."""
    if os.environ.get("PLANT_FOLDER"):
        with (Path(os.environ["PLANT_FOLDER"]) / f"{part}.trained").open("a") as file:
            file.write(f"{round_}\n")


server = ServerApp()


@server.main()
def main(grid, context: Context) -> None:
    config = context.run_config
    if config.get("breaks"):
        raise ValueError("the plant's model is not there")
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
