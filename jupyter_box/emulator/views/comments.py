"""Comments on files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import NO_CONTENT, Request, Response
from jupyter_box.emulator.problems import denied, invalid, not_found
from jupyter_box.emulator.shapes import Shapes, cut, moment, page
from jupyter_box.emulator.views.announce import announce
from jupyter_box.emulator.views.listing import slice_page

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


def shape(request: Request, comment: Row) -> dict[str, Any]:
    """Return a comment."""
    reply = comment["reply_to"] is not None
    item = (
        {"type": "comment", "id": str(comment["reply_to"])} if reply else {"type": "file", "id": str(comment["file"])}
    )
    whole = {
        "type": "comment",
        "id": str(comment["id"]),
        "is_reply_comment": reply,
        "message": comment["message"],
        "tagged_message": comment["tagged"],
        "created_by": Shapes(request).person(comment["created_by"]),
        "created_at": moment(comment["created_at"]),
        "modified_at": moment(comment["modified_at"]),
        "item": item,
    }
    return cut(whole, request.fields)


def listed(store: Store, request: Request) -> Response:
    """List a file's comments."""
    file = request.access.find("file", request.params["file_id"])
    rows = store.comments.of(file["id"])
    some, limit, offset = slice_page(request, rows)
    return Response(json=page([shape(request, row) for row in some], len(rows), limit, offset))


def create(store: Store, request: Request) -> Response:
    """Comment on a file, or reply to a comment."""
    kind, key, message = request.need("item", "type"), str(request.need("item", "id")), request.json.get("message")
    tagged = str(request.json.get("tagged_message") or "")
    if not message and not tagged:
        raise invalid("message", "missing_parameter")
    reply = None
    if kind == "comment":
        reply = _visible(request, key)
        key = str(reply["file"])
    elif kind != "file":
        raise invalid("item.type")
    file = request.access.find("file", key, "comment")
    made = store.comments.add(
        file["id"], str(message or tagged), tagged, request.who.user, reply["id"] if reply else None
    )
    announce(request, "COMMENT_CREATE", file)
    return Response(201, shape(request, made))


def _visible(request: Request, key: str) -> Row:
    comment = request.store.comments.get(key)
    if comment is None:
        raise not_found()
    request.access.find("file", str(comment["file"]))
    return comment


def get(store: Store, request: Request) -> Response:
    """Answer one comment."""
    return Response(json=shape(request, _visible(request, request.params["comment_id"])))


def _own(request: Request) -> Row:
    comment = _visible(request, request.params["comment_id"])
    if comment["created_by"] != request.who.user:
        raise denied()
    return comment


def update(store: Store, request: Request) -> Response:
    """Change one's own comment."""
    comment = _own(request)
    store.comments.change(comment, str(request.need("message")))
    return Response(json=shape(request, _own(request)))


def delete(store: Store, request: Request) -> Response:
    """Remove one's own comment."""
    comment = _own(request)
    announce(request, "COMMENT_DELETE", store.items.at(comment["file"]))
    store.comments.remove(comment)
    return NO_CONTENT
