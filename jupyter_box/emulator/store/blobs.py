"""File contents on disk under opaque ids; who refers to them is the database's matter."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Content:
    """Contents on disk: the blob they are in, their size in bytes, their SHA-1."""

    blob: str
    size: int
    sha1: str


class Blobs:
    """Immutable contents, plus those still being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "contents"
        self.folder.mkdir(exist_ok=True)
        self._doomed: set[str] = set()

    def new(self) -> str:
        """Return an id for contents that will be written."""
        return secrets.token_hex(16)

    def path(self, blob: str) -> str:
        """Return where the contents of `blob` are."""
        return os.path.join(self.folder, blob[:2], blob)  # noqa: PTH118 - called for every chunk

    def create(self, blob: str) -> int:
        """Open the contents of `blob` for writing, empty or as they are; return the file descriptor."""
        path = self.path(blob)
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - as above
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, data: bytes) -> Content:
        """Keep `data`; return what was kept."""
        blob = self.new()
        descriptor = self.create(blob)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        return Content(blob, len(data), hashlib.sha1(data, usedforsecurity=False).hexdigest())

    def discard(self, blob: str) -> None:
        """Remove contents that nothing refers to."""
        try:
            os.unlink(self.path(blob))  # noqa: PTH108 - as above
        except FileNotFoundError:
            return

    def doom(self, blob: str) -> None:
        """Remove contents once the transaction is kept."""
        self._doomed.add(blob)

    def keep_doomed(self) -> None:
        """Forget what the transaction meant to remove."""
        self._doomed.clear()

    def remove_doomed(self) -> None:
        """Remove what the transaction meant to remove."""
        while self._doomed:
            self.discard(self._doomed.pop())

    def forget_orphans(self, referred: Iterable[str]) -> None:
        """Remove what a killed process left half-written: contents that no version refers to."""
        known = set(referred)
        for path in self.folder.glob("??/*"):
            if path.name not in known:
                path.unlink(missing_ok=True)
