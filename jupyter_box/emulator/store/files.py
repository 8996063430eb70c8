"""Files and their versions: new, copied, replaced, promoted, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem, not_found
from jupyter_box.emulator.store.blobs import Content
from jupyter_box.emulator.store.items import TREE

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


class Files:
    """Files; the current version's size and digest also stand with the item, to list fast."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(self, parent: Row, name: str, user: int, content: Content, **values: Any) -> Row:
        """Make a file of contents that are on disk already."""
        self.store.people.check_space(parent["owner"], content.size)
        item = self.store.items.add("file", parent, name, user, size=content.size, sha1=content.sha1, **values)
        self._add_version(self.store.items.at(item), name, user, content)
        return self.store.items.at(item)

    def replace(self, file: Row, user: int, content: Content, **values: Any) -> Row:
        """Put a new version on top of a file."""
        self.store.people.check_space(file["owner"], content.size)
        values.setdefault("content_modified_at", self.store.now())
        self._add_version(file, values.get("name", file["name"]), user, content)
        changed = self.store.items.change(file, user, size=content.size, sha1=content.sha1, **values)
        self._forget_oldest(changed)
        return changed

    def _add_version(self, file: Row, name: str, user: int, content: Content) -> None:
        now = self.store.now()
        number = 1 + (self.store.value("SELECT MAX(number) FROM versions WHERE file = ?", file["id"]) or 0)
        version = self.store.insert(
            "versions",
            file=file["id"],
            blob=content.blob,
            size=content.size,
            sha1=content.sha1,
            name=name,
            number=number,
            created_at=now,
            modified_at=now,
            modified_by=user,
        )
        self.store.update("items", file["id"], version=version, version_number=number)
        self.store.people.use_space(file["owner"], content.size)

    def _forget_oldest(self, file: Row) -> None:
        for version in self.past(file)[self.store.rules.max_versions :]:
            self.remove_version(version)

    def copy(self, file: Row, parent: Row, name: str, user: int, version: Row | None = None) -> Row:
        """Copy a file, or one version of it, to a folder; the copy has no past."""
        source = version or self.version(file["version"])
        kept = {key: file[key] for key in ("description", "content_created_at", "content_modified_at", "tags")}
        return self.create(parent, name, user, content_of(source), **kept)

    def version(self, version: int | str) -> Row:
        """Return a version by id."""
        row = self.store.one("SELECT * FROM versions WHERE id = ?", version)
        if row is None:
            raise not_found()
        return row

    def version_of(self, file: Row, version: str) -> Row:
        """Return a version by id, if it is one of this file's."""
        row = self.store.one("SELECT * FROM versions WHERE id = ? AND file = ?", version, file["id"])
        if row is None:
            raise not_found()
        return row

    def past(self, file: Row) -> list[Row]:
        """Return a file's past versions, newest first; the current one is not among them."""
        return self.store.all(
            "SELECT * FROM versions WHERE file = ? AND id <> ? ORDER BY id DESC", file["id"], file["version"]
        )

    def promote(self, file: Row, version: Row, user: int) -> Row:
        """Put a copy of a past version on top; return the new version."""
        changed = self.replace(file, user, content_of(version), name=file["name"])
        return self.version(changed["version"])

    def trash_version(self, file: Row, version: Row, user: int) -> None:
        """Move a past version to the trash."""
        if version["id"] == file["version"]:
            raise Problem("bad_request", "Cannot delete the current version of a file")
        self.store.update("versions", version["id"], trashed_at=self.store.now(), trashed_by=user)

    def restore_version(self, version: Row, user: int) -> Row:
        """Take a past version out of the trash."""
        now = self.store.now()
        self.store.update(
            "versions", version["id"], trashed_at=None, trashed_by=None, restored_at=now, restored_by=user
        )
        return self.version(version["id"])

    def remove_version(self, version: Row) -> None:
        """Remove a version for good; its contents go when nothing else refers to them."""
        owner = self.store.value("SELECT owner FROM items WHERE id = ?", version["file"])
        self.store.people.use_space(owner, -version["size"])
        self.store.run("DELETE FROM versions WHERE id = ?", version["id"])
        self.forget_contents({version["blob"]})

    def forget_contents(self, blobs: set[str]) -> None:
        """Remove those contents that no version refers to; copies share theirs."""
        for blob in blobs:
            if not self.store.one("SELECT 1 FROM versions WHERE blob = ?", blob):
                self.store.blobs.doom(blob)

    def space(self, item: int) -> int:
        """Return the bytes of all versions of all files in an item."""
        return int(self.store.value(f"{TREE} SELECT COALESCE(SUM(size), 0) FROM versions WHERE file IN tree", item))


def content_of(version: Row) -> Content:
    """Return the contents of a version."""
    return Content(version["blob"], version["size"], version["sha1"])
