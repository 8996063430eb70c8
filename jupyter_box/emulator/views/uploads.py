"""Direct uploads of new files and new versions, and the preflight check before them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator import bodies
from jupyter_box.emulator.messages import Request, Response, Upload
from jupyter_box.emulator.problems import Problem, invalid
from jupyter_box.emulator.shapes import Shapes, seconds
from jupyter_box.emulator.views import changes
from jupyter_box.emulator.views.announce import announce

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


def _ticket(request: Request, path: str) -> Response:
    token = secrets.token_urlsafe(16)
    return Response(
        json={
            "upload_url": f"{request.upload_base}{path}?upload_session_id={secrets.token_hex(16)}",
            "upload_token": token,
        }
    )


def _size(request: Request) -> int | None:
    size = request.json.get("size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise invalid("size")
    return size


def preflight(store: Store, request: Request) -> Response:
    """Answer whether a new file of this name and size would be taken."""
    parent = changes.target_folder(request, (request.json.get("parent") or {}).get("id", "0"))
    store.items.check_name(parent, request.need("name"))
    store.people.check_space(parent["owner"], _size(request) or 0)
    return _ticket(request, "/files/content")


def preflight_version(store: Store, request: Request) -> Response:
    """Answer whether a new version of this size would be taken."""
    file = request.access.find("file", request.params["file_id"], "upload")
    changes.check_free(request, file)
    if "name" in request.json:
        store.items.check_name(store.items.at(file["parent"]), request.json["name"], file["id"])
    store.people.check_space(file["owner"], _size(request) or 0)
    return _ticket(request, f"/files/{file['id']}/content")


def received(request: Request) -> tuple[Upload, dict[str, Any]]:
    """Return the body that came in and its attributes; refuse a body out of order, or one whose digest differs."""
    upload = request.upload
    if upload is None or upload.blob is None:
        raise Problem("bad_request", "The body must be multipart/form-data with a file part")
    if upload.attributes is None:
        raise invalid("attributes", "missing_parameter", "'attributes' is required")
    if not upload.attributes_first:
        raise Problem("metadata_after_file_contents", "The attributes part must come before the file part")
    # The header is called md5 but holds a SHA-1
    digest = request.headers.get("Content-MD5")
    if digest is not None and digest.lower() != upload.sha1:
        raise Problem("bad_digest", "The specified content-md5 did not match what we received")
    try:
        attributes = bodies.read(upload.attributes)
    except Problem as error:
        raise invalid("attributes") from error
    return upload, attributes


def times(attributes: dict[str, Any]) -> dict[str, int]:
    """Return the times the client gave for the contents."""
    names = ("content_created_at", "content_modified_at")
    return {name: seconds(attributes[name], name) for name in names if attributes.get(name)}


def create(store: Store, request: Request) -> Response:
    """Make a file of the body."""
    upload, attributes = received(request)
    key = (attributes.get("parent") or {}).get("id")
    if key is None:
        raise invalid("parent", "missing_parameter", "'parent.id' is required")
    parent = changes.target_folder(request, key)
    name = store.items.check_name(parent, attributes.get("name") or upload.filename)
    file = store.files.create(parent, name, request.who.user, upload.content, **times(attributes))
    announce(request, "ITEM_UPLOAD", file)
    store.collections.touch(file["id"], request.who.user, "item_upload")
    return Response(201, _entries(request, file))


def replace(store: Store, request: Request) -> Response:
    """Put the body on top of a file as its new version."""
    file = request.access.find("file", request.params["file_id"], "upload")
    upload, attributes = received(request)
    changes.check_match(request, file)
    changes.check_free(request, file)
    values: dict[str, Any] = dict(times(attributes))
    if attributes.get("name") and attributes["name"] != file["name"]:
        values["name"] = store.items.check_name(store.items.at(file["parent"]), attributes["name"], file["id"])
    changed = store.files.replace(file, request.who.user, upload.content, **values)
    announce(request, "ITEM_UPLOAD", changed)
    store.collections.touch(file["id"], request.who.user, "item_modify")
    return Response(201, _entries(request, changed))


def _entries(request: Request, file: Row) -> dict[str, Any]:
    return {"total_count": 1, "entries": [Shapes(request).full(file, request.fields)]}
