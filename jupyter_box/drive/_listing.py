"""The folders: what is in one, in Box's order and page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from jupyter_box import paths
from jupyter_box._paging import LAST_OFFSET, PAGE_SIZE, folder_pages
from jupyter_box.errors import InvalidName
from jupyter_box.items import ALL_FILES, LISTING_FIELDS, Item, Json, Page
from jupyter_box.lookup import Ref
from jupyter_box.transfer.listing import ahead, side_by_side

from ._core import Core

Sort = Literal["name", "date", "size", "id"]
Direction = Literal["asc", "desc"]

_PAGE_FIELDS = f"{LISTING_FIELDS},permissions"


class _Order(NamedTuple):
    sort: str
    direction: str
    fields: str = LISTING_FIELDS

    def reversed(self) -> _Order:
        return self._replace(direction="asc" if self.direction == "desc" else "desc")

    def params(self) -> dict[str, Any]:
        return {"sort": self.sort, "direction": self.direction.upper(), "fields": self.fields}


class Listing(Core):
    """Lists folders and names items."""

    def stat(self, path: str) -> Item:
        """Return the item at a path, as Box has it now.

        Args:
            path: Absolute, relative to `cwd`, or `id:123`.

        Raises:
            NotFound: It says whether the item is not there, in the trash, or perhaps not shared with us.
        """
        return self._item(path)

    def exists(self, path: str) -> bool:
        """Tell whether there is an item at a path."""
        try:
            return self._lookup.find(self._path(path)) is not None
        except InvalidName as error:
            if error.code != "not_a_folder":
                raise
            return False

    def list(self, path: str = ".", *, sort: Sort = "name", direction: Direction = "asc") -> Iterator[Item]:
        """Yield the items of a folder: folders, then files, then web links; pages beyond the first are fetched ahead.

        Box sorts. A folder of up to 10,000 items comes in the order asked for, and one of up to 20,000 by name or id;
        what appears in it while it is listed may come last. A larger folder comes in the order of Box's marker paging,
        which Box documents as sorted too, except in an account's own root. No item comes twice, and none that stays
        where it is is missed. The items do not tell their `permissions`, which cost Box as much as all the rest.

        Args:
            path: The folder.
            sort: What Box sorts by within each type: `name`, `date` (modified), `size` or `id`.
            direction: `asc` or `desc`.

        Raises:
            NotFound: There is no such folder.
            InvalidName: It is a file; or an unknown order.
        """
        order = _order(sort, direction)
        whole = self._path(path)
        folder, first = self._lookup.in_folder(whole, lambda ref: (ref, self._by_offset(ref, order, 0, PAGE_SIZE)))
        return self._items(folder, _unseen(self._entries(folder, order, first)))

    def page(
        self,
        path: str = ".",
        *,
        limit: int = 100,
        marker: str | None = None,
        sort: Sort = "name",
        direction: Direction = "asc",
    ) -> Page:
        """Return one page of a folder, sorted as `list` does; its items tell what we may do with them, too.

        Args:
            path: The folder.
            limit: The most items of the page, 1 to 1,000.
            marker: The `next_marker` of the page before; None for the first. It is for handing back, not for reading.
            sort: As in `list`; the same for all pages of one folder.
            direction: As in `list`.

        Raises:
            NotFound: There is no such folder.
            InvalidName: It is a file; or the marker, the limit or the order is none.
        """
        order, limit = _order(sort, direction)._replace(fields=_PAGE_FIELDS), _limit(limit)
        return self._lookup.in_folder(  # type: ignore[no-any-return]
            self._path(path), lambda ref: self._page(ref, order, limit, marker)
        )

    def cd(self, path: str) -> str:
        """Make a folder the one that relative paths start from; returns its path.

        Raises:
            NotFound: There is no such folder.
            InvalidName: It is a file.
        """
        folder = self._folder(path)
        self._cwd = self._item(folder.path).path if folder.path != paths.ROOT else paths.ROOT
        return self._cwd

    @property
    def cwd(self) -> str:
        """The folder that relative paths start from."""
        return self._cwd

    def _page(self, folder: Ref, order: _Order, limit: int, marker: str | None) -> Page:
        kind, total, place = _read_marker(marker)
        if kind == "offset":
            json = self._by_offset(folder, order, int(place), limit)
            if json["total_count"] <= LAST_OFFSET + 1:
                return self._make_page(folder, json["entries"], json["total_count"], _next_offset(json))
            total, place = str(json["total_count"]), ""
        json = self._by_marker(folder, order, limit, place)
        following = json.get("next_marker")
        return self._make_page(folder, json["entries"], int(total), following and f"marker:{total}:{following}")

    def _make_page(self, folder: Ref, entries: Iterable[Json], total: int, following: str | None) -> Page:
        return Page(tuple(self._items(folder, entries)), following or None, total)

    def _items(self, folder: Ref, entries: Iterable[Json]) -> Iterator[Item]:
        for json in entries:
            yield Item.of({"parent": {"id": folder.id}, **json}, paths.below(folder.path, json["name"]))

    def _entries(self, folder: Ref, order: _Order, first: Json) -> Iterator[Json]:
        def get(offset: int, is_reversed: bool) -> Json:
            return self._by_offset(folder, order.reversed() if is_reversed else order, offset, PAGE_SIZE)

        is_complete = yield from side_by_side(get, first, is_unique=order.sort in {"name", "id"})
        if not is_complete:
            pages = folder_pages(self._session, folder.id, what=folder.path, **_marker_params(folder, order))
            for page in ahead(pages):
                yield from page

    def _by_offset(self, folder: Ref, order: _Order, offset: int, limit: int) -> Json:
        params = {"offset": offset, "limit": limit, **order.params()}
        json = self._session.call("GET", f"/folders/{folder.id}/items", params=params, what=folder.path)
        seen = offset + len(json["entries"])
        return {"total_count": seen, **json, "limit": json.get("limit") or limit, "offset": offset}

    def _by_marker(self, folder: Ref, order: _Order, limit: int, marker: str) -> Json:
        params = {"usemarker": "true", "limit": limit, **_marker_params(folder, order)}
        if marker:
            params["marker"] = marker
        json: Json = self._session.call("GET", f"/folders/{folder.id}/items", params=params, what=folder.path)
        return json


def _marker_params(folder: Ref, order: _Order) -> dict[str, Any]:
    # Box does not take an order together with markers in an account's own root
    return {"fields": order.fields} if folder.id == ALL_FILES else order.params()


def _unseen(entries: Iterable[Json]) -> Iterator[Json]:
    seen: set[tuple[str, str]] = set()
    for json in entries:
        if (json["type"], json["id"]) not in seen:
            seen.add((json["type"], json["id"]))
            yield json


def _next_offset(json: Json) -> str | None:
    following = json["offset"] + json["limit"]
    return f"offset::{following}" if following < json["total_count"] else None


def _read_marker(marker: str | None) -> tuple[str, str, str]:
    kind, total, place = [*(marker or "offset:0:0").split(":", 2), "", ""][:3]
    if (kind == "offset" and place.isdecimal()) or (kind == "marker" and total.isdecimal() and place):
        return kind, total, place
    raise InvalidName("That marker is not one of this folder's pages.", hint="Start again without a marker.")


def _order(sort: str, direction: str) -> _Order:
    if sort not in {"name", "date", "size", "id"} or direction.lower() not in {"asc", "desc"}:
        raise InvalidName(
            f"Box cannot sort by {sort!r}, {direction!r}.", hint="Sort by name, date, size or id, asc or desc."
        )
    return _Order(sort, direction.lower())


def _limit(limit: int) -> int:
    if not 1 <= limit <= PAGE_SIZE:
        raise InvalidName(f"A page of {limit} items is not possible.", hint=f"Ask for 1 to {PAGE_SIZE}.")
    return limit
