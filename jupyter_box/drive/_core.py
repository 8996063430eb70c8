"""What every group of the drive's operations stands on: session, lookup, transfers and the current folder."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from jupyter_box import paths
from jupyter_box.errors import Denied, InvalidName
from jupyter_box.events import Listener, Observer, Transfer, unobserved
from jupyter_box.items import FIELDS, Item, Json
from jupyter_box.lookup import Lookup, Ref
from jupyter_box.session import Session
from jupyter_box.transfer import Transfers


class Core:
    """A drive without operations.

    Args:
        session: The way to Box.
        lookup: Finds items below the drive's root.
        transfers: Carries bytes.
        observer: Is told of all transfers.
    """

    def __init__(self, session: Session, lookup: Lookup, transfers: Transfers, observer: Observer = unobserved) -> None:
        self._session = session
        self._lookup = lookup
        self._transfers = transfers
        self._observer = observer
        self._cwd = paths.ROOT

    @property
    def root_id(self) -> str:
        """The id of the drive's root; Box is asked once, if the settings name it by a path.

        Raises:
            NotFound: There is no such folder.
        """
        return self._lookup.root_id

    def _path(self, path: str) -> str:
        return paths.normalise(path, self._cwd)

    def _item(self, path: str) -> Item:
        return self._lookup.item(self._path(path))

    def _file(self, path: str) -> Item:
        item = self._item(path)
        if not item.is_file:
            raise not_a_file(item)
        return item

    def _below_root(self, path: str, verb: str) -> Item:
        """Return an item that may be changed itself, which the drive's root may not."""
        item = self._item(path)
        if item.path == paths.ROOT:
            raise Denied(f"The drive's root cannot be {verb}.", hint="Name something in it.", code="root_folder")
        return item

    def _folder(self, path: str) -> Ref:
        return self._lookup.folder(self._path(path))

    def _observed(
        self, transfer: Transfer, listener: Listener, cancel: threading.Event | None
    ) -> tuple[Listener, threading.Event | None]:
        """Return who listens to a transfer, and what ends it, with the drive's own observer."""
        if self._observer is unobserved:
            return listener, cancel
        return self._observer(replace(transfer, root=self.root_id), listener, cancel)

    def _update(self, item: Item, **changes: Any) -> Item:
        """Change an item's own properties; returns it as Box has it then."""
        json: Json = self._session.call(
            "PUT", address(item), params={"fields": FIELDS}, json=changes, what=item.path or f"id:{item.id}"
        )
        return self._placed(json)

    def _placed(self, json: Json, otherwise: str = "") -> Item:
        """Return the item of Box's JSON with its path, and remember where it is."""
        return self._lookup.remember(self._lookup.place(json) or Item.of(json, otherwise))


def address(item: Item) -> str:
    """Return the path of an item in Box's API."""
    return f"/{item.type}s/{item.id}"


def not_a_file(item: Item) -> InvalidName:
    """Return the error for a folder or a web link where a file is wanted."""
    kind = item.type.replace("_", " ")
    return InvalidName(f"{item.path} is a {kind}, not a file.", hint="Name a file.", code="not_a_file")


def check_id(id: str, hint: str) -> str:  # noqa: A002  Box's own word
    """Return the id if it is one: digits, which cannot lead elsewhere in an address.

    Raises:
        InvalidName: It is none.
    """
    if not (id.isascii() and id.isdigit()):
        raise InvalidName(f"{id!r} is not an id.", hint=hint, code="not_an_id")
    return id
