"""Copies between this machine's disk and Box that run on the server."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_box.errors import BoxError, Cancelled, Denied, Exists, NotFound
from jupyter_box.events import Progress
from jupyter_box.transfer import Report
from jupyter_box.transfer.local import local_errors, translate_local

from .board import Board, State, Wanted

if TYPE_CHECKING:
    from jupyter_box.drive import Drive

AT_ONCE = 4  # copies at work; more wait for their turn


class Jobs:
    """All copies of this server.

    Args:
        drive: Returns the drive.
        root: The folder of this machine that copies stay in.
        board: Where it is told how far they are.
    """

    def __init__(self, drive: Callable[[], Drive], root: Path, board: Board) -> None:
        self._drive, self._root, self._board = drive, root, board
        self._pool = ThreadPoolExecutor(AT_ONCE, "box-job")
        self._cancels: dict[str, threading.Event] = {}

    def start(self, wanted: Wanted, id: str = "") -> State:  # noqa: A002
        """Begin a copy; called in a thread.

        Args:
            wanted: What to copy.
            id: That of the transfer that is done again; none for a new one.

        Raises:
            NotFound: Its source is not there.
            Denied: Its place on this machine is outside of the server's root.
        """
        drive = self._drive()
        local = self.local(wanted.source if wanted.kind == "upload" else wanted.target)
        if wanted.kind == "upload":
            self._check_source(local, wanted.source)
            path = wanted.source
        else:
            path = drive.stat(wanted.source).path
        id = id or secrets.token_hex(8)  # noqa: A001
        cancel = self._cancels[id] = threading.Event()
        state = self._board.put(State(id, wanted, Progress(path, "waiting", message="Waiting for its turn")))
        self._pool.submit(self._run, state, local, cancel)
        return state

    def retry(self, id: str) -> State:  # noqa: A002
        """Do a transfer again that has failed or was cancelled; what has arrived already is not sent again.

        Raises:
            NotFound: There is none with that id, or its source is gone.
            Exists: It is under way, or has ended well (code `not_failed`).
            Denied: It was begun in a notebook, and the server cannot do it (code `not_ours`).
        """
        state = self._board.get(id)
        if not state.has_failed:
            raise Exists("This transfer has not failed.", hint="Cancel it first, to begin again.", code="not_failed")
        if not state.can_retry:
            raise Denied("The server cannot do this transfer.", hint="Run its cell again.", code="not_ours")
        return self.start(state.wanted, id)

    def cancel(self, id: str) -> None:  # noqa: A002
        """End a copy; nothing half-done stays."""
        if id in self._cancels:
            self._cancels[id].set()

    def close(self) -> None:
        """End all."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for cancel in list(self._cancels.values()):
            cancel.set()

    def local(self, path: str) -> Path:
        """Return the place on this machine that a path below the server's root names.

        Raises:
            Denied: It is outside of the root.
        """
        with local_errors(path):
            root = self._root.resolve()
            place = (root / path.replace("\0", "").lstrip("/")).resolve()
            _check_below(root, place, path)
            return place

    def _run(self, state: State, local: Path, cancel: threading.Event) -> None:
        try:
            self._board.progress(state.id, phase="started", message="")
            report = self._copy(state, local, cancel)
            self._board.progress(state.id, **_outcome(report))
        except Cancelled as error:
            self._board.progress(state.id, phase="cancelled", message=str(error), code=error.code)
        except BoxError as error:
            self._board.progress(state.id, phase="failed", message=str(error), code=error.code)
        except OSError as error:
            ours = translate_local(error, local)
            self._board.progress(state.id, phase="failed", message=str(ours), code=ours.code)
        except BaseException:
            message = "Something went wrong in jupyter-box; the server's log has the details."
            self._board.progress(state.id, phase="failed", message=message, code="internal_server_error")
            raise
        finally:
            if self._cancels.get(state.id) is cancel:  # it may have been begun again by now
                del self._cancels[state.id]

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

    def _check_source(self, local: Path, path: str) -> None:
        if not os.path.lexists(local):
            raise NotFound(f"{path} is not on this machine.", hint="Check the path.", code="local_not_found")
        with local_errors(path):
            _check_links(self._root.resolve(), local)


def _check_below(root: Path, place: Path, path: str) -> None:
    if not place.is_relative_to(root):
        raise Denied(f"{path} is outside of the server's folder.", hint="Name a place below it.", code="outside")


def _check_links(root: Path, local: Path) -> None:
    """Do nothing if all that an upload of a folder would follow stays below the server's root."""
    open_folders, seen = [local] if local.is_dir() else [], {local}
    while open_folders:
        for entry in os.scandir(open_folders.pop()):
            place = Path(entry.path).resolve() if entry.is_symlink() else Path(entry.path)
            _check_below(root, place, entry.path)
            if place not in seen and place.is_dir():
                seen.add(place)
                open_folders.append(place)


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
