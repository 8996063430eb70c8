"""What long work tells while it runs: frozen facts into a one-call listener; who listens decides how it looks."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, Protocol

Phase = Literal["started", "running", "waiting", "done", "skipped", "failed", "cancelled"]
ENDED = frozenset({"done", "skipped", "failed", "cancelled"})  # nothing comes after one of these


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one transfer stands; a stream of these always ends with a phase of `ENDED`.

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


@dataclass(frozen=True, slots=True)
class Transfer:
    """What one transfer of a drive is to do.

    Attributes:
        kind: `upload` to Box, `download` from it, or `sync` either way.
        source: A path of this machine, absolute, or one of the drive.
        target: The folder on the other side that it goes into.
        on_conflict: What becomes of a file whose name is taken in Box.
        overwrite: Whether a file on this machine may be replaced.
        root: The id of the drive's root.
        is_plain: Whether nothing else was asked for, so that this says how to do it again.
    """

    kind: Literal["upload", "download", "sync"]
    source: str
    target: str
    on_conflict: str = "version"
    overwrite: bool = False
    root: str = ""
    is_plain: bool = True


class Observer(Protocol):
    """Is told of all transfers of a drive, beside who listens to one of them."""

    def __call__(
        self, transfer: Transfer, listener: Listener, cancel: threading.Event | None, /
    ) -> tuple[Listener, threading.Event | None]:
        """Return who listens to a transfer that begins, and what ends it: instead of those that its caller gave."""


def unobserved(
    _transfer: Transfer, listener: Listener, cancel: threading.Event | None, /
) -> tuple[Listener, threading.Event | None]:
    """Observe nothing: the default observer."""
    return listener, cancel
