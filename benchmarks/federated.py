"""Federated runs on the emulator, every participant a process: `python -m benchmarks.federated`.

It tells the rounds per minute, the calls of Box's API that a round takes, and what a signature costs. Where training
takes long, all times of the run are made shorter by one factor (training, looks, heartbeats, latency), which leaves the
number of calls as it is. A full run takes about ten minutes; `--only paces --clients 3 --size 8000000` is one row.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import safetensors.numpy
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from .box import Box, emulator

LATENCY, BANDWIDTH = 0.06, 25e6  # seconds a call, bytes a second
FREE = {"latency": 0.0, "bandwidth": 0.0}
NO_CALLS = {"download", "post_oauth2_token"}  # the second half of a download; tokens, which Box does not count
SHORT = {"poll_interval": 0.1, "poll_ceiling": 1.0}
DEFAULTS = {"poll_interval": 2.0, "poll_ceiling": 30.0, "heartbeat_frequency": 60.0, "heartbeat_timeout": 300.0}
KB, MB = 1000, 1_000_000
CLIENTS, SIZES = (2, 3, 5, 10), (3 * KB, 8 * MB)

client, server = ClientApp(), ServerApp()


@client.train()
def train(message: Message, context: Context) -> Message:
    """Train for as long as the site says: sleep, and add one."""
    time.sleep(float(context.node_config["seconds"]))
    weights = message.content["arrays"]["weights"].numpy() + np.float32(1)
    reply = {"arrays": ArrayRecord({"weights": Array(weights)}), "metrics": MetricRecord({"num-examples": 1})}
    return Message(RecordDict(reply), reply_to=message)


@server.main()
def main_of_server(grid: Grid, context: Context) -> None:
    """Run FedAvg without evaluation by the clients, and print when each round ended."""
    clients, size = int(context.run_config["clients"]), int(context.run_config["size"])
    ends: list[float] = []

    def note(_: int, __: ArrayRecord) -> MetricRecord:
        ends.append(time.monotonic())
        return MetricRecord({"ended": ends[-1]})

    strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=clients, min_evaluate_nodes=0, min_available_nodes=clients)
    start = ArrayRecord({"weights": Array(np.zeros(size // 4, np.float32))})
    rounds = int(context.run_config["num-server-rounds"])
    result = strategy.start(grid=grid, initial_arrays=start, num_rounds=rounds, timeout=3600, evaluate_fn=note)
    context.state["arrays"] = result.arrays
    print(json.dumps({"ends": ends}), flush=True)


@dataclass(frozen=True)
class Measured:
    """What a run came to.

    Attributes:
        rounds_per_minute: From the end of the first round on.
        calls: Of Box's API, a round, all processes and the beginning included.
    """

    rounds_per_minute: float
    calls: float


class Consortium:
    """Box users who can begin one run after the other.

    Args:
        box: The emulator.
        folder: For logs and states.
        most: How many take part at most.
    """

    def __init__(self, box: Box, folder: Path, most: int) -> None:
        self._box, self._folder, self._count = box, folder, 0
        users = box.drive.client.users
        self._users = [users.create_user(f"Site {number}", is_platform_access_only=True).id for number in range(most)]

    def measure(
        self, clients: int, size: int, rounds: int, *, seconds: float = 0.0, latency: float = LATENCY, **options: float
    ) -> Measured:
        """Return what a run takes.

        Args:
            clients: How many train.
            size: Bytes of the model.
            rounds: How many.
            seconds: Of training.
            latency: Seconds that a call takes.
            options: Of the run's schedule.
        """
        self._count += 1
        run = f"/run-{self._count}"
        self._box.switch(**FREE)
        place = self._init(run, clients, size, rounds, options)
        self._box.switch(latency=latency, bandwidth=BANDWIDTH, reset_counts=True)
        with self._processes(run, place, clients, seconds) as processes:
            codes = [process.wait() for process in processes]
        assert not any(codes), codes
        said = self._log("server").read_text().splitlines()
        ends = next(json.loads(line)["ends"] for line in said if line.startswith('{"ends"'))
        return Measured(60 * (len(ends) - 2) / (ends[-1] - ends[1]), self._calls() / rounds)

    def _init(self, run: str, clients: int, size: int, rounds: int, options: dict[str, float]) -> str:
        """Make a run, and return its folder as participants name it."""
        given = {
            "--rounds-count": rounds, "--minimum-clients": clients, "--maximum-clients": clients,
            **{f"--{name.replace('_', '-')}": value for name, value in options.items()},
        }  # fmt: skip
        apps = ("--app", "benchmarks.federated:server", "--client-app", "benchmarks.federated:client")
        setting = ("--set", f"clients={clients}", "--set", f"size={size}")
        words = [word for pair in given.items() for word in pair]
        process = self._start("init", run, *apps, *words, *setting, log="init", state="server")
        assert process.wait() == 0, self._log("init").read_text()
        for user in self._users[:clients]:
            self._box.drive.invite(run, user, role="viewer uploader")
        return f"id:{self._box.drive.stat(run).id}"

    @contextmanager
    def _processes(self, run: str, place: str, clients: int, seconds: float) -> Iterator[list[subprocess.Popen[bytes]]]:
        processes = [self._start("server", run, log="server", state="server")]
        for number, user in enumerate(self._users[:clients]):
            name = f"site-{number}"
            words = ("--name", name, "--allow", "benchmarks.federated:client", "--node-config", f"seconds={seconds}")
            processes.append(self._start("client", place, *words, log=name, state=name, BOX_USER_ID=user))
        try:
            yield processes
        finally:
            for process in processes:
                process.kill()

    def _start(self, verb: str, *words: Any, log: str, state: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "jupyter_box.cli", "federate", verb, *map(str, words)]
        root = str(Path(__file__).parents[1])
        with self._log(log).open("w") as output:
            return subprocess.Popen(
                [*command, "--state", self._folder / state],
                env={**os.environ, **self._box.env, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", **environment},
                cwd=self._folder, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _calls(self) -> int:
        with urlopen(f"{self._box.url}/_control") as answer:
            counts = json.load(answer)["counts"]
        return sum(count for name, count in counts.items() if name not in NO_CALLS)


def scaled(factor: float, **options: float) -> dict[str, float]:
    """Return a schedule whose times are so many times shorter."""
    return {name: value / factor for name, value in {**DEFAULTS, **options}.items()}


def paces(consortium: Consortium, rounds: int, numbers: Sequence[int], sizes: Sequence[int]) -> Iterator[str]:
    """Measure rounds per minute at 60 ms a call and 200 Mbit/s."""
    yield "| clients | model | rounds a minute |\n|---|---|---|"
    for size, clients in product(sizes, numbers):
        found = consortium.measure(clients, size, rounds, **SHORT)
        yield f"| {clients} | {size // KB:,} kB | {found.rounds_per_minute:.0f} |"


def calls(consortium: Consortium, training: float, rounds: int) -> Iterator[str]:
    """Measure the calls of a round at settings that are known of mila, with training made shorter than it would be."""
    yield "| clients | training | looks | calls a round |\n|---|---|---|---|"
    looks = {"every 3 s": {"poll_interval": 3.0, "poll_ceiling": 3.0}, "as by default": {}}
    for clients, seconds in ((2, 60.0), (3, 600.0)):
        factor = max(1.0, seconds / training)
        for name, options in looks.items():
            times = {"seconds": seconds / factor, "latency": LATENCY / factor}
            found = consortium.measure(clients, 3 * KB, rounds, **times, **scaled(factor, **options))
            yield f"| {clients} | {seconds:.0f} s | {name} | {found.calls:.0f} |"


def signatures(folder: Path) -> Iterator[str]:
    """Measure what a signed file costs beside a plain one with its SHA-256."""
    from jupyter_box.federated.signing import Signer

    signer = Signer.at(folder / "key")
    yield "| model | bytes more than its arrays | write and sign | verify and read | plain safetensors and SHA-256 |"
    yield "|---|---|---|---|---|"
    for megabytes in (1, 10, 100):
        yield _signature(signer, megabytes)


def _signature(signer: Any, megabytes: int) -> str:
    from jupyter_box.federated import wire

    tensors = {"weights": np.ones(megabytes * MB // 4, np.float32)}
    data = wire.pack({"run": "1"}, tensors, signer)
    times = [
        best(lambda: wire.pack({"run": "1"}, tensors, signer)),
        best(lambda: (wire.verify(data, signer.public), wire.load(data))),
        best(lambda: hashlib.sha256(safetensors.numpy.save(tensors)).digest()),
    ]
    costs = " | ".join(f"{seconds * 1000 / megabytes:.1f} ms/MB" for seconds in times)
    return f"| {megabytes} MB | {len(data) - megabytes * MB} | {costs} |"


def best(work: Any, times: int = 5) -> float:
    """Return the seconds of the fastest of some tries."""

    def once() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return min(once() for _ in range(times))


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.federated", description="Federated runs, measured.")
    parser.add_argument("--clients", type=int, action="append", help="of a timed run (default: 2, 3, 5, 10)")
    parser.add_argument("--size", type=int, action="append", help="bytes of its model (default: 3000, 8000000)")
    parser.add_argument("--rounds", type=int, default=10, help="of each run that is timed (default: 10)")
    parser.add_argument("--training", type=float, default=15, help="seconds that it takes at most (default: 15)")
    parser.add_argument("--only", choices=["paces", "calls", "signatures"], help="one table alone")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name, emulator(Path(name)) as box:
        numbers = args.clients or CLIENTS
        consortium = Consortium(box, Path(name), max(*numbers, *CLIENTS))
        tables = {
            "paces": paces(consortium, args.rounds, numbers, args.size or SIZES),
            "calls": calls(consortium, args.training, 5),
            "signatures": signatures(Path(name)),
        }
        for table in [args.only] if args.only else tables:
            for line in tables[table]:
                print(line, flush=True)
            print()


if __name__ == "__main__":
    main()
