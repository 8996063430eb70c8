"""The uploads from browsers that are not in Box yet, in one small SQLite file, so that they outlive this process."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from jupyter_box.transfer import OnConflict
from jupyter_box.transfer.local import translate_local
from jupyter_box.transfer.spool import Ranges

_TABLE = """CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, identity TEXT NOT NULL, created REAL NOT NULL, state TEXT NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one upload.

    Attributes:
        id: What the client knows it by.
        identity: The account and the Box that it goes to.
        asked: The path that the client asked for.
        path: Where the file goes in the drive; another one where it is to be renamed.
        size: Its bytes.
        mtime: When it was last changed, in milliseconds since 1970, as a browser tells it; None if it did not.
        on_conflict: What becomes of it where the name is taken.
        sha1: What its SHA-1 must be; empty where the client did not say.
        created: When it was begun, in seconds since 1970.
        done: What of it has arrived.
        is_committed: Whether the client has said that it is complete.
        item: The file as Box has it, once it is there.
        is_skipped: Whether nothing was sent.
        ended: When it was, in seconds since 1970; 0 while it was not.
    """

    id: str
    identity: str
    asked: str
    path: str
    size: int
    mtime: int | None
    on_conflict: OnConflict
    sha1: str
    created: float
    done: Ranges = ()
    is_committed: bool = False
    item: dict[str, Any] | None = None
    is_skipped: bool = False
    ended: float = 0.0

    @property
    def modified(self) -> datetime | None:
        """When the file was last changed."""
        return None if self.mtime is None else datetime.fromtimestamp(self.mtime / 1000, timezone.utc)

    def is_of(self, other: Record) -> bool:
        """Tell whether both are of one file, as far as one can see without its bytes."""
        known = not (self.sha1 and other.sha1) or self.sha1 == other.sha1
        return known and (self.size, self.mtime) == (other.size, other.mtime)

    def but(self, **changes: Any) -> Record:
        """Return the record with other values."""
        return replace(self, **changes)


class Records:
    """The records of this user; safe to use from many threads and processes.

    Args:
        folder: Where the file is; made when it is first written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "uploads.sqlite3"

    def all(self, identity: str) -> list[Record]:
        """Return the uploads to one account, the oldest first.

        Raises:
            BoxError: The file cannot be read.
        """
        if not self._file.exists():
            return []
        with self._open() as database:
            rows = database.execute("SELECT state FROM uploads WHERE identity = ? ORDER BY created", (identity,))
            return [_record(state) for (state,) in rows]

    def ids(self) -> set[str]:
        """Return the ids of all uploads, to whichever account."""
        if not self._file.exists():
            return set()
        with self._open() as database:
            return {row[0] for row in database.execute("SELECT id FROM uploads")}

    def put(self, record: Record) -> None:
        """Write a record down.

        Raises:
            BoxError: The file cannot be written.
        """
        state = json.dumps({name: getattr(record, name) for name in Record.__slots__})
        with self._open() as database:
            values = (record.id, record.identity, record.created, state)
            database.execute("INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?)", values)

    def drop(self, id: str) -> None:  # noqa: A002
        """Forget an upload."""
        with self._open() as database:
            database.execute("DELETE FROM uploads WHERE id = ?", (id,))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # no write-ahead log: it needs shared memory, which a home directory on NFS does not have
            with closing(sqlite3.connect(self._file, timeout=10)) as database, database:
                database.execute(_TABLE)
                yield database
        except (sqlite3.Error, OSError) as error:
            known = error if isinstance(error, OSError) else OSError(str(error))
            raise translate_local(known, self._file) from error


def _record(state: str) -> Record:
    values = json.loads(state)
    values["done"] = tuple((start, end) for start, end in values["done"])
    return Record(**values)
