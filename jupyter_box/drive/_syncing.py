"""Folders that are kept alike, and uploads that were begun and not ended; how they are done is `transfer`'s."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from jupyter_box import paths
from jupyter_box.errors import Busy, InvalidName, NotFound
from jupyter_box.events import Listener, Transfer, ignore
from jupyter_box.items import Item
from jupyter_box.lookup import not_a_folder
from jupyter_box.transfer import Report, SyncOptions
from jupyter_box.transfer.content import UploadSession
from jupyter_box.transfer.journal import Pending
from jupyter_box.transfer.local import local_errors
from jupyter_box.transfer.scanning import check_root
from jupyter_box.transfer.taken import taken

from ._content import Content

Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """An upload in parts that was begun on this machine and not ended; the same upload goes on where it stopped.

    Attributes:
        id: What `abort_upload` knows it by.
        local: The file on this machine.
        name: The file's name in Box.
        size: Its bytes.
        done: The bytes that Box has already.
        since: When it was begun.
        state: `running` in some process of this machine; `stopped`; or `expired`, of which Box keeps nothing.
    """

    id: str
    local: str
    name: str
    size: int
    done: int
    since: datetime
    state: Literal["running", "stopped", "expired"]


class Syncing(Content):
    """Keeps folders alike."""

    def sync(
        self,
        local: str | os.PathLike[str],
        path: str,
        *,
        direction: Direction = "up",
        delete: bool = False,
        max_delete: int | None = None,
        dry_run: bool = False,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        executor: Executor | None = None,
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Report:
        """Make what is in a folder of Box like what is in a local folder, or the reverse; only differences travel.

        Files are compared by size and SHA-1. A file that was moved is moved, not sent again. Where both sides of a
        file changed since they were last alike, both are kept, one under a name with `(conflict DATE)`.

        Args:
            local: The folder on this machine; going `down`, it is made if it is not there.
            path: The folder in Box; going `up`, it is made if it is not there.
            direction: `up` makes Box like this machine, `down` this machine like Box.
            delete: Whether what is not on the side that leads is removed from the other: in Box it goes to the trash;
                here only files go that are as they were when they were last in Box.
            max_delete: The most files that may be removed; with more, nothing is done. None for any number, unless the
                side that leads has no file at all, as where a disk is not mounted: then a number has to be given.
            dry_run: Whether to report what would be done, and do nothing.
            include: Patterns as in `.gitignore`; if there are any, a file must match one.
            exclude: Patterns of what does not take part, besides those of the local folder's `.boxignore`.
            executor: Who carries the files over, such as that of a Dask client; each of its workers connects as its
                own environment says, and must see the same local folder. None for threads of this process.
            on_progress: Told how far it is.
            cancel: Ends the sync when it is set.

        Returns:
            What became of every file; one file's failure does not stop the rest.

        Raises:
            NotFound: The folder that leads is not there.
            Exists: A file has the name of the folder in Box.
            InvalidName: The folder in Box is a file; or there is no such direction.
            Denied: Our role, or this machine, does not allow it; or more would be removed than may (code `max_delete`).
            Cancelled: `cancel` was set.
        """
        root = Path(local).expanduser()
        folder = self._follower(root, path, dry_run) if _is_up(direction) else self._leader(root, path, dry_run)
        here, there = str(root.resolve()), folder.path
        source, target = (here, there) if _is_up(direction) else (there, here)
        wanted = Transfer("sync", source, target, is_plain=False)
        on_progress, cancel = self._observed(wanted, on_progress, cancel)
        options = SyncOptions(direction, delete, max_delete, dry_run, _patterns(include), _patterns(exclude), executor)
        return self._transfers.sync(root, folder, options, on_progress=on_progress, cancel=cancel)

    def uploads(self) -> list[PendingUpload]:
        """Return the uploads of this account that were begun on this machine and not ended, the oldest first.

        Raises:
            BoxError: Box does not answer.
        """
        return [self._pending_upload(pending) for pending in self._uploads()]

    def abort_upload(self, id: str) -> None:  # noqa: A002  as in `uploads`
        """Give up an upload: Box removes the parts that it has.

        Args:
            id: Its id, or as much of its beginning as tells it from the others.

        Raises:
            NotFound: No upload has that id.
            InvalidName: Several have ids that begin so.
            Busy: It is under way in a process of this machine (code `running`).
        """
        found = [pending for pending in self._uploads() if id and pending.key.startswith(id)]
        if not found:
            raise NotFound(f"No upload {id!r} is pending.", hint="List the uploads to see their ids.")
        if len(found) > 1:
            raise InvalidName(f"{len(found)} uploads have ids that begin with {id}.", hint="Give more of the id.")
        with self._transfers.journal.claim(found[0].key) as is_ours:
            if not is_ours:
                raise Busy(f"{found[0].local} is being uploaded.", hint="Stop that first.", code="running")
            self._transfers.abort(found[0])

    def _uploads(self) -> list[Pending]:
        return [pending for pending in self._transfers.pending() if pending.kind == "upload"]

    def _pending_upload(self, pending: Pending) -> PendingUpload:
        since = datetime.fromtimestamp(pending.since, timezone.utc)
        with self._transfers.journal.claim(pending.key) as is_ours:
            state: Literal["stopped", "running"] = "stopped" if is_ours else "running"
        about = (pending.key, pending.local, pending.name, pending.size)
        try:
            parts = self._transfers.content.parts(UploadSession.of(pending.state["session"]))
        except NotFound:
            return PendingUpload(*about, 0, since, "expired")
        return PendingUpload(*about, sum(part.size for part in parts.values()), since, state)

    def _follower(self, local: Path, path: str, dry_run: bool) -> Item:
        """Return the folder of Box that is to become like the local one; a dry run makes none."""
        check_root(local)
        found = self._lookup.find(whole := self._path(path))
        if found and not found.is_folder:
            raise taken(found)
        if found or not dry_run:
            return found or self.mkdir(path)
        if paths.is_id(whole):
            raise self._lookup.absence.of(whole)
        return Item("", "folder", paths.split(whole).name, whole)

    def _leader(self, local: Path, path: str, dry_run: bool) -> Item:
        """Return the folder of Box that the local one is to become like."""
        folder = self._item(path)
        if not folder.is_folder:
            raise not_a_folder(folder.path)
        if local.exists():
            check_root(local)
        elif not dry_run:
            with local_errors(local):
                local.mkdir(parents=True, exist_ok=True)
        return folder


def _is_up(direction: str) -> bool:
    if direction not in {"up", "down"}:
        raise InvalidName(f"There is no direction {direction!r}.", hint="Take up or down.", code="direction")
    return direction == "up"


def _patterns(given: Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
