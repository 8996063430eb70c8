"""What has a name in a folder of Box already, found by Box's own answer that the name is taken."""

from __future__ import annotations

from contextlib import suppress

from jupyter_box.errors import Exists, NotFound
from jupyter_box.items import FIELDS, Item, Kind
from jupyter_box.paths import below, key
from jupyter_box.session import Session

from .listing import items


def holder(session: Session, error: Exists, folder_id: str, path: str, name: str, *, likely: Kind = "file") -> Item:
    """Return what has a name in a folder: made by someone else, or by a request of ours whose reply was lost.

    Args:
        session: The way to Box.
        error: How Box refused the name; mostly it says what has it.
        folder_id: The folder's id.
        path: The folder's path.
        name: The name.
        likely: What most likely has it; of several the one of that type counts, and of twins the lower id.

    Raises:
        Exists: The given one; nothing has the name any more.
    """
    with suppress(NotFound):
        named = fetch(session, likely, error.item_id, path) if error.item_id else None
        # files and folders are numbered apart: what has the id may be something else
        if named and (named.parent_id, key(named.name)) == (folder_id, key(name)):
            return named
    found = [item for item in items(session, folder_id, path) if key(item.name) == key(name)]
    if not found:
        raise error
    first = min(found, key=lambda item: (item.type != likely, int(item.id)))
    return fetch(session, first.type, first.id, path)


def fetch(session: Session, type: Kind, id: str, folder: str) -> Item:  # noqa: A002  Box's own words
    """Return an item as Box has it now, as one of the folder at that path."""
    json = session.call("GET", f"/{type}s/{id}", params={"fields": FIELDS}, what=f"id:{id}")
    return Item.of(json, below(folder, str(json.get("name"))))


def taken(item: Item, wanted: str = "") -> Exists:
    """Return the error for a name that something else has.

    Args:
        item: What has it.
        wanted: What was to have it, where that is of another type: "a folder".
    """
    kind = item.type.replace("_", " ")
    rather = f", not {wanted}" if wanted else ""
    hint = "Choose another name."
    return Exists(f"A {kind} has the name {item.path} already{rather}.", hint=hint, item_id=item.id)
