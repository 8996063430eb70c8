"""What folders, files and web links share: the tree, names, listings, metadata, moves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem
from jupyter_box.emulator.store import names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

RANKS = {"folder": 0, "file": 1, "web_link": 2}
SORTS = {"name": "name_key", "date": "modified_at", "size": "size", "id": "id"}
LINEAGE = """
WITH RECURSIVE line(id, parent, depth) AS (
    SELECT id, parent, 0 FROM items WHERE id = ?
    UNION ALL SELECT items.id, items.parent, depth + 1 FROM items JOIN line ON items.id = line.parent)
SELECT items.* FROM line JOIN items ON items.id = line.id ORDER BY depth DESC"""
# An item and everything below it; begins a statement that then says `IN tree`
TREE = """
WITH RECURSIVE tree(id) AS (SELECT ? UNION ALL SELECT items.id FROM items JOIN tree ON items.parent = tree.id)
"""


@dataclass(frozen=True)
class Listing:
    """How a folder is listed: by which of `SORTS`, which way, and with which items of others, in a root folder."""

    sort: str = "name"
    descending: bool = False
    shared: tuple[int, ...] = ()

    @property
    def column(self) -> str:
        """Return the column that sorts within a type."""
        return SORTS[self.sort]

    @property
    def sign(self) -> str:
        """Return the comparison that means later in this order."""
        return "<" if self.descending else ">"

    @property
    def order(self) -> str:
        """Return the ORDER BY of the listing."""
        way = "DESC" if self.descending else "ASC"
        return f"ORDER BY rank, {self.column} {way}, id {way}"

    @property
    def source(self) -> str:
        """Return FROM and WHERE of the listing; the folder is its one value."""
        others = f" OR id IN ({', '.join(str(int(item)) for item in self.shared)})" if self.shared else ""
        return f"FROM items WHERE (parent = ?{others}) AND status = 'active'"


class Items:
    """The tree of all users; a user's root folder, `0` to them, has the negative of their id."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.busy: list[int] = []
        self._sizes: dict[int, tuple[int, int]] = {}
        self._counts: dict[tuple[int, tuple[int, ...]], tuple[int, int]] = {}

    def add_root(self, user: int) -> None:
        """Make a user's root folder."""
        self.store.insert(
            "items",
            id=-user,
            type="folder",
            rank=0,
            owner=user,
            name="All Files",
            name_key="all files",
            created_at=0,
            modified_at=0,
            content_created_at=0,
            content_modified_at=0,
            created_by=user,
            modified_by=user,
        )

    def root(self, user: int) -> Row:
        """Return a user's root folder."""
        return self.at(-user)

    def at(self, item: int) -> Row:
        """Return the item with this inner id, which must be there."""
        row = self.store.one("SELECT * FROM items WHERE id = ?", item)
        if row is None:
            raise Problem("not_found", "Not Found")
        return row

    def get(self, kind: str, key: str, user: int) -> Row | None:
        """Return the item that `user` calls by this type and id, whatever its state."""
        if kind == "folder" and key == "0":
            return self.root(user)
        if not key.isdecimal() or not key.isascii():
            return None
        return self.store.one("SELECT * FROM items WHERE id = ? AND type = ?", int(key[:18]), kind)

    def lineage(self, item: int) -> list[Row]:
        """Return the item and all folders above it, root first."""
        return self.store.all(LINEAGE, item)

    def inside(self, item: int, condition: str) -> list[Row]:
        """Return those of the item and everything in it that meet a condition, whatever their state."""
        return self.store.all(f"{TREE} SELECT * FROM items WHERE id IN tree AND {condition}", item)

    def size(self, folder: int) -> int:
        """Return the bytes of all active files in a folder and below; remembered until something changes."""
        known = self._sizes.get(folder)
        if known is None or known[0] != self.store.changes:
            sql = f"{TREE} SELECT COALESCE(SUM(size), 0) FROM items WHERE id IN tree AND status = 'active'"
            total = self.store.value(sql, folder)
            known = self._sizes[folder] = (self.store.changes, total)
        return known[1]

    def named(self, parent: int, name: str) -> Row | None:
        """Return the active item with this name, case ignored, in a folder."""
        sql = "SELECT * FROM items WHERE parent = ? AND status = 'active' AND name_key = ? ORDER BY id"
        return self.store.one(sql, parent, names.key(name))

    def check_name(self, parent: Row, name: object, besides: int | None = None) -> str:
        """Return the name if it is allowed and free in the folder; raise Box's answer otherwise."""
        checked = names.check(name, strict=self.store.rules.strict_names)
        taken = self.named(parent["id"], checked)
        if taken is not None and taken["id"] != besides:
            raise Problem("item_name_in_use", "Item with the same name already exists", conflict=taken)
        return checked

    def check_busy(self, line: Sequence[Row]) -> None:
        """Refuse a change in a tree that a slow move, copy or delete is working on."""
        if self.busy and any(item["id"] in self.busy for item in line):
            raise Problem("operation_blocked_temporary", "The operation is blocked by another on-going operation.")

    def add(self, kind: str, parent: Row, name: str, user: int, **values: Any) -> int:
        """Put a new item of `kind` into a folder; return its id."""
        now = self.store.now()
        row = {
            "created_at": now,
            "modified_at": now,
            "content_created_at": now,
            "content_modified_at": now,
            "created_by": user,
            "modified_by": user,
            "indexed_at": now + self.store.rules.search_delay,
        } | values
        return self.store.insert(
            "items",
            type=kind,
            rank=RANKS[kind],
            parent=parent["id"],
            owner=parent["owner"],
            name=name,
            name_key=names.key(name),
            **row,
        )

    def change(self, item: Row, user: int, **values: Any) -> Row:
        """Change an item's metadata; its etag moves. Return it as it is now."""
        if "name" in values:
            values["name_key"] = names.key(values["name"])
        self.store.update(
            "items",
            item["id"],
            etag=item["etag"] + 1,
            modified_at=self.store.now(),
            modified_by=user,
            indexed_at=self.store.now() + self.store.rules.search_delay,
            **values,
        )
        return self.at(item["id"])

    def set_setting(self, item: Row, name: str, value: Any) -> None:
        """Remember one of an item's lesser settings."""
        settings = json.loads(item["settings"] or "{}") | {name: value}
        self.store.update("items", item["id"], settings=json.dumps(settings))

    def move(self, item: Row, parent: Row, name: str, user: int) -> Row:
        """Move an item, and with it everything below, to a folder under a free name."""
        self.check_name(parent, name, item["id"])
        if parent["id"] == item["id"] or any(above["id"] == item["id"] for above in self.lineage(parent["id"])):
            raise Problem("cyclical_folder_structure", "Cannot move a folder into itself or its subfolders")
        if parent["owner"] != item["owner"]:
            self._change_owner(item, parent["owner"])
        return self.change(item, user, parent=parent["id"], name=name)

    def _change_owner(self, item: Row, owner: int) -> None:
        space = self.store.files.space(item["id"])
        self.store.people.use_space(item["owner"], -space)
        self.store.people.use_space(owner, space)
        self.store.run(f"{TREE} UPDATE items SET owner = ? WHERE id IN tree", item["id"], owner)

    def count(self, folder: Row, view: Listing) -> int:
        """Return how many active items a listing of the folder has; remembered until something changes."""
        known = self._counts.get((folder["id"], view.shared))
        if known is None or known[0] != self.store.changes:
            total = self.store.value(f"SELECT COUNT(*) {view.source}", folder["id"])
            known = self._counts[folder["id"], view.shared] = (self.store.changes, total)
        return known[1]

    def children(self, folder: Row, view: Listing, limit: int, offset: int) -> list[Row]:
        """Return one page by offset: folders first, then files, then web links, each sorted."""
        return self.store.all(f"SELECT * {view.source} {view.order} LIMIT ? OFFSET ?", folder["id"], limit, offset)

    def children_after(self, folder: Row, view: Listing, limit: int, after: Sequence[Any] | None) -> list[Row]:
        """Return one page after the item whose rank, sort value and id are `after`; the last page is as fast as any."""
        if after is None:
            return self.children(folder, view, limit, 0)
        same, page = f"AND rank = ? AND ({view.column}, id) {view.sign} (?, ?)", f"{view.order} LIMIT ?"
        rows = self.store.all(f"SELECT * {view.source} {same} {page}", folder["id"], *after, limit)
        if len(rows) < limit:
            later = f"SELECT * {view.source} AND rank > ? {page}"
            rows += self.store.all(later, folder["id"], after[0], limit - len(rows))
        return rows

    def sort_values(self, item: Row, sort: str) -> list[Any]:
        """Return what `children_after` wants to know of the last item of a page."""
        return [item["rank"], item[SORTS[sort]], item["id"]]
