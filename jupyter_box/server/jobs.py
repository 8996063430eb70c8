"""Copies between this machine's disk and Box that run on the server, and who is told how far they are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jupyter_box.errors import BoxError, Cancelled, Denied, NotFound
from jupyter_box.events import Progress
from jupyter_box.transfer import OnConflict, Report
from jupyter_box.transfer.local import local_errors, translate_local

if TYPE_CHECKING:
    from jupyter_box.drive import Drive

Phase = Literal["started", "running", "waiting", "done", "skipped", "failed", "cancelled"]

AT_ONCE = 4  # copies at work; more wait for their turn
HISTORY = 200  # ended copies that are remembered
ENDED = frozenset({"done", "skipped", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asks for.

    Attributes:
        kind: `upload` to Box or `download` from it.
        source: The file or folder: on this machine relative to the server's root, or in Box.
        target: The folder on the other side that it goes into as itself.
        on_conflict: What becomes of a file whose name is taken in Box.
        overwrite: Whether a file on this machine may be replaced.
    """

    kind: Literal["upload", "download"]
    source: str
    target: str
    on_conflict: OnConflict = "version"
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Where a copy stands; the fields are those of `Progress`, and what was asked for."""

    id: str
    kind: str
    source: str
    target: str
    path: str
    phase: Phase = "started"
    done: int = 0
    total: int | None = None
    files_done: int = 0
    files_total: int = 1
    rate: float = 0.0
    message: str = ""
    code: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.phase in ENDED

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


@dataclass
class _Job:
    state: State
    cancel: threading.Event = field(default_factory=threading.Event)


class Watcher:
    """What changed since one client was last told: the newest state of each copy, so that it never grows.

    Args:
        loop: The loop that the client is served from.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._news: OrderedDict[str, State] = OrderedDict()
        self._arrived = asyncio.Event()
        self._lock = threading.Lock()

    def tell(self, state: State) -> None:
        """Take note of a state; called in any thread."""
        with self._lock:
            self._news[state.id] = state
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def wait(self, seconds: float) -> list[State]:
        """Return what is new, once there is something or the time is over."""
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), seconds)
        self._arrived.clear()
        with self._lock:
            news, self._news = list(self._news.values()), OrderedDict()
        return news


class Jobs:
    """All copies of this server.

    Args:
        drive: Returns the drive.
        root: The folder of this machine that copies stay in.
    """

    def __init__(self, drive: Callable[[], Drive], root: Path) -> None:
        self._drive, self._root = drive, root
        self._pool = ThreadPoolExecutor(AT_ONCE, "box-job")
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._watchers: set[Watcher] = set()
        self._lock = threading.RLock()

    def all(self) -> list[State]:
        """Return where all stand, the oldest first."""
        with self._lock:
            return [job.state for job in self._jobs.values()]

    def get(self, id: str) -> State:  # noqa: A002
        """Return where one stands.

        Raises:
            NotFound: There is none with that id.
        """
        return self._job(id).state

    def start(self, wanted: Wanted) -> State:
        """Begin a copy; called in a thread.

        Raises:
            NotFound: Its source is not there.
            Denied: Its place on this machine is outside of the server's root.
        """
        drive = self._drive()
        local = self._local(wanted.source if wanted.kind == "upload" else wanted.target)
        if wanted.kind == "upload":
            self._check_source(local, wanted.source)
            path = wanted.source
        else:
            path = drive.stat(wanted.source).path
        state = State(secrets.token_hex(8), wanted.kind, wanted.source, wanted.target, path)
        job = _Job(state)
        with self._lock:
            self._jobs[state.id] = job
            self._forget_oldest()
        self._set(job, phase="waiting", message="Waiting for its turn")
        self._pool.submit(self._run, job, wanted, local)
        return job.state

    def cancel(self, id: str) -> None:  # noqa: A002
        """End a copy; nothing half-done stays. One that has ended is forgotten.

        Raises:
            NotFound: There is none with that id.
        """
        job = self._job(id)
        job.cancel.set()
        with self._lock:
            if job.state.has_ended:
                self._jobs.pop(id, None)

    @contextlib.contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Tell the watcher where all stand, and then of every change."""
        with self._lock:
            for state in self.all():
                watcher.tell(state)
            self._watchers.add(watcher)
        try:
            yield
        finally:
            with self._lock:
                self._watchers.discard(watcher)

    def close(self) -> None:
        """End all."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for job in self._jobs.values():
                job.cancel.set()

    def _job(self, id: str) -> _Job:  # noqa: A002
        with self._lock:
            job = self._jobs.get(id)
        if job is None:
            raise NotFound("There is no such transfer.", hint="Start it again.", code="transfer_not_found")
        return job

    def _run(self, job: _Job, wanted: Wanted, local: Path) -> None:
        try:
            self._set(job, phase="started", message="")
            report = self._copy(job, wanted, local)
            self._set(job, **_outcome(report))
        except Cancelled as error:
            self._set(job, phase="cancelled", message=str(error), code=error.code)
        except BoxError as error:
            self._set(job, phase="failed", message=str(error), code=error.code)
        except OSError as error:
            ours = translate_local(error, local)
            self._set(job, phase="failed", message=str(ours), code=ours.code)
        except BaseException:
            message = "Something went wrong in jupyter-box; the server's log has the details."
            self._set(job, phase="failed", message=message, code="internal_server_error")
            raise

    def _copy(self, job: _Job, wanted: Wanted, local: Path) -> Report:
        from jupyter_box.session import waiting

        def listen(progress: Progress) -> None:
            self._progress(job, progress)

        if job.cancel.is_set():
            raise Cancelled("Cancelled before it began.")
        drive = self._drive()
        with waiting(cancel=job.cancel):
            if wanted.kind == "upload":
                return drive.upload(
                    local, wanted.target, on_conflict=wanted.on_conflict, on_progress=listen, cancel=job.cancel
                )
            local.mkdir(parents=True, exist_ok=True)
            return drive.download(
                wanted.source, local, overwrite=wanted.overwrite, on_progress=listen, cancel=job.cancel
            )

    def _progress(self, job: _Job, progress: Progress) -> None:
        # how it ended is told by whoever runs it, who knows the report
        if progress.phase in {"running", "waiting"}:
            self._set(job, **{name: getattr(progress, name) for name in _FROM_PROGRESS})
        elif progress.phase == "done":
            self._set(job, done=progress.done, total=progress.total, files_done=progress.files_done)

    def _set(self, job: _Job, **changes: Any) -> None:
        with self._lock:
            if not job.state.has_ended:
                job.state = replace(job.state, **changes)
                for watcher in self._watchers:
                    watcher.tell(job.state)

    def _forget_oldest(self) -> None:
        ended = [id for id, job in self._jobs.items() if job.state.has_ended]  # noqa: A001
        for id in ended[: max(0, len(ended) - HISTORY)]:  # noqa: A001
            del self._jobs[id]

    def _local(self, path: str) -> Path:
        with local_errors(path):
            root = self._root.resolve()
            place = (root / path.replace("\0", "").lstrip("/")).resolve()
            _check_below(root, place, path)
            return place

    def _check_source(self, local: Path, path: str) -> None:
        if not os.path.lexists(local):
            raise NotFound(f"{path} is not on this machine.", hint="Check the path.", code="local_not_found")
        with local_errors(path):
            _check_links(self._root.resolve(), local)


_FROM_PROGRESS = ("phase", "done", "total", "files_done", "files_total", "rate", "message", "code")


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
