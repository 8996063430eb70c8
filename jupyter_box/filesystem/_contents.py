"""What is in files: opened, read in parts, written; the bytes themselves come and go through the drive."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

from fsspec.compression import compr
from fsspec.core import get_compression

from jupyter_box.errors import Changed, Corrupted, Exists, InvalidName, NotFound
from jupyter_box.items import Item

from ._addresses import parent, parse, strip
from ._entries import Entry, fingerprint, item_of, refusal
from ._looking import Looking
from ._reading import Reader
from ._threads import pool
from ._writing import Packed, Writer

T = TypeVar("T")


class Contents(Looking):
    """Reads and writes; a folder that is missing where something is written is made."""

    _cache: tuple[str, dict[str, Any] | None]

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | str | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Open a file.

        Args:
            path: The file.
            mode: `r`, `w`, `x` or `a`, of text or with `b`; a file that is written goes to Box when it is closed, one
                that is appended to only if nobody else has changed it since.
            block_size: Bytes of a block that is read at once.
            cache_options: For the cache of a file that is read: `kept` and `ahead`, in blocks.
            compression: A name that fsspec knows, or `infer`.
            kwargs: `version`, `cache_type`; `encoding`, `errors` and `newline` of text.

        Raises:
            NotFound: It is to be read and is not there.
            Exists: It is to be made and is there.
            IsADirectoryError: It is a folder.
        """
        options = {"block_size": block_size, "cache_options": cache_options, **kwargs}
        codec = get_compression(path, compression)
        if codec is None or "r" in mode or "b" not in mode:
            return super().open(path, mode, compression=codec, **options)
        file = super().open(path, mode, **options)
        return Packed(compr[codec](file, mode=mode[0]), file)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | str | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Reader | Writer:
        if mode == "rb":
            return self._reader(path, block_size, cache_options, **kwargs)
        if mode not in {"wb", "ab", "xb"}:
            raise io.UnsupportedOperation(
                f"box:// opens a file to read (r), write (w), create (x) or append (a): {mode}"
            )
        return self._writer(path, mode, autocommit=autocommit)

    def _reader(
        self,
        path: str,
        block_size: int | str | None,
        cache_options: dict[str, Any] | None,
        *,
        version: str | None = None,
        cache_type: str | None = None,
        **_: Any,
    ) -> Reader:
        if version and not parse(path).version:
            path = f"{path}?version={version}"
        details = self.info(path)
        if details["type"] != "file":
            raise refusal(errno.EISDIR, path)
        own_type, own_options = self._cache
        return Reader(
            self,
            path,
            block_size=self.blocksize if block_size in {None, "default"} else block_size,
            details=details,
            cache_type=cache_type or own_type,
            cache_options=cache_options or (own_options if cache_type in {None, own_type} else None),
        )

    def _writer(self, path: str, mode: str, *, autocommit: bool) -> Writer:
        there = self._find_entry(path) if mode == "xb" else self._appended(path) if mode == "ab" else None
        if there and mode == "xb":
            raise Exists(f"{path} exists already.", hint="Choose another name.", item_id=there["id"])

        def store(spool: BinaryIO) -> Item:
            if mode == "wb" or there:
                return self._store(path, spool, there["etag"] if there else None)
            return self._create(path, spool)

        before = self._cut(there, None, None) if there else b""
        return Writer(path, mode, store, autocommit=autocommit, before=before)

    def _appended(self, path: str) -> Entry | None:
        """Return the file that something is to be added to, as it is now; None if there is none."""
        try:
            details = self._ask(path)
        except NotFound:
            return None
        if details["type"] != "file":
            raise refusal(errno.EISDIR, path)
        return details

    def _store(self, path: str, data: BinaryIO, etag: str | None = None) -> Item:
        """Write a whole file; if someone else makes it at the same moment, ours becomes its next version.

        With an etag, only if the file still has that.
        """

        def send() -> Item:
            data.seek(0)
            return self.drive.write(_writable(path), data, if_match=etag)

        try:
            return self._in_folder_of(path, send)
        except Changed:
            self.invalidate_cache(path)
            raise
        except Exists:
            if not self.isfile(path):
                raise
            return send()

    def _create(self, path: str, data: BinaryIO) -> Item:
        def send() -> Item:
            data.seek(0)
            return self.drive.create(_writable(path), data)

        return self._in_folder_of(path, send)

    def pipe_file(self, path: str, value: Any, mode: str = "overwrite", **_: Any) -> None:
        """Write the whole content of a file.

        Args:
            path: The file.
            value: Its bytes.
            mode: `overwrite`, or `create` for a file that must be new.

        Raises:
            Exists: It is there already, and `mode` is `create`; or a folder has the name.
        """
        store = self._create if mode == "create" else self._store
        store(strip(path), io.BytesIO(value))

    def touch(self, path: str, truncate: bool = True, **kwargs: Any) -> None:
        """Make an empty file, or empty a file.

        Raises:
            NotImplementedError: It is there and `truncate` is off: Box sets the times itself.
        """
        if not truncate and self.exists(path):
            raise NotImplementedError("Box sets the time of a change itself.")
        self.pipe_file(path, b"", **kwargs)

    def fetch(self, details: Entry, start: int, end: int, *, is_pinned: bool = False) -> bytes:
        """Return some bytes of a file.

        Args:
            details: What `info` says of it.
            start: The first byte.
            end: The byte after the last.
            is_pinned: Whether they must be of that very version, though another may be current by now.
        """
        version = details["version"] if is_pinned else parse(details["name"]).version
        return self.drive.ranges(item_of(details), [(start, end)], version=version)[0]

    def check_unchanged(self, details: Entry) -> None:
        """Do nothing if a file is still as `details` say.

        Raises:
            Changed: It is not.
            NotFound: It is gone.
        """
        if self.ukey(details["name"]) != fingerprint(details):
            raise Changed(f"{details['name']} changed in Box while it was open.", hint="Open it again.")

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, *, version: str | None = None, **_: Any
    ) -> bytes:
        """Return the bytes of a file, those of a whole file verified by its SHA-1.

        Args:
            path: The file.
            start: The first byte; negative from the end, None for the file's start.
            end: The byte after the last; negative from the end, None for the file's end.
            version: The id of a past version.

        Raises:
            NotFound: It is not there.
            Corrupted: What came is not what Box has.
        """
        path = strip(path)
        if version:
            path = f"{parse(path).path}?version={version}"
        return self._current(path, lambda details: self._cut(details, start, end))

    def _cut(self, details: Entry, start: int | None, end: int | None) -> bytes:
        version = parse(details["name"]).version
        if start is None and end is None:
            return self.drive.content(item_of(details), version=version)
        first, last, _ = slice(start, end).indices(details["size"])
        return self.fetch(details, first, last) if first < last else b""

    def _current(self, path: str, act: Callable[[Entry], T]) -> T:
        """Do something with a file's details; once more if those of a listing are out of date."""
        details = self.info(path)
        if details["type"] != "file":
            raise refusal(errno.EISDIR, path)
        try:
            return act(details)
        except (Changed, Corrupted, NotFound):
            self.invalidate_cache(path)
            now = self._ask(path)
            if fingerprint(now) == fingerprint(details):
                raise
            return act(now)

    def cat(self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any) -> Any:
        """Return the bytes of a file, or of several as a dictionary; these are fetched side by side.

        Args:
            path: One or several, or a pattern.
            recursive: Whether a folder means all files in it.
            on_error: `raise`; or of a file that cannot be had, `omit` it or `return` the exception.
            kwargs: For `cat_file`.
        """
        wanted = self.expand_path(path, recursive=recursive)
        if recursive:
            wanted = [one for one in wanted if not self.isdir(one)]
        if wanted == [strip(path)] if isinstance(path, str) else False:
            return self.cat_file(wanted[0], **kwargs)
        found = dict(zip(wanted, pool().map(_caught(self.cat_file, on_error, kwargs), wanted), strict=True))
        return {one: data for one, data in found.items() if on_error != "omit" or not isinstance(data, Exception)}

    def cat_ranges(
        self,
        paths: list[str],  # fsspec's name
        starts: int | list[int | None] | None,
        ends: int | list[int | None] | None,
        max_gap: int | None = None,  # noqa: ARG002  an economy that our parallel ranges do not need
        on_error: str = "return",
        **_: Any,
    ) -> list[bytes | Exception]:
        """Return ranges of files, fetched side by side, with one look-up for each file.

        Args:
            paths: The file of each range.
            starts: Their first bytes, or one for all; negative from a file's end.
            ends: The bytes after their last, or one for all.
            max_gap: Not needed.
            on_error: `return` an exception in the place of its range, or `raise` it.
        """
        if not isinstance(paths, list):
            raise TypeError("paths must be a list")
        limits = list(zip(_each(starts, len(paths)), _each(ends, len(paths)), strict=True))
        places: dict[str, list[int]] = {}
        for place, path in enumerate(paths):
            places.setdefault(strip(path), []).append(place)
        read = _caught(lambda path: self._ranges(path, [limits[place] for place in places[path]]), on_error, {})
        out: list[bytes | Exception] = [b""] * len(paths)
        for own, result in zip(places.values(), pool().map(read, places), strict=True):
            for number, place in enumerate(own):
                out[place] = result if isinstance(result, Exception) else result[number]
        return out

    def _ranges(self, path: str, limits: list[tuple[int | None, int | None]]) -> list[bytes]:
        def read(details: Entry) -> list[bytes]:
            cut = [slice(*limit).indices(details["size"])[:2] for limit in limits]
            return self.drive.ranges(item_of(details), cut, version=parse(path).version)

        return self._current(path, read)

    def _in_folder_of(self, path: str, act: Callable[[], T]) -> T:
        """Do something that needs the folder of a path, and nothing else that may be missing; makes it if need be."""
        try:
            return act()
        except NotFound:
            self.drive.mkdir(parent(path))
            return act()


def _writable(path: str) -> str:
    if parse(path).version:
        raise InvalidName(f"{path} is a version that is past.", hint="Write to the file itself.")
    return path


def _each(limit: int | list[int | None] | None, count: int) -> list[int | None]:
    each = limit if isinstance(limit, list) else [limit] * count
    if len(each) != count:
        raise ValueError("paths, starts and ends must be equally many")
    return each


def _caught(act: Callable[..., T], on_error: str, kwargs: dict[str, Any]) -> Callable[[str], T | Exception]:
    def run(path: str) -> T | Exception:
        try:
            return act(path, **kwargs)
        except Exception as error:
            if on_error == "raise":
                raise
            return error

    return run
