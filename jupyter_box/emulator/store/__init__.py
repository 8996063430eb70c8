"""The emulated drive: metadata in SQLite, contents on disk, one class for each resource; it knows no HTTP."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.store.blobs import Blobs
from jupyter_box.emulator.store.collaborations import Collaborations
from jupyter_box.emulator.store.collections import Collections
from jupyter_box.emulator.store.comments import Comments
from jupyter_box.emulator.store.events import Events
from jupyter_box.emulator.store.files import Files
from jupyter_box.emulator.store.folders import Folders
from jupyter_box.emulator.store.groups import Groups
from jupyter_box.emulator.store.items import Items
from jupyter_box.emulator.store.locks import Locks
from jupyter_box.emulator.store.people import People
from jupyter_box.emulator.store.rules import Rules
from jupyter_box.emulator.store.schema import FIRST_IDS, SCHEMA
from jupyter_box.emulator.store.search import Search
from jupyter_box.emulator.store.sessions import Sessions
from jupyter_box.emulator.store.shared_links import SharedLinks
from jupyter_box.emulator.store.tokens import Tokens
from jupyter_box.emulator.store.trash import Trash
from jupyter_box.emulator.store.zips import Zips

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Store:
    """One emulated drive, in `folder` (kept) or in memory and a temporary folder (gone at `close`)."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self.temporary = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="box-emulator-")) if folder is None else Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = self._claim()
        self.rules = Rules()
        self.changes = 0
        self.database = self._open()
        self.blobs = Blobs(self.folder)
        self.items = Items(self)
        self.files = Files(self)
        self.folders = Folders(self)
        self.trash = Trash(self)
        self.sessions = Sessions(self)
        self.people = People(self)
        self.groups = Groups(self)
        self.collaborations = Collaborations(self)
        self.shared_links = SharedLinks(self)
        self.tokens = Tokens(self)
        self.events = Events(self)
        self.search = Search(self)
        self.locks = Locks(self)
        self.comments = Comments(self)
        self.collections = Collections(self)
        self.zips = Zips(self)
        with self.transaction():
            self.sessions.abort_expired()
        self.blobs.forget_orphans(
            str(row[0]) for row in self.all("SELECT blob FROM versions UNION SELECT blob FROM sessions")
        )

    def _claim(self) -> int:
        """Keep others from serving the same folder; the lock goes with the process, however that ends."""
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise OSError(
                error.errno, f"another emulator serves {self.folder}; stop it or use another folder"
            ) from error
        return lock

    def _open(self) -> sqlite3.Connection:
        place = ":memory:" if self.temporary else str(self.folder / "box.sqlite")
        database = sqlite3.connect(place, isolation_level=None, check_same_thread=False, cached_statements=512)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("PRAGMA cache_size=-65536")
        database.executescript(SCHEMA)
        if not database.execute("SELECT 1 FROM sqlite_sequence").fetchone():
            rows = [(table, first - 1) for table, first in FIRST_IDS.items()]
            database.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", rows)
        return database

    def now(self) -> int:
        """Return the drive's time in whole seconds since 1970, moved by the switch `clock_offset`."""
        return int(time.time() + self.rules.clock_offset)

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return every row of a query."""
        return self.database.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        row: sqlite3.Row | None = self.database.execute(sql, values).fetchone()
        return row

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first value of the first row of a query, or None."""
        row = self.one(sql, *values)
        return None if row is None else row[0]

    def run(self, sql: str, *values: Any) -> int:
        """Execute one change; return the id of the row it made."""
        self.changes += 1
        return self.database.execute(sql, values).lastrowid or 0

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute one change for every row of values."""
        self.changes += 1
        self.database.executemany(sql, rows)

    def insert(self, table: str, **values: Any) -> int:
        """Add a row to `table`; return its id."""
        names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" * len(values))
        return self.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())

    def update(self, table: str, key: int | str, **values: Any) -> None:
        """Change the row `key` of `table`."""
        names = ", ".join(f'"{name}" = ?' for name in values)
        self.run(f"UPDATE {table} SET {names} WHERE id = ?", *values.values(), key)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all changes of the block, or none; contents that nothing refers to any more go after it."""
        self.database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK")
            self.changes += 1
            self.blobs.keep_doomed()
            raise
        self.database.execute("COMMIT")
        self.blobs.remove_doomed()

    def close(self) -> None:
        """Close the database; a drive in memory takes its contents with it."""
        self.database.close()
        os.close(self._lock)
        if self.temporary:
            shutil.rmtree(self.folder, ignore_errors=True)
