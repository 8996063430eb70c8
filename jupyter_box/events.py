"""What long work tells while it runs: frozen facts into a one-call listener; who listens decides how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Phase = Literal["started", "running", "waiting", "done", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one transfer stands; a stream of these always ends with `done`, `skipped` or `failed`.

    Attributes:
        path: What is transferred: the path in Box (or the name of a whole run).
        phase: What is happening; `waiting` carries the reason in `message`.
        done: Bytes moved so far.
        total: Bytes in all; None while it is not known.
        files_done: Files finished so far, for a run of many.
        files_total: Files in all, for a run of many.
        rate: Bytes a second, smoothed; 0.0 while it is not known.
        message: One sentence for a person, e.g. "Box asks us to wait 12 s".
        code: The error's code, where the phase is `failed`.
    """

    path: str
    phase: Phase = "running"
    done: int = 0
    total: int | None = None
    files_done: int = 0
    files_total: int = 1
    rate: float = 0.0
    message: str = ""
    code: str = ""


class Listener(Protocol):
    """Receives progress; called from the thread that works, so it must be quick and safe to call from any."""

    def __call__(self, progress: Progress, /) -> None:
        """Take note of one fact."""


def ignore(_progress: Progress, /) -> None:
    """Listen to nothing: the default listener."""
