"""Folders that a tree needs: made in Box, twins that a race made reconciled."""

from __future__ import annotations

from collections.abc import Iterable

from jupyter_box.errors import BoxError, Exists
from jupyter_box.items import FIELDS, Item
from jupyter_box.paths import check_name, key
from jupyter_box.session import Session

from .listing import items


def make_folders(session: Session, parent_id: str, path: str, names: Iterable[str]) -> dict[str, Item]:
    """Make folders in one parent and return them by name; one that is there already is taken as it is.

    Two clients that make the same folder at the same moment can both succeed in Box: the parent is listed again, and
    of two folders with one name the lower id wins, whoever made it.
    """
    made = {name: _make(session, parent_id, path, name) for name in names}
    if not made:
        return made
    oldest: dict[str, Item] = {}
    for item in items(session, parent_id, path):
        if item.is_folder and int(item.id) < int(oldest.setdefault(key(item.name), item).id):
            oldest[key(item.name)] = item
    return {name: oldest.get(key(name), folder) for name, folder in made.items()}


def _make(session: Session, parent_id: str, path: str, name: str) -> Item:
    body = {"name": check_name(name), "parent": {"id": parent_id}}
    where = f"{path.rstrip('/')}/{name}"
    try:
        return Item.of(session.call("POST", "/folders", json=body, params={"fields": FIELDS}), where)
    except BoxError as error:
        there = _there(session, parent_id, path, name) if error.code == "item_name_in_use" else None
        if there is None:
            raise
        return there


def _there(session: Session, parent_id: str, path: str, name: str) -> Item | None:
    found = [item for item in items(session, parent_id, path) if key(item.name) == key(name)]
    folders = [item for item in found if item.is_folder]
    if found and not folders:
        raise Exists(
            f"{found[0].path} is a {found[0].type.replace('_', ' ')} in Box, not a folder.", item_id=found[0].id
        )
    return min(folders, key=lambda item: int(item.id), default=None)
