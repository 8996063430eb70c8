"""What can go on after a crash: open uploads and half-fetched files, in one small SQLite file; a help, never a must."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jupyter_box.items import plain

try:
    import fcntl
except ImportError:  # Windows has no such locks: there two processes do not know of each other
    fcntl = None  # type: ignore[assignment]

Kind = Literal["upload", "download"]

_TABLE = """CREATE TABLE IF NOT EXISTS pending (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, identity TEXT NOT NULL, local TEXT NOT NULL, name TEXT NOT NULL,
    size INTEGER NOT NULL, state TEXT NOT NULL, since REAL NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A transfer that was begun and not ended.

    Attributes:
        key: What the journal knows it by.
        kind: `upload` or `download`.
        identity: As whom it was begun.
        local: The file on this machine.
        name: The file's name or path in Box.
        size: Its bytes.
        state: What is needed to go on.
        since: When it was begun, in seconds since 1970.
    """

    key: str
    kind: Kind
    identity: str
    local: str
    name: str
    size: int
    state: dict[str, Any]
    since: float

    def to_dict(self) -> dict[str, Any]:
        """Return what a person may want to know, as plain JSON values."""
        shown = ("key", "kind", "local", "name", "size", "since")
        return {name: plain(getattr(self, name)) for name in shown}


def key_of(*words: str) -> str:
    """Return what the journal knows a transfer by."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:24]


class Journal:
    """The pending transfers of this user; safe to use from many threads and processes.

    A journal that cannot be read or written is no reason for a transfer to fail: then nothing is resumed.

    Args:
        folder: Where its files are; made when it is first written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "transfers.sqlite3"

    def get(self, key: str) -> Pending | None:
        """Return what is pending under the key."""
        return next(iter(self._select("WHERE key = ?", key)), None)

    def all(self, identity: str) -> list[Pending]:
        """Return what one identity has pending, the oldest first."""
        return self._select("WHERE identity = ? ORDER BY since", identity)

    def put(self, pending: Pending) -> None:
        """Write down what is pending."""
        row = (pending.key, pending.kind, pending.identity, pending.local, pending.name, pending.size)
        with suppress(sqlite3.Error, OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._open() as database:
                values = (*row, json.dumps(pending.state), pending.since or time.time())
                database.execute("INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def drop(self, key: str) -> None:
        """Forget what was pending under the key."""
        with suppress(sqlite3.Error, OSError):
            if self._file.exists():
                with self._open() as database:
                    database.execute("DELETE FROM pending WHERE key = ?", (key,))

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Tell whether the transfer is ours to journal: no other process or thread has it under way.

        The lock is the system's, so that a killed process loses it.
        """
        descriptor = self._lock(self.folder / f"{key}.lock")
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                with suppress(OSError):
                    (self.folder / f"{key}.lock").unlink()
                os.close(descriptor)

    def _lock(self, path: Path) -> int | None:
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            if _is_locked(descriptor, path):
                return descriptor
            os.close(descriptor)
        return None

    def _select(self, where: str, *values: str) -> list[Pending]:
        if not self._file.exists():
            return []
        with suppress(sqlite3.Error, OSError, ValueError), self._open() as database:
            rows = database.execute(f"SELECT * FROM pending {where}", values).fetchall()  # noqa: S608  our own words
            return [_pending(row) for row in rows]
        return []

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # no write-ahead log: it needs shared memory, which a home directory on NFS does not have
        with closing(sqlite3.connect(self._file, timeout=5)) as database, database:
            database.execute(_TABLE)
            yield database


def _pending(row: tuple[Any, ...]) -> Pending:
    key, kind, identity, local, name, size, state, since = row
    return Pending(key, kind, identity, local, name, size, json.loads(state), since)


def _is_locked(descriptor: int, path: Path) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    # who had the lock before may have removed the file meanwhile
    with suppress(OSError):
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    return False


def default_folder() -> Path:
    """Return where the journal is unless another place is given: the user's Jupyter data directory."""
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "jupyter-box"
