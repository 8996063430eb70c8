"""What the server asks and what came of it: for each exchange a file of signed instructions, and one of its end."""

from __future__ import annotations

from typing import Any

from flwr.app import ArrayRecord

from . import records
from .exchange import Exchange, folder_reference, to_reference
from .models import Models
from .past import ReplayEnded
from .run import Run
from .signing import Signer

ALLOWANCE = 1 << 20  # bytes that a reply may have beside its arrays


class Outbox:
    """Writes what participants are asked.

    Args:
        run: The run.
        signer: The server's key; None for a replay alone, which writes nothing.
        models: Writes what is sent with it.
    """

    def __init__(self, run: Run, signer: Signer | None, models: Models) -> None:
        self._run, self._signer, self._models = run, signer, models

    def fill(self, exchange: Exchange) -> None:
        """Write an exchange's models that are not there, or begin to, and note what is asked of whom."""
        known: dict[int, int] = {}
        for name in exchange.to:
            content = exchange.asked[name].content
            if id(content) not in known:
                known[id(content)] = len(exchange.contents)
                exchange.contents.append(records.to_json(content, lambda _, arrays: self._publish(arrays, exchange)))
            exchange.index[name] = known[id(content)]
        digests = {digest for name in exchange.to for digest in exchange.models(name).values()}
        room = max((self._models.known[digest].room for digest in digests), default=0)
        exchange.limit = room + ALLOWANCE if room and self._run.config.check_shapes else None

    def instruct(self, exchange: Exchange, present: list[list[Any]]) -> None:
        """Prepare an exchange's instructions.

        Args:
            exchange: With its contents.
            present: Whom the app was told of before, for a replay.
        """
        if self._signer is None:
            raise ReplayEnded(f"Exchange {exchange.seq} was not recorded.")
        exchange.sealed = _instructions(exchange, self._run, present)

    def record(self, exchange: Exchange) -> None:
        """Write an exchange's instructions into a file of their own, when all models that it names are there."""
        assert self._signer is not None
        exchange.sealed = {**exchange.sealed, "contents": list(map(self._models.located, exchange.contents))}
        data = self._signer.seal(exchange.sealed)
        exchange.written = self._run.store.create_beside(exchange.folder, f"{exchange.stem}.json", data)
        exchange.instruction = to_reference(exchange.written)

    def close(self, exchange: Exchange, more: dict[str, Any]) -> None:
        """Write how an exchange ended, with what else there is to tell."""
        if self._signer is None:
            return
        body = {
            "run": exchange.run,
            "seq": exchange.seq,
            "round": exchange.round,
            "kind": exchange.kind,
            "digest": exchange.digest,
            "replies": {name: exchange.records[name] for name in exchange.to},
            "ignored": exchange.ignored,
            **more,
        }
        self._run.store.create_beside(exchange.folder, f"{exchange.stem}.closed.json", self._signer.seal(body))

    def _publish(self, arrays: ArrayRecord, exchange: Exchange) -> dict[str, Any]:
        # the document has an aggregate in the folder of the round that begins with it
        number = exchange.round if exchange.kind == "train" else exchange.round + 1
        return self._models.reference(self._models.publish(arrays, number, f"{exchange.seq}"))


def _instructions(exchange: Exchange, run: Run, present: list[list[Any]]) -> dict[str, Any]:
    places = {name: exchange.reply_place(run.config, name) for name in exchange.to}
    return {
        "run": exchange.run,
        "seq": exchange.seq,
        "round": exchange.round,
        "kind": exchange.kind,
        "group": exchange.group,
        "digest": exchange.digest,
        "present": present,
        "contents": exchange.contents,
        "to": {
            name: {
                "id": exchange.id(name),
                "content": exchange.index[name],
                "folder": folder_reference(folder),
                "reply": file,
            }
            for name, (folder, file) in places.items()
        },
    }
