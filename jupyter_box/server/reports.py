"""The transfers that kernels and terminals of this server do themselves, as they tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_box.events import Progress

from .board import Board, State, Wanted
from .disk import Disk

SILENCE = 30.0  # seconds without a word, after which a kernel counts as gone; each tells every 2 s or oftener
STOPPING = "Asked to stop"


class Reports:
    """What kernels and terminals have told; used from the server's loop alone.

    Args:
        disk: The folder that the server shows.
        board: Where it is told on.
    """

    def __init__(self, disk: Disk, board: Board) -> None:
        self._disk, self._board = disk, board
        self._silences: dict[str, asyncio.TimerHandle] = {}
        self._cancelled: set[str] = set()

    def note(self, id: str, told: Mapping[str, Any], progress: Progress, *, is_ours: bool) -> bool:  # noqa: A002
        """Take note of where a transfer stands.

        Args:
            id: What its process knows it by.
            told: What it is to do, by the names of `Wanted`.
            progress: How far it is.
            is_ours: Whether this server's drive has the same root, so that it can do the same.

        Returns:
            Whether it is to end.
        """
        if self._is_taken_over(id):
            return True
        is_stopping = id in self._cancelled
        if is_stopping and progress.phase in {"running", "waiting"}:
            progress = replace(progress, message=STOPPING)
        wanted, is_below = self._wanted(told)
        can_retry = is_ours and is_below and wanted.kind != "sync"
        state = self._board.put(State(id, wanted, progress, "kernel", can_retry))
        self._listen_for(id, has_ended=state.has_ended)
        return is_stopping

    def cancel(self, id: str) -> None:  # noqa: A002
        """Ask for the end of a transfer; its process hears it with the answer to its next report."""
        if id in self._silences:
            self._cancelled.add(id)
            self._board.progress(id, message=STOPPING)

    def _is_taken_over(self, id: str) -> bool:  # noqa: A002
        """Tell whether the server does it by now, as its process was silent for too long."""
        return any(state.id == id and state.where == "server" for state in self._board.all())

    def _wanted(self, told: Mapping[str, Any]) -> tuple[Wanted, bool]:
        """Return what a transfer is to do, and whether its place on this machine is one that the server shows."""
        wanted = Wanted(**told)
        end = "target" if wanted.kind == "download" else "source"
        below = self._disk.below(Path(told[end]))
        return (wanted, False) if below is None else (Wanted(**{**told, end: below}), True)

    def _listen_for(self, id: str, *, has_ended: bool) -> None:  # noqa: A002
        if timer := self._silences.pop(id, None):
            timer.cancel()
        if has_ended:
            self._cancelled.discard(id)
        else:
            self._silences[id] = asyncio.get_running_loop().call_later(SILENCE, self._give_up, id)

    def _give_up(self, id: str) -> None:  # noqa: A002
        del self._silences[id]
        self._cancelled.discard(id)
        self._board.progress(
            id, phase="failed", message="Its kernel has ended, or does not answer.", code="kernel_gone"
        )
