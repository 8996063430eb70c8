"""Folders: create, read, list, change, copy, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_box.emulator.messages import Request, Response
from jupyter_box.emulator.problems import Problem, invalid
from jupyter_box.emulator.shapes import Shapes
from jupyter_box.emulator.views import changes
from jupyter_box.emulator.views.announce import announce, bury
from jupyter_box.emulator.views.listing import folder_page

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


def _folder(request: Request, ability: str = "info") -> Row:
    return request.access.find("folder", request.params["folder_id"], ability)


def get(store: Store, request: Request) -> Response:
    """Answer one folder, with the first page of what is in it."""
    folder = _folder(request)
    etag = None if folder["parent"] is None else str(folder["etag"])
    if etag is not None and request.headers.get("If-None-Match", "").strip('"') == etag:
        return Response(304)
    return Response(json=Shapes(request).full(folder, request.fields), headers={"ETag": etag} if etag else {})


def items(store: Store, request: Request) -> Response:
    """Answer one page of a folder."""
    return Response(json=folder_page(request, _folder(request, "list")))


def create(store: Store, request: Request) -> Response:
    """Make a folder."""
    name, key = request.need("name"), request.need("parent", "id")
    parent = changes.target_folder(request, key)
    folder = store.folders.create(parent, name, request.who.user, twin=request.twin)
    for setting in ("sync_state", "folder_upload_email"):
        if setting in request.json:
            store.items.set_setting(store.items.at(folder["id"]), setting, request.json[setting])
    folder = store.items.at(folder["id"])
    announce(request, "ITEM_CREATE", folder)
    return Response(201, Shapes(request).full(folder, request.fields))


def update(store: Store, request: Request) -> Response:
    """Change, rename or move a folder."""
    folder = changes.update(request, _folder(request))
    return Response(json=Shapes(request).full(folder, request.fields))


def copy(store: Store, request: Request) -> Response:
    """Copy a folder and all in it."""
    key = request.need("parent", "id")
    if request.params["folder_id"] == "0":
        raise Problem("internal_server_error", "The root folder cannot be copied")
    folder = _folder(request, "download")
    store.items.check_busy([*request.access.path(folder), folder])
    parent = changes.target_folder(request, key)
    name = request.json.get("name") or folder["name"]
    copied = store.folders.copy(folder, parent, name, request.who.user)
    announce(request, "ITEM_COPY", copied)
    return Response(201, Shapes(request).full(copied, request.fields))


def delete(store: Store, request: Request) -> Response:
    """Move a folder to the trash."""
    folder = _folder(request, "delete")
    if folder["parent"] is None:
        raise Problem("forbidden", "The root folder cannot be deleted")
    changes.check_match(request, folder)
    changes.check_free(request, folder)
    store.locks.check_folder(folder)
    if not request.flag("recursive") and not store.folders.is_empty(folder):
        errors = invalid("recursive").context["errors"]
        raise Problem("folder_not_empty", "Cannot delete - folder not empty", errors=errors)
    store.locks.check_inside(folder, request.who.user)
    return bury(request, folder)
