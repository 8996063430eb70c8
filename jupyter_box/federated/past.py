"""What an earlier process of the server left in the folder, for the ServerApp to be led through it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_box.errors import BoxError
from jupyter_box.items import Item

from .exchange import Exchange
from .history import sealed_in
from .run import Run


class Diverged(BoxError):  # noqa: N818  a fact
    """A restarted server asks other things than it asked before."""

    code = "replay_diverged"


class ReplayEnded(BoxError):  # noqa: N818  a fact
    """A replay has come to what was not recorded."""

    code = "replay_ended"


class Past:
    """The records of a run, exchange by exchange, until there are no more.

    Args:
        run: The run.
        told: What `server.lock` said last, where the instructions of the last exchange may be before they have a file
            of their own; None if there is no past.
    """

    def __init__(self, run: Run, told: Mapping[str, Any] | None) -> None:
        self._run, self._is_there = run, told is not None
        asking = (told or {}).get("asking", ())
        self._told = {entry["seq"]: entry["instruction"] for entry in asking if "instruction" in entry}
        self._present: list[list[Any]] = []

    def end(self) -> None:
        """Note that all that follows is new."""
        self._is_there = False

    def of(self, exchange: Exchange) -> dict[str, dict[str, Any]]:
        """Return what was recorded of an exchange: its `instruction`, and `closed` if it came to that."""
        return self._sealed(exchange.seq, exchange.folder) if self._is_there else {}

    def check(self, exchange: Exchange, recorded: dict[str, Any]) -> None:
        """Do nothing if an exchange asks what was asked before.

        Raises:
            Diverged: It asks something else.
        """
        self._present = []
        if recorded["digest"] != exchange.digest:
            raise Diverged(
                f"Exchange {exchange.seq} of the restarted ServerApp differs from what was sent.",
                hint="A ServerApp that is resumed must compute the same again: seed what is random from the run.",
            )

    def present(self, seq: int, number: int) -> list[str] | None:
        """Return who was there when an app asked so; None where that is not recorded.

        Args:
            seq: The exchange that the app prepared.
            number: The round that it was in.
        """
        if not self._is_there:
            return None
        self._present = self._present or self._before(seq, number)
        if not self._present:
            return None
        names: list[str] = self._present[0][0]
        self._present[0][1] -= 1
        if not self._present[0][1]:
            self._present.pop(0)
        return names

    def _before(self, seq: int, number: int) -> list[list[Any]]:
        """Return whom the app was told of before an exchange, as its instruction tells; nothing without one."""
        if seq in self._told:
            return [list(entry) for entry in self._told[seq]["present"]]
        rounds = self._run.store.list(self._run.config.folder("rounds"))
        for candidate in (number, number + 1):
            folder = rounds.get(f"{candidate:02}")
            found = self._sealed(seq, folder) if folder is not None else {}
            if "instruction" in found:
                return [list(entry) for entry in found["instruction"]["present"]]
        return []

    def _sealed(self, seq: int, folder: Item) -> dict[str, dict[str, Any]]:
        """Return the server's own instruction and end of an exchange, past what others put under their names."""
        found: dict[str, dict[str, Any]] = {}
        files = self._run.store.list(folder)
        for _, which, body, _ in sealed_in(self._run, files, seq):
            found.setdefault(which, body)
        return {"instruction": self._told[seq], **found} if seq in self._told else found
