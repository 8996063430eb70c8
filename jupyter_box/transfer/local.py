"""Files of this machine: reads by position, temporary files, local errors in our words; knows nothing of Box's API."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from jupyter_box.errors import BoxError, Changed, Denied, Exists, NotFound, QuotaFull

if TYPE_CHECKING:
    from typing_extensions import Self

BLOCK = 1 << 18  # bytes per read: it stays in the processor's cache between hashing and sending
_SPOOL = 32 << 20  # bytes of a stream kept in memory before it goes to disk


class LocalError(BoxError):
    """This machine refused something; Box has nothing to do with it."""

    code = "local_error"
    status = 500


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a local file is still the same: its size, its time in nanoseconds and its inode."""

    size: int
    mtime: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Return the stamp of a file's status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    @classmethod
    def at(cls, path: Path) -> Stamp | None:
        """Return the stamp of what is at a path; None if nothing is."""
        try:
            return cls.of(path.stat())
        except OSError:
            return None


class Source:
    """Bytes to upload, read by position from many threads; close it, or use it as a context manager.

    Args:
        file: A seekable binary file.
        label: How errors name it.
        size: Its bytes; None to ask the file.
    """

    def __init__(self, file: BinaryIO, label: str, size: int | None = None) -> None:
        self.label = label
        self._file = file
        self._lock = threading.Lock()
        self._base = file.tell()
        self.size = size if size is not None else file.seek(0, os.SEEK_END) - self._base
        self.stamp: Stamp | None = None
        self.path: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what was opened here; a caller's own stream stays open."""

    @property
    def modified(self) -> datetime | None:
        """When the content was last changed, where the machine knows."""
        return datetime.fromtimestamp(self.stamp.mtime / 1e9, timezone.utc) if self.stamp else None

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        """Yield the bytes from `start` up to `end`; each block is valid until the next is asked for.

        Raises:
            Changed: The file has become shorter.
        """
        last = self.size if end is None else end
        buffer = memoryview(bytearray(min(BLOCK, max(1, last - start))))
        while start < last:
            count = self._read_into(buffer[: min(len(buffer), last - start)], start)
            if not count:
                raise self._changed()
            yield buffer[:count]
            start += count

    def _read_into(self, view: memoryview, offset: int) -> int:
        with self._lock:
            self._file.seek(self._base + offset)
            data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def check(self) -> None:
        """Do nothing if the source is still what was opened.

        Raises:
            Changed: It is not.
        """

    def _changed(self) -> Changed:
        return Changed(
            f"{self.label} changed while it was being uploaded; nothing of it was kept in Box.",
            hint="Upload it again once nothing writes to it.",
            code="source_changed",
        )


class FileSource(Source):
    """A local file, opened once."""

    def __init__(self, path: Path) -> None:
        with local_errors(path):
            file = _open_regular(path)
        self._descriptor = file.fileno()
        super().__init__(file, str(path))
        self.path = path
        self.stamp = Stamp.of(os.fstat(self._descriptor))
        self.size = self.stamp.size

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_into(self, view: memoryview, offset: int) -> int:
        with local_errors(self.label):
            if hasattr(os, "preadv"):
                return os.preadv(self._descriptor, [view], offset)
            return super()._read_into(view, offset)

    def check(self) -> None:
        """Do nothing if the path still names the file that was opened, with its size and time.

        Raises:
            Changed: It does not.
        """
        try:
            now = Stamp.of(Path(self.label).stat())
        except OSError:
            raise self._changed() from None
        if now != self.stamp:
            raise self._changed()


class SpooledSource(Source):
    """A stream that can be read only once, copied to a temporary file first: Box wants the size before the bytes."""

    def __init__(self, stream: BinaryIO, label: str) -> None:
        spool = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115  closed by close()
        try:
            with local_errors(tempfile.gettempdir()):
                while data := stream.read(BLOCK):
                    spool.write(data)
                spool.seek(0)
        except BaseException:
            spool.close()
            raise
        super().__init__(spool, label)  # type: ignore[arg-type]

    def close(self) -> None:
        """Remove the copy."""
        self._file.close()


def open_source(source: Path | str | BinaryIO, label: str, size: int | None = None) -> Source:
    """Return what to read the bytes of a path or of a binary stream from.

    Raises:
        NotFound: There is no such local file.
        Denied: It may not be read.
    """
    if isinstance(source, str | os.PathLike):
        return FileSource(Path(source))
    if getattr(source, "seekable", bool)():
        return Source(source, label, size)
    return SpooledSource(source, label)


def _open_regular(path: Path) -> BinaryIO:
    # without O_NONBLOCK the open of a named pipe waits for a writer for ever
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_regular(path, os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise LocalError(f"{path} is {kind}.", hint="Only regular files can be uploaded.", code="not_a_file")


@contextmanager
def local_errors(path: Path | str) -> Iterator[None]:
    """Raise what the machine says about a file of its own as our errors.

    Raises:
        NotFound: No such file or folder.
        Denied: Its permissions, or a read-only disk, forbid it.
        QuotaFull: The disk is full, or the user's share of it.
        BoxError: Anything else.
    """
    try:
        yield
    except BoxError:
        raise
    except OSError as error:
        raise translate_local(error, path) from error


def translate_local(error: OSError, path: Path | str) -> BoxError:
    """Return what the machine said about a file of its own as one of our errors."""
    reason = error.strerror or str(error)
    if error.errno == errno.ENOENT:
        return NotFound(f"{path} is not on this machine.", hint="Check the path.", code="local_not_found")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return Denied(f"{path}: {reason}.", hint="Check its permissions on this machine.", code="local_denied")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return QuotaFull(f"{path}: {reason}.", hint="Free some space on this machine.", code="disk_full")
    return LocalError(f"{path}: {reason}.", hint=_HINTS.get(error.errno or 0, ""))


_HINTS = {
    errno.ENOTDIR: "Choose a folder.",
    errno.EISDIR: "Choose a file.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


def check_free(path: Path, hint: str = "Allow to overwrite it, or choose another place.") -> None:
    """Do nothing if there is nothing at a path of this machine.

    Raises:
        Exists: There is something; `hint` says what to do.
    """
    if os.path.lexists(path):
        raise Exists(f"{path} exists on this machine.", hint=hint, code="local_exists")


def unless_taken(path: Path, *, overwrite: bool) -> Callable[[], None]:
    """Return `check_free` for a path that must not be overwritten, and for any other what does nothing."""
    return (lambda: None) if overwrite else partial(check_free, path)


def set_modified(path: Path, modified: datetime | None) -> None:
    """Give a local file the time that its content has in Box."""
    if modified is not None:
        os.utime(path, (modified.timestamp(), modified.timestamp()))
