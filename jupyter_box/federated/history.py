"""What a run's folder tells of its past: each exchange with the server's signed records; it needs no Flower."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jupyter_box.items import Item

from .exchange import to_reference
from .run import Run
from .signing import Forged, unseal


@dataclass(frozen=True)
class Sealed:
    """One exchange as the server signed it.

    Attributes:
        instruction: What was asked of whom.
        closed: What came of it; None while it is open.
        item: The instruction's file.
        files: What is in the round's folder, by name in small letters.
        is_last: Whether no later one is there.
    """

    instruction: dict[str, Any]
    closed: dict[str, Any] | None
    item: Item
    files: dict[str, Item]
    is_last: bool = False


def history(run: Run) -> list[Sealed]:
    """Return a run's exchanges in their order."""
    rounds = run.store.list(run.config.folder("rounds"))
    found: dict[int, dict[str, Any]] = {}
    for name in sorted(rounds, key=lambda name: (len(name), name)):
        if rounds[name].is_folder:
            files = run.store.list(rounds[name])
            for seq, which, body, item in sealed_in(run, files):
                found.setdefault(seq, {"files": files}).setdefault(which, (body, item))
    whole = [(seq, parts) for seq, parts in sorted(found.items()) if "instruction" in parts]
    return [
        Sealed(
            instruction=parts["instruction"][0],
            closed=parts["closed"][0] if "closed" in parts else None,
            item=parts["instruction"][1],
            files=parts["files"],
            is_last=seq == whole[-1][0],
        )
        for seq, parts in whole
    ]


def sealed_in(
    run: Run, files: dict[str, Item], seq: int | None = None
) -> Iterator[tuple[int, str, dict[str, Any], Item]]:
    """Yield the server's records in a round's folder, past what others put under their names.

    Args:
        run: The run.
        files: What is in the folder.
        seq: The one exchange that is wanted; None for all.

    Yields:
        The exchange's number, `instruction` or `closed`, the record with its own `file`, and the file.
    """
    begin = "server." if seq is None else f"server.{seq}."
    for name, item in sorted(files.items()):
        if not (name.startswith(begin) and name.endswith(".json") and run.by_server(item)):
            continue
        try:
            body = unseal(run.store.read(item), run.config.server_key)
        except Forged:
            continue
        if body.get("run") == run.config.run and (seq is None or body.get("seq") == seq):
            which = "instruction" if "to" in body else "closed"
            yield int(body["seq"]), which, {**body, "file": to_reference(item)}, item
