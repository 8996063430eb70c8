"""Folders made, items removed, copied and moved, in the words of fsspec; all of it happens within Box."""

from __future__ import annotations

import errno
import io
from typing import Any

from jupyter_box.errors import BoxError, Exists
from jupyter_box.paths import below

from ._addresses import is_plain, name, parent, parse, strip
from ._contents import Contents
from ._entries import refusal


class Rearranging(Contents):
    """Changes where things are."""

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Make a folder, and by default those above it.

        Raises:
            Exists: There is something at the path.
            NotFound: The folder above is not there, and `create_parents` is off.
        """
        path = strip(path)
        if not create_parents:
            self.drive.stat(parent(path))
        self.makedirs(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder and those above it.

        Raises:
            Exists: A file has the name, or a folder and `exist_ok` is off.
        """
        path = strip(path)
        if not exist_ok and self.drive.exists(path):
            raise Exists(f"{path} exists already.", hint="Choose another name, or set exist_ok.")
        self.drive.mkdir(path)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder; it goes to Box's trash.

        Raises:
            NotADirectoryError: It is a file.
            OSError: There is something in it.
        """
        path = strip(path)
        if self._ask(path)["type"] != "directory":
            raise refusal(errno.ENOTDIR, path)
        try:
            self.drive.remove(path, recursive=False)
        except BoxError as error:
            raise (refusal(errno.ENOTEMPTY, path) if error.code == "folder_not_empty" else error) from None

    def rm_file(self, path: str) -> None:
        """Remove a file; it goes to Box's trash."""
        self.rm(path)

    def _rm(self, path: str) -> None:
        self.rm(path)

    def rm(self, path: str | list[str], recursive: bool = False, maxdepth: int | None = None) -> None:
        """Remove files, or folders with all that is in them; they go to Box's trash, each by one call.

        Args:
            path: One or several, or a pattern.
            recursive: Whether a folder may go.
            maxdepth: Remove the files of so many levels only.

        Raises:
            NotFound: It is not there.
            IsADirectoryError: It is a folder, and `recursive` is off.
        """
        if maxdepth is not None:
            super().rm(path, recursive=recursive, maxdepth=maxdepth)
            return
        for one in self.expand_path(path):
            if not recursive and self._ask(one)["type"] == "directory":
                raise refusal(errno.EISDIR, one)
            self.drive.remove(one)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Copy one file within Box; a file that is there already gets the content as its new version.

        Raises:
            NotFound: There is no such file.
            IsADirectoryError: The target is a folder.
        """
        source, target = strip(path1), strip(path2)
        details, there = self._ask(source), self._find_entry(target)
        if details["type"] == "directory":
            self.makedirs(target, exist_ok=True)
        elif there and there["type"] == "directory":
            raise refusal(errno.EISDIR, target)
        elif there or parse(source).version:
            # Box copies only to a free name, and only what is current
            self._store(target, io.BytesIO(self.cat_file(source)))
        else:
            self._in_folder_of(target, lambda: self.drive.copy(source, target))

    def copy(self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any) -> None:
        """Copy files and folders within Box, none of their bytes through this machine unless a file is overwritten.

        A whole folder to a new place is one call. Arguments and rules are fsspec's.
        """
        if recursive and is_plain(path1, path2, maxdepth) and self.isdir(path1):
            source, target = strip(path1), self._destination(path1, path2)
            if not _is_inside(target, source) and not self.exists(target):
                self._in_folder_of(target, lambda: self.drive.copy(source, target))
                return
        super().copy(path1, path2, recursive=recursive, maxdepth=maxdepth, **kwargs)

    def mv(self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any) -> None:
        """Move a file or folder within Box, by one call; its id, versions, shared link and collaborators stay with it.

        A file that has the name already goes to Box's trash.

        Raises:
            NotFound: It is not there.
            Exists: A folder has the name.
        """
        if not is_plain(path1, path2, maxdepth):
            super().mv(path1, path2, recursive=recursive, maxdepth=maxdepth, **kwargs)
            return
        source, target = strip(path1), self._destination(path1, path2)
        if source != target:
            self._move(source, target)

    def _move(self, source: str, target: str) -> None:
        item, there = self.drive.stat(source), self._find_entry(target)
        if there is None or there["id"] == item.id:
            self._in_folder_of(target, lambda: self.drive.move(source, target))
            return
        if there["type"] == "directory" or item.is_folder:
            raise Exists(f"{target} exists already.", hint="Choose another name.", item_id=there["id"])
        self.drive.remove(target)
        try:
            self.drive.move(source, target)
        except BoxError:
            self.drive.restore(there["id"])
            raise

    def _destination(self, source: str, target: str) -> str:
        into = not source.endswith("/") and (target.endswith("/") or self.isdir(target))
        return below(strip(target), name(strip(source))) if into else strip(target)


def _is_inside(path: str, folder: str) -> bool:
    return below(path, "").startswith(below(folder, ""))
