"""The past: versions of a file, and the trash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from jupyter_box import paths
from jupyter_box._paging import PAGE_SIZE, by_offset
from jupyter_box.errors import InvalidName, NotFound
from jupyter_box.items import FIELDS, Item, Json, Page, Version

from ._core import Core, address, check_id

_VERSION_FIELDS = "id,type,name,size,sha1,created_at,modified_by,trashed_at"


class History(Core):
    """Brings back what was."""

    def versions(self, path: str) -> list[Version]:
        """Return the versions of a file that Box keeps, the newest first; the first is the current one.

        Raises:
            NotFound: The file is not there.
            InvalidName: It is no file.
        """
        file = self._file(path)
        return [_current(file), *(Version.of(json) for json in self._past(file) if not json.get("trashed_at"))]

    def promote(self, path: str, version: str) -> Version:
        """Make a copy of a past version the current one; the one that was current is kept below it.

        Args:
            path: The file.
            version: The past version's id.

        Returns:
            The new current version.

        Raises:
            NotFound: The file has no such version.
            Denied: Our role does not allow it, or a lock forbids it.
        """
        file = self._file(path)
        if version == file.version:
            return _current(file)
        self._known_version(file, version)
        json = self._session.call(
            "POST",
            f"{address(file)}/versions/current",
            params={"fields": _VERSION_FIELDS},
            json={"type": "file_version", "id": version},
            what=file.path,
        )
        return replace(Version.of(json), current=True)

    def delete_version(self, path: str, version: str) -> None:
        """Move a past version of a file to the trash.

        Args:
            path: The file.
            version: The version's id.

        Raises:
            NotFound: The file has no such version.
            InvalidName: It is the current one.
            Denied: Our role does not allow it, or a lock forbids it.
        """
        file = self._file(path)
        if version == file.version:
            raise InvalidName(
                f"Version {version} is the current one of {file.path}.",
                hint="Promote another first, or remove the file.",
                code="current_version",
            )
        self._known_version(file, version)
        with suppress(NotFound):
            self._session.call("DELETE", f"{address(file)}/versions/{version}", what=file.path)

    def trash(self, *, limit: int | None = None) -> Iterator[Item]:
        """Yield what is in Box's trash and came from below the drive's root; pages are asked for as they are needed.

        Args:
            limit: The most items; None for all.
        """
        return islice((item for page in self._trash_pages() for item in page.items), limit)

    def trash_page(self, *, limit: int = 100, marker: str | None = None) -> Page:
        """Return one page of what `trash` yields; it has fewer items than asked for where others come from elsewhere.

        Args:
            limit: The most items of the page, 1 to 1,000.
            marker: The `next_marker` of the page before; None for the first.
        """
        return next(page for page in self._trash_pages(limit, marker) if page.items or not page.next_marker)

    def restore(self, id: str, *, name: str | None = None, folder: str | None = None) -> Item:  # noqa: A002
        """Bring an item back from the trash.

        Args:
            id: The item's id, as `trash` tells it; `id:123` does as well.
            name: A new name, where the old one is taken by now.
            folder: The folder to bring it to; None for where it was.

        Returns:
            The item at its place.

        Raises:
            NotFound: It is not in the trash, or its folder is gone; then name another.
            Exists: Its name is taken.
        """
        target = self._folder(folder) if folder is not None else None
        trashed = self._trashed(id)
        body = {"name": paths.check_name(name)} if name else {}
        parent = {"parent": {"id": target.id}} if target else {}
        item = self._restore(trashed, {**body, **parent})
        # Box heeds the parent only if the folder of old is gone
        return self._update(item, **parent) if target and item.parent_id != target.id else item

    def purge(self, id: str) -> None:  # noqa: A002
        """Delete an item of the trash for good.

        Args:
            id: The item's id, as `trash` tells it; `id:123` does as well.

        Raises:
            NotFound: It is not in the trash.
            Denied: Our role does not allow it.
        """
        trashed = self._trashed(id)
        # it was there a moment ago: if it is gone, the answer to our own request was lost
        with suppress(NotFound):
            self._session.call("DELETE", f"{address(trashed)}/trash", what=trashed.name)

    def _past(self, file: Item) -> Iterator[Json]:
        pages = by_offset(self._session, f"{address(file)}/versions", what=file.path, fields=_VERSION_FIELDS)
        return chain.from_iterable(pages)

    def _known_version(self, file: Item, version: str) -> None:
        if not any(json["id"] == version and not json.get("trashed_at") for json in self._past(file)):
            raise NotFound(
                f"{file.path} has no version {version}.", hint="List its versions.", code="version_not_found"
            )

    def _trash_pages(self, limit: int = PAGE_SIZE, marker: str | None = None) -> Iterator[Page]:
        held: dict[str | None, bool] = {}
        query: dict[str, Any] = {"usemarker": "true", "limit": limit, "fields": FIELDS}
        while True:
            json = self._session.call(
                "GET", "/folders/trash/items", params=query | ({"marker": marker} if marker else {}), what="the trash"
            )
            marker = json.get("next_marker") or None
            yield Page(tuple(self._held(json["entries"], held)), marker)
            if not marker:
                return

    def _held(self, entries: Iterable[Json], held: dict[str | None, bool]) -> Iterator[Item]:
        """Yield the trashed items from below the drive's root; `held` remembers what is known of their folders."""
        for json in entries:
            item = Item.of(json)
            if item.parent_id not in held:
                held[item.parent_id] = self._lookup.holds_trashed(item)
            if held[item.parent_id]:
                yield item

    def _restore(self, trashed: Item, body: Json) -> Item:
        try:
            json = self._session.call("POST", address(trashed), params={"fields": FIELDS}, json=body, what=trashed.name)
        except NotFound as error:
            # either the answer to our own request was lost, and it is back; or its folder is gone
            if item := self._lookup.by_id(trashed.id):
                return item
            raise NotFound(
                f"The folder that {trashed.name} was in is gone.",
                hint="Name the folder to restore it to.",
                code=error.code,
            ) from error
        return self._placed(json)

    def _trashed(self, id: str) -> Item:  # noqa: A002
        number = check_id(id.removeprefix(paths.ID_PREFIX), "The trash goes by ids; list it to see them.")
        if item := self._lookup.trashed(number):
            return item
        raise NotFound(f"{id} is not in the trash of this drive.", hint="List the trash.", code="not_trashed")


def _current(file: Item) -> Version:
    return Version(
        id=file.version or "",
        name=file.name,
        size=file.size,
        sha1=file.sha1,
        created=file.modified,
        modified_by=file.modified_by,
        current=True,
    )
