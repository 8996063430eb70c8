"""Pages of folder items, by offset and by marker; the trash and others use the same words."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem, invalid
from jupyter_box.emulator.shapes import Shapes, order, page
from jupyter_box.emulator.store.items import SORTS, Listing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Row

    from jupyter_box.emulator.messages import Request

LARGEST_PAGE = 1000
DEEPEST_OFFSET = 10_000
DEEPEST_ITEM = 300_000  # in a folder, where Box only says that a high offset may fail


def sorting(request: Request, default: str = "name") -> tuple[str, bool]:
    """Return the column to sort by and whether downwards; Box's Elements say it in small letters."""
    by, way = request.query.get("sort", default).lower(), request.query.get("direction", "ASC").upper()
    if by not in SORTS:
        raise invalid("sort")
    if way not in ("ASC", "DESC"):
        raise invalid("direction")
    return by, way == "DESC"


def encode_marker(values: Sequence[Any]) -> str:
    """Return an opaque marker."""
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode()


def decode_marker(text: str) -> list[Any]:
    """Return what is in a marker that we made; refuse any other."""
    try:
        values = json.loads(base64.urlsafe_b64decode(text.encode()))
    except ValueError as error:
        raise invalid("marker") from error
    if not isinstance(values, list):
        raise invalid("marker")
    return values


def listing(request: Request, folder: Row) -> Listing:
    """Return how the caller wants a folder listed; a root folder also shows what others share with its owner."""
    by, down = sorting(request)
    shared = request.store.folders.shared_with(folder["owner"]) if folder["parent"] is None else []
    return Listing(by, down, tuple(shared))


def offset_page(request: Request, folder: Row, shapes: Shapes) -> dict[str, Any]:
    """Return one page of a folder by offset."""
    view, items = listing(request, folder), request.store.items
    limit = request.number("limit", request.store.rules.default_limit, LARGEST_PAGE)
    offset = request.number("offset", 0)
    if offset > DEEPEST_ITEM:
        raise invalid("offset")
    rows = items.children(folder, view, limit, offset)
    ways = order(("type", "ASC"), (view.sort, "DESC" if view.descending else "ASC"))
    return page(shapes.entries(rows, _entry_fields(request)), items.count(folder, view), limit, offset, order=ways)


def _entry_fields(request: Request) -> tuple[str, ...] | None:
    fields = request.fields
    if fields is None:
        return None
    return tuple(name for name in fields if name not in ("item_collection", "path_collection")) or None


def marker_page(request: Request, folder: Row, shapes: Shapes) -> dict[str, Any]:
    """Return one page of a folder by marker."""
    view = listing(request, folder)
    limit = request.number("limit", request.store.rules.default_limit, LARGEST_PAGE, smallest=1)
    marker = request.query.get("marker")
    after = decode_marker(marker) if marker else None
    if after is not None and len(after) != 3:
        raise invalid("marker")
    rows = request.store.items.children_after(folder, view, limit + 1, after)
    more = len(rows) > limit
    following = encode_marker(request.store.items.sort_values(rows[limit - 1], view.sort)) if more else None
    return {"entries": shapes.entries(rows[:limit], request.fields), "limit": limit, "next_marker": following}


def folder_page(request: Request, folder: Row) -> dict[str, Any]:
    """Return one page of a folder, the way the caller asks for."""
    if request.flag("usemarker"):
        return marker_page(request, folder, Shapes(request))
    if "marker" in request.query:
        raise Problem("invalid_parameter", "The 'marker' parameter needs usemarker=true")
    return offset_page(request, folder, Shapes(request))


def offset_of(request: Request) -> int:
    """Return the offset that the caller asks for; Box refuses one that is too deep."""
    offset = request.number("offset", 0)
    if offset > DEEPEST_OFFSET:
        raise invalid("offset")
    return offset


def slice_page(
    request: Request, rows: Sequence[Any], default: int = 100, largest: int = LARGEST_PAGE
) -> tuple[list[Any], int, int]:
    """Return the rows of one page by offset, and the limit and offset that hold."""
    limit, offset = request.number("limit", default, largest), offset_of(request)
    return list(rows[offset : offset + limit]), limit, offset


def slice_after(
    request: Request, rows: Sequence[Any], default: int = 100, largest: int = LARGEST_PAGE
) -> tuple[list[Any], int, str | None]:
    """Return the rows of one page by marker from a list that is short anyway, the limit, and the next marker."""
    limit = request.number("limit", default, largest, smallest=1)
    marker = request.query.get("marker")
    start = decode_marker(marker) if marker else [0]
    if not start or not isinstance(start[0], int):
        raise invalid("marker")
    end = start[0] + limit
    return list(rows[start[0] : end]), limit, encode_marker([end]) if end < len(rows) else None
