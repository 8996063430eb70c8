"""Locks on files and on folders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem, denied

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


class Locks:
    """A file's lock keeps others from changing it; a folder's keeps everyone from moving and deleting it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def on(self, file: Row) -> dict[str, Any] | None:
        """Return the file's lock, if it has one that has not expired."""
        lock: dict[str, Any] | None = json.loads(file["lock"]) if file["lock"] else None
        if lock and lock["expires_at"] is not None and lock["expires_at"] <= self.store.now():
            return None
        return lock

    def check(self, file: Row, user: int) -> None:
        """Refuse a change of a file that someone else has locked."""
        lock = self.on(file)
        if lock and lock["created_by"] != user:
            raise Problem("access_denied_item_locked", "Item is locked")

    def check_download(self, file: Row, user: int) -> None:
        """Refuse to hand out a file whose lock prevents that."""
        lock = self.on(file)
        if lock and lock["is_download_prevented"] and lock["created_by"] != user:
            raise Problem("access_denied_item_locked", "Item is locked")

    def put(self, file: Row, user: int, expires_at: int | None, is_download_prevented: bool) -> Row:
        """Lock a file."""
        self.check(file, user)
        now = self.store.now()
        lock = {
            "id": str(file["id"]),
            "created_by": user,
            "created_at": now,
            "expires_at": expires_at,
            "is_download_prevented": is_download_prevented,
        }
        return self.store.items.change(file, user, lock=json.dumps(lock))

    def remove(self, file: Row, user: int) -> Row:
        """Unlock a file."""
        return self.store.items.change(file, user, lock=None)

    def add_to_folder(self, folder: Row, user: int) -> Row:
        """Keep a folder where it is."""
        made = self.store.insert("folder_locks", folder=folder["id"], created_by=user, created_at=self.store.now())
        row = self.get(made)
        assert row is not None
        return row

    def get(self, lock: int | str) -> Row | None:
        """Return a folder lock by id."""
        return self.store.one("SELECT * FROM folder_locks WHERE id = ?", lock)

    def of_folder(self, folder: int) -> list[Row]:
        """Return the locks of a folder."""
        return self.store.all("SELECT * FROM folder_locks WHERE folder = ? ORDER BY id", folder)

    def remove_from_folder(self, lock: int) -> None:
        """Remove a folder lock."""
        self.store.run("DELETE FROM folder_locks WHERE id = ?", lock)

    def check_folder(self, item: Row) -> None:
        """Refuse to move or delete a folder that is locked, or that holds one that is."""
        if item["type"] != "folder" or not self.store.value("SELECT EXISTS (SELECT 1 FROM folder_locks)"):
            return
        if self.store.items.inside(item["id"], "id IN (SELECT folder FROM folder_locks)"):
            raise denied()

    def check_inside(self, folder: Row, user: int) -> None:
        """Refuse to delete a folder with a file in it that someone else has locked."""
        for file in self.store.items.inside(folder["id"], "lock IS NOT NULL"):
            self.check(file, user)
