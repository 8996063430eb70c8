"""Finding: Box's search, and the favourites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from jupyter_box import paths
from jupyter_box._paging import LAST_OFFSET, by_offset
from jupyter_box.errors import InvalidName, NotFound
from jupyter_box.items import ALL_FILES, FIELDS, KINDS, Item, Json, Kind, Page

from ._core import Core

_SEARCH_PAGE = 200  # Box's greatest
_LAG = "Box finds new items only after a while, up to ten minutes"


class Finding(Core):
    """Finds items by what they are, not by where they are."""

    def search(
        self,
        query: str,
        *,
        type: Kind | None = None,  # noqa: A002  Box's own word
        extensions: tuple[str, ...] | list[str] = (),
        folder: str | None = None,
        limit: int = 100,
    ) -> list[Item]:
        """Return what Box's search finds in names, descriptions and the beginning of contents, the best match first.

        Box indexes with a delay of up to ten minutes. Bare words are alternatives; a phrase in double quotes is found
        as a whole; `AND`, `OR` and `NOT` in capitals combine.

        Args:
            query: What to search for.
            type: `file`, `folder` or `web_link`; None for all.
            extensions: Only files with one of these, without the dot.
            folder: Only what is below this folder; None for the whole drive.
            limit: The most results.

        Raises:
            InvalidName: The query is empty, or the type is none of Box's.
            NotFound: The folder is not there.
        """
        pages = self._pages(_search(query, type, extensions), folder, limit)
        return list(islice((item for page in pages for item in page.items), max(0, limit)))

    def search_page(
        self,
        query: str,
        *,
        type: Kind | None = None,  # noqa: A002  Box's own word
        extensions: tuple[str, ...] | list[str] = (),
        folder: str | None = None,
        limit: int = 100,
        marker: str | None = None,
    ) -> Page:
        """Return one page of what `search` finds; Box shows the first 10,000 results of a search, and no more.

        Args:
            query: As in `search`, as are type, extensions and folder; the same for all pages of one search.
            type: Only this type.
            extensions: Only these extensions.
            folder: Only below this folder.
            limit: The most items of the page, up to 200; it may have fewer, though more follow.
            marker: The `next_marker` of the page before; None for the first.

        Raises:
            InvalidName: The query is empty, the type is none of Box's, or the marker is none of this search.
            NotFound: The folder is not there.
        """
        offset = marker or "0"
        if not offset.isdecimal() or int(offset) > LAST_OFFSET:
            raise InvalidName("That marker is not one of a search's pages.", hint="Start again without a marker.")
        pages = self._pages(_search(query, type, extensions), folder, limit, int(offset))
        return next(page for page in pages if page.items or not page.next_marker)

    def find(self, name: str, *, folder: str | None = None) -> Item:
        """Return the one item that has exactly this name, wherever it is in the drive.

        Args:
            name: The whole name; case does not count, as everywhere in Box.
            folder: Only below this folder; None for the whole drive.

        Raises:
            NotFound: Box's search finds none; it may be too new for it.
            InvalidName: Several items have it; all are listed.
        """
        params = {"query": f'"{paths.check_name(name).replace(chr(34), " ")}"', "content_types": "name"}
        found = (item for page in self._pages(params, folder, _SEARCH_PAGE) for item in page.items)
        matches = [item for item in found if paths.key(item.name) == paths.key(name)]
        if not matches:
            raise NotFound(f"Box's search finds no {name!r}.", hint=f"{_LAG}; if you know where it is, give its path.")
        if len(matches) > 1:
            listed = ", ".join(sorted(item.path for item in matches))
            raise InvalidName(
                f"Several items are named {name!r}: {listed}.", hint="Give the path of one.", code="ambiguous"
            )
        return matches[0]

    def favourites(self) -> list[Item]:
        """Return the account's favourites that are in the drive."""
        placed = (self._lookup.place(json) for json in self._favourite_entries())
        # Box's published API does not tell of an item itself whether it is one
        return [replace(item, favourite=True) for item in placed if item]

    def add_favourite(self, path: str) -> Item:
        """Make an item a favourite of the account; returns it.

        Raises:
            NotFound: It is not there.
        """
        return replace(self._update(self._item(path), collections=[{"id": self._favourites_id()}]), favourite=True)

    def remove_favourite(self, path: str) -> Item:
        """Make an item no favourite of the account any more; returns it.

        Raises:
            NotFound: It is not there.
        """
        return replace(self._update(self._item(path), collections=[]), favourite=False)

    def _pages(self, params: dict[str, Any], folder: str | None, limit: int, offset: int = 0) -> Iterator[Page]:
        """Yield what is found below a folder, page by page; Box is asked only for what is below the drive's root."""
        ancestor = self._folder(folder).id if folder is not None else self._lookup.root_id
        query = {name: value for name, value in params.items() if value}
        query |= {"fields": FIELDS, "ancestor_folder_ids": ancestor, "limit": min(_SEARCH_PAGE, max(1, limit))}
        following: int | None = offset
        while following is not None:
            json = self._session.call("GET", "/search", params={**query, "offset": following}, what="the search")
            following = _following(json, following, query["limit"])
            marker = None if following is None else str(following)
            yield Page(tuple(self._below(json["entries"], ancestor)), marker, json["total_count"])

    def _below(self, entries: Iterable[Json], ancestor: str) -> Iterator[Item]:
        for json in entries:
            item = self._lookup.place(json)
            if item and (ancestor in item.ancestors or ancestor == ALL_FILES):
                yield item

    def _favourites_id(self) -> str:
        for json in self._session.call("GET", "/collections")["entries"]:
            if json.get("collection_type") == "favorites":
                return str(json["id"])
        raise NotFound("This account has no favourites in Box.", code="no_favourites")

    def _favourite_entries(self) -> Iterator[Json]:
        pages = by_offset(self._session, f"/collections/{self._favourites_id()}/items", fields=FIELDS)
        return chain.from_iterable(pages)


def _search(query: str, type: str | None, extensions: Iterable[str]) -> dict[str, Any]:  # noqa: A002
    if not query.strip():
        raise InvalidName("There is nothing to search for.", hint="Give a word.")
    if type not in {None, *KINDS}:
        raise InvalidName(f"Box has no items of type {type!r}.", hint="Take file, folder or web_link.")
    return {"query": query, "type": type, "file_extensions": ",".join(each.lstrip(".") for each in extensions)}


def _following(json: Json, offset: int, limit: int) -> int | None:
    """Return where the next page of a search begins; None behind the last."""
    end = min(json["total_count"], LAST_OFFSET + 1) if json["entries"] else offset
    following: int = offset + (json.get("limit") or limit)
    return following if following < end else None
