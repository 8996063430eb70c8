"""Files that a client sends piece by piece: where one goes is decided first, its bytes follow."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from jupyter_box import paths
from jupyter_box.errors import NotFound
from jupyter_box.events import Listener, ignore
from jupyter_box.items import Account, Item
from jupyter_box.lookup import Ref
from jupyter_box.transfer import OnConflict
from jupyter_box.transfer.content import Target
from jupyter_box.transfer.progress import Meter, told
from jupyter_box.transfer.spool import Spool
from jupyter_box.transfer.taken import taken

from ._content import Content


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an upload goes.

    Attributes:
        path: The file's path.
        folder_id: The id of its folder.
        existing: What is there; it gets a new version, or stays where `is_skipped`.
        is_skipped: Whether nothing is to be sent.
    """

    path: str
    folder_id: str
    existing: Item | None = None
    is_skipped: bool = False


class Receiving(Content):
    """Takes uploads whose bytes come by and by."""

    @property
    def identity(self) -> str:
        """A key for what this machine keeps: the same for every drive of this account at this Box, without a secret."""
        return f"{self._session.identity}@{self._session.endpoints.api}"

    @property
    def account(self) -> Account:
        """Who we are in Box; asked once."""
        return Account.of(self._session.me())

    def destination(self, path: str, size: int, *, on_conflict: OnConflict = "version") -> Destination:
        """Return where a file of so many bytes would go, if Box would take it; missing folders are made.

        Args:
            path: The file.
            size: Its bytes.
            on_conflict: What becomes of it where the name is taken, as in `upload`.

        Raises:
            Exists: The name is taken, by a folder or with `on_conflict` as `fail`.
            Denied: Our role does not allow it, or a lock forbids it.
            QuotaFull: Box has no room for it.
            TooLarge: It is larger than the plan allows.
        """
        whole = self._path(path)
        existing = self._lookup.find(whole)
        if existing and on_conflict == "skip":
            return Destination(existing.path, existing.parent_id or "", existing, is_skipped=True)
        if existing and (on_conflict == "fail" or (on_conflict == "version" and not existing.is_file)):
            raise taken(existing)
        parent, name = paths.split(existing.path if existing else whole)
        folder = self._folder_or_new(parent)
        if existing and on_conflict == "rename":
            name, existing = self._free_name(folder, name), None
        self._preflight(folder, paths.check_name(name), existing, size)
        return Destination(paths.below(folder.path, name), folder.id, existing)

    def receive(
        self,
        destination: Destination,
        spool: Spool,
        *,
        modified: datetime | None = None,
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Item:
        """Send what is in a spool, and what is still to come there, and return the file as it is then in Box.

        Raises:
            Busy: No more bytes came; the next call goes on where this one stopped (code `paused`).
            Exists: The name is taken by now.
            BoxError: Box, the network or this machine's disk refused.
        """
        meter = Meter(destination.path, spool.size, on_progress, cancel)
        name = paths.split(destination.path).name
        with told(meter):
            target = Target(destination.folder_id, name, destination.existing, modified=modified)
            item = self._transfers.send(spool, target, meter).item
        return self._lookup.remember(item.at(destination.path))

    def forget(self, spool: Spool) -> None:
        """End what Box still has open of an upload that is not to go on.

        Raises:
            BoxError: Box does not answer.
        """
        for pending in self._transfers.pending():
            if pending.local == str(spool.path):
                with suppress(NotFound):
                    self._transfers.abort(pending)

    def _preflight(self, folder: Ref, name: str, existing: Item | None, size: int) -> None:
        place = f"/files/{existing.id}/content" if existing else "/files/content"
        body = {"name": name, "size": size, **({} if existing else {"parent": {"id": folder.id}})}
        self._session.call("OPTIONS", place, json=body, what=paths.below(folder.path, name))
