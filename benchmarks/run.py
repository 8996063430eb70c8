"""Runs every case with every client on one emulator, side by side, and writes the medians and their ratios.

`python benchmarks/run.py` prints a table and writes `results.json` (and `results.png`, where matplotlib is) into the
folder named by `--out`. `--mb`, `--count`, `--items` and `--repeat` make it smaller for a first try.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SLOW = {"latency": 0.06, "bandwidth": 12_000_000}
FAR = {"latency": 0.06, "bandwidth": 0}
FREE = {"latency": 0, "bandwidth": 0}
CLIENTS = Path(__file__).with_name("clients.py")


@dataclass(frozen=True)
class Case:
    """One row of the table: what is done, over which network, by whom, and the most it may take (see the docs)."""

    name: str
    verb: str
    network: dict[str, float]
    clients: tuple[str, ...]
    before: str = ""


ALONE = ("jupyter-box", "boxsdk", "curl")
MANY = ("jupyter-box", "boxsdk", "boxsdk, 16 threads", "curl")
CASES = (
    Case("upload, 60 ms and 12 MB/s per connection", "upload", SLOW, ALONE),
    Case("download, 60 ms and 12 MB/s per connection", "download", SLOW, ALONE, "upload"),
    Case("upload, free loopback", "upload", FREE, ALONE),
    Case("download, free loopback", "download", FREE, ALONE, "upload"),
    Case("small files up, 60 ms", "upload_many", FAR, MANY),
    Case("small files down, 60 ms", "download_many", FAR, MANY, "upload_many"),
    Case("list, 60 ms", "list", FAR, ("jupyter-box", "boxsdk"), "fill"),
)


class Box:
    """The emulator in a process of its own, and the few calls that prepare a case."""

    def __init__(self, folder: Path) -> None:
        self.env_file = folder / "env"
        words = ["emulator", "--data", str(folder / "box"), "--env", str(self.env_file)]
        self.process = subprocess.Popen([sys.executable, "-m", "jupyter_box.cli", *words], stdout=subprocess.DEVNULL)
        while not self.env_file.exists():
            assert self.process.poll() is None, "the emulator did not start"
            time.sleep(0.05)
        pairs = (line.split("=", 1) for line in self.env_file.read_text().splitlines())
        self.env = {name: value for name, value in pairs if name != "BOX_JWT_CONFIG_FILE"}
        self.env |= {"BOX_RATE_LIMIT": "off", "JUPYTER_DATA_DIR": str(folder / "state")}
        os.environ.update(self.env)
        from jupyter_box import connect

        self.drive = connect()

    def switch(self, **switches: Any) -> None:
        """Turn switches of the emulator."""
        data = json.dumps(switches).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.env['BOX_URL']}/_control", data)).read()

    def folder(self) -> str:
        """Return the id of a fresh folder."""
        return str(self.drive.mkdir(f"/{uuid.uuid4().hex}").id)

    def token(self) -> str:
        """Return a token for curl."""
        return str(self.drive.client.auth.retrieve_token().access_token)


@contextmanager
def emulator(folder: Path) -> Iterator[Box]:
    """Run the emulator while the block runs."""
    box = Box(folder)
    try:
        yield box
    finally:
        box.process.terminate()
        box.process.wait()


def prepare(case: Case, box: Box, path: Path, items: int) -> str:
    """Return a fresh folder that has what the case needs."""
    box.switch(**FREE)
    folder = box.folder()
    if case.before == "fill":
        box.switch(fill={"folder": folder, "count": items})
    elif case.before:
        box.drive.upload(str(path), f"id:{folder}").raise_for_failures()
    box.switch(**case.network)
    return folder


def measure(case: Case, client: str, box: Box, path: Path, folder: str) -> dict[str, float]:
    """Return what one run of one client cost."""
    if client == "curl":
        return curl(case, box, path, folder)
    words = [sys.executable, str(CLIENTS), client, case.verb, str(path), folder]
    answer: dict[str, float] = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    return answer


def curl(case: Case, box: Box, path: Path, folder: str) -> dict[str, float]:
    """Return what the same bytes cost curl, which neither lists, hashes nor resumes: the physical limit.

    A large file over a slow line goes in 16 pieces over 16 connections.
    """
    pieces = 16 if case.network is SLOW else 1
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        config = Path(scratch) / "curl"
        config.write_text("\nnext\n".join(_requests(case, box, path, folder, scratch=Path(scratch), pieces=pieces)))
        before, began = os.times(), time.monotonic()
        subprocess.run(
            ["curl", "-sS", "-f", "--no-progress-meter", "-Z", "--parallel-max", "16", "-K", str(config)], check=True
        )
        after = os.times()
        cpu = after.children_user - before.children_user + after.children_system - before.children_system
        return {"seconds": time.monotonic() - began, "cpu": cpu, "memory": 0.0}


def _requests(case: Case, box: Box, path: Path, folder: str, *, scratch: Path, pieces: int) -> list[str]:
    head = f'header = "Authorization: Bearer {box.token()}"\nsilent\nfail\n'
    if case.verb.startswith("upload"):
        files = sorted(path.iterdir()) if path.is_dir() else _cut(path, scratch, pieces)
        return [head + _upload(box, file, folder) for file in files]
    if case.verb == "download_many":
        found = box.drive.list(f"id:{folder}/{path.name}")
        return [head + _download(box, item.id, scratch / item.name) for item in found]
    item = box.drive.stat(f"id:{folder}/{path.name}")
    step = -(-path.stat().st_size // pieces)
    ranges = [f'range = "{start}-{start + step - 1}"\n' for start in range(0, path.stat().st_size, step)]
    return [
        head + (ranges[number] if pieces > 1 else "") + _download(box, item.id, scratch / str(number))
        for number in range(pieces)
    ]


def _cut(path: Path, scratch: Path, pieces: int) -> list[Path]:
    if pieces == 1:
        return [path]
    subprocess.run(["split", "-n", str(pieces), str(path), str(scratch / "piece-")], check=True)
    return sorted(scratch.glob("piece-*"))


def _upload(box: Box, file: Path, folder: str) -> str:
    attributes = json.dumps({"name": f"{uuid.uuid4().hex}", "parent": {"id": folder}}).replace('"', '\\"')
    url = f"{box.env['BOX_URL']}/api/2.0/files/content"
    return f'url = "{url}"\noutput = "/dev/null"\nform-string = "attributes={attributes}"\nform = "file=@{file}"'


def _download(box: Box, file_id: str, target: Path) -> str:
    return f'url = "{box.env["BOX_URL"]}/2.0/files/{file_id}/content"\nlocation\noutput = "{target}"'


def table(results: list[dict[str, Any]]) -> str:
    """Return the results as a Markdown table: seconds, CPU seconds, memory, and the ratio to ours."""
    lines = ["| case | client | seconds | CPU seconds | MB over idle | times ours |", "|---|---|---|---|---|---|"]
    for row in results:
        ours = row["clients"]["jupyter-box"]["seconds"]
        for client, cost in row["clients"].items():
            figures = f"{cost['seconds']:.2f} | {cost['cpu']:.2f} | {cost['memory']:.0f}"
            lines.append(f"| {row['case']} | {client} | {figures} | {cost['seconds'] / ours:.2f} |")
    return "\n".join(lines)


def plot(results: list[dict[str, Any]], target: Path) -> None:
    """Draw the ratios to ours, where matplotlib is."""
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        return
    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    rows = [(f"{row['case']}: {name}", cost["seconds"] / row["clients"]["jupyter-box"]["seconds"])
            for row in results for name, cost in row["clients"].items() if name != "jupyter-box"]  # fmt: skip
    axes.barh([name for name, _ in rows], [ratio for _, ratio in rows])
    axes.axvline(1, color="black")
    axes.set_xscale("log")
    axes.set_xlabel("time, as a multiple of jupyter-box")
    figure.savefig(target)


def main() -> None:
    """Run the benchmarks as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=512, help="MiB of the large file")
    parser.add_argument("--count", type=int, default=500, help="small files, of 20 KB each")
    parser.add_argument("--items", type=int, default=20_000, help="items of the folder to list")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the median counts")
    parser.add_argument("--case", default="", help="only the cases whose name has this word")
    parser.add_argument("--skip", default="", help="clients to leave out, separated by semicolons")
    parser.add_argument("--out", type=Path, default=Path.cwd(), help="where the results go")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, emulator(Path(scratch)) as box:
        results = [
            run(case, box, Path(scratch), args) for case in CASES if args.case in case.name
        ]  # fmt: skip
    missing = [tool for tool in ("rclone", "curl") if shutil.which(tool) is None]
    args.out.mkdir(parents=True, exist_ok=True)
    args.out.joinpath("results.json").write_text(json.dumps({"results": results, "not_here": missing}, indent=2))
    plot(results, args.out / "results.png")
    print(table(results))
    print(f"not on this machine: {', '.join(missing) or 'nothing'}")


def run(case: Case, box: Box, scratch: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return the medians of one case for each client."""
    path = scratch / ("small" if case.verb.endswith("many") else "large.bin")
    _make(path, args)
    skipped = {*args.skip.split(";"), *(() if shutil.which("curl") else ("curl",))}
    clients: dict[str, Any] = {}
    for client in [client for client in case.clients if client not in skipped]:
        costs = [measure(case, client, box, path, prepare(case, box, path, args.items)) for _ in range(args.repeat)]
        clients[client] = {name: statistics.median(cost[name] for cost in costs) for name in costs[0]}
        print(f"{case.name}: {client}: {clients[client]}", file=sys.stderr)
    return {"case": case.name, "clients": clients}


def _make(path: Path, args: argparse.Namespace) -> None:
    if path.exists():
        return
    chance = random.Random(1)
    if path.suffix:
        with path.open("wb") as file:
            for _ in range(args.mb):
                file.write(chance.randbytes(1 << 20))
        return
    path.mkdir()
    for number in range(args.count):
        (path / f"{number:04d}.bin").write_bytes(chance.randbytes(20_000))


if __name__ == "__main__":
    main()
