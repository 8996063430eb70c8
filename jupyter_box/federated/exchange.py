"""One exchange: instructions that go out in one file, and what is recorded of their replies; no Flower in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from jupyter_box.items import Item, User

from .config import RunConfig
from .signing import canonical
from .store import folder_of, is_beside

SHORT = 32 << 10  # bytes of instructions that stand in `server.lock` itself
_ODD = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass
class Exchange:
    """Instructions that are out, and what came back.

    Attributes:
        run: The run's id.
        seq: Counts the exchanges of a run from 1.
        round: The round, as Flower's strategy counts them.
        kind: Flower's message type.
        group: Flower's group of messages.
        asked: Flower's message to each recipient, by name.
        folder: Of the round.
        suffix: What follows a participant's name in the name of its reply.
        contents: The different contents that are sent, as JSON.
        index: Which of them each recipient gets.
        limit: Bytes that a reply may have; None for any.
        sealed: The instructions as the server signs them.
        instruction: Where their file is; empty before there is one.
        written: That file, if it was written by this process.
        latest: The reply that came last.
        results: The replies, until they are handed over.
        records: What is noted of each reply.
        unfit: Why the updates of some do not count.
        ignored: Files that claimed to be replies.
        seen: File versions that were looked at.
        reads: Replies that are being read: whose, and which file.
        is_closed: Whether all replies are in, or given up.
    """

    run: str
    seq: int
    round: int
    kind: str
    group: str
    asked: dict[str, Any]
    folder: Item
    suffix: str
    contents: list[Any] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)
    limit: int | None = None
    sealed: dict[str, Any] = field(default_factory=dict)
    instruction: dict[str, Any] = field(default_factory=dict)
    written: Item | None = None
    latest: Item | None = None
    results: dict[str, Any] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)
    ignored: list[dict[str, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    reads: dict[Future[Any], tuple[str, Item]] = field(default_factory=dict)
    is_closed: bool = False

    @property
    def to(self) -> list[str]:
        """The recipients by name, in order."""
        return sorted(self.asked)

    @property
    def missing(self) -> list[str]:
        """Whose reply is not in."""
        return [name for name in self.to if name not in self.records]

    @property
    def awaited(self) -> list[str]:
        """Of whose reply nothing is there."""
        found = {name for name, _ in self.reads.values()}
        return [name for name in self.missing if name not in found]

    @property
    def is_training(self) -> bool:
        """Whether the replies are updates."""
        return self.kind.partition(".")[0] == "train"

    @property
    def stem(self) -> str:
        """How the names of the server's files of this exchange begin."""
        return f"server.{self.seq}.{plain_kind(self.kind)}"

    @property
    def digest(self) -> str:
        """SHA-256 of what is asked of whom, in hex: equal when a restarted server asks the same again."""
        contents = [_undressed(content) for content in self.contents]
        asked = {"kind": self.kind, "group": self.group, "contents": contents, "to": self.index}
        return hashlib.sha256(canonical(asked)).hexdigest()

    @property
    def asking(self) -> dict[str, Any]:
        """What `server.lock` says of it: whom it asks, and the instructions or, where they are long, their file."""
        what = {"file": self.instruction} if self.instruction and not self.is_short else {"instruction": self.sealed}
        return {"seq": self.seq, "to": self.to, **what}

    @property
    def is_short(self) -> bool:
        """Whether the instructions stand in `server.lock` itself."""
        return len(canonical(self.sealed)) <= SHORT

    def id(self, name: str) -> str:
        """Return the id of the message to a participant."""
        return f"{self.run}-{self.seq:06}-{name}"

    def models(self, name: str) -> dict[str, str]:
        """Return the digests of the models that a participant gets, by the records' names."""
        content = self.contents[self.index[name]]
        return {record: value["digest"] for record, kind, value in content if kind == "arrays"}

    def reply_place(self, config: RunConfig, name: str) -> tuple[Item, str]:
        """Return where a participant's reply belongs, and under which name."""
        if config.isolated:
            return config.folder(f"from-{name}"), f"{self.round:02}.{name}{self.suffix}.safetensors"
        return self.folder, f"{name}{self.suffix}.safetensors"

    def is_reply(self, config: RunConfig, name: str, file: str) -> bool:
        """Tell whether a file's name is that of a participant's reply, or the next where that was taken."""
        return is_beside(self.reply_place(config, name)[1], file)

    def take(self, names: Iterable[str]) -> list[Any]:
        """Return replies that are in; they are not kept here any longer."""
        return [self.results.pop(name) for name in names]


def plain_kind(kind: str) -> str:
    """Return a message type as it can be in a file's name."""
    return _ODD.sub("-", kind)


def suffix_of(kind: str, seq: int, used: Iterable[str]) -> str:
    """Return what tells the replies of an exchange from those of the others of its round.

    Args:
        kind: The message type; the first training of a round has none.
        seq: The exchange.
        used: The suffixes of the round so far.
    """
    first = "" if kind == "train" else f".{plain_kind(kind)}"
    return first if first not in used else f".{plain_kind(kind)}-{seq}"


def mark(item: Item) -> str:
    """Return what tells a file's version from every other."""
    return f"{item.id}/{item.version}"


def to_reference(item: Item) -> dict[str, Any]:
    """Return what finds a file's very version again, as JSON."""
    return {"id": item.id, "name": item.name, "size": item.size, "sha1": item.sha1, "version": item.version}


def from_reference(reference: Mapping[str, Any], user: str = "") -> Item:
    """Return the file of `to_reference`."""
    return Item(
        str(reference["id"]),
        "file",
        str(reference["name"]),
        size=int(reference["size"]),
        sha1=str(reference["sha1"]),
        version=str(reference["version"]),
        modified_by=User(user) if user else None,
    )


def folder_reference(folder: Item) -> dict[str, str]:
    """Return what finds a folder again, as JSON."""
    return {"id": folder.id, "name": folder.name}


def to_folder(reference: Mapping[str, str]) -> Item:
    """Return the folder of `folder_reference`."""
    return folder_of(reference["id"], reference["name"])


def _undressed(content: list[Any]) -> list[Any]:
    """Return a content without where its arrays are, which a restart may change."""
    return [[name, kind, {"digest": value["digest"]} if kind == "arrays" else value] for name, kind, value in content]
