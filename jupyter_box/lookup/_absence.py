"""Why nothing is at a path: never there, in the trash, not shared with us, or spelled with other characters."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_box._paging import PAGE_SIZE
from jupyter_box.errors import BoxError, NotFound
from jupyter_box.items import ALL_FILES, Item
from jupyter_box.paths import ID_PREFIX, ROOT, below, key, twins
from jupyter_box.session import Session

if TYPE_CHECKING:
    from . import Lookup, Ref

_SERVICE_ACCOUNT = "AutomationUser_"  # how Box begins the login of every service account


class Absence:
    """Says why something is not there, for a few calls.

    Args:
        session: The way to Box.
        lookup: Finds what is there.
    """

    def __init__(self, session: Session, lookup: Lookup) -> None:
        self._session, self._lookup = session, lookup

    def of(self, path: str) -> NotFound:
        """Return the error for a normalised path that leads nowhere."""
        start, names = self._lookup.start(path)
        if start is None:
            return self._of_id(path.partition("/")[0])
        try:
            self._lookup.fetch(start.type, start.id, what=start.path)
            return self._trace(path, start, names)
        except NotFound:
            return self.of_root() if start.path == ROOT else NotFound(f"{path} is not in Box.")

    def of_root(self, more: str = "") -> NotFound:
        """Return the error for a drive whose root is not there; `more` is a sentence beside the hint."""
        return NotFound(
            f"The drive's root folder {self._lookup.wanted_root} is not in Box.",
            hint=f"Check BOX_ROOT_FOLDER, and that the folder is shared with this account. {more}".strip(),
            code="root_not_found",
        )

    def of_everything(self) -> str:
        """Return what to do if we act as a service account that nobody has shared anything with; else nothing."""
        try:
            login = self._session.me().get("login") or ""
            if not (self._lookup.is_whole and login.startswith(_SERVICE_ACCOUNT)) or self._has_entries():
                return ""
        except BoxError:
            return ""
        return f"Nothing is shared with this service account: invite {login} to a folder in Box."

    def _has_entries(self) -> bool:
        query = {"limit": 1, "fields": "id,type,name"}
        return bool(self._session.call("GET", f"/folders/{ALL_FILES}/items", params=query)["entries"])

    def _of_id(self, path: str) -> NotFound:
        where = "" if self._lookup.is_whole else " below the drive's root folder"
        with suppress(BoxError):
            if item := self._lookup.trashed(path.removeprefix(ID_PREFIX)):
                return _trashed(f"{path} ({item.name})", item.id, "Restore it first.")
        hint = self.of_everything()
        return NotFound(f"{path} is not in Box{where}, or it is not shared with this account.", hint=hint)

    def _trace(self, path: str, folder: Ref, names: list[str]) -> NotFound:
        if not names:
            return NotFound(f"{path} was not in Box a moment ago.", hint="Try again.")
        depth = 0
        while depth < len(names) - 1 and (child := self._lookup.child(folder, names[depth])) and child.type == "folder":
            folder, depth = child, depth + 1
        return self._explain(path, folder, names[depth], is_last=depth == len(names) - 1)

    def _explain(self, path: str, folder: Ref, name: str, *, is_last: bool) -> NotFound:
        about = f"{path} is not in Box" if is_last else f"{path} is not in Box: {folder.path} has no folder {name!r}"
        if twin := self._lookalike(folder, name):
            hint = f"{twin.path} looks the same but is written with other Unicode characters; id:{twin.id} names it."
            return NotFound(f"{about}.", hint=hint)
        if trashed := self._in_trash(folder.id, name):
            hint = f"Restore it with its id, {trashed}, or take it from Box's trash."
            return _trashed(below(folder.path, name), trashed, hint)
        return NotFound(f"{about}.", hint=self.of_everything() or f"List {folder.path} to see what is there.")

    def _lookalike(self, folder: Ref, name: str) -> Ref | None:
        return next(filter(None, (self._lookup.child(folder, twin) for twin in sorted(twins(name)))), None)

    def _in_trash(self, folder_id: str, name: str) -> str | None:
        """Return the id of what had the name in the folder and is in the trash, as far as Box's first page tells."""
        params = {"limit": PAGE_SIZE, "fields": "id,type,name,parent"}
        try:
            entries = self._session.call("GET", "/folders/trash/items", params=params)["entries"]
        except BoxError:
            return None
        trashed = (item for item in map(Item.of, entries) if (item.parent_id, key(item.name)) == (folder_id, key(name)))
        return next((item.id for item in trashed), None)


def _trashed(what: str, id: str, hint: str) -> NotFound:  # noqa: A002  Box's own word
    return NotFound(f"{what} is in Box's trash.", hint=hint, code="trashed", item_id=id)
