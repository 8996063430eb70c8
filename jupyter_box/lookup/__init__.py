"""Finds what a path names, by listing and with a small expiring memory; what is done with it is for `drive`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from jupyter_box._paging import PAGE_SIZE, folder_pages
from jupyter_box.errors import BoxError, Denied, InvalidName, NotFound
from jupyter_box.items import ALL_FILES, FIELDS, KINDS, Item, Json, Kind
from jupyter_box.paths import ID_PREFIX, ROOT, below, is_id, key, normalise, parts
from jupyter_box.session import Session

from ._absence import Absence
from ._memory import Entry, Memory

__all__ = ["Lookup", "Reach", "Ref", "not_a_folder"]


class Ref(NamedTuple):
    """What a path leads to: Box's id, the type, and the path as Box spells it."""

    id: str
    type: Kind
    path: str


class Reach(NamedTuple):
    """How far a path leads.

    Attributes:
        ref: What it leads to, or the last folder of it that is there.
        missing: The names below that which are not there.
        item: What it leads to, as Box has it now; None where a name is missing, or it was not asked for.
    """

    ref: Ref
    missing: tuple[str, ...] = ()
    item: Item | None = None


class _StaleError(Exception):
    """What was remembered is no longer so."""


class Lookup:
    """Finds items below the drive's root and nothing else; safe to use from several threads.

    Which folder has which entry is remembered for a short while, so that a second look costs one call instead of one
    for each folder on the way. An item itself is always asked for anew.

    Args:
        session: The way to Box.
        root: Id or path of the folder that is the drive's root.
        keep: How long an entry is remembered, in seconds: for so long a folder that someone else moved may still be
            found at its old path.
        size: How many entries are remembered.
        clock: Tells the time in seconds.

    Attributes:
        wanted_root: The root as it was given.
        absence: Says why something is not there.
    """

    def __init__(
        self,
        session: Session,
        root: str = ALL_FILES,
        *,
        keep: float = 30.0,
        size: int = 20_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.absence = Absence(session, self)
        self._session = session
        self.wanted_root = root or ALL_FILES
        self._memory = Memory(keep, size, clock)
        self._root_id: str | None = None
        self._lock = threading.Lock()

    @property
    def root_id(self) -> str:
        """The id of the drive's root; Box is asked once, if the root was given as a path.

        Raises:
            NotFound: There is no such folder.
            InvalidName: It is no folder.
        """
        if self._root_id is None:
            with self._lock:
                self._root_id = self._root_id or self._resolve_root()
        return self._root_id

    @property
    def is_whole(self) -> bool:
        """Whether the drive shows all that the account can see, not one folder of it."""
        return self.root_id == ALL_FILES

    def _resolve_root(self) -> str:
        given = self._session.root or ALL_FILES
        wanted = self.wanted_root.removeprefix(ID_PREFIX)
        if wanted in {ALL_FILES, given}:
            return given
        if wanted.isdigit() and given == ALL_FILES:
            return wanted
        path = f"{ID_PREFIX}{wanted}" if wanted.isdigit() else normalise(wanted)
        try:
            return Lookup(self._session, f"{ID_PREFIX}{given}").folder(path).id
        except NotFound as error:
            raise self.absence.of_root(error.hint) from error

    def item(self, path: str, likely: Kind = "file") -> Item:
        """Return the item at a normalised path, as Box has it now.

        Args:
            path: The path.
            likely: What an id most likely is the id of: asked for first.

        Raises:
            NotFound: It says whether the item is not there, in the trash, or perhaps not shared with us.
            InvalidName: The path goes through a file.
        """
        item = self.find(path, likely)
        if item is None:
            raise self.absence.of(path)
        return item

    def find(self, path: str, likely: Kind = "file") -> Item | None:
        """Return the item at a normalised path, as Box has it now, or None if there is none; `likely` as in `item`."""
        if is_id(path):
            return self.by_id(path.removeprefix(ID_PREFIX), likely)
        start, names = self.start(path)
        with suppress(_StaleError):
            return self._reach(start, names, confirm=True).item if start else None
        return None

    def reach(self, path: str, *, confirm: bool = True) -> Reach:
        """Return how far a normalised path leads.

        Args:
            path: The path.
            confirm: Whether Box is asked for what it leads to; else a remembered place costs no call, and may be stale.

        Raises:
            NotFound: The id that the path begins with is not there.
            InvalidName: The path goes through a file.
        """
        start, names = self.start(path)
        with suppress(_StaleError):
            if start:
                return self._reach(start, names, confirm=confirm)
        raise self.absence.of(path)

    def leaf(self, path: str) -> Item:
        """Return what `item` does, but of a folder just listed no more than id, name and path: the next call lists it.

        Raises:
            NotFound: As in `item`.
            InvalidName: The path goes through a file.
        """
        start, names = (None, []) if is_id(path) else self.start(path)
        above = self._walk(start, names[:-1])
        if names and above and above.type == "folder":
            with suppress(NotFound, _StaleError):
                ref = self.child(above, names[-1], anew=True)
                if ref and ref.type == "folder":
                    return Item(ref.id, ref.type, ref.path.rpartition("/")[2], ref.path)
                if ref and (item := self._confirm(ref)):
                    return item
        return self.item(path)

    def folder(self, path: str) -> Ref:
        """Return the folder at a normalised path; remembered, so it costs no call when it was seen a moment ago.

        Raises:
            NotFound: There is nothing at that path.
            InvalidName: It is no folder.
        """
        start, names = self.start(path)
        ref = self._walk(start, names)
        if ref is None:
            item = self.item(path, "folder")
            ref = Ref(item.id, item.type, item.path)
        if ref.type != "folder":
            raise not_a_folder(ref.path)
        return ref

    def in_folder(self, path: str, act: Callable[[Ref], Any]) -> Any:
        """Do something in a folder; once more if the folder remembered for the path is gone.

        Raises:
            NotFound: There is nothing at that path, or `act` says so.
            InvalidName: It is no folder.
        """
        ref = self.folder(path)
        try:
            return act(ref)
        except NotFound as error:
            self.forget_path(path)
            again = self.folder(path)
            if again == ref:
                raise (self.absence.of_root() if ref.path == ROOT else error) from error
        return act(again)

    def child(self, folder: Ref, name: str, *, anew: bool = False) -> Ref | None:
        """Return what has the name in a folder, or None; of twins, the one with the lowest id.

        Args:
            folder: Where to look.
            name: Compared as Box does: case does not count.
            anew: Whether to ask Box even if the answer is remembered.
        """
        entry = None if anew else self._memory.get((folder.id, key(name)))
        entry = entry or self._look(folder, name)
        return Ref(entry.id, entry.type, below(folder.path, entry.name)) if entry else None

    def place(self, json: Json) -> Item | None:
        """Return the item of Box's JSON with its path in the drive, or None if it is outside of the drive's root.

        Args:
            json: An item with its `path_collection`.
        """
        item = Item.of(json)
        if item.id == self.root_id and item.is_folder:
            return item.at(ROOT)
        if not self.is_whole and self.root_id not in item.ancestors:
            return None
        skipped = item.ancestors.index(self.root_id) + 1 if self.root_id in item.ancestors else 0
        names = [folder.get("name") or "" for folder in json["path_collection"]["entries"]] if item.ancestors else []
        return item.at(ROOT + "/".join([*names[skipped:], item.name]))

    def fetch(self, type: Kind, id: str, *, what: str = "") -> Json:  # noqa: A002  Box's own words
        """Return Box's JSON of one item.

        Raises:
            NotFound: It is not there, in the trash (code `trashed`), or not shared with us.
        """
        json: Json = self._session.call("GET", f"/{type}s/{id}", params={"fields": FIELDS}, what=what or ID_PREFIX + id)
        return json

    def by_id(self, id: str, likely: Kind = "file") -> Item | None:  # noqa: A002
        """Return the item of the drive that has the id, of whichever type it is, or None; `likely` is tried first."""
        if not (id.isascii() and id.isdigit()):
            return None
        if known := self._memory.get((ID_PREFIX, id)):
            likely = known.type
        elif id in {ALL_FILES, self.root_id}:
            likely = "folder"
        for kind in sorted(KINDS, key=lambda kind: kind != likely):
            json = _if_there(kind, partial(self.fetch, kind, id))
            item = self.place(json) if json else None
            if item:
                self._memory.put((ID_PREFIX, id), Entry(id, kind, item.name))
                return item
        return None

    def trashed(self, id: str) -> Item | None:  # noqa: A002
        """Return the item of Box's trash that has the id and came from below the drive's root, or None."""
        for kind in KINDS:
            place = f"/{kind}s/{id}/trash"
            json = _if_there(kind, partial(self._session.call, "GET", place, what=ID_PREFIX + id))
            item = Item.of(json) if json else None
            if item and self.holds_trashed(item):
                return item
        return None

    def remember(self, item: Item) -> Item:
        """Take note of an item that was just made or changed, and return it."""
        if item.parent_id:
            self._memory.put((item.parent_id, key(item.name)), Entry(item.id, item.type, item.name))
        return item

    def forget(self, item: Item) -> None:
        """Forget where an item is, because it was moved or removed."""
        if item.parent_id:
            self._memory.drop((item.parent_id, key(item.name)))

    def forget_path(self, path: str) -> None:
        """Forget what a path leads to, and every folder on the way."""
        start, names = self.start(path)
        if start:
            self._forget_chain(start, names)

    def start(self, path: str) -> tuple[Ref | None, list[str]]:
        """Return where a normalised path begins, None if that is an id that is not there, and the names below it."""
        if not path.startswith(ID_PREFIX):
            return Ref(self.root_id, "folder", ROOT), parts(path)
        head, *names = path.split("/")
        # what a path goes through is a folder, and a folder is what an id stands for where one is wanted
        item = self.by_id(head.removeprefix(ID_PREFIX), "folder")
        return (Ref(item.id, item.type, item.path) if item else None), names

    def holds_trashed(self, item: Item) -> bool:
        """Tell whether an item of the trash comes from below the drive's root: Box tells of its parent folder alone."""
        if self.is_whole or item.parent_id == self.root_id:
            return True
        return item.parent_id is not None and self._holds_folder(item.parent_id)

    def _holds_folder(self, id: str) -> bool:  # noqa: A002
        try:
            return self.place(self.fetch("folder", id)) is not None
        except NotFound:
            pass
        try:
            return self.holds_trashed(Item.of(self._session.call("GET", f"/folders/{id}/trash")))
        except BoxError:
            return False

    def _walk(self, start: Ref | None, names: Iterable[str]) -> Ref | None:
        ref = start
        try:
            for name in names:
                ref = self.child(ref, name) if ref and ref.type == "folder" else None
        except NotFound:
            return None
        return ref

    def _reach(self, start: Ref, names: list[str], *, confirm: bool) -> Reach:
        with suppress(_StaleError):
            return self._seek(start, names, confirm=confirm)
        self._forget_chain(start, names)
        return self._seek(start, names, confirm=confirm, anew=True)

    def _seek(self, start: Ref, names: list[str], *, confirm: bool, anew: bool = False) -> Reach:
        """Go down by name as far as it goes; what was only remembered on the way is confirmed before a name is missed.

        Raises:
            _StaleError: What was remembered is no longer so.
        """
        ref, is_remembered = start, False
        for depth, name in enumerate(names):
            if ref.type != "folder":
                raise not_a_folder(ref.path)
            is_remembered = is_remembered or self._memory.get((ref.id, key(name))) is not None
            child = self._child_or_stale(ref, name)
            if child is None:
                if is_remembered and ref != start and not anew:
                    self._confirm(ref)
                return Reach(ref, tuple(names[depth:]))
            ref = child
        return Reach(ref, (), self._confirm(ref, anew=anew) if confirm else None)

    def _child_or_stale(self, folder: Ref, name: str) -> Ref | None:
        try:
            return self.child(folder, name)
        except NotFound:
            raise _StaleError from None

    def _confirm(self, ref: Ref, *, anew: bool = False) -> Item | None:
        """Return the item; what is remembered of its place is held against what Box says now."""
        try:
            json = self.fetch(ref.type, ref.id, what=ref.path)
        except NotFound:
            if anew:
                return None
            raise _StaleError from None
        item = self.place(json)
        if anew or ref.path == ROOT:
            return Item.of(json, ref.path)
        if item is None or key(item.path) != key(ref.path):
            raise _StaleError
        return item

    def _forget_chain(self, start: Ref, names: Iterable[str]) -> None:
        folder_id = start.id
        for name in names:
            entry = self._memory.drop((folder_id, key(name)))
            if entry is None:
                return
            folder_id = entry.id

    def _look(self, folder: Ref, name: str) -> Entry | None:
        pages = folder_pages(self._session, folder.id, what=folder.path, fields="id,type,name")
        for number, page in enumerate(pages):
            entries = [Entry(json["id"], json["type"], json["name"]) for json in page]
            self._memorise(folder.id, entries)
            found = [entry for entry in entries if key(entry.name) == key(name)]
            if found:
                return min(found, key=lambda entry: (entry.name != name, int(entry.id)))
            if number == 0 and len(entries) >= PAGE_SIZE and self._is_free(folder.id, name):
                return None
        return None

    def _memorise(self, folder_id: str, entries: Iterable[Entry]) -> None:
        # of twins the lowest id is to be found, so it is written last
        for entry in sorted(entries, key=lambda entry: -int(entry.id)):
            self._memory.put((folder_id, key(entry.name)), entry)

    def _is_free(self, folder_id: str, name: str) -> bool:
        """Tell whether Box says that the name is free: one call, where a huge folder's listing takes a hundred."""
        try:
            self._session.call("OPTIONS", "/files/content", json={"name": name, "parent": {"id": folder_id}})
        except BoxError:
            return False
        return True


def _if_there(kind: Kind, fetch: Callable[[], Json]) -> Json | None:
    """Return what is fetched, an item of that kind; None if there is none."""
    try:
        return fetch()
    except NotFound:
        return None
    except BoxError as error:
        # not every implementation of Box's API has web links
        if kind == "web_link" and type(error) in {BoxError, Denied}:
            return None
        raise


def not_a_folder(path: str) -> InvalidName:
    """Return the error for a file where a folder is wanted."""
    return InvalidName(f"{path} is a file, not a folder.", hint="Name the folder that it is in.", code="not_a_folder")
