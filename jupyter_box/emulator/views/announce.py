"""Telling the event stream what a request did; the source is the item as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_box.emulator.messages import NO_CONTENT, Request, Response
from jupyter_box.emulator.shapes import FULL, Shapes

if TYPE_CHECKING:
    from sqlite3 import Row

LEFT_OUT = ("item_collection", "folder_upload_email", "shared_link")


def announce(request: Request, kind: str, item: Row) -> None:
    """Add an event about an item for everyone who may see it."""
    names = [name for name in FULL[item["type"]] if name not in LEFT_OUT and (item["type"], name) != ("folder", "size")]
    source = Shapes(request).full(item, names)
    request.store.events.add(kind, request.who.user, item, source)


def bury(request: Request, item: Row) -> Response:
    """Move an item to the trash and tell so; where the trash is off it is gone, and so is told before."""
    trash, user = request.store.trash, request.who.user
    if request.store.rules.trash_enabled:
        announce(request, "ITEM_TRASH", trash.put(item, user))
    else:
        announce(request, "ITEM_TRASH", item)
        trash.purge(item)
    return NO_CONTENT
