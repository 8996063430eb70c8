"""Makes folders in Box, for trees and for `mkdir` alike: what is there is taken as it is, twins become one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from jupyter_box.errors import BoxError, Exists, NotFound
from jupyter_box.items import FIELDS, Item
from jupyter_box.paths import check_name, key
from jupyter_box.session import Session

from .listing import CEILING, PAGE, items

# In this process one thread at a time makes folders in one parent: Box lets two requests at once make twins.
_making = tuple(threading.Lock() for _ in range(256))


def make_folders(session: Session, parent_id: str, path: str, names: Iterable[str]) -> dict[str, Item]:
    """Make folders in one parent and return them by name; one that is there already is taken as it is.

    Two clients that make the same folder at the same moment can both succeed in Box: the parent's folders are listed
    again, of two with one name the lowest id stays, and the empty one that we made goes to the trash.

    Args:
        session: The way to Box.
        parent_id: The id of the parent.
        path: Its path, for the folders' own and for errors.
        names: The folders' names.

    Raises:
        Exists: A file or a web link has one of the names.
        InvalidName: A name is none for Box.
        Denied: Our role in the parent does not allow it.
    """
    with _making[int(parent_id) % len(_making)]:
        found = {name: _make(session, parent_id, path, name) for name in names}
        made = {name: item for name, (item, is_new) in found.items() if is_new}
        ours = _reconcile(session, parent_id, path, made) if made else {}
        return {name: item for name, (item, _) in found.items()} | ours


def _make(session: Session, parent_id: str, path: str, name: str) -> tuple[Item, bool]:
    """Return the folder of the name, and whether it is new."""
    body, where = {"name": check_name(name), "parent": {"id": parent_id}}, _below(path, name)
    try:
        json = session.call("POST", "/folders", json=body, params={"fields": FIELDS}, what=where)
    except Exists as error:
        return _there(session, parent_id, path, name, error), False
    return Item.of(json, where), True


def _there(session: Session, parent_id: str, path: str, name: str, error: Exists) -> Item:
    """Return the folder that has the name: made by someone else, or by a request of ours whose reply was lost.

    Raises:
        Exists: The given one, or a clearer one if it is no folder.
    """
    with suppress(NotFound):
        named = _folder(session, error.item_id, path) if error.item_id else None
        # files and folders are numbered apart: what has the id may be another folder
        if named and (named.parent_id, key(named.name)) == (parent_id, key(name)):
            return named
    found = [item for item in items(session, parent_id, path) if key(item.name) == key(name)]
    if not found:
        raise error
    oldest = min(found, key=lambda item: (not item.is_folder, int(item.id)))
    if not oldest.is_folder:
        kind = oldest.type.replace("_", " ")
        hint = "Choose another name."
        raise Exists(f"{oldest.path} is a {kind} in Box, not a folder.", hint=hint, item_id=oldest.id)
    return _folder(session, oldest.id, path)


def _reconcile(session: Session, parent_id: str, path: str, made: dict[str, Item]) -> dict[str, Item]:
    oldest = {key(name): int(item.id) for name, item in made.items()}
    for json in _folders(session, parent_id, path):
        place = key(json["name"])
        if place in oldest:
            oldest[place] = min(oldest[place], int(json["id"]))
    return {name: _kept(session, path, item, str(oldest[key(name)])) for name, item in made.items()}


def _kept(session: Session, path: str, made: Item, keep: str) -> Item:
    if keep == made.id:
        return made
    # if ours is in use already, Box refuses and both stay; a lookup finds the older one
    with suppress(BoxError):
        session.call("DELETE", f"/folders/{made.id}", params={"recursive": "false"}, what=made.path)
    return _folder(session, keep, path)


def _folder(session: Session, folder_id: str, path: str) -> Item:
    json = session.call("GET", f"/folders/{folder_id}", params={"fields": FIELDS}, what=f"id:{folder_id}")
    return Item.of(json, _below(path, json["name"]))


def _folders(session: Session, parent_id: str, path: str) -> Iterator[dict[str, Any]]:
    """Yield the folders of a parent; in this order Box lists them before its files, so those end the search."""
    query = {"fields": "id,type,name", "limit": PAGE, "sort": "name", "direction": "ASC"}
    for offset in range(0, CEILING + 1, PAGE):
        page = session.call("GET", f"/folders/{parent_id}/items", params={**query, "offset": offset}, what=path)
        entries = page["entries"]
        yield from (entry for entry in entries if entry["type"] == "folder")
        if offset + PAGE >= page["total_count"] or not entries or entries[-1]["type"] != "folder":
            return


def _below(path: str, name: str) -> str:
    return f"{path.rstrip('/')}/{name}"
