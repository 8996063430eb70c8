"""Makes folders in Box, for trees and for `mkdir` alike: what is there is taken as it is, twins become one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import NamedTuple

from jupyter_box._paging import by_offset
from jupyter_box.errors import BoxError, Exists
from jupyter_box.items import FIELDS, Item, Json
from jupyter_box.paths import below, check_name, key
from jupyter_box.session import Session

from .taken import fetch, holder, taken

_AT_ONCE = 8  # folders of one parent, which are different names and so cannot become twins
# In this process one run at a time makes folders in one parent: Box lets two requests at once make twins.
_making = tuple(threading.Lock() for _ in range(256))


class Made(NamedTuple):
    """A folder, and whether it was made just now, so that there is nothing in it."""

    item: Item
    is_new: bool


def make_folders(session: Session, parent_id: str, path: str, names: Iterable[str]) -> dict[str, Made]:
    """Make folders in one parent, side by side, and return them by name; one that is there already is taken as it is.

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
        found = _make_all(session, parent_id, path, [check_name(name) for name in names])
        ours = {name: made.item for name, made in found.items() if made.is_new}
        return found | (_reconcile(session, parent_id, path, ours) if ours else {})


def _make_all(session: Session, parent_id: str, path: str, names: list[str]) -> dict[str, Made]:
    if len(names) < 2:
        return {name: _make(session, parent_id, path, name) for name in names}
    with ThreadPoolExecutor(min(len(names), _AT_ONCE), thread_name_prefix="box-mkdir") as pool:
        made = [pool.submit(copy_context().run, _make, session, parent_id, path, name) for name in names]
    return {name: future.result() for name, future in zip(names, made, strict=True)}


def _make(session: Session, parent_id: str, path: str, name: str) -> Made:
    body, where = {"name": name, "parent": {"id": parent_id}}, below(path, name)
    try:
        json = session.call("POST", "/folders", json=body, params={"fields": FIELDS}, what=where)
    except Exists as error:
        return Made(_there(session, parent_id, path, name, error), is_new=False)
    return Made(Item.of(json, where), is_new=True)


def _there(session: Session, parent_id: str, path: str, name: str, error: Exists) -> Item:
    """Return the folder that has the name.

    Raises:
        Exists: The given one, or a clearer one if it is no folder.
    """
    found = holder(session, error, parent_id, path, name, likely="folder")
    if not found.is_folder:
        raise taken(found, "a folder")
    return found


def _reconcile(session: Session, parent_id: str, path: str, made: dict[str, Item]) -> dict[str, Made]:
    oldest = {key(name): int(item.id) for name, item in made.items()}
    for json in _folders(session, parent_id, path):
        place = key(json["name"])
        if place in oldest:
            oldest[place] = min(oldest[place], int(json["id"]))
    return {name: _kept(session, path, item, str(oldest[key(name)])) for name, item in made.items()}


def _kept(session: Session, path: str, made: Item, keep: str) -> Made:
    if keep == made.id:
        return Made(made, is_new=True)
    # if ours is in use already, Box refuses and both stay; a lookup finds the older one
    with suppress(BoxError):
        session.call("DELETE", f"/folders/{made.id}", params={"recursive": "false"}, what=made.path)
    return Made(fetch(session, "folder", keep, path), is_new=False)


def _folders(session: Session, parent_id: str, path: str) -> Iterator[Json]:
    """Yield the folders of a parent; in this order Box lists them before its files, so those end the search."""
    order = {"sort": "name", "direction": "ASC"}
    for page in by_offset(session, f"/folders/{parent_id}/items", what=path, fields="id,type,name", **order):
        yield from (entry for entry in page if entry["type"] == "folder")
        if page and page[-1]["type"] != "folder":
            return
