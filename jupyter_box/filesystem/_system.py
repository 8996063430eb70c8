"""Box as an fsspec file system: its verbs on `box://` addresses, each said in the words of the drive."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from fsspec import AbstractFileSystem
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.compression import compr
from fsspec.core import get_compression
from fsspec.utils import isfilelike, tokenize

from jupyter_box import paths, shared
from jupyter_box.errors import BoxError, Changed, Corrupted, Denied, Exists, InvalidName, NotAuthorized, NotFound
from jupyter_box.events import Progress
from jupyter_box.items import Item

from ._addresses import PROTOCOL, below, name, parent, parse, strip
from ._entries import Entry, entry, fingerprint, item_of
from ._reading import BLOCK, Blocks, Reader
from ._threads import pool
from ._writing import Packed, Writer

if TYPE_CHECKING:
    from jupyter_box.drive import Drive
    from jupyter_box.transfer import OnConflict

T = TypeVar("T")
_OF_ASYNC = ("asynchronous", "batch_size", "loop")  # fsspec's callers give them to every file system
_LISTED = 10.0  # seconds: for so long a change that someone else made may not be seen in a folder listed before


class BoxFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Box for whatever speaks fsspec: pandas, PyArrow, DuckDB, Dask, Zarr.

    `box:///Maintenance/x.csv` and `box://Maintenance/x.csv` start from the drive's root, `box://./x.csv` from the
    current folder of the magics, `box://id:123` is an item by its id; `?version=456` after a file means one of its
    versions. Without settings it is the drive of the shell's magics, or else that of the environment.

    Missing folders are made, what is removed goes to Box's trash, and overwriting a file makes a new version. An
    instance pickles as its settings, which hold no secret: where it is unpickled, the environment says who we are.

    Args:
        block_size: Bytes of a block of an open file.
        cache_type: The name of another of fsspec's caches for open files.
        cache_options: For that cache; for our own, `kept` and `ahead` in blocks.
        use_listings_cache: Whether listings are remembered.
        listings_expiry_time: For how many seconds. A change made by this process is seen at once in any case.
        options: `max_paths` of fsspec, and settings of `BoxConfig`, as in `root_folder="123"`.

    Raises:
        TypeError: An option is neither.
    """

    protocol = PROTOCOL
    root_marker = paths.ROOT
    blocksize = BLOCK

    def __init__(
        self,
        *,
        block_size: int = BLOCK,
        cache_type: str = Blocks.name,
        cache_options: dict[str, Any] | None = None,
        use_listings_cache: bool = True,
        listings_expiry_time: float | None = _LISTED,
        max_paths: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            use_listings_cache=use_listings_cache, listings_expiry_time=listings_expiry_time, max_paths=max_paths
        )
        self.blocksize = block_size
        self._cache = (cache_type, cache_options)
        self._settings = _settings(options)
        self._state: object = None

    @property
    def drive(self) -> Drive:
        """The drive that this is a view of, connected when it is first asked for.

        Raises:
            NotConfigured: There are no credentials, or only half of them.
        """
        return shared.drive(**self._settings)

    @classmethod
    def clear_instance_cache(cls) -> None:
        """Begin anew: with the next file system, settings and environment are read again."""
        super().clear_instance_cache()
        shared.forget()

    def __dask_tokenize__(self) -> str:
        return str(tokenize(type(self), self.storage_options))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.storage_options == other.storage_options

    def __hash__(self) -> int:
        return hash(self.__dask_tokenize__())

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return [strip(one) for one in path] if isinstance(path, list) else strip(path)

    @classmethod
    def _parent(cls, path: str) -> str:
        return parent(strip(path))

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget a folder's listing, and that of the folder that an item is in; without a path, all listings."""
        super().invalidate_cache(path)
        if path is None:
            self.dircache.clear()
            return
        for folder in (strip(path), self._parent(path)):
            self.dircache.pop(folder, None)

    def ls(self, path: str, detail: bool = True, *, refresh: bool = False, **_: Any) -> list[Entry] | list[str]:
        """Return what is in a folder, or a file alone: its details, or names.

        Args:
            path: The folder or file.
            detail: Whether each is told with `type`, `size`, `id`, `etag`, `sha1`, `version`, `created`, `modified`.
            refresh: Whether to ask Box even if the folder was listed a moment ago.

        Raises:
            NotFound: There is no such thing.
        """
        path = strip(path)
        entries = None if refresh else self._remembered(path)
        if entries is None:
            entries = self._list(path)
        return list(entries) if detail else [one["name"] for one in entries]

    def _list(self, path: str) -> list[Entry]:
        state = self.drive.state
        try:
            entries = [entry(item, below(path, item.name)) for item in self.drive.list(path)]
        except InvalidName as error:
            if error.code != "not_a_folder":
                raise
            return [self._ask(path)]
        if self.drive.state is state:
            self.dircache[path] = entries
        return entries

    def _remembered(self, path: str) -> list[Entry] | None:
        """Return a listing of a moment ago, if this process has changed nothing in Box since."""
        if self._state is not self.drive.state:
            self._state = self.drive.state
            self.dircache.clear()
        try:
            entries: list[Entry] = self.dircache[path]
        except KeyError:
            return None
        return entries

    def _listed(self, path: str) -> Entry | None:
        return next((one for one in self._remembered(parent(path)) or () if one["name"] == path), None)

    def _ask(self, path: str, version: str | None = None) -> Entry:
        place, given = parse(path)
        version = version or given
        item = self.drive.stat_version(place, version) if version else self.drive.stat(place)
        return entry(item, path)

    def info(self, path: str, *, version: str | None = None, **_: Any) -> Entry:
        """Return an item's details, as `ls` gives them.

        Args:
            path: The item; with `?version=` that version of a file.
            version: The same, apart from the path.

        Raises:
            NotFound: There is no such item or version.
        """
        path = strip(path)
        listed = None if version or parse(path).version else self._listed(path)
        return dict(listed) if listed else self._ask(path, version)

    def _find_entry(self, path: str) -> Entry | None:
        try:
            return self.info(path)
        except (NotFound, InvalidName):
            return None

    def exists(self, path: str, **_: Any) -> bool:
        """Tell whether there is something at a path; raises if Box does not say."""
        return self._find_entry(path) is not None

    def isdir(self, path: str) -> bool:
        """Tell whether there is a folder at a path; raises if Box does not say."""
        found = self._find_entry(path)
        return found is not None and found["type"] == "directory"

    def isfile(self, path: str) -> bool:
        """Tell whether there is a file at a path; raises if Box does not say."""
        found = self._find_entry(path)
        return found is not None and found["type"] == "file"

    def created(self, path: str) -> Any:
        """Return when an item was made, in UTC."""
        return self.info(path)["created"]

    def modified(self, path: str) -> Any:
        """Return when Box last saw a change of an item, in UTC."""
        return self.info(path)["modified"]

    def ukey(self, path: str) -> str:
        """Return a text that is another one once a file's content is, by Box's SHA-1 and version."""
        return fingerprint(self._ask(strip(path)))

    def checksum(self, path: str) -> int:
        """Return the same as a number."""
        return int(self.ukey(path), 16)

    def sign(self, path: str, expiration: int = 100, **kwargs: Any) -> str:  # noqa: ARG002  fsspec's signature
        """Return an address of a file's content that works for anyone, for some minutes: Box says how many.

        Raises:
            NotImplementedError: This implementation of Box's API gives none.
        """
        place, version = parse(strip(path))
        url = self.drive.download_url(place, version=kwargs.get("version") or version)
        if url is None:
            raise NotImplementedError("This server of the Box API has no pre-signed addresses.")
        return str(url)

    def walk(
        self, path: str, maxdepth: int | None = None, topdown: bool = True, on_error: Any = "omit", **kwargs: Any
    ) -> Iterator[Any]:
        """Yield folder, folders and files in it, and so on below; one listing for each folder.

        Args:
            path: Where to begin.
            maxdepth: How many levels.
            topdown: Whether a folder comes before what is in it.
            on_error: `omit` leaves out what is not there or not ours to see, `raise` leaves out nothing, a function
                is told. That Box cannot be reached always raises, for else a part would look like the whole.
            kwargs: `detail`, and what `ls` takes.
        """
        handler = _omit_unseen if on_error == "omit" else on_error
        return super().walk(path, maxdepth, topdown, handler, **kwargs)  # type: ignore[no-any-return]

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """Return what matches a pattern; a `?version=` at its end is none."""
        stripped = strip(path)
        if not parse(stripped).version:
            return super().glob(path, maxdepth, **kwargs)
        found = {stripped: self.info(stripped)} if self.exists(stripped) else {}
        return found if kwargs.get("detail") else list(found)

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
            raise _refusal(errno.ENOTDIR, path)
        try:
            self.drive.remove(path, recursive=False)
        except BoxError as error:
            raise (_refusal(errno.ENOTEMPTY, path) if error.code == "folder_not_empty" else error) from None

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
                raise _refusal(errno.EISDIR, one)
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
            raise _refusal(errno.EISDIR, target)
        elif there or parse(source).version:
            # Box copies only to a free name, and only what is current
            self._store(target, io.BytesIO(self.cat_file(source)))
        else:
            self._in_folder_of(target, lambda: self.drive.copy(source, target))

    def copy(self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any) -> None:
        """Copy files and folders within Box, none of their bytes through this machine unless a file is overwritten.

        A whole folder to a new place is one call. Arguments and rules are fsspec's.
        """
        if recursive and _is_plain(path1, path2, maxdepth) and self.isdir(path1):
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
        if not _is_plain(path1, path2, maxdepth):
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

    def _in_folder_of(self, path: str, act: Callable[[], T]) -> T:
        """Do something that needs the folder of a path, and nothing else that may be missing; makes it if need be."""
        try:
            return act()
        except NotFound:
            self.drive.mkdir(parent(path))
            return act()

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
            mode: `r`, `w`, `x` or `a`, of text or with `b`; a file that is written goes to Box when it is closed.
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
            raise _refusal(errno.EISDIR, path)
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
        there = self._find_entry(path) if mode != "wb" else None
        if there and mode == "xb":
            raise Exists(f"{path} exists already.", hint="Choose another name.", item_id=there["id"])
        before = self.cat_file(path) if there else b""
        store = self._create if mode == "xb" else self._store
        return Writer(path, mode, lambda spool: store(path, spool), autocommit=autocommit, before=before)

    def _store(self, path: str, data: BinaryIO) -> Item:
        """Write a whole file; if someone else makes it at the same moment, ours becomes its next version."""

        def send() -> Item:
            data.seek(0)
            return self.drive.write(_writable(path), data)

        try:
            return self._in_folder_of(path, send)
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

    def fetch(self, details: Entry, start: int, end: int) -> bytes:
        """Return some bytes of a file.

        Args:
            details: What `info` says of it.
            start: The first byte.
            end: The byte after the last.
        """
        version = parse(details["name"]).version
        return self.drive.ranges(item_of(details), [(start, end)], version=version)[0]

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
            raise _refusal(errno.EISDIR, path)
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
        if recursive and _is_plain(rpath, lpath, maxdepth) and self.isdir(rpath):
            into = not rpath.endswith("/") and (lpath.endswith(("/", os.sep)) or Path(lpath).is_dir())
            target = Path(lpath, name(strip(rpath))) if into else Path(lpath)
            report = self.drive.download_contents(strip(rpath), target, on_progress=_counter(callback))
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
            raise _refusal(errno.EISDIR, str(lpath))
        else:
            Path(lpath).parent.mkdir(parents=True, exist_ok=True)
            self.drive.download(place, lpath, version=version, overwrite=True, on_progress=_teller(callback))

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
        if recursive and not kwargs and _is_plain(lpath, rpath, maxdepth) and Path(lpath).is_dir():
            into = not lpath.endswith(("/", os.sep)) and (rpath.endswith("/") or self.isdir(rpath))
            target = below(strip(rpath), Path(lpath).resolve().name) if into else strip(rpath)
            if target != paths.ROOT:
                report = self.drive.upload(lpath, parent(target), name=name(target), on_progress=_counter(callback))
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
        self.drive.upload(lpath, parent(target), name=name(target), on_conflict=conflict, on_progress=_teller(callback))


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options if all of them are settings of `BoxConfig`."""
    from jupyter_box.config import BoxConfig

    given = {option: value for option, value in options.items() if option not in _OF_ASYNC}
    unknown = sorted(set(given) - set(BoxConfig.class_own_traits(config=True)))
    if unknown:
        raise TypeError(
            f"box:// has no option {', '.join(unknown)}. Options are the settings of BoxConfig; secrets come from "
            "the environment or from files only."
        )
    return given


def _omit_unseen(error: Exception) -> None:
    if not isinstance(error, NotFound | Denied) or isinstance(error, NotAuthorized):
        raise error


def _refusal(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def _writable(path: str) -> str:
    if parse(path).version:
        raise InvalidName(f"{path} is a version that is past.", hint="Write to the file itself.")
    return path


def _is_plain(source: Any, target: Any, maxdepth: int | None) -> bool:
    is_text = isinstance(source, str) and isinstance(target, str)
    return is_text and maxdepth is None and not has_magic(source)


def _is_inside(path: str, folder: str) -> bool:
    return below(path, "").startswith(below(folder, ""))


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


def _teller(callback: Any) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        if progress.total is not None and callback.size != progress.total:
            callback.set_size(progress.total)
        callback.absolute_update(progress.done)

    return tell


def _counter(callback: Any) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        callback.set_size(progress.files_total)
        callback.absolute_update(progress.files_done)

    return tell
