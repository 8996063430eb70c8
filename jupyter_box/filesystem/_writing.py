"""A file that is open for writing: it grows here, in memory and then on disk, and goes to Box once it is whole."""

from __future__ import annotations

import io
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

SPOOL = 16 << 20  # bytes in memory; Box wants the size before the bytes, so more than that waits on disk


class Writer(io.BufferedIOBase):
    """A new content for a file, which Box gets when it is closed and never in part.

    Nothing is written if an exception leaves the `with` block, or if the file is never closed. If Box refuses it,
    `close` raises, and `commit` may be tried again.

    Args:
        path: The address.
        mode: `wb`, `xb` or `ab`.
        store: Sends the whole content to Box.
        autocommit: Whether that happens when it is closed; else when `commit` is called.
        before: The content that `ab` goes on with.
    """

    def __init__(
        self, path: str, mode: str, store: Callable[[BinaryIO], Any], *, autocommit: bool = True, before: bytes = b""
    ) -> None:
        self.path, self.mode, self.autocommit = path, mode, autocommit
        self._store = store
        spool = tempfile.SpooledTemporaryFile(SPOOL)  # noqa: SIM115  closed by discard()
        self._spool: BinaryIO | None = cast("BinaryIO", spool)
        self._spool.write(before)
        self._handled = sys.exc_info()[1]

    @property
    def name(self) -> str:
        """The address."""
        return self.path

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Tell whether a place before the end can be written again; not when appending."""
        return self.mode != "ab"

    def write(self, data: Buffer) -> int:
        """Take all of the data; returns how many bytes that is."""
        with memoryview(data) as view:
            return self._open().write(view.cast("B"))

    def tell(self) -> int:
        """Return where the next byte goes."""
        return self._open().tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place."""
        if not self.seekable():
            raise io.UnsupportedOperation("a file that is appended to has no other place than its end")
        self._open().seek(offset, whence)
        return self.tell()

    def truncate(self, size: int | None = None) -> int:
        """Cut it off at `size` bytes; None for here."""
        spool = self._open()
        size = spool.tell() if size is None else size
        spool.truncate(size)
        return size

    def commit(self) -> None:
        """Send it to Box.

        Raises:
            BoxError: Box refuses, or does not answer; the content stays here for another try.
        """
        if self._spool is None:
            return
        self._spool.seek(0)
        self._store(self._spool)
        self.discard()

    def discard(self) -> None:
        """Throw it away."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def close(self) -> None:
        """Send it to Box, unless an exception is on its way."""
        if self.closed:
            return
        if self._is_left_by_exception():
            self._warn("was closed while an exception was handled")
            self.discard()
        try:
            if self.autocommit:
                self.commit()
        finally:
            super().close()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __del__(self) -> None:
        if getattr(self, "_spool", None) is not None and not self.closed:
            self._warn("was never closed")
            self.discard()

    def __reduce__(self) -> Any:
        raise TypeError("a file that is open for writing cannot be pickled")

    def _open(self) -> BinaryIO:
        if self.closed or self._spool is None:
            raise ValueError("I/O operation on closed file.")
        return self._spool

    def _is_left_by_exception(self) -> bool:
        """Tell whether an exception has come since the file was opened: `fsspec.open` does not hand it on to us."""
        error = sys.exc_info()[1]
        return self._spool is not None and error is not None and error is not self._handled

    def _warn(self, why: str) -> None:
        warnings.warn(f"{self.path} {why}; nothing of it was written to Box.", stacklevel=3)


class Packed(io.BufferedIOBase):
    """A file that is compressed on its way: closing it closes both, which fsspec's codecs leave undone.

    Args:
        codec: Compresses what is written.
        file: Gets it.
    """

    def __init__(self, codec: Any, file: Writer) -> None:
        self._codec, self._file = codec, file

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Buffer) -> int:
        """Take all of the data; returns how many bytes that is."""
        return int(self._codec.write(data))

    def close(self) -> None:
        """End the compression and send the file to Box, unless an exception is on its way."""
        if self.closed:
            return
        try:
            self._codec.close()
            self._file.close()
        finally:
            super().close()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
            return
        self._codec.close()
        self._file.discard()
        self.close()
