"""The bytes: read and write a file, upload and download what is on this machine; how they travel is `transfer`'s."""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path
from typing import BinaryIO

from jupyter_box import paths
from jupyter_box.errors import Changed, Exists
from jupyter_box.events import Listener, Transfer, ignore
from jupyter_box.items import Item
from jupyter_box.lookup import Ref
from jupyter_box.transfer import Download, OnConflict, Outcome, Report
from jupyter_box.transfer.download import verify_bytes
from jupyter_box.transfer.local import local_errors
from jupyter_box.transfer.taken import taken
from jupyter_box.transfer.tree import check_local_name

from ._core import check_id, not_a_file
from ._rearranging import Rearranging


class Content(Rearranging):
    """Moves content between Box and here."""

    def read(self, path: str, *, version: str | None = None) -> bytes:
        """Return the whole content of a file, verified by its SHA-1.

        Args:
            path: The file.
            version: The id of a past version; None for the current one.

        Raises:
            NotFound: The file or the version is not there.
            Denied: Our role does not allow the download.
            Corrupted: What came is not what Box has.
        """
        file = self._transfers.whole(self._file(path), _version(version))
        with self._transfers.open(file, version=version) as download:
            data = download.read()
        verify_bytes(file, data)
        return data

    def open(self, path: str, *, version: str | None = None, start: int = 0, end: int | None = None) -> Download:
        """Return the bytes of a file as they come: a context manager and an iterator of blocks, not verified.

        Args:
            path: The file.
            version: The id of a past version; None for the current one.
            start: The first byte.
            end: The byte after the last; None for the file's end.

        Raises:
            NotFound: The file or the version is not there.
            Denied: Our role does not allow the download.
        """
        return self._transfers.open(self._file(path), version=_version(version), start=start, end=end)

    def download_url(self, path: str, *, version: str | None = None) -> str | None:
        """Return Box's own address of a file's content, good for some minutes and without a token; None if it has none.

        Args:
            path: The file.
            version: The id of a past version; None for the current one.

        Raises:
            NotFound: The file or the version is not there.
            Denied: Our role does not allow the download.
        """
        return self._transfers.content.signed_url(self._file(path).id, _version(version))

    def write(
        self,
        path: str,
        data: bytes | str | BinaryIO,
        *,
        size: int | None = None,
        if_match: str | None = None,
        must_be_new: bool = False,
    ) -> Item:
        """Write a file: a new one, or a new version of what is there; equal content is not sent again.

        Args:
            path: The file; its folder must exist.
            data: The whole content; text is written as UTF-8.
            size: The bytes of a stream, where they are known; a large one then goes to Box as it comes.
            if_match: The etag that the file must still have, `*` for any; None to write in any case.
            must_be_new: Whether a file that is there already is to stay as it is.

        Returns:
            The file as it is then in Box.

        Raises:
            Changed: The file has another etag, or is gone.
            Exists: A folder has the name; or a file, and the new one must be new.
            NotFound: Its folder is not there.
            Denied: Our role does not allow it, or a lock forbids it.
        """
        whole = self._path(path)
        existing = self._lookup.find(whole)
        _check_unchanged(existing, whole, if_match)
        if if_match == "*":
            if_match = None  # Box takes an etag alone, and gets that of what is there
        if existing and must_be_new:
            raise taken(existing)
        folder, name = self._place(existing, whole)
        try:
            return self._send(_stream(data), folder, name, existing, size=size, if_match=if_match)
        except Exists:
            # someone else made the file while we sent ours: what can be sent again becomes its next version
            existing = self._lookup.find(whole)
            if must_be_new or existing is None or not existing.is_file or not isinstance(data, bytes | str):
                raise
        return self._send(_stream(data), folder, name, existing)

    def upload(
        self,
        local: str | os.PathLike[str],
        folder: str = ".",
        *,
        name: str | None = None,
        on_conflict: OnConflict = "version",
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Report:
        """Upload a local file or folder into a folder of Box, as `cp -r` does; an unchanged file is not sent.

        Args:
            local: The file or folder on this machine.
            folder: The folder in Box; it is made if it is not there.
            name: Another name in Box.
            on_conflict: What becomes of a file whose name is taken: `version` makes a new version, `skip` leaves what
                is there, `rename` takes a free name, `fail` stops at it.
            on_progress: Told how far it is.
            cancel: Ends the upload when it is set.

        Returns:
            What became of every file; a single file's failure raises, of a folder's files each has its outcome.

        Raises:
            NotFound: There is no such file on this machine.
            Exists: A folder has the file's name or the reverse; or the name is taken, and `on_conflict` is `fail`.
            Changed: The file changed while it was uploaded; nothing of it was kept.
            Cancelled: `cancel` was set.
        """
        source = _local(local)
        name = paths.check_name(name or source.resolve().name)
        wanted = Transfer(
            "upload", str(source.resolve()), self._path(folder), on_conflict, is_plain=name == source.name
        )
        on_progress, cancel = self._observed(wanted, on_progress, cancel)

        def send(into: Ref) -> Report:
            if not source.is_dir():
                return self._transfers.place_file(
                    source, into.id, into.path, name, on_conflict=on_conflict, on_progress=on_progress, cancel=cancel
                )
            made, is_new = self._new_or_there(into, name)
            return self._transfers.upload_tree(
                source,
                made.id,
                made.path,
                is_new=is_new,
                on_conflict=on_conflict,
                on_progress=on_progress,
                cancel=cancel,
            )

        return self._within(self._path(folder), send)

    def download(
        self,
        path: str,
        local: str | os.PathLike[str] = ".",
        *,
        version: str | None = None,
        overwrite: bool = False,
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Report:
        """Download a file or a folder, as `cp -r` does; each file is verified by its SHA-1 before it gets its name.

        Args:
            path: The file or folder in Box.
            local: The local folder that it goes into as itself, made if it is missing; for a file that is downloaded
                to what does not exist, its new local name.
            version: The id of a file's past version; None for the current one.
            overwrite: Whether a local file with other content may be replaced. If not, a single file raises, and of
                a folder's files each is kept and reported as skipped.
            on_progress: Told how far it is.
            cancel: Ends the download when it is set; nothing half-written stays.

        Raises:
            NotFound: It is not in Box.
            Exists: The local file exists, and `overwrite` is off.
            Denied: Our role does not allow the download; or the local folder cannot be written.
            Corrupted: What came is not what Box has; nothing of it was kept.
            BoxError: Its name cannot be a file's name on this machine (code `local_name`).
            Cancelled: `cancel` was set.
        """
        item = self._lookup.leaf(self._path(path))
        target = _target(Path(local).expanduser(), str(local), item)
        if item.type == "web_link":
            raise not_a_file(item)
        is_plain = target.name == item.name and version is None
        wanted = Transfer("download", item.path, str(target.parent.resolve()), overwrite=overwrite, is_plain=is_plain)
        on_progress, cancel = self._observed(wanted, on_progress, cancel)
        if item.is_folder:
            return self._transfers.download_tree(
                item, target, overwrite=overwrite, on_progress=on_progress, cancel=cancel
            )
        return self._download_file(
            item, target, version=_version(version), overwrite=overwrite, on_progress=on_progress, cancel=cancel
        )

    def _place(self, existing: Item | None, path: str) -> tuple[Ref, str]:
        if existing and existing.is_file:
            return Ref(existing.parent_id or "", "folder", paths.split(existing.path).parent), existing.name
        if existing:
            raise taken(existing)
        if paths.is_id(path):
            raise self._lookup.absence.of(path)
        parent, name = paths.split(path)
        return self._lookup.folder(parent), paths.check_name(name)

    def _send(
        self,
        source: Path | BinaryIO,
        folder: Ref,
        name: str,
        existing: Item | None,
        *,
        size: int | None = None,
        if_match: str | None = None,
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Item:
        sent = self._transfers.upload_file(
            source,
            folder.id,
            name,
            size=size,
            existing=existing,
            if_match=if_match,
            on_progress=on_progress,
            cancel=cancel,
        )
        return self._lookup.remember(sent.at(paths.below(folder.path, sent.name)))

    def _free_name(self, folder: Ref, name: str) -> str:
        free = next(candidate for candidate in paths.numbered(name) if not self._lookup.child(folder, candidate))
        return paths.check_name(free)

    def _download_file(
        self,
        item: Item,
        target: Path,
        *,
        version: str | None,
        overwrite: bool,
        on_progress: Listener,
        cancel: threading.Event | None,
    ) -> Report:
        began = time.monotonic()
        saved = self._transfers.download_file(
            item, target, version=version, overwrite=overwrite, on_progress=on_progress, cancel=cancel
        )
        outcome = Outcome(item.path, str(saved), "received", saved.stat().st_size, item_id=item.id)
        return Report((outcome,), time.monotonic() - began)


def _stream(data: bytes | str | BinaryIO) -> BinaryIO:
    return io.BytesIO(data.encode() if isinstance(data, str) else data) if isinstance(data, bytes | str) else data


def _check_unchanged(existing: Item | None, path: str, if_match: str | None) -> None:
    if if_match is not None and (existing is None or if_match not in {"*", existing.etag}):
        how = "has a newer version in Box" if existing else "is gone from Box"
        raise Changed(f"{path} {how}.", hint="Read it again, or write without the condition.")


def _version(version: str | None) -> str | None:
    return version and check_id(version, "List the file's versions to see theirs.")


def _local(local: str | os.PathLike[str]) -> Path:
    source = Path(local).expanduser()
    with local_errors(source):
        source.stat()
    return source


def _target(local: Path, text: str, item: Item) -> Path:
    # a folder always keeps its name, as when it is uploaded; a file may get a new one
    into = item.is_folder or local.is_dir() or text.endswith(("/", os.sep))
    if into:
        check_local_name(item.name)
    return local / item.name if into else local
