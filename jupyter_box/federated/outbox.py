"""What the server puts into the folder: each model once, and one file of instructions for an exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flwr.app import ArrayRecord

from jupyter_box.items import Item

from . import records, wire
from .exchange import Exchange, folder_reference, from_reference, to_reference
from .past import ReplayEnded
from .run import Run
from .signing import Signer

ALLOWANCE = 1 << 20  # bytes that a reply may have beside its arrays
WIDEST = 8  # bytes of a number of a masked update, as secure aggregation has them


@dataclass(frozen=True)
class Model:
    """A model that is sent, without its numbers.

    Attributes:
        shapes: Type and shape of each array.
        room: Bytes that a reply's arrays may take: twice the model, or the widest integers in place of its numbers.
    """

    shapes: records.Shapes
    room: int


class Outbox:
    """Writes what participants are asked.

    Args:
        run: The run.
        signer: The server's key; None for a replay alone, which writes nothing.
    """

    def __init__(self, run: Run, signer: Signer | None) -> None:
        self._run, self._signer = run, signer
        self._files: dict[str, Item] = {}
        self._names: dict[tuple[str, str], str] = {}
        self.models: dict[str, Model] = {}

    def know(self, recorded: dict[str, Any]) -> None:
        """Take the models that an earlier process has written, by the instructions that name them."""
        for content in recorded.get("contents", ()):
            for _, kind, value in content:
                if kind == "arrays":
                    self._files[value["digest"]] = from_reference(value["file"])

    def fill(self, exchange: Exchange) -> None:
        """Write an exchange's models that are not there, and note what is asked of whom."""
        known: dict[int, int] = {}
        for name in exchange.to:
            content = exchange.asked[name].content
            if id(content) not in known:
                known[id(content)] = len(exchange.contents)
                exchange.contents.append(records.to_json(content, lambda _, arrays: self._reference(arrays, exchange)))
            exchange.index[name] = known[id(content)]
        digests = {digest for name in exchange.to for digest in exchange.models(name).values()}
        room = max((self.models[digest].room for digest in digests), default=0)
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
        """Write an exchange's instructions into a file of their own."""
        assert self._signer is not None
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

    def publish(self, arrays: ArrayRecord, number: int, otherwise: str) -> str:
        """Write a model, unless it is there, and return its digest.

        Args:
            arrays: The model.
            number: The round that begins with it.
            otherwise: What tells it from the model that the round has already.
        """
        spec, tensors = records.split("", arrays)
        draft = wire.draft({"run": self._run.config.run, "what": "arrays", "arrays": spec}, tensors)
        if draft.digest not in self.models:
            self.models[draft.digest] = _model(spec, draft, tensors)
        if draft.digest not in self._files and self._signer is not None:
            self._files[draft.digest] = self._place(draft.digest, draft.sign(self._signer), number, otherwise)
        return draft.digest

    def folder(self, number: int) -> Item:
        """Return a round's folder, made if it is not there."""
        rounds, name = self._run.config.folder("rounds"), f"{number:02}"
        if self._signer is not None:
            return self._run.store.below(rounds, name)
        folder = self._run.store.list(rounds).get(name)
        if folder is None:
            raise ReplayEnded(f"Round {number} was not recorded.")
        return folder

    def _reference(self, arrays: ArrayRecord, exchange: Exchange) -> dict[str, Any]:
        # the document has an aggregate in the folder of the round that begins with it
        number = exchange.round if exchange.kind == "train" else exchange.round + 1
        digest = self.publish(arrays, number, f"{exchange.seq}")
        file = {"file": to_reference(self._files[digest])} if digest in self._files else {}
        return {"digest": digest, **file}

    def _place(self, digest: str, data: bytes, number: int, otherwise: str) -> Item:
        folder, name = self.folder(number), "server.safetensors"
        if self._names.setdefault((folder.id, name), digest) != digest:
            name = f"server.{otherwise}.{digest[:12]}.safetensors"
        return self._run.store.create_beside(folder, name, data)


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


def _model(spec: list[list[Any]], draft: wire.Draft, tensors: records.Arrays) -> Model:
    forms = {name: form for _, name, form, *_ in spec}
    room = sum(
        max(2 * value.nbytes, WIDEST * value.size * (forms[name] == "native")) for name, value in tensors.items()
    )
    return Model(records.shapes(spec, draft.tensors), room)
