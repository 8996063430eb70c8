"""What a run costs: time, processor and memory of one process."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

PATIENCE = 180  # seconds, after which a run has failed


@dataclass(frozen=True)
class Cost:
    """What one run of one client cost.

    Attributes:
        seconds: From its first request to its end; of a program, from its start.
        cpu: Seconds of processor, its own and the kernel's for it.
        memory: The most MiB it had, less those it has when idle.
    """

    seconds: float
    cpu: float
    memory: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.cpu:.2f} CPU s, {self.memory:.0f} MB over idle"


def watched(words: list[str], env: Mapping[str, str] | None = None) -> Cost:
    """Return what a program costs from its start to its end.

    Raises:
        subprocess.SubprocessError: It fails, or does not end in time.
    """
    cost = _watched(words, env)
    return replace(cost, memory=max(0, cost.memory - _idle(words[0])))


@lru_cache
def _idle(program: str) -> float:
    return _watched([program, "version" if program == "rclone" else "--version"], None).memory


def _watched(words: list[str], env: Mapping[str, str] | None) -> Cost:
    before, began = os.times(), time.monotonic()
    process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)
    with _peak(process.pid) as peak:
        try:
            failed = process.wait(PATIENCE)
        except BaseException:
            process.kill()
            process.wait()
            raise
    seconds, after = time.monotonic() - began, os.times()
    if failed:
        raise subprocess.CalledProcessError(failed, words[:2])
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return Cost(seconds, cpu, max(peak))


@contextmanager
def _peak(pid: int) -> Iterator[list[float]]:
    """Give a list that gains what a process has had in memory at most, in MiB, while the block runs."""
    found, ended = [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(0.005):
            found.append(resident(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def resident(pid: int | str = "self") -> float:
    """Return the most MiB that a process has had in memory; 0 when it is over."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
