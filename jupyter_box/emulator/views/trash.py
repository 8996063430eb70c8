"""The trash: list, look, restore, purge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import NO_CONTENT, Request, Response
from jupyter_box.emulator.problems import Problem, not_found
from jupyter_box.emulator.shapes import FULL, Shapes, order, page
from jupyter_box.emulator.views import changes
from jupyter_box.emulator.views.announce import announce
from jupyter_box.emulator.views.listing import slice_after, slice_page, sorting

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

KINDS = {"file_id": "file", "folder_id": "folder", "web_link_id": "web_link"}


def _target(request: Request) -> tuple[str, str]:
    name = next(name for name in KINDS if name in request.params)
    return KINDS[name], request.params[name]


def _trashed(request: Request, ability: str = "info") -> Row:
    kind, key = _target(request)
    request.store.trash.purge_expired()
    return request.access.find_trashed(kind, key, ability)


def _shape(request: Request, item: Row) -> dict[str, Any]:
    if request.fields is not None:
        return Shapes(request).full(item, request.fields)
    left_out = ("item_collection", "folder_upload_email", "path_collection")
    names = [name for name in FULL[item["type"]] if name not in left_out]
    shape = Shapes(request).full(item, names)
    # An item in the trash hangs on the trash, not on the folder it came from
    trash = {"type": "folder", "id": "1", "sequence_id": None, "etag": None, "name": "Trash"}
    shape["path_collection"] = {"total_count": 1, "entries": [trash]}
    shape["shared_link"] = None
    if item["type"] == "folder":
        shape["folder_upload_email"] = None
    return shape


def listed(store: Store, request: Request) -> Response:
    """List what is in the trash itself."""
    store.trash.purge_expired()
    by, down = sorting(request)
    rows = store.trash.listed(request.who.user, by, down)
    rows = [row for row in rows if request.access.sees(row)]
    shapes = Shapes(request)
    if request.flag("usemarker"):
        _check_no_order(request)
        some, limit, following = slice_after(request, rows)
        return Response(
            json={"entries": shapes.entries(some, request.fields), "limit": limit, "next_marker": following}
        )
    if "marker" in request.query:
        raise Problem("invalid_parameter", "The 'marker' parameter needs usemarker=true")
    some, limit, offset = slice_page(request, rows)
    ways = order(("type", "ASC"), (by, "DESC" if down else "ASC"))
    return Response(json=page(shapes.entries(some, request.fields), len(rows), limit, offset, order=ways))


def _check_no_order(request: Request) -> None:
    wrong = next((name for name in ("sort", "direction", "offset") if name in request.query), None)
    if wrong:
        raise Problem("invalid_parameter", f"The '{wrong}' parameter does not go with usemarker=true")


def get(store: Store, request: Request) -> Response:
    """Answer one item in the trash."""
    return Response(json=_shape(request, _trashed(request)))


def restore(store: Store, request: Request) -> Response:
    """Put an item back, if need be elsewhere or under another name."""
    item = _trashed(request, "delete")
    key = (request.json.get("parent") or {}).get("id")
    parent = store.items.at(item["parent"])
    if request.access.is_trashed(parent):
        if key is None:
            raise not_found()
        parent = changes.target_folder(request, key)
    elif key is not None:
        parent = _fallback(request, item, parent, str(key))
    restored = store.trash.restore(item, parent, request.json.get("name") or item["name"], request.who.user)
    announce(request, "ITEM_UNDELETE_VIA_TRASH", restored)
    names = [name for name in FULL[item["type"]] if name != "item_collection"]
    shown = Shapes(request).full(restored, request.fields or names)
    # the link works again, but Box's API description says that this answer does not tell of it
    return Response(201, {**shown, "shared_link": None} if "shared_link" in shown else shown)


def _fallback(request: Request, item: Row, parent: Row, key: str) -> Row:
    """Return the old folder when it still stands, as Box prefers, else the one named in the body."""
    taken = request.store.items.named(parent["id"], request.json.get("name") or item["name"])
    return changes.target_folder(request, key) if taken is not None else parent


def purge(store: Store, request: Request) -> Response:
    """Remove an item in the trash for good."""
    store.trash.purge(_trashed(request, "delete"))
    return NO_CONTENT
