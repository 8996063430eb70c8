"""Telling the event stream what a request did; the source is the item as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_box.emulator.shapes import FULL, Shapes

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.messages import Request

LEFT_OUT = ("item_collection", "folder_upload_email", "shared_link")


def announce(request: Request, kind: str, item: Row) -> None:
    """Add an event about an item for everyone who may see it."""
    names = [name for name in FULL[item["type"]] if name not in LEFT_OUT and (item["type"], name) != ("folder", "size")]
    source = Shapes(request).full(item, names)
    request.store.events.add(kind, request.who.user, item, source)
