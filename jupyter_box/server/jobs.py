"""Copies between this machine's disk and Box that run on the server."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_box.errors import BoxError, Cancelled, Denied, Exists
from jupyter_box.events import Progress
from jupyter_box.transfer import Report
from jupyter_box.transfer.local import translate_local

from .begun import Begun
from .board import Board, State, Wanted
from .disk import Disk

if TYPE_CHECKING:
    from jupyter_box.drive import Drive

AT_ONCE = 4  # copies at work; more wait for their turn
BROKEN = "Something went wrong in jupyter-box; the server's log has the details."


class Jobs:
    """All copies of this server.

    Args:
        drive: Returns the drive.
        disk: The part of this machine's disk that copies stay in.
        board: Where it is told how far they are.
        begun: What a later server learns of those that this one does not end.
    """

    def __init__(self, drive: Callable[[], Drive], disk: Disk, board: Board, begun: Begun) -> None:
        self._drive, self._disk, self._board, self._begun = drive, disk, board, begun
        self._pool = ThreadPoolExecutor(AT_ONCE, "box-job")
        self._cancels: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._is_closing = False

    def start(self, wanted: Wanted) -> State:
        """Begin a copy; called in a thread.

        Raises:
            NotFound: Its source is not there.
            Denied: Its place on this machine is outside of the server's root, or hidden.
        """
        return self._begin(secrets.token_hex(8), wanted, *self._ends(wanted))

    def retry(self, id: str) -> State:  # noqa: A002
        """Do a transfer again that has failed or was cancelled; what has arrived already is not sent again.

        Raises:
            NotFound: There is none with that id, or its source is gone.
            Exists: It is under way, or has ended well (code `not_failed`).
            Denied: It was begun in a notebook, and the server cannot do it (code `not_ours`).
        """
        wanted = self._failed(id).wanted
        ends = self._ends(wanted)
        with self._lock:
            self._failed(id)  # still: whoever asked at the same time may have begun it
            return self._begin(id, wanted, *ends)

    def cancel(self, id: str) -> None:  # noqa: A002
        """End a copy; nothing half-done stays."""
        if cancel := self._cancels.get(id):
            cancel.set()

    def dismiss(self, id: str) -> None:  # noqa: A002
        """Forget one that has ended."""
        self._board.drop(id)
        self._begun.forget(id)

    def close(self) -> None:
        """End all; the next server tells of them."""
        self._is_closing = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for cancel in list(self._cancels.values()):
            cancel.set()

    def _failed(self, id: str) -> State:  # noqa: A002
        state = self._board.get(id)
        if not state.has_failed:
            raise Exists("This transfer has not failed.", hint="Cancel it first, to begin again.", code="not_failed")
        if not state.can_retry:
            raise Denied("The server cannot do this transfer.", hint="Run its cell again.", code="not_ours")
        return state

    def _begin(self, id: str, wanted: Wanted, path: str, local: Path) -> State:  # noqa: A002
        cancel = self._cancels[id] = threading.Event()
        self._begun.note(id, wanted)
        state = self._board.put(State(id, wanted, Progress(path, "waiting", message="Waiting for its turn")))
        self._pool.submit(self._run, state, local, cancel)
        return state

    def _ends(self, wanted: Wanted) -> tuple[str, Path]:
        """Return the path to show, and the place on this machine that is read or written."""
        if wanted.kind == "upload":
            return wanted.source, self._disk.source(wanted.source)
        item = self._drive().stat(wanted.source)
        return item.path, self._disk.folder_for(item, wanted.target)

    def _run(self, state: State, local: Path, cancel: threading.Event) -> None:
        end = {"phase": "failed", "message": BROKEN, "code": "internal_server_error"}
        try:
            self._board.progress(state.id, phase="started", message="")
            end = self._end(state, local, cancel)
        finally:
            # before it is told: whoever hears of it may begin it again
            del self._cancels[state.id]
            if not (self._is_closing and end["phase"] == "cancelled"):
                self._begun.forget(state.id)
            self._board.progress(state.id, **end)

    def _end(self, state: State, local: Path, cancel: threading.Event) -> dict[str, Any]:
        try:
            return _outcome(self._copy(state, local, cancel))
        except Cancelled as error:
            return {"phase": "cancelled", "message": str(error), "code": error.code}
        except (BoxError, OSError) as error:
            ours = error if isinstance(error, BoxError) else translate_local(error, local)
            return {"phase": "failed", "message": str(ours), "code": ours.code}

    def _copy(self, state: State, local: Path, cancel: threading.Event) -> Report:
        from jupyter_box.session import waiting

        def listen(progress: Progress) -> None:
            self._note(state, progress)

        if cancel.is_set():
            raise Cancelled("Cancelled before it began.")
        drive, wanted = self._drive(), state.wanted
        with waiting(cancel=cancel):
            if wanted.kind == "upload":
                return drive.upload(
                    local, wanted.target, on_conflict=wanted.on_conflict, on_progress=listen, cancel=cancel
                )
            local.mkdir(parents=True, exist_ok=True)
            return drive.download(wanted.source, local, overwrite=wanted.overwrite, on_progress=listen, cancel=cancel)

    def _note(self, state: State, progress: Progress) -> None:
        # how it ended is told by whoever runs it, who knows the report
        if progress.phase in {"running", "waiting"}:
            self._board.progress(state.id, **asdict(progress))
        elif progress.phase == "done":
            self._board.progress(state.id, done=progress.done, total=progress.total, files_done=progress.files_done)


def _outcome(report: Report) -> dict[str, Any]:
    if report.failures:
        first = report.failures[0]
        more = f"{report.failed} of {len(report.outcomes)} failed; the first: " if len(report.outcomes) > 1 else ""
        reason = f"{first.path or first.local}: {first.reason}"
        return {"phase": "failed", "message": more + reason, "code": first.code or "box_error"}
    if report.skipped and report.skipped == len(report.outcomes):
        message = report.outcomes[0].reason if report.skipped == 1 else str(report)
        return {"phase": "skipped", "message": message, "code": ""}
    return {"phase": "done", "message": str(report), "code": ""}
