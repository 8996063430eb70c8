"""The entries of a Box folder, page after page; which of them matter is for the caller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jupyter_box.items import LISTING_FIELDS, Item
from jupyter_box.session import Session

PAGE = 1000  # Box gives no more at once


def entries(session: Session, folder_id: str, fields: str = LISTING_FIELDS) -> Iterator[dict[str, Any]]:
    """Yield what is in a folder as Box's JSON."""
    marker: str | None = None
    while True:
        params = {"fields": fields, "limit": PAGE, "usemarker": "true"} | ({"marker": marker} if marker else {})
        page = session.call("GET", f"/folders/{folder_id}/items", params=params)
        yield from page.get("entries") or ()
        marker = page.get("next_marker") or None  # Box ends with null or with an empty text
        if not marker:
            return


def items(session: Session, folder_id: str, path: str) -> Iterator[Item]:
    """Yield what is in the folder at `path` as items."""
    for entry in entries(session, folder_id):
        if entry.get("item_status", "active") == "active":
            yield Item.of(entry, f"{path.rstrip('/')}/{entry.get('name')}")
