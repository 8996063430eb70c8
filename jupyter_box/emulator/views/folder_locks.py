"""Folder locks, which keep a folder from being moved and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import NO_CONTENT, Request, Response
from jupyter_box.emulator.problems import Problem, invalid, not_found
from jupyter_box.emulator.shapes import mini, moment, user_mini

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


def shape(request: Request, lock: Row) -> dict[str, Any]:
    """Return a folder lock."""
    store = request.store
    return {
        "type": "folder_lock",
        "id": str(lock["id"]),
        "folder": mini(store.items.at(lock["folder"])),
        "created_by": user_mini(store.people.get(lock["created_by"])),
        "created_at": moment(lock["created_at"]),
        "locked_operations": {"move": True, "delete": True},
        "lock_type": "freeze",
    }


def listed(store: Store, request: Request) -> Response:
    """List the locks of a folder."""
    key = request.query.get("folder_id")
    if not key:
        raise invalid("folder_id", "missing_parameter")
    if not key.isdecimal():
        raise Problem("method_not_allowed", "Method Not Allowed")
    folder = request.access.find("folder", key, "own")
    entries = [shape(request, lock) for lock in store.locks.of_folder(folder["id"])]
    return Response(json={"entries": entries, "limit": "1000", "next_marker": None})


def create(store: Store, request: Request) -> Response:
    """Lock a folder; only its owners may."""
    operations = request.json.get("locked_operations", {"move": True, "delete": True})
    if operations != {"move": True, "delete": True}:
        raise Problem("schema_validation_failed", "Both operations are locked, or neither is named")
    folder = request.access.find("folder", str(request.need("folder", "id")))
    if "own" not in request.access.can(folder):
        raise not_found()
    return Response(200, shape(request, store.locks.add_to_folder(folder, request.who.user)))


def delete(store: Store, request: Request) -> Response:
    """Unlock a folder."""
    lock = store.locks.get(request.params["folder_lock_id"])
    if lock is None:
        raise not_found()
    request.access.require(store.items.at(lock["folder"]), "own")
    store.locks.remove_from_folder(lock["id"])
    return NO_CONTENT
