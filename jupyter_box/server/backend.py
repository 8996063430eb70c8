"""What the handlers share: the drive, built at its first use, and the threads that its work runs in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_box.config import BoxConfig
from jupyter_box.errors import NotConfigured

if TYPE_CHECKING:
    from jupyter_box.drive import Drive

    from .begun import Begun
    from .board import Board
    from .changes import BoxChanges
    from .chunks import Chunks
    from .contents import Autosaves
    from .disk import Disk
    from .jobs import Jobs
    from .receiving import Uploads
    from .reports import Reports

CALLS = 8  # quick work at once; Box itself allows some 17 calls a second


class Backend:
    """The drive and its threads; a long transfer has threads of its own, so that it never delays a listing.

    What is made at its first use is made in the server's loop; only the drive is for threads.

    Args:
        config: The settings.
        problem: Why there can be no drive, where that is known from the start.
        root: The folder that the server shows.
        allow_hidden: Whether it shows hidden files, too.
    """

    def __init__(
        self,
        config: BoxConfig,
        problem: NotConfigured | None = None,
        *,
        root: Path = Path(),
        allow_hidden: bool = False,
    ) -> None:
        self.config = config
        self._root, self._allow_hidden = root, allow_hidden
        self.calls = ThreadPoolExecutor(CALLS, "box-call")
        self.transfers = ThreadPoolExecutor(config.max_parallel_transfers, "box-transfer")
        self.closing = threading.Event()
        self._problem = problem
        self._attended: set[threading.Event] = set()
        self._lock = threading.Lock()
        self._drive: Drive | None = None

    def drive(self) -> Drive:
        """Return the drive; to be called in a thread.

        Raises:
            NotConfigured: There are no credentials, or only half of them.
        """
        if self._problem is not None:
            raise self._problem
        with self._lock:
            if self._drive is None:
                from jupyter_box.drive import Drive

                self._drive = Drive.connect(self.config)
            return self._drive

    @cached_property
    def uploads(self) -> Uploads:
        """The uploads from browsers."""
        from .receiving import Uploads

        return Uploads(self.drive, self._folder, self.config.max_upload_folder_size)

    @cached_property
    def chunks(self) -> Chunks:
        """The uploads in chunks of Jupyter's Contents API."""
        from .chunks import Chunks

        return Chunks(self._folder / "chunks", self.config.max_upload_folder_size)

    @cached_property
    def jobs(self) -> Jobs:
        """The copies between this machine's disk and Box."""
        from .jobs import Jobs

        return Jobs(self.drive, self._disk, self.board, self._begun)

    @cached_property
    def reports(self) -> Reports:
        """The transfers of kernels and terminals."""
        from .reports import Reports

        return Reports(self._disk, self.board)

    @cached_property
    def board(self) -> Board:
        """Where all of these stand."""
        from .board import Board

        board = Board()
        for state in self._begun.cut():
            board.put(state)
        return board

    @cached_property
    def changes(self) -> BoxChanges:
        """What changes in Box."""
        from .changes import BoxChanges

        return BoxChanges(self.drive, self.closing)

    @cached_property
    def autosaves(self) -> Autosaves:
        """Which versions only an autosave made."""
        from .contents import Autosaves

        return Autosaves(are_kept=self.config.keep_autosaves)

    @cached_property
    def _begun(self) -> Begun:
        from jupyter_box.transfer.journal import Journal

        from .begun import Begun

        return Begun(Journal(self._folder / "copies"), self._disk.root)

    @property
    def _disk(self) -> Disk:
        from .disk import Disk

        return Disk(self._root.resolve(), self._allow_hidden)

    @property
    def _folder(self) -> Path:
        from jupyter_box.transfer.journal import default_folder

        return Path(self.config.upload_folder).expanduser() if self.config.upload_folder else default_folder()

    @contextmanager
    def attending(self, cancel: threading.Event) -> Iterator[None]:
        """Set `cancel` if the server stops meanwhile, or has stopped."""
        self._attended.add(cancel)
        if self.closing.is_set():
            cancel.set()
        try:
            yield
        finally:
            self._attended.discard(cancel)

    def close(self) -> None:
        """End waits and retries, and give the connections back."""
        self.closing.set()
        for cancel in list(self._attended):
            cancel.set()
        for name in ("uploads", "chunks", "jobs", "board", "_begun"):
            if name in vars(self):
                vars(self)[name].close()
        for pool in (self.calls, self.transfers):
            pool.shutdown(wait=False, cancel_futures=True)
        if self._drive is not None:
            self._drive.close()
