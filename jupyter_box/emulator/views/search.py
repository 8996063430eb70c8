"""Search: the query's parameters, and the page of hits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import Request, Response
from jupyter_box.emulator.problems import Problem, invalid, not_found, out_of_scope
from jupyter_box.emulator.shapes import Shapes, page, seconds
from jupyter_box.emulator.store.search import CONTENT_TYPES, Filters
from jupyter_box.emulator.views.listing import offset_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

DEFAULT_LIMIT = 30
LARGEST_PAGE = 200


def find(store: Store, request: Request) -> Response:
    """Answer one page of what matches."""
    query = request.query.get("query", "")
    if not query and not request.query.get("mdfilters"):
        raise Problem("missing_parameter", "Missing parameter: 'query' or 'mdfilters' must be specified")
    if request.query.get("mdfilters"):
        raise Problem("not_implemented", "Search by metadata is not emulated")
    limit, offset = request.number("limit", DEFAULT_LIMIT, LARGEST_PAGE), offset_of(request)
    sort, ascending = _sorting(request)
    hits = store.search.find(query, filters(request), _visible(request), sort, ascending)
    return Response(json=_page(request, hits, limit, offset))


def _page(request: Request, hits: list[Row], limit: int, offset: int) -> dict[str, Any]:
    shapes = Shapes(request)
    names = request.fields or _usual(shapes)
    entries: list[dict[str, Any]] = [shapes.full(item, names) for item in hits[offset : offset + limit]]
    if not request.flag("include_recent_shared_links"):
        return page(entries, len(hits), limit, offset, type="search_results_items")
    wrapped = [{"type": "search_result", "item": entry} for entry in entries]
    return page(wrapped, len(hits), limit, offset, type="search_results_with_shared_links")


def _usual(shapes: Shapes) -> tuple[str, ...]:
    from jupyter_box.emulator.shapes import CONTENT_TIMES, USUAL

    return ("size", *USUAL, *CONTENT_TIMES)


def _visible(request: Request) -> Callable[[Row], bool]:
    """Return what decides whether the caller sees a hit; a token with a resource sees nothing beside it."""
    scope = request.query.get("scope", "user_content")
    if scope not in ("user_content", "enterprise_content"):
        raise invalid("scope")
    if "list" not in request.access.scope:
        raise out_of_scope()
    if scope == "user_content":
        return request.access.sees
    request.access.require_administrator("enterprise_content")
    people = request.store.people
    return lambda item: (people.get(item["owner"]) or {"enterprise": None})["enterprise"] == request.who.enterprise


def _sorting(request: Request) -> tuple[str, bool]:
    sort, way = request.query.get("sort", "relevance"), request.query.get("direction", "DESC").upper()
    if sort not in ("relevance", "modified_at"):
        raise invalid("sort")
    if way not in ("ASC", "DESC"):
        raise invalid("direction")
    return sort, way == "ASC"


def filters(request: Request) -> Filters:
    """Return what the query's parameters ask of a hit."""
    kind = request.query.get("type")
    if kind not in (None, "file", "folder", "web_link"):
        raise invalid("type")
    kinds = _many(request, "content_types") or list(CONTENT_TYPES)
    if set(kinds) - set(CONTENT_TYPES):
        raise invalid("content_types")
    trash = request.query.get("trash_content", "non_trashed_only")
    if trash not in ("non_trashed_only", "trashed_only"):
        raise invalid("trash_content")
    return Filters(
        kind=kind,
        extensions=frozenset(name.lower().lstrip(".") for name in _many(request, "file_extensions")),
        ancestors=frozenset(_ancestor(request, key) for key in _many(request, "ancestor_folder_ids")),
        owners=_numbers(request, "owner_user_ids"),
        updaters=_numbers(request, "recent_updater_user_ids"),
        created=_range(request, "created_at_range", seconds),
        updated=_range(request, "updated_at_range", seconds),
        size=_range(request, "size_range", _whole),
        trashed=trash == "trashed_only",
        content_types=frozenset(kinds),
    )


def _many(request: Request, name: str) -> list[str]:
    return [part.strip() for part in request.query.get(name, "").split(",") if part.strip()]


def _numbers(request: Request, name: str) -> frozenset[int]:
    values = _many(request, name)
    if not all(value.isdecimal() for value in values):
        raise invalid(name)
    return frozenset(int(value) for value in values)


def _ancestor(request: Request, key: str) -> int:
    if not key.isdecimal():
        raise not_found()
    return int(request.access.find("folder", key)["id"])


def _whole(text: object, name: str) -> int:
    if not str(text).isdecimal():
        raise invalid(name)
    return int(str(text))


def _range(request: Request, name: str, read: Callable[[object, str], int]) -> tuple[int | None, int | None]:
    text = request.query.get(name)
    if not text:
        return None, None
    low, comma, high = text.partition(",")
    if not comma:
        raise invalid(name)
    return (read(low.strip(), name) if low.strip() else None), (read(high.strip(), name) if high.strip() else None)
