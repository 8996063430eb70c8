"""Uploads in the chunks of Jupyter's Contents API, whose size nobody tells: kept on the disk until the last came."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jupyter_box.errors import Exists, InvalidName, TooLarge
from jupyter_box.transfer.local import local_errors

LAST = -1  # the number of an upload's last chunk
EXPIRY = 3600.0  # seconds without a chunk, after which an upload counts as given up
IDLE = 60.0  # seconds without a chunk, after which another upload may take its place


class _Begun:
    """One upload that was begun: its bytes so far and the number of the chunk that came last."""

    def __init__(self, folder: Path) -> None:
        with local_errors(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # without a name: the system removes it with the process
            self.file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self.number = 0
        self.size = 0
        self.touched = time.monotonic()

    def add(self, number: int, data: bytes) -> None:
        with local_errors("The server's disk"):
            self.file.seek(0, os.SEEK_END)
            self.file.write(data)
        self.number, self.size, self.touched = number, self.size + len(data), time.monotonic()


class Chunks:
    """The uploads in chunks that are under way, by path; safe to use from several threads.

    Args:
        folder: Where their bytes are kept meanwhile.
        limit: The most bytes that all of them may have together.
        expiry: Seconds without a chunk, after which one is given up.
    """

    def __init__(self, folder: Path, limit: int, *, expiry: float = EXPIRY) -> None:
        self._folder, self._limit, self._expiry = folder, limit, expiry
        self._begun: dict[str, _Begun] = {}
        self._lock = threading.Lock()

    def add(self, path: str, number: int, data: bytes) -> int:
        """Keep a chunk and return how many bytes there are; the first chunk begins anew.

        Raises:
            Exists: Another upload to the path is under way, whose chunks nobody could tell from these.
            InvalidName: A chunk is missing before this one.
            TooLarge: All uploads in chunks together have too many bytes; this one is given up.
            QuotaFull: This machine's disk is full; this one is given up.
        """
        with self._lock:
            return self._added(path, number, data).size

    @contextmanager
    def whole(self, path: str, data: bytes) -> Iterator[tuple[BinaryIO, int]]:
        """Keep the last chunk, and hand out the file and its size; then it is removed.

        Raises:
            BoxError: As `add`.
        """
        with self._lock:
            upload = self._added(path, LAST, data)
            del self._begun[path]
        with upload.file:
            upload.file.seek(0)
            yield upload.file, upload.size

    def close(self) -> None:
        """Give up whatever is under way."""
        with self._lock:
            for path in list(self._begun):
                self._drop(path)

    def _added(self, path: str, number: int, data: bytes) -> _Begun:
        self._expire()
        if number == 1:
            self._begin(path)
        upload = self._expected(path, number)
        try:
            self._check_room(path, len(data))
            upload.add(number, data)
        except BaseException:
            self._drop(path)
            raise
        return upload

    def _begin(self, path: str) -> None:
        earlier = self._begun.get(path)
        if earlier and time.monotonic() - earlier.touched < IDLE:
            raise Exists(
                f"Another upload to {path} is under way.",
                hint=f"Wait until it has ended; if nobody goes on with it, for {IDLE:.0f} s.",
                code="upload_pending",
            )
        self._drop(path)
        self._begun[path] = _Begun(self._folder)

    def _expected(self, path: str, number: int) -> _Begun:
        upload = self._begun.get(path)
        if upload is None or number not in {LAST, upload.number + 1}:
            self._drop(path)
            raise InvalidName(
                f"Chunk {number} of {path} came out of order.", hint="Upload the file again.", code="chunk_out_of_order"
            )
        return upload

    def _check_room(self, path: str, more: int) -> None:
        if sum(upload.size for upload in self._begun.values()) + more > self._limit:
            raise TooLarge(
                f"{path} is too large to be uploaded in chunks.",
                hint="Upload it in the Box panel, with %box_upload, or by PUT to jupyter-box/files/.",
            )

    def _expire(self) -> None:
        now = time.monotonic()
        for path in [path for path, upload in self._begun.items() if now - upload.touched > self._expiry]:
            self._drop(path)

    def _drop(self, path: str) -> None:
        upload = self._begun.pop(path, None)
        if upload is not None:
            upload.file.close()
