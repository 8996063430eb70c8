"""Runs every case with every client on one emulator, in turn, and tells the medians and their ratios.

`python -m benchmarks` prints the tables and writes `benchmarks.json` and `benchmarks.png` into the folder named by
`--out`; `--write` puts tables and picture into the documentation, too. A full run takes about ten minutes, one with
`--quick` one and a half; `--large` measures a file of 4 GiB instead, and its files are called `large`.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from . import clients, hosts, report
from .box import Box, emulator
from .cases import CASES, CURL, EVERYONE, LARGE, RCLONE, RCLONE_BEST, Case
from .costs import Cost
from .programs import BEST_FLAGS, Curl, Rclone

FULL = {"mb": 512, "count": 500, "items": 20_000, "repeat": 3}
QUICK = {"mb": 64, "count": 48, "items": 5000, "repeat": 1}
GIB = 1 << 30
SMALL = 20_000  # bytes


@dataclass(frozen=True)
class Bench:
    """Where and how it is measured.

    Attributes:
        box: The emulator.
        scratch: A folder for files.
        programs: The clients that are programs and are on this machine.
        args: The command line.
        late: When it is late, by the monotonic clock.
    """

    box: Box
    scratch: Path
    programs: dict[str, Curl | Rclone]
    args: argparse.Namespace
    late: float

    def measure(self, case: Case) -> report.Result:
        """Return what a case costs each client; they take turns, so that a slow minute of the machine hits them all."""
        path = self._file(case)
        runs: dict[str, list[Cost]] = {client: [] for client in case.clients if self.has(client)}
        with self.box.prepared(case, path, self.args.items) if case.before else nullcontext() as ready:
            for _ in range(self.args.repeat):
                for client in filter(lambda client: self._is_wanted(runs[client]), list(runs)):
                    self._run(case, client, path, ready, runs)
        gib = path.stat().st_size / GIB if case.moves_one_file else 0
        if case.mb:
            path.unlink()
        return report.Result(case, gib, runs, aimed=self._is_aimed())

    def _file(self, case: Case) -> Path:
        path = self.scratch / ("small" if case.verb.endswith("many") else f"large-{case.mb or self.args.mb}.bin")
        if path.exists():
            return path
        if case.mb:
            make_hollow(path, case.mb)
        elif path.suffix:
            make_large(path, self.args.mb)
        else:
            make_small(path, self.args.count)
        return path

    def has(self, client: str) -> bool:
        """Return whether a client takes part."""
        known = client in self.programs or client in clients.CLIENTS
        return known and client not in self.args.skip.split(";")

    def _is_aimed(self) -> bool:
        return all(getattr(self.args, name) == FULL[name] for name in ("mb", "count", "items"))

    def _is_wanted(self, runs: list[Cost]) -> bool:
        """Return whether a client shall run again; what takes long is not repeated, and nothing when it is late."""
        return not runs or (runs[-1].seconds <= self.args.once_over and time.monotonic() < self.late)

    def _run(self, case: Case, client: str, path: Path, ready: str | None, runs: dict[str, list[Cost]]) -> None:
        """Note what one run costs; a client that fails takes no further part in the case."""
        try:
            with nullcontext(ready) if ready else self.box.prepared(case, path, self.args.items) as folder:
                program = self.programs.get(client)
                cost = program.run(case, path, folder) if program else clients.run(client, case.verb, path, folder)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{case.name}: {client} failed: {error}", file=sys.stderr)
            del runs[client]
            return
        print(f"{case.name}: {client}: {cost}", file=sys.stderr)
        runs[client].append(cost)


def make_large(path: Path, mb: int) -> None:
    """Write a file of so many MiB that nothing can compress."""
    chance = random.Random(1)
    with path.open("wb") as file:
        for _ in range(mb):
            file.write(chance.randbytes(1 << 20))


def make_hollow(path: Path, mb: int) -> None:
    """Make a file of so many MiB that takes no room."""
    with path.open("wb") as file:
        file.truncate(mb << 20)


def make_small(path: Path, count: int) -> None:
    """Make a folder of so many small files."""
    path.mkdir()
    for number in range(count):
        (path / f"{number:04d}.bin").write_bytes(random.Random(number).randbytes(SMALL))


def main() -> None:
    """Run the benchmarks as the command line says."""
    args = _arguments()
    if not args.private and shutil.which("rclone") and hosts.can_be_private():
        hosts.go_private([*sys.argv[1:], "--private"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the emulator ends, too
    before, results, told = os.getloadavg()[0], list[report.Result](), ""
    name = "large" if args.large else "benchmarks"
    with ExitStack() as stack:
        bench = _bench(stack, args)
        for case in _cases(args):
            results.append(bench.measure(case))
            told = conditions(bench, before)
            report.save(results, told, args.out / f"{name}.json")
    picture = report.plot(results, args.out / f"{name}.png")
    text = f"{report.tables(results)}\n\n{told}"
    print(text)
    if args.write:
        report.write_page(name, text, None if args.large else picture)


def _cases(args: argparse.Namespace) -> list[Case]:
    every = LARGE if args.large else CASES
    chosen = [case for case in every if args.case in case.name]
    if not chosen:
        sys.exit(f"No case has {args.case!r} in its name: {'; '.join(case.name for case in every)}")
    return chosen


def _bench(stack: ExitStack, args: argparse.Namespace) -> Bench:
    if args.private:
        hosts.start_loopback()
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
    box = stack.enter_context(emulator(scratch))
    return Bench(
        box, scratch, _programs(stack, box, scratch, private=args.private), args, time.monotonic() + args.minutes * 60
    )


def _programs(stack: ExitStack, box: Box, scratch: Path, *, private: bool) -> dict[str, Curl | Rclone]:
    found: dict[str, Curl | Rclone] = {CURL: Curl(box)} if shutil.which("curl") else {}
    if private:
        certificate = stack.enter_context(hosts.of_box(box.port, scratch))
        found |= {RCLONE: Rclone(box, certificate), RCLONE_BEST: Rclone(box, certificate, BEST_FLAGS)}
    return found


def conditions(bench: Bench, load: float) -> str:
    """Return a few sentences about the machine, its load before and after, the sizes, and who did not take part."""
    args = bench.args
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    sizes = f"{args.mb} MiB, {args.count} files of 20 KB, {args.items:,} items"
    runs = f"medians of {args.repeat} runs, where one takes no more than {args.once_over:g} s"
    told = f"{machine}; {sizes}; {runs}; load average {load:.1f} before and {os.getloadavg()[0]:.1f} after."
    missing = [client for client in EVERYONE if not bench.has(client)]
    return f"{told} Not measured: {', '.join(missing)}." if missing else told


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, each once")
    parser.add_argument(
        "--large", action="store_true", help="a file of 4 GiB each way, and nothing else: 8 GiB of room"
    )
    parser.add_argument("--mb", type=int, help="MiB of the large file (512)")
    parser.add_argument("--count", type=int, help="small files, of 20 KB each (500)")
    parser.add_argument("--items", type=int, help="items of the folder to list (20,000)")
    parser.add_argument("--repeat", type=int, help="runs of which the median counts (3)")
    parser.add_argument("--once-over", type=float, default=12, help="seconds; a longer run is not repeated (12)")
    parser.add_argument("--minutes", type=float, default=10, help="after which no run is repeated (10)")
    parser.add_argument("--case", default="", help="only the cases whose name has this word")
    parser.add_argument("--skip", default="", help="clients to leave out, separated by semicolons")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks"), help="where the results go")
    parser.add_argument("--write", action="store_true", help="put tables and picture into docs/performance.md")
    parser.add_argument("--private", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    for name, size in (QUICK if args.quick else FULL).items():
        setattr(args, name, getattr(args, name) or size)
    return args
