"""Files and folders between this machine and Box, in the words of fsspec; how they go is for the transfers."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.utils import isfilelike

from jupyter_box import paths
from jupyter_box.events import Listener, Progress
from jupyter_box.paths import below

from ._addresses import is_plain, name, parent, parse, strip
from ._contents import Contents
from ._entries import refusal

if TYPE_CHECKING:
    from jupyter_box.transfer import OnConflict


class Carrying(Contents):
    """Uploads and downloads; a whole folder's files go side by side."""

    def get(
        self,
        rpath: Any,
        lpath: Any,
        recursive: bool = False,
        callback: Any = DEFAULT_CALLBACK,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Download files and folders; a whole folder's files come side by side. Arguments and rules are fsspec's."""
        if recursive and is_plain(rpath, lpath, maxdepth) and self.isdir(rpath):
            into = not rpath.endswith("/") and (lpath.endswith(("/", os.sep)) or Path(lpath).is_dir())
            target = Path(lpath, name(strip(rpath))) if into else Path(lpath)
            report = self.drive.download_contents(strip(rpath), target, on_progress=_told(callback, _FILES))
            report.raise_for_failures()
            return
        super().get(rpath, lpath, recursive=recursive, callback=callback, maxdepth=maxdepth, **kwargs)

    def get_file(
        self, rpath: str, lpath: Any = None, callback: Any = DEFAULT_CALLBACK, outfile: Any = None, **kwargs: Any
    ) -> None:
        """Download one file, verified by its SHA-1 before it gets its name; a folder is only made.

        Args:
            rpath: The file in Box.
            lpath: Its path here, or an open file.
            callback: fsspec's listener.
            outfile: An open file.
            kwargs: `version`, the id of a past one.
        """
        place, version = parse(strip(rpath))
        version = kwargs.get("version") or version
        outfile = lpath if outfile is None and isfilelike(lpath) else outfile
        if outfile is not None:
            self._pour(place, version, outfile, callback)
        elif version is None and self.isdir(place):
            Path(lpath).mkdir(parents=True, exist_ok=True)
        elif Path(lpath).is_dir():
            raise refusal(errno.EISDIR, str(lpath))
        else:
            Path(lpath).parent.mkdir(parents=True, exist_ok=True)
            self.drive.download(place, lpath, version=version, overwrite=True, on_progress=_told(callback, _BYTES))

    def _pour(self, path: str, version: str | None, outfile: Any, callback: Any) -> None:
        with self.drive.open(path, version=version) as download:
            callback.set_size(download.size)
            for block in download:
                outfile.write(block)
                callback.relative_update(len(block))

    def put(
        self,
        lpath: Any,
        rpath: Any,
        recursive: bool = False,
        callback: Any = DEFAULT_CALLBACK,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Upload files and folders; a whole folder's files go side by side. Arguments and rules are fsspec's."""
        if recursive and not kwargs and is_plain(lpath, rpath, maxdepth) and Path(lpath).is_dir():
            into = not lpath.endswith(("/", os.sep)) and (rpath.endswith("/") or self.isdir(rpath))
            target = below(strip(rpath), Path(lpath).resolve().name) if into else strip(rpath)
            if target != paths.ROOT:
                report = self.drive.upload(
                    lpath, parent(target), name=name(target), on_progress=_told(callback, _FILES)
                )
                report.raise_for_failures()
                return
        super().put(lpath, rpath, recursive=recursive, callback=callback, maxdepth=maxdepth, **kwargs)

    def put_file(
        self, lpath: str, rpath: str, callback: Any = DEFAULT_CALLBACK, mode: str = "overwrite", **_: Any
    ) -> None:
        """Upload one file, resumed where an earlier try stopped; a folder is only made.

        Args:
            lpath: The file here.
            rpath: Its path in Box; its folder is made if it is not there.
            callback: fsspec's listener.
            mode: `overwrite` makes a new version of what is there, `create` refuses.
        """
        target = strip(rpath)
        if Path(lpath).is_dir():
            self.makedirs(target, exist_ok=True)
            return
        conflict: OnConflict = "fail" if mode == "create" else "version"
        self.drive.upload(
            lpath, parent(target), name=name(target), on_conflict=conflict, on_progress=_told(callback, _BYTES)
        )


_BYTES = attrgetter("total", "done")
_FILES = attrgetter("files_total", "files_done")


def _told(callback: Any, counted: Callable[[Progress], tuple[int | None, int]]) -> Listener:
    """Return what tells fsspec's callback how much of all there is has moved, as counted."""

    def tell(progress: Progress) -> None:
        total, done = counted(progress)
        if total is not None and callback.size != total:
            callback.set_size(total)
        callback.absolute_update(done)

    return tell
