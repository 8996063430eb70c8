"""The part of this machine's disk that the panel may reach: what lies below the folder that the server shows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_core.paths import is_hidden

from jupyter_box.errors import Denied, NotFound
from jupyter_box.transfer.local import local_errors

if TYPE_CHECKING:
    from jupyter_box.items import Item


@dataclass(frozen=True, slots=True)
class Disk:
    """The folder that the server shows, and what of it may be read and written.

    Attributes:
        root: The folder; absolute, and without links in its path.
        allow_hidden: Whether hidden files and folders may be named, as Jupyter's own setting of that name says.
    """

    root: Path
    allow_hidden: bool = False

    def source(self, path: str) -> Path:
        """Return the file or folder to upload that a path below the root names.

        Raises:
            NotFound: It is not there.
            Denied: It is hidden, or it or a link in it leads outside of the root.
        """
        place = self._place(path)
        if not os.path.exists(place):  # noqa: PTH110  a name that is too long is not there either
            raise NotFound(f"{path} is not on this machine.", hint="Check the path.", code="local_not_found")
        with local_errors(path):
            self._check_shown(place, path)
            self._check_links(place)
        return place

    def folder_for(self, item: Item, path: str) -> Path:
        """Return the folder to download an item into that a path below the root names.

        Raises:
            Denied: It is hidden; or it, or what has the item's name in it, leads outside of the root.
        """
        place = self._place(path)
        with local_errors(path):
            self._check_shown(place, path)
        if item.is_folder:  # a file takes the place of a link, a folder goes where it leads
            self._check_below(_real(place / item.name), f"{path}/{item.name}")
        return place

    def below(self, place: Path) -> str | None:
        """Return the path below the root that names a place; None if it lies outside."""
        return place.relative_to(self.root).as_posix() if place.is_relative_to(self.root) else None

    def _place(self, path: str) -> Path:
        place = _real(self.root / path.replace("\0", "").lstrip("/"))
        self._check_below(place, path)
        return place

    def _check_below(self, place: Path, path: str) -> None:
        if self.below(place) is None:
            raise Denied(f"{path} is outside of the server's folder.", hint="Name a place below it.", code="outside")

    def _check_shown(self, place: Path, path: str) -> None:
        if not self.allow_hidden and is_hidden(str(place), str(self.root)):
            raise Denied(
                f"{path} is hidden.", hint="Jupyter's ContentsManager.allow_hidden shows such files.", code="hidden"
            )

    def _check_links(self, source: Path) -> None:
        """Do nothing if all that an upload of a folder would follow stays below the root."""
        open_folders, seen = [source] if source.is_dir() else [], {source}
        while open_folders:
            for entry in os.scandir(open_folders.pop()):
                place = _real(Path(entry.path)) if entry.is_symlink() else Path(entry.path)
                self._check_below(place, entry.path)
                if place not in seen and place.is_dir():
                    seen.add(place)
                    open_folders.append(place)


def _real(place: Path) -> Path:
    # unlike Path.resolve it knows links that lead to themselves
    return Path(os.path.realpath(place))
