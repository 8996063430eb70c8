"""The trash: in, out, and gone for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_box.emulator.store.items import SORTS, TREE

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

# What goes with an item; the items come last, because the tree is found by them
HOLDERS = (
    ("versions", "file"),
    ("collaborations", "item"),
    ("favorites", "item"),
    ("recents", "item"),
    ("comments", "file"),
    ("folder_locks", "folder"),
    ("items", "id"),
)


class Trash:
    """Only the item that was deleted is marked; what is in it is in the trash because its folder is."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, item: Row, user: int) -> Row:
        """Move an item to the trash."""
        now = self.store.now()
        values = {"trashed_at": now, "purged_at": int(now + self.store.rules.trash_lifetime), "trashed_by": user}
        return self.store.items.change(item, user, status="trashed", **values)

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
        self.store.people.use_space(item["owner"], -self.store.files.space(item["id"]))
        versions = self.store.all(f"{TREE} SELECT DISTINCT blob FROM versions WHERE file IN tree", item["id"])
        for table, column in HOLDERS:
            self.store.run(f"{TREE} DELETE FROM {table} WHERE {column} IN tree", item["id"])
        self.store.files.forget_contents({version["blob"] for version in versions})

    def purge_expired(self) -> None:
        """Remove what has been in the trash for its full time."""
        for item in self.store.all("SELECT * FROM items WHERE status = 'trashed' AND purged_at <= ?", self.store.now()):
            self.purge(item)

    def listed(self, user: int, sort: str, descending: bool) -> list[Row]:
        """Return everything that a user owns or has deleted, and that is in the trash itself."""
        order = f"{SORTS[sort]} {'DESC' if descending else 'ASC'}, id"
        sql = f"SELECT * FROM items WHERE status = 'trashed' AND (owner = ? OR trashed_by = ?) ORDER BY rank, {order}"
        return self.store.all(sql, user, user)
