"""Runs every case with every client on one emulator, in turn, and writes the medians and their ratios.

`python -m benchmarks` prints a table and writes `results.json` (and `results.png`, where matplotlib is) into the folder
named by `--out`; `--write` puts the table into the documentation, too. A full run takes about six minutes, one with
`--quick` about one; `--large` adds a file of 4 GiB, of which nobody's memory may show anything.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
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
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
FULL = {"mb": 512, "count": 500, "items": 20_000, "repeat": 3}
BEGIN, END = "<!-- benchmarks begin -->", "<!-- benchmarks end -->"


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: What the table calls it.
        verb: What is done.
        network: Over which network.
        clients: By whom.
        before: What has to be done first.
        once: Who does it once only, as it takes a minute.
        mb: MiB of the large file, where it is not the usual one.
    """

    name: str
    verb: str
    network: dict[str, float]
    clients: tuple[str, ...]
    before: str = ""
    once: tuple[str, ...] = ()
    mb: int = 0


OURS = ("jupyter-box",)
ALONE = ("jupyter-box", "boxsdk", "curl")
MANY = ("jupyter-box", "boxsdk", "boxsdk, 16 threads", "curl")
SDK = ("boxsdk",)
CASES = (
    Case("upload, 60 ms and 12 MB/s per connection", "upload", SLOW, ALONE, once=SDK),
    Case("download, 60 ms and 12 MB/s per connection", "download", SLOW, ALONE, "upload", once=SDK),
    Case("upload, free loopback", "upload", FREE, ALONE),
    Case("download, free loopback", "download", FREE, ALONE, "upload"),
    Case("small files up, 60 ms", "upload_many", FAR, MANY, once=SDK),
    Case("small files down, 60 ms", "download_many", FAR, MANY, "upload_many", once=SDK),
    Case("list, 60 ms", "list", FAR, ("jupyter-box", "boxsdk"), "fill"),
)
LARGE = (
    Case("upload of 4 GiB, free loopback", "upload", FREE, OURS, once=OURS, mb=4096),
    Case("download of 4 GiB, free loopback", "download", FREE, OURS, "upload", once=OURS, mb=4096),
)


class Box:
    """The emulator in a process of its own, and the few calls that prepare a case."""

    def __init__(self, folder: Path) -> None:
        self.env_file = folder / "env"
        words = ["emulator", "--data", str(folder / "box"), "--env", str(self.env_file)]
        self.process = subprocess.Popen([sys.executable, "-m", "jupyter_box.cli", *words], stdout=subprocess.DEVNULL)
        try:
            self.drive = self._connect(folder)
        except BaseException:
            self.stop()
            raise

    def _connect(self, folder: Path) -> Any:
        while not self.env_file.exists():
            assert self.process.poll() is None, "the emulator did not start"
            time.sleep(0.05)
        pairs = (line.split("=", 1) for line in self.env_file.read_text().splitlines())
        self.env = {name: value for name, value in pairs if name != "BOX_JWT_CONFIG_FILE"}
        self.env |= {"BOX_RATE_LIMIT": "off", "JUPYTER_DATA_DIR": str(folder / "state")}
        os.environ.update(self.env)
        from jupyter_box import connect

        return connect()

    def stop(self) -> None:
        """End the emulator."""
        self.process.terminate()
        self.process.wait()

    def switch(self, **switches: Any) -> None:
        """Turn switches of the emulator."""
        data = json.dumps(switches).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.env['BOX_URL']}/_control", data)).read()

    def folder(self) -> str:
        """Return the id of a fresh folder."""
        return str(self.drive.mkdir(f"/{uuid.uuid4().hex}").id)

    def clear(self, folder: str) -> None:
        """Remove a folder, from the trash too, so that the disk does not fill up."""
        self.switch(**FREE)
        self.drive.client.folders.delete_folder_by_id(folder, recursive=True)
        self.drive.client.trashed_folders.delete_trashed_folder_by_id(folder)

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
        box.stop()


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
    lines = [
        "| case | client | seconds | times ours | CPU seconds | CPU seconds per GiB | MB over idle |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results:
        ours = row["clients"]["jupyter-box"]["seconds"]
        for client, cost in row["clients"].items():
            per_gib = f"{cost['cpu'] / row['gib']:.1f}" if row["gib"] else "-"
            memory = "-" if client == "curl" else f"{max(0, cost['memory']):.0f}"
            figures = f"{cost['seconds']:.2f} | {cost['seconds'] / ours:.2f} | {cost['cpu']:.2f} | {per_gib} | {memory}"
            lines.append(f"| {row['case']} | {client} | {figures} |")
    return "\n".join(lines)


def write_page(text: str) -> None:
    """Put the table into the documentation, between its two marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


def conditions(args: argparse.Namespace, loads: list[float]) -> str:
    """Return one sentence about the machine, its load from others included, and the sizes."""
    sizes = f"{args.mb} MiB, {args.count} files of 20 KB, {args.items} items, {args.repeat} runs"
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    return f"{machine}; {sizes}; load average {loads[0]:.1f} before and {loads[1]:.1f} after."


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
    args = _arguments()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch, emulator(Path(scratch)) as box:
        cases = [case for case in (*CASES, *(LARGE if args.large else ())) if args.case in case.name]
        results = [run(case, box, Path(scratch), args) for case in cases]
    told = conditions(args, [before, os.getloadavg()[0]])
    missing = [tool for tool in ("rclone", "curl") if shutil.which(tool) is None]
    args.out.mkdir(parents=True, exist_ok=True)
    answer = {"results": results, "conditions": told, "not_here": missing}
    args.out.joinpath("results.json").write_text(json.dumps(answer, indent=2))
    plot(results, args.out / "results.png")
    text = f"{table(results)}\n\n{told} Not on this machine: {', '.join(missing) or 'nothing'}."
    print(text)
    if args.write:
        write_page(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, each once, in about a minute")
    parser.add_argument("--large", action="store_true", help="a file of 4 GiB, too: needs 12 GiB of room")
    parser.add_argument("--mb", type=int, help="MiB of the large file (512)")
    parser.add_argument("--count", type=int, help="small files, of 20 KB each (500)")
    parser.add_argument("--items", type=int, help="items of the folder to list (20,000)")
    parser.add_argument("--repeat", type=int, help="runs of which the median counts (3)")
    parser.add_argument("--case", default="", help="only the cases whose name has this word")
    parser.add_argument("--skip", default="", help="clients to leave out, separated by semicolons")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks"), help="where the results go")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    args = parser.parse_args()
    sizes = {"mb": 64, "count": 48, "items": 5000, "repeat": 1} if args.quick else FULL
    for name, size in sizes.items():
        setattr(args, name, getattr(args, name) or size)
    return args


def run(case: Case, box: Box, scratch: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return the medians of one case for each client; the clients take turns, so that a slow minute hits them all."""
    mb = case.mb or args.mb
    path = scratch / ("small" if case.verb.endswith("many") else f"large-{mb}.bin")
    _make(path, mb, args.count)
    skipped = {*args.skip.split(";"), *(() if shutil.which("curl") else ("curl",))}
    clients = [client for client in case.clients if client not in skipped]
    costs: dict[str, list[dict[str, float]]] = {client: [] for client in clients}
    for number in range(args.repeat):
        for client in clients:
            if not number or client not in case.once:
                folder = prepare(case, box, path, args.items)
                costs[client].append(measure(case, client, box, path, folder))
                box.clear(folder)
    if case.mb:
        path.unlink()
    medians = {client: _median(found) for client, found in costs.items()}
    print(f"{case.name}: {medians}", file=sys.stderr)
    return {"case": case.name, "gib": mb / 1024 if case.verb in {"upload", "download"} else 0, "clients": medians}


def _median(costs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(cost[name] for cost in costs) for name in costs[0]}


def _make(path: Path, mb: int, count: int) -> None:
    if path.exists():
        return
    chance = random.Random(1)
    if path.suffix:
        with path.open("wb") as file:
            for _ in range(mb):
                file.write(chance.randbytes(1 << 20))
        return
    path.mkdir()
    for number in range(count):
        (path / f"{number:04d}.bin").write_bytes(chance.randbytes(20_000))
