"""One exchange: instructions that go out in one file, and what is recorded of their replies; no Flower in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_box.items import Item, User

from .run import RunConfig
from .signing import canonical
from .store import folder_of

_ODD = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass
class Exchange:
    """Instructions that are out, and what came back.

    Attributes:
        seq: Counts the exchanges of a run from 1.
        round: The round, as Flower's strategy counts them.
        kind: Flower's message type.
        to: The recipients by name.
        digest: Of what is asked of whom; equal when a restarted server asks the same again.
        folder: Of the round.
        suffix: What follows a participant's name in the name of its reply.
        instruction: Where the instructions are.
        results: The replies, until they are handed over.
        records: What is noted of each reply.
        ignored: Files that claimed to be replies.
        seen: File versions that were looked at.
        largest: Bytes of the largest model that was sent.
        is_closed: Whether all replies are in, or given up.
        is_recorded: Whether an earlier process closed it.
    """

    seq: int
    round: int
    kind: str
    to: tuple[str, ...]
    digest: str
    folder: Item
    suffix: str
    instruction: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    ignored: list[dict[str, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    largest: int = 0
    is_closed: bool = False
    is_recorded: bool = False

    @property
    def missing(self) -> list[str]:
        """Whose reply is not in."""
        return [name for name in self.to if name not in self.records]

    @property
    def stem(self) -> str:
        """How the names of the server's files of this exchange begin."""
        return f"server.{self.seq}.{plain_kind(self.kind)}"

    def reply_place(self, config: RunConfig, name: str) -> tuple[Item, str]:
        """Return where a participant's reply belongs, and under which name."""
        if config.isolated:
            return config.folder(f"from-{name}"), f"{self.round:02}.{name}{self.suffix}.safetensors"
        return self.folder, f"{name}{self.suffix}.safetensors"

    def is_reply(self, config: RunConfig, name: str, file: str) -> bool:
        """Tell whether a file's name is that of a participant's reply, or the next where that was taken."""
        stem = self.reply_place(config, name)[1].removesuffix(".safetensors")
        return bool(re.fullmatch(rf"{re.escape(stem)}(\.\d+)?\.safetensors", file, re.IGNORECASE))


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


def digest_of(kind: str, group: str, contents: list[Any], to: Mapping[str, int]) -> str:
    """Return the SHA-256 of what is asked of whom, in hex."""
    return hashlib.sha256(canonical({"kind": kind, "group": group, "contents": contents, "to": dict(to)})).hexdigest()


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
