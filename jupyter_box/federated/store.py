"""A run's files in Box by name, over a `Drive`; it counts calls and bytes, and knows nothing of what the files mean."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from dataclasses import dataclass, replace

from jupyter_box import paths
from jupyter_box.drive import Drive
from jupyter_box.errors import Changed, Corrupted, Exists
from jupyter_box.items import Item


@dataclass
class Traffic:
    """What a participant has used of Box so far: calls, and bytes each way."""

    calls: int = 0
    sent: int = 0
    received: int = 0

    def to_dict(self) -> dict[str, int]:
        """Return it as JSON values."""
        return {"calls": self.calls, "sent": self.sent, "received": self.received}


def folder_of(id: str, name: str = "") -> Item:  # noqa: A002  Box's own word
    """Return a folder of which no more than the id is known."""
    return Item(id, "folder", name)


def is_beside(name: str, file: str) -> bool:
    """Tell whether a file has a name or one of those that `create_beside` takes where that is taken."""
    stem, _, ending = name.rpartition(".")
    return bool(re.fullmatch(rf"{re.escape(stem)}(\.\d+)?\.{re.escape(ending)}", file, re.IGNORECASE))


class Store:
    """Folders that are known by their ids, and the files in them; safe to use from several threads.

    Args:
        drive: The way to Box.
    """

    def __init__(self, drive: Drive) -> None:
        self.drive = drive
        self.traffic = Traffic()
        self._made: dict[tuple[str, str], Item] = {}
        self._lock = threading.Lock()

    def list(self, folder: Item) -> dict[str, Item]:
        """Return what is in a folder by its name in small letters, as Box takes names of equal letters for one."""
        self._count(1)
        return {item.name.casefold(): item for item in self.drive.entries(folder)}

    def below(self, folder: Item, name: str) -> Item:
        """Return the folder of that name in a folder, made if it is not there."""
        with self._lock:
            if (folder.id, name) not in self._made:
                self._made[folder.id, name] = self.drive.add_folder(folder, name)
                self.traffic.calls += 2
            return self._made[folder.id, name]

    def create(self, folder: Item, name: str, data: bytes) -> Item:
        """Write a file that must be new; what is there with equal content is our own earlier try.

        Raises:
            Exists: The name is taken by something else.
        """
        self._count(1, sent=len(data))
        return self.drive.add(folder, name, data)

    def create_beside(self, folder: Item, name: str, data: bytes) -> Item:
        """Write a file under its name or, where someone else has taken that, under the next: `a.json`, `a.2.json`."""
        stem, dot, ending = name.rpartition(".")
        for number in range(1, 100):
            with suppress(Exists):
                return self.create(folder, name if number == 1 else f"{stem}.{number}{dot}{ending}", data)
        raise Exists(f"A hundred files have the name {name} already.", hint="Ask the folder's owner to clean up.")

    def replace(self, item: Item, data: bytes, *, if_match: str | None = None) -> Item:
        """Write the next version of a file.

        Raises:
            Changed: It has another etag than `if_match`.
        """
        self._count(1, sent=len(data))
        return self.drive.replace(item, data, if_match=if_match)

    def write(self, folder: Item, name: str, data: bytes) -> Item:
        """Write a file, or its next version if it is there."""
        try:
            return self.create(folder, name, data)
        except Exists:
            return self.replace(self.list(folder)[name.casefold()], data)

    def read(self, item: Item) -> bytes:
        """Return a file's content, verified by Box's SHA-1.

        Raises:
            Corrupted, Changed: The file has other content by now.
            NotFound: It is gone.
        """
        self._count(1, received=item.size or 0)
        return self.drive.content(item)

    def read_version(self, item: Item) -> bytes:
        """Return the content of the very version that an item is of, though there may be a later one.

        Raises:
            Corrupted, Changed: Box no longer has it.
            NotFound: It is gone.
        """
        try:
            return self.read(item)
        except (Changed, Corrupted):
            self._count(1, received=item.size or 0)
            return self.drive.content(item, version=item.version)

    def version_by(self, item: Item, user: str) -> Item | None:
        """Return a file's latest version that Box has from a user, if there is one."""
        self._count(2)
        versions = self.drive.versions(f"{paths.ID_PREFIX}{item.id}")
        own = next((past for past in versions if past.modified_by is not None and past.modified_by.id == user), None)
        if own is None:
            return None
        return replace(item, version=own.id, size=own.size, sha1=own.sha1, modified_by=own.modified_by)

    def remove(self, item: Item) -> None:
        """Move a file to Box's trash."""
        self._count(2)
        self.drive.remove(f"{paths.ID_PREFIX}{item.id}")

    def _count(self, calls: int, sent: int = 0, received: int = 0) -> None:
        with self._lock:
            self.traffic.calls += calls
            self.traffic.sent += sent
            self.traffic.received += received
