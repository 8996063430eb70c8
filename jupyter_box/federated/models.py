"""The models that the server puts into the folder, each once; what is asked with them is for `outbox` to say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from flwr.app import ArrayRecord

from jupyter_box.items import Item

from . import records, wire
from .exchange import folder_reference, from_reference, to_reference
from .past import ReplayEnded
from .run import Run
from .signing import Signer
from .workers import Workers

LARGE = 4 << 20  # bytes that take longer on their way to Box than participants need to hear of them
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


@dataclass(frozen=True)
class Coming:
    """A model on its way to Box.

    Attributes:
        folder: Where it will be.
        sha1: By which it is found there, in hex.
        write: Has its file in the end.
    """

    folder: Item
    sha1: str
    write: Future[Item]

    def to_json(self) -> dict[str, Any]:
        """Return what leads participants to it."""
        return {"folder": folder_reference(self.folder), "sha1": self.sha1}


class Models:
    """Writes models, and makes the folders of the rounds that begin with them.

    Args:
        run: The run.
        signer: The server's key; None for a replay alone, which writes nothing.
        workers: Write large models, of which participants hear while they are on their way.

    Attributes:
        known: The models, without their numbers, by digest.
    """

    def __init__(self, run: Run, signer: Signer | None, workers: Workers) -> None:
        self._run, self._signer, self._workers = run, signer, workers
        self._files: dict[str, Item] = {}
        self._coming: dict[str, Coming] = {}
        self._names: dict[tuple[str, str], str] = {}
        self.known: dict[str, Model] = {}

    def recall(self, contents: Iterable[list[Any]]) -> None:
        """Take the models that an earlier process has written, by the contents that name them."""
        for content in contents:
            for _, kind, value in content:
                if kind == "arrays" and "file" in value:
                    self._files[value["digest"]] = from_reference(value["file"])

    def publish(self, arrays: ArrayRecord, number: int, otherwise: str) -> str:
        """Write a model, unless it is there, or begin to if it is large; returns its digest.

        Args:
            arrays: The model.
            number: The round that begins with it.
            otherwise: What tells it from the model that the round has already.
        """
        spec, tensors = records.split("", arrays)
        draft = wire.draft({"run": self._run.config.run, "what": "arrays", "arrays": spec}, tensors)
        if draft.digest not in self.known:
            self.known[draft.digest] = _model(spec, draft, tensors)
        if self._signer is not None and not self._is_sent(draft.digest):
            self._send(draft.digest, draft.sign(self._signer), self.folder(number), otherwise)
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

    def file(self, digest: str) -> Item:
        """Return a model's file, as soon as it is there."""
        return self._files[digest] if digest in self._files else self._coming[digest].write.result()

    def reference(self, digest: str) -> dict[str, Any]:
        """Return what leads to a model, as JSON: its file or, while that is on its way, where it will be."""
        if not self._is_sent(digest):
            return {"digest": digest}
        if digest in self._coming and not self._coming[digest].write.done():
            return {"digest": digest, "coming": self._coming[digest].to_json()}
        return {"digest": digest, "file": to_reference(self.file(digest))}

    def located(self, content: list[Any]) -> list[Any]:
        """Return a content with the files of its models, as soon as they are there."""
        return [
            [name, kind, {"digest": value["digest"], "file": to_reference(self.file(value["digest"]))}]
            if kind == "arrays"
            else [name, kind, value]
            for name, kind, value in content
        ]

    def _is_sent(self, digest: str) -> bool:
        return digest in self._files or digest in self._coming

    def _send(self, digest: str, data: bytes, folder: Item, otherwise: str) -> None:
        name = "server.safetensors"
        if self._names.setdefault((folder.id, name), digest) != digest:
            name = f"server.{otherwise}.{digest[:12]}.safetensors"
        write = self._workers.begin(self._run.store.create_beside, folder, name, data)
        if len(data) < LARGE:
            self._files[digest] = write.result()
        else:
            self._coming[digest] = Coming(folder, hashlib.sha1(data, usedforsecurity=False).hexdigest(), write)


def _model(spec: list[list[Any]], draft: wire.Draft, tensors: records.Arrays) -> Model:
    forms = {name: form for _, name, form, *_ in spec}
    room = sum(
        max(2 * value.nbytes, WIDEST * value.size * (forms[name] == "native")) for name, value in tensors.items()
    )
    return Model(records.shapes(spec, draft.tensors), room)
