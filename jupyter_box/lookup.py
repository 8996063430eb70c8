"""Finds what a path names, by listing and with a small expiring memory; what is done with it is for `drive`."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from .errors import BoxError, Denied, InvalidName, NotFound
from .items import FIELDS, Item, Json, Kind
from .paths import ID_PREFIX, ROOT, below, is_id, key, normalise, parts, twins
from .session import Session

PAGE_SIZE = 1000  # Box gives no more entries at once
ALL_FILES = "0"  # Box's id for an account's own root
_SERVICE_ACCOUNT = "AutomationUser_"  # how Box begins the login of every service account
_KINDS: tuple[Kind, ...] = ("file", "folder", "web_link")


class Ref(NamedTuple):
    """What a path leads to: Box's id, the type, and the path as Box spells it."""

    id: str
    type: Kind
    path: str


class _Entry(NamedTuple):
    id: str
    type: Kind
    name: str


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
        self._session = session
        self._wanted_root = root or ALL_FILES
        self._memory = _Memory(keep, size, clock)
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
        wanted = self._wanted_root.removeprefix(ID_PREFIX)
        if wanted in {ALL_FILES, given}:
            return given
        if wanted.isdigit() and given == ALL_FILES:
            return wanted
        path = f"{ID_PREFIX}{wanted}" if wanted.isdigit() else normalise(wanted)
        try:
            return Lookup(self._session, f"{ID_PREFIX}{given}").folder(path).id
        except NotFound as error:
            raise self._root_missing(error.hint) from error

    def _root_missing(self, more: str = "") -> NotFound:
        return NotFound(
            f"The drive's root folder {self._wanted_root} is not in Box.",
            hint=f"Check BOX_ROOT_FOLDER, and that the folder is shared with this account. {more}".strip(),
            code="root_not_found",
        )

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
            raise self.missing(path)
        return item

    def find(self, path: str, likely: Kind = "file") -> Item | None:
        """Return the item at a normalised path, as Box has it now, or None if there is none; `likely` as in `item`."""
        if is_id(path):
            return self.by_id(path.removeprefix(ID_PREFIX), likely)
        start, names = self._start(path)
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
        start, names = self._start(path)
        with suppress(_StaleError):
            if start:
                return self._reach(start, names, confirm=confirm)
        raise self.missing(path)

    def leaf(self, path: str) -> Item:
        """Return what `item` does, but of a folder just listed no more than id, name and path: the next call lists it.

        Raises:
            NotFound: As in `item`.
            InvalidName: The path goes through a file.
        """
        start, names = (None, []) if is_id(path) else self._start(path)
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
        start, names = self._start(path)
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
                raise (self._root_missing() if ref.path == ROOT else error) from error
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
        for kind in sorted(_KINDS, key=lambda kind: kind != likely):
            json = self._fetch_if_there(kind, id)
            item = self.place(json) if json else None
            if item:
                self._memory.put((ID_PREFIX, id), _Entry(id, kind, item.name))
                return item
        return None

    def _fetch_if_there(self, kind: Kind, id: str) -> Json | None:  # noqa: A002
        try:
            return self.fetch(kind, id)
        except NotFound:
            return None
        except BoxError as error:
            # not every implementation of Box's API has web links
            if kind == "web_link" and type(error) in {BoxError, Denied}:
                return None
            raise

    def remember(self, item: Item) -> Item:
        """Take note of an item that was just made or changed, and return it."""
        if item.parent_id:
            self._memory.put((item.parent_id, key(item.name)), _Entry(item.id, item.type, item.name))
        return item

    def forget(self, item: Item) -> None:
        """Forget where an item is, because it was moved or removed."""
        if item.parent_id:
            self._memory.drop((item.parent_id, key(item.name)))

    def forget_path(self, path: str) -> None:
        """Forget what a path leads to, and every folder on the way."""
        start, names = self._start(path)
        if start:
            self._forget_chain(start, names)

    def missing(self, path: str) -> NotFound:
        """Return the error for a path that leads nowhere; it costs a few calls to say why."""
        start, names = self._start(path)
        if start is None:
            return self._missing_id(path.partition("/")[0])
        try:
            self.fetch(start.type, start.id, what=start.path)
            return self._trace(path, start, names)
        except NotFound:
            return self._root_missing() if start.path == ROOT else NotFound(f"{path} is not in Box.")

    def _trace(self, path: str, folder: Ref, names: list[str]) -> NotFound:
        if not names:
            return NotFound(f"{path} was not in Box a moment ago.", hint="Try again.")
        depth = 0
        while depth < len(names) - 1 and (child := self.child(folder, names[depth])) and child.type == "folder":
            folder, depth = child, depth + 1
        return self._explain(path, folder, names[depth], is_last=depth == len(names) - 1)

    def _explain(self, path: str, folder: Ref, name: str, *, is_last: bool) -> NotFound:
        about = f"{path} is not in Box" if is_last else f"{path} is not in Box: {folder.path} has no folder {name!r}"
        if twin := self._lookalike(folder, name):
            hint = f"{twin.path} looks the same but is written with other Unicode characters; id:{twin.id} names it."
            return NotFound(f"{about}.", hint=hint)
        if trashed := self._in_trash(folder.id, name):
            hint = f"Restore it with its id, {trashed}, or take it from Box's trash."
            return NotFound(
                f"{below(folder.path, name)} is in Box's trash.", hint=hint, code="trashed", item_id=trashed
            )
        return NotFound(f"{about}.", hint=self.empty_hint() or f"List {folder.path} to see what is there.")

    def empty_hint(self) -> str:
        """Return what to do if we act as a service account that nobody has shared anything with; else nothing."""
        try:
            login = self._session.me().get("login") or ""
            if not (self.is_whole and login.startswith(_SERVICE_ACCOUNT)) or self._has_entries():
                return ""
        except BoxError:
            return ""
        return f"Nothing is shared with this service account: invite {login} to a folder in Box."

    def _has_entries(self) -> bool:
        query = {"limit": 1, "fields": "id,type,name"}
        return bool(self._session.call("GET", f"/folders/{ALL_FILES}/items", params=query)["entries"])

    def _missing_id(self, path: str) -> NotFound:
        where = "" if self.is_whole else " below the drive's root folder"
        for kind in _KINDS:
            try:
                json = self._session.call("GET", f"/{kind}s/{path.removeprefix(ID_PREFIX)}/trash", what=path)
            except BoxError:
                continue
            if self.holds_trashed(json):
                return NotFound(
                    f"{path} ({json['name']}) is in Box's trash.",
                    hint="Restore it first.",
                    code="trashed",
                    item_id=json["id"],
                )
        return NotFound(f"{path} is not in Box{where}, or it is not shared with this account.", hint=self.empty_hint())

    def _lookalike(self, folder: Ref, name: str) -> Ref | None:
        return next(filter(None, (self.child(folder, twin) for twin in sorted(twins(name)))), None)

    def _in_trash(self, folder_id: str, name: str) -> str | None:
        """Return the id of what had the name in the folder and is in the trash, as far as Box's first page tells."""
        params = {"limit": PAGE_SIZE, "fields": "id,type,name,parent"}
        try:
            entries = self._session.call("GET", "/folders/trash/items", params=params)["entries"]
        except BoxError:
            return None
        wanted = (json for json in entries if key(json["name"]) == key(name) and _parent_id(json) == folder_id)
        return next((json["id"] for json in wanted), None)

    def holds_trashed(self, json: Json) -> bool:
        """Tell whether an item of the trash comes from below the drive's root: Box tells of its parent folder alone.

        Args:
            json: A trashed item with its `parent`.
        """
        parent = _parent_id(json)
        if self.is_whole or parent == self.root_id:
            return True
        return bool(parent) and self._holds_folder(parent)

    def _holds_folder(self, id: str) -> bool:  # noqa: A002
        try:
            return self.place(self.fetch("folder", id)) is not None
        except NotFound:
            pass
        try:
            return self.holds_trashed(self._session.call("GET", f"/folders/{id}/trash"))
        except BoxError:
            return False

    def _start(self, path: str) -> tuple[Ref | None, list[str]]:
        if not path.startswith(ID_PREFIX):
            return Ref(self.root_id, "folder", ROOT), parts(path)
        head, *names = path.split("/")
        # what a path goes through is a folder, and a folder is what an id stands for where one is wanted
        item = self.by_id(head.removeprefix(ID_PREFIX), "folder")
        return (Ref(item.id, item.type, item.path) if item else None), names

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

    def _look(self, folder: Ref, name: str) -> _Entry | None:
        pages = by_marker(self._session, folder.id, what=folder.path, fields="id,type,name")
        for number, page in enumerate(pages):
            entries = [_Entry(json["id"], json["type"], json["name"]) for json in page]
            self._memorise(folder.id, entries)
            found = [entry for entry in entries if key(entry.name) == key(name)]
            if found:
                return min(found, key=lambda entry: (entry.name != name, int(entry.id)))
            if number == 0 and len(entries) >= PAGE_SIZE and self._is_free(folder.id, name):
                return None
        return None

    def _memorise(self, folder_id: str, entries: Iterable[_Entry]) -> None:
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


class _Memory:
    """The entries of folders for a while: the oldest go first, and each after its time."""

    def __init__(self, keep: float, size: int, clock: Callable[[], float]) -> None:
        self._keep, self._size, self._clock = keep, size, clock
        self._entries: OrderedDict[tuple[str, str], tuple[float, _Entry]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, place: tuple[str, str]) -> _Entry | None:
        with self._lock:
            until, entry = self._entries.get(place, (0.0, None))
            return entry if until > self._clock() else None

    def put(self, place: tuple[str, str], entry: _Entry) -> None:
        with self._lock:
            self._entries.pop(place, None)
            self._entries[place] = (self._clock() + self._keep, entry)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def drop(self, place: tuple[str, str]) -> _Entry | None:
        with self._lock:
            return self._entries.pop(place, (0.0, None))[1]


def by_marker(session: Session, folder_id: str, *, what: str = "", **params: Any) -> Iterator[list[Json]]:
    """Yield the entries of a folder, page by page; none is doubled or missed when the folder changes meanwhile.

    Args:
        session: The way to Box.
        folder_id: The folder's id, or `trash`.
        what: How an error names the folder.
        params: More parameters of the call, such as `fields`.
    """
    query = {"usemarker": "true", "limit": PAGE_SIZE, **params}
    while True:
        page = session.call("GET", f"/folders/{folder_id}/items", params=query, what=what)
        yield page["entries"]
        if not page.get("next_marker"):
            return
        query["marker"] = page["next_marker"]


def not_a_folder(path: str) -> InvalidName:
    """Return the error for a file where a folder is wanted."""
    return InvalidName(f"{path} is a file, not a folder.", hint="Name the folder that it is in.", code="not_a_folder")


def _parent_id(json: Json) -> str:
    return (json.get("parent") or {}).get("id") or ""
