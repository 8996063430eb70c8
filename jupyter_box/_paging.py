"""Box's lists, page by page; what their entries mean is for those who ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .items import Json
from .session import Session

PAGE_SIZE = 1000  # Box gives no more entries at once
LAST_OFFSET = 9_999  # the greatest offset that Box takes (developer guide, "Offset-based pagination")


def by_marker(session: Session, path: str, *, what: str = "", **params: Any) -> Iterator[list[Json]]:
    """Yield the entries of a list, page by page; none is doubled or missed when it changes meanwhile.

    Args:
        session: The way to Box.
        path: The list's path below `/2.0`.
        what: How an error names it.
        params: More parameters of the call, such as `fields`.
    """
    query = {"limit": PAGE_SIZE, **params}
    while True:
        page = session.call("GET", path, params=query, what=what)
        yield page.get("entries") or []
        if not page.get("next_marker"):  # Box ends with null or with an empty text
            return
        query["marker"] = page["next_marker"]


def folder_pages(session: Session, folder_id: str, *, what: str = "", **params: Any) -> Iterator[list[Json]]:
    """Yield the entries of a folder, or of the `trash`, as `by_marker` does."""
    return by_marker(session, f"/folders/{folder_id}/items", what=what, usemarker="true", **params)


def by_offset(session: Session, path: str, *, what: str = "", **params: Any) -> Iterator[list[Json]]:
    """Yield the entries of a list that Box counts, page by page, as far as its offsets reach.

    Args:
        session: The way to Box.
        path: The list's path below `/2.0`.
        what: How an error names it.
        params: More parameters of the call, such as `fields` and a smaller `limit`.
    """
    query = {"limit": PAGE_SIZE, **params, "offset": 0}
    while query["offset"] <= LAST_OFFSET:
        page = session.call("GET", path, params=query, what=what)
        entries = page.get("entries") or []
        yield entries
        query["offset"] += page.get("limit") or query["limit"]
        total = page.get("total_count")
        if query["offset"] >= total if total is not None else not entries:
            return
