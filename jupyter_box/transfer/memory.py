"""What a sync remembers between runs: the SHA-1 of local files, and how both sides were when they last agreed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .local import Stamp

_TABLES = """
CREATE TABLE IF NOT EXISTS hashes (path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, inode INTEGER, sha1 TEXT);
CREATE TABLE IF NOT EXISTS agreed (pair TEXT, path TEXT, here TEXT, there TEXT, PRIMARY KEY (pair, path));
"""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The SHA-1 of a file on this machine and in Box when a sync last dealt with it."""

    here: str
    there: str


class Memory:
    """The memory of one tree; what cannot be read or written is found out anew.

    Args:
        folder: Where its file is.
        root: The tree on this machine.
        pair: What names the tree together with its folder in Box.
    """

    def __init__(self, folder: Path, root: Path, pair: str) -> None:
        self._file = folder / "sync.sqlite3"
        self._root, self._pair = root, pair
        self._lock = threading.Lock()
        self._fresh: dict[str, tuple[Stamp, str]] = {}
        self._hashes = {path: (Stamp(size, mtime, inode), sha1) for path, size, mtime, inode, sha1 in self._known()}
        self.agreed = {path: Agreed(here, there) for path, here, there in self._agreements()}

    def sha1(self, path: str, stamp: Stamp) -> str | None:
        """Return the SHA-1 of the local file if it is still as it was when it was hashed."""
        known = self._hashes.get(path)
        return known[1] if known and known[0] == stamp else None

    def keep_sha1(self, path: str, stamp: Stamp, sha1: str) -> None:
        """Remember the SHA-1 of a local file."""
        with self._lock:
            self._hashes[path] = self._fresh[path] = (stamp, sha1)

    def save(self, agreed: dict[str, Agreed]) -> None:
        """Write down the new hashes, and on what both sides agree now."""
        hashes = ((str(self._root / path), s.size, s.mtime, s.inode, sha1) for path, (s, sha1) in self._fresh.items())
        rows = ((self._pair, path, both.here, both.there) for path, both in agreed.items())
        with suppress(sqlite3.Error, OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._open() as database:
                database.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)", hashes)
                database.execute("DELETE FROM agreed WHERE pair = ?", (self._pair,))
                database.executemany("INSERT INTO agreed VALUES (?, ?, ?, ?)", rows)

    def _known(self) -> list[Any]:
        prefix = f"{self._root}/"
        rows = self._rows("SELECT * FROM hashes WHERE path >= ? AND path < ?", prefix, f"{self._root}0")
        return [(path[len(prefix) :], *rest) for path, *rest in rows]

    def _agreements(self) -> list[Any]:
        return self._rows("SELECT path, here, there FROM agreed WHERE pair = ?", self._pair)

    def _rows(self, question: str, *values: str) -> list[Any]:
        if self._file.exists():
            with suppress(sqlite3.Error, OSError), self._open() as database:
                return database.execute(question, values).fetchall()
        return []

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=5)) as database, database:
            database.executescript(_TABLES)
            yield database
