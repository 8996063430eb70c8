"""Folders and web links: made, copied, and what of other people's shows up in one's root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.store import names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


class Folders:
    """Folders, and links to pages elsewhere."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(self, parent: Row, name: str, user: int, *, twin: bool = False, **values: Any) -> Row:
        """Make a folder; `twin` lets it have a name that is taken, as concurrent requests do in Box."""
        if not twin:
            self.store.items.check_name(parent, name)
        return self.store.items.at(self.store.items.add("folder", parent, name, user, **values))

    def create_link(self, parent: Row, name: str, url: str, user: int, description: str = "") -> Row:
        """Make a web link."""
        self.store.items.check_name(parent, name)
        return self.store.items.at(
            self.store.items.add("web_link", parent, name, user, url=url, description=description)
        )

    def copy(self, folder: Row, parent: Row, name: str, user: int) -> Row:
        """Copy a folder with everything active in it; one cannot copy what the copy itself adds."""
        children = self._active(folder["id"])
        copy = self.create(parent, name, user, description=folder["description"], tags=folder["tags"])
        self._copy_children(children, copy, user)
        return copy

    def _active(self, folder: int) -> list[Row]:
        return self.store.all("SELECT * FROM items WHERE parent = ? AND status = 'active' ORDER BY id", folder)

    def _copy_children(self, children: list[Row], target: Row, user: int) -> None:
        for child in children:
            if child["type"] == "folder":
                self.copy(child, target, child["name"], user)
            elif child["type"] == "file":
                self.store.files.copy(child, target, child["name"], user)
            else:
                self.create_link(target, child["name"], child["url"], user)

    def is_empty(self, folder: Row) -> bool:
        """Return whether nothing active is in a folder."""
        return self.store.one("SELECT 1 FROM items WHERE parent = ? AND status = 'active'", folder["id"]) is None

    def shared_with(self, user: int) -> list[int]:
        """Return the items of others that show up in a user's root: shared, live, and not below another such item."""
        given = [
            item
            for item in self.store.collaborations.shown_to(user)
            if self._is_live(item) and self._owner(item) != user
        ]
        known = set(given)
        return [item for item in given if not known & {above["id"] for above in self.store.items.lineage(item)[:-1]}]

    def _is_live(self, item: int) -> bool:
        return all(above["status"] == "active" for above in self.store.items.lineage(item))

    def _owner(self, item: int) -> int:
        return int(self.store.items.at(item)["owner"])

    def fill(self, folder: Row, entries: Iterable[str], user: int, content: bytes = b"") -> None:
        """Add many small files of equal content at once; names must be free. For tests with very large folders."""
        kept, now = self.store.blobs.write(content), self.store.now()
        first_item = 1 + self._last_id("items")
        first_version = 1 + self._last_id("versions")
        listed = list(enumerate(entries))
        self.store.run_many(
            "INSERT INTO items (id, type, rank, parent, owner, name, name_key, created_at, modified_at, "
            "content_created_at, content_modified_at, created_by, modified_by, size, sha1, version) "
            "VALUES (?, 'file', 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    first_item + n,
                    folder["id"],
                    folder["owner"],
                    name,
                    names.key(name),
                    now,
                    now,
                    now,
                    now,
                    user,
                    user,
                    kept.size,
                    kept.sha1,
                    first_version + n,
                )
                for n, name in listed
            ],
        )
        self.store.run_many(
            "INSERT INTO versions (id, file, blob, size, sha1, name, number, created_at, modified_at, modified_by) "
            "VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
            [
                (first_version + n, first_item + n, kept.blob, kept.size, kept.sha1, name, now, now, user)
                for n, name in listed
            ],
        )
        self.store.people.use_space(folder["owner"], kept.size * len(listed))

    def _last_id(self, table: str) -> int:
        return int(self.store.value("SELECT seq FROM sqlite_sequence WHERE name = ?", table) or 0)
