"""Files and their versions: new, copied, replaced, promoted, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem, not_found

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


class Files:
    """Files; the current version's size and digest also stand with the item, to list fast."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(self, parent: Row, name: str, user: int, blob: str, size: int, sha1: str, **values: Any) -> Row:
        """Make a file of contents that are on disk already."""
        self.store.people.check_space(parent["owner"], size)
        item = self.store.items.add("file", parent, name, user, size=size, sha1=sha1, **values)
        self._add_version(item, name, 1, user, blob, size, sha1, parent["owner"])
        return self.store.items.at(item)

    def replace(self, file: Row, user: int, blob: str, size: int, sha1: str, **values: Any) -> Row:
        """Put a new version on top of a file."""
        self.store.people.check_space(file["owner"], size)
        number = 1 + self.store.value("SELECT MAX(number) FROM versions WHERE file = ?", file["id"])
        values.setdefault("content_modified_at", self.store.now())
        name = values.get("name", file["name"])
        self._add_version(file["id"], name, number, user, blob, size, sha1, file["owner"])
        version = self.store.value("SELECT version FROM items WHERE id = ?", file["id"])
        changed = self.store.items.change(
            file, user, size=size, sha1=sha1, version=version, version_number=number, **values
        )
        self._forget_oldest(file["id"])
        return changed

    def _add_version(
        self, file: int, name: str, number: int, user: int, blob: str, size: int, sha1: str, owner: int
    ) -> None:
        now = self.store.now()
        version = self.store.insert(
            "versions",
            file=file,
            blob=blob,
            size=size,
            sha1=sha1,
            name=name,
            number=number,
            created_at=now,
            modified_at=now,
            modified_by=user,
        )
        self.store.update("items", file, version=version)
        self.store.people.use_space(owner, size)

    def _forget_oldest(self, file: int) -> None:
        past = self.past(self.store.items.at(file))
        for version in past[self.store.rules.max_versions :]:
            self.remove_version(version)

    def copy(self, file: Row, parent: Row, name: str, user: int, version: Row | None = None) -> Row:
        """Copy a file, or one version of it, to a folder; the copy has no past."""
        source = version or self.version(file["version"])
        kept = {key: file[key] for key in ("description", "content_created_at", "content_modified_at", "tags")}
        return self.create(parent, name, user, source["blob"], source["size"], source["sha1"], **kept)

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
        changed = self.replace(file, user, version["blob"], version["size"], version["sha1"], name=file["name"])
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
        if not self.store.one("SELECT 1 FROM versions WHERE blob = ?", version["blob"]):
            self.store.blobs.doom(version["blob"])

    def space(self, file: int) -> int:
        """Return the bytes of all versions of a file."""
        return int(self.store.value("SELECT COALESCE(SUM(size), 0) FROM versions WHERE file = ?", file))
