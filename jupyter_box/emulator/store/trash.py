"""The trash: in, out, and gone for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_box.emulator.store.items import SORTS

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


class Trash:
    """Only the item that was deleted is marked; what is in it is in the trash because its folder is."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, item: Row, user: int) -> Row | None:
        """Move an item to the trash, or remove it at once where the trash is off."""
        if not self.store.rules.trash_enabled:
            self.purge(item)
            return None
        now = self.store.now()
        purged_at = int(now + self.store.rules.trash_lifetime)
        return self.store.items.change(
            item, user, status="trashed", trashed_at=now, purged_at=purged_at, trashed_by=user
        )

    def restore(self, item: Row, parent: Row, name: str, user: int) -> Row:
        """Take an item out of the trash, into a folder where its name is free."""
        self.store.items.check_name(parent, name, item["id"])
        values = {"status": "active", "trashed_at": None, "purged_at": None, "trashed_by": None}
        changed = self.store.items.change(item, user, **values)
        if (parent["id"], name) == (item["parent"], item["name"]):
            return changed
        return self.store.items.move(changed, parent, name, user)

    def purge(self, item: Row) -> None:
        """Remove an item and everything in it for good."""
        for each in self.store.items.subtree(item["id"]):
            for version in self.store.all("SELECT * FROM versions WHERE file = ?", each["id"]):
                self.store.files.remove_version(version)
            self.store.run("DELETE FROM collaborations WHERE item = ?", each["id"])
            self.store.run("DELETE FROM favorites WHERE item = ?", each["id"])
            self.store.run("DELETE FROM recents WHERE item = ?", each["id"])
            self.store.run("DELETE FROM comments WHERE file = ?", each["id"])
            self.store.run("DELETE FROM folder_locks WHERE folder = ?", each["id"])
            self.store.run("DELETE FROM items WHERE id = ?", each["id"])

    def purge_expired(self) -> None:
        """Remove what has been in the trash for its full time."""
        for item in self.store.all("SELECT * FROM items WHERE status = 'trashed' AND purged_at <= ?", self.store.now()):
            self.purge(item)

    def listed(self, user: int, sort: str, descending: bool) -> list[Row]:
        """Return everything that a user owns or has deleted, and that is in the trash itself."""
        order = f"{SORTS[sort]} {'DESC' if descending else 'ASC'}, id"
        sql = f"SELECT * FROM items WHERE status = 'trashed' AND (owner = ? OR trashed_by = ?) ORDER BY rank, {order}"  # noqa: S608
        return self.store.all(sql, user, user)
