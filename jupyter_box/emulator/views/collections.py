"""Favourites, Box's only collection, and the recent items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import Request, Response
from jupyter_box.emulator.problems import not_found
from jupyter_box.emulator.shapes import CONTENT_TIMES, USUAL, Shapes, moment, order, page
from jupyter_box.emulator.views.listing import slice_after, slice_page

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


def shape(request: Request) -> dict[str, Any]:
    """Return the caller's favourites collection."""
    key = request.store.collections.favorites_id(request.who.user)
    return {"type": "collection", "id": key, "name": "Favorites", "collection_type": "favorites"}


def listed(store: Store, request: Request) -> Response:
    """List the caller's collections, of which there is one."""
    some, limit, offset = slice_page(request, [shape(request)])
    return Response(json=page(some, 1, limit, offset))


def _mine(request: Request) -> None:
    if request.params["collection_id"] != request.store.collections.favorites_id(request.who.user):
        raise not_found()


def get(store: Store, request: Request) -> Response:
    """Answer the collection."""
    _mine(request)
    return Response(json=shape(request))


def items(store: Store, request: Request) -> Response:
    """List the favourites that are still there for the caller."""
    _mine(request)
    rows = _seen(request, store.collections.favorites(request.who.user))
    some, limit, offset = slice_page(request, rows)
    entries = Shapes(request).entries(some, request.fields)
    return Response(json=page(entries, len(rows), limit, offset, order=order(("type", "ASC"), ("name", "ASC"))))


def _seen(request: Request, rows: list[Row]) -> list[Row]:
    return [row for row in rows if request.access.sees(row) and not request.access.is_trashed(row)]


def recent(store: Store, request: Request) -> Response:
    """List what the caller lately worked with, latest first."""
    rows = _seen(request, store.collections.recent(request.who.user))
    some, limit, following = slice_after(request, rows)
    shapes = Shapes(request)
    names = request.fields or ("size", *USUAL, *CONTENT_TIMES)
    entries = [
        {
            "type": "recent_item",
            "interaction_type": row["kind"],
            "interacted_at": moment(int(row["at"])),
            "item": shapes.full(row, names),
        }
        for row in some
    ]
    return Response(json={"entries": entries, "limit": limit, "next_marker": following})
