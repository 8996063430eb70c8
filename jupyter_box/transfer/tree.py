"""Whole folders, both ways: walks, compares, and carries each file over; one file's failure does not stop the rest."""

from __future__ import annotations

import os
import stat
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jupyter_box.errors import BoxError, Cancelled, Exists, NotAuthorized, NotConfigured, QuotaFull, Unreachable
from jupyter_box.events import Listener
from jupyter_box.items import Item
from jupyter_box.paths import below, check_name, key
from jupyter_box.session import waiting

from .folders import make_folders
from .listing import items
from .local import FileSource, LocalError, local_errors, translate_local, unless_taken
from .placing import Placing
from .progress import Meter, told
from .report import OnConflict, Outcome, Report
from .saving import SUFFIX
from .taken import taken

if TYPE_CHECKING:
    from .engine import Transfers


def ends_all(error: BoxError) -> bool:
    """Tell whether the next file would fail for the same reason, or is not to be begun any more."""
    is_hopeless = isinstance(error, Cancelled | NotAuthorized | NotConfigured | QuotaFull | Unreachable)
    return is_hopeless and error.code != "disk_full"


class Entry(NamedTuple):
    """A local file or folder: its name, its path, its size in bytes."""

    name: str
    path: Path
    is_folder: bool
    size: int


class Run:
    """The work of one tree: tasks that may bring further tasks, side by side, and what became of each file."""

    def __init__(self, transfers: Transfers, path: str, listener: Listener, cancel: threading.Event | None) -> None:
        self.transfers = transfers
        self.session = transfers.content.session
        self.meter = Meter(path, 0, listener, cancel, files_total=0)
        self.outcomes: list[Outcome] = []
        self._pool = ThreadPoolExecutor(transfers.gate.most, thread_name_prefix="box-tree")
        self._lock = threading.Lock()
        self._open = 0
        self._idle = threading.Event()
        self._broken: BaseException | None = None
        self.hopeless: BoxError | None = None

    def complete(self, first: Callable[[], None]) -> Report:
        """Do the first task and all that it brings, and report."""
        began = time.monotonic()
        with told(self.meter), self._pool:
            self.submit(first)
            self._wait()
            if self._broken is not None:
                raise self._broken
        return Report(tuple(self.outcomes), time.monotonic() - began)

    def _wait(self) -> None:
        try:
            self._idle.wait()
        except BaseException:  # an interrupt from the keyboard ends the tasks as well
            self.meter.cancel.set()
            raise

    def submit(self, task: Callable[[], None]) -> None:
        """Do a task when there is a thread for it."""
        with self._lock:
            self._open += 1
        self._pool.submit(self._do, task)

    def _do(self, task: Callable[[], None]) -> None:
        try:
            if self._broken is None:
                self.meter.check()
                with waiting(self.meter.wait, cancel=self.meter.cancel):
                    task()
        except BaseException as error:  # noqa: BLE001  raised by complete()
            self._broken = self._broken or error
        finally:
            with self._lock:
                self._open -= 1
                if not self._open:
                    self._idle.set()

    def submit_file(self, path: str, local: Path, size: int, carry: Callable[[], Outcome]) -> None:
        """Carry a file over when there is a thread for it, and note what became of it."""
        self.meter.expect(size, files=1)
        self.submit(lambda: self.note(self._carried(Outcome(path, str(local), "failed", size), carry)))

    def _carried(self, failed: Outcome, carry: Callable[[], Outcome]) -> Outcome:
        try:
            if self.hopeless is not None:
                raise self.hopeless
            return carry()
        except (BoxError, OSError) as error:
            return self.failure(failed, error)

    def failure(self, failed: Outcome, error: BoxError | OSError) -> Outcome:
        """Return the outcome of a file that could not be carried over.

        Raises:
            Cancelled: That is why; it ends the whole run.
        """
        if isinstance(error, Cancelled):
            raise error
        ours = error if isinstance(error, BoxError) else translate_local(error, failed.local)
        if ends_all(ours):
            self.hopeless = ours
        return replace(failed, reason=str(ours), code=ours.code)

    def note(self, outcome: Outcome) -> None:
        """Keep what became of a file that is counted already."""
        with self._lock:
            self.outcomes.append(outcome)
        self.meter.add_file()

    def add(self, outcome: Outcome) -> None:
        """Count a file without bytes to carry, and keep what became of it."""
        self.meter.expect(0, files=1)
        self.note(outcome)

    def refuse(self, path: str, local: Path, error: BoxError | OSError) -> None:
        """Note something that cannot be carried over."""
        self.add(self.failure(Outcome(path, str(local), "failed"), error))


def upload_tree(
    run: Run, local: Path, folder_id: str, box_path: str, on_conflict: OnConflict, *, is_new: bool = False
) -> Report:
    """Upload what is in a local folder into a folder of Box."""
    with local_errors(local):
        os.scandir(local).close()
    uploading = _Uploading(run, on_conflict)
    there = _Folder(folder_id, box_path, {} if is_new else None)
    return run.complete(lambda: uploading.folder(local, there, frozenset()))


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder of Box; `contents` is known to be empty where we have just made it."""

    id: str
    path: str
    contents: dict[str, Item] | None


class _Uploading:
    def __init__(self, run: Run, on_conflict: OnConflict) -> None:
        self.run = run
        self.on_conflict = on_conflict

    def folder(self, local: Path, folder: _Folder, above: frozenset[tuple[int, int]]) -> None:
        """Upload what is in one folder: its files, and its folders as further tasks."""
        run = self.run
        try:
            status = local.stat()
            if (status.st_dev, status.st_ino) in above:
                raise LocalError(f"{local} is a link to a folder above it.", code="link_loop")
            here = above | {(status.st_dev, status.st_ino)}
            found = list(self._entries(local, folder.path))
            there = folder.contents if folder.contents is not None else self._listed(folder)
            self._folders([entry for entry in found if entry.is_folder], folder, there, here)
            known = there.keys() | {key(entry.name) for entry in found}
            for entry in found:
                if not entry.is_folder:
                    self._file(entry, folder, there.get(key(entry.name)), known)
        except (BoxError, OSError) as error:
            run.refuse(folder.path, local, error)

    def _listed(self, folder: _Folder) -> dict[str, Item]:
        return {key(item.name): item for item in items(self.run.session, folder.id, folder.path)}

    def _entries(self, local: Path, path: str) -> Iterator[Entry]:
        taken: dict[str, str] = {}
        for name in sorted(os.listdir(local)):  # noqa: PTH208  names are wanted, not paths
            where = local / name
            try:
                other = taken.setdefault(key(check_name(name)), name)
                if other != name:
                    raise Exists(f"{where} differs from {other} in case only, which Box takes as one name.")
                if not name.endswith(SUFFIX):
                    yield _entry(where)
            except (BoxError, OSError) as error:
                self.run.refuse(below(path, name), where, error)

    def _folders(
        self, found: list[Entry], folder: _Folder, there: dict[str, Item], above: frozenset[tuple[int, int]]
    ) -> None:
        missing = [entry.name for entry in found if key(entry.name) not in there]
        made = make_folders(self.run.session, folder.id, folder.path, missing)
        for entry in found:
            item, is_new = made.get(entry.name) or (there[key(entry.name)], False)
            if not item.is_folder:
                self.run.refuse(item.path, entry.path, taken(item, "a folder"))
                continue
            inner = _Folder(item.id, item.path, {} if is_new else None)
            self.run.submit(lambda local=entry.path, inner=inner: self.folder(local, inner, above))  # type: ignore[misc]

    def _file(self, entry: Entry, folder: _Folder, existing: Item | None, known: set[str]) -> None:
        path = existing.path if existing else below(folder.path, entry.name)
        placing = Placing(self.run.transfers, folder.id, folder.path, self.on_conflict, self.run.meter, known)

        def carry() -> Outcome:
            with FileSource(entry.path) as source:
                return placing.put(source, entry.name, existing)

        self.run.submit_file(path, entry.path, entry.size, carry)


def _entry(path: Path) -> Entry:
    status = path.stat()
    return Entry(path.name, path, stat.S_ISDIR(status.st_mode), status.st_size)


def download_tree(run: Run, folder: Item, local: Path, *, overwrite: bool) -> Report:
    """Download what is in a folder of Box into a local folder."""
    with local_errors(local):
        local.mkdir(parents=True, exist_ok=True)
    downloading = _Downloading(run, local.resolve(), overwrite)
    return run.complete(lambda: downloading.folder(folder, local))


class _Downloading:
    def __init__(self, run: Run, root: Path, overwrite: bool) -> None:
        self.run = run
        self.root = root
        self.overwrite = overwrite
        self.is_case_blind = _is_case_blind(root)

    def folder(self, folder: Item, local: Path) -> None:
        """Download what is in one folder: its files, and its folders as further tasks."""
        try:
            local.mkdir(parents=True, exist_ok=True)
            if not local.resolve().is_relative_to(self.root):
                raise LocalError(f"{local} leads outside {self.root}.", hint="Remove that link.", code="outside")
            taken: dict[str, Item] = {}
            for item in items(self.run.session, folder.id, folder.path):
                self._item(item, local, taken)
        except (BoxError, OSError) as error:
            self.run.refuse(folder.path, local, error)

    def _item(self, item: Item, local: Path, taken: dict[str, Item]) -> None:
        target = local / item.name
        try:
            check_local_name(item.name)
            other = taken.setdefault(self._key(item.name), item)
            if other is not item and not (item.is_folder and other.is_folder):
                raise Exists(f"{item.path} and {other.path} have one name on this machine.")
        except BoxError as error:
            self.run.refuse(item.path, target, error)
            return
        if item.is_folder:
            self.run.submit(lambda: self.folder(item, target))
        elif item.is_file:
            self.run.submit_file(item.path, target, item.size or 0, lambda: self._carry(item, target))
        else:
            reason = "A web link has no content."
            self.run.add(Outcome(item.path, str(target), "skipped", 0, reason, item_id=item.id))

    def _key(self, name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold() if self.is_case_blind else name

    def _carry(self, item: Item, target: Path) -> Outcome:
        transfers, meter = self.run.transfers, self.run.meter
        whole = transfers.whole(item)
        outcome = Outcome(item.path, str(target), "received", whole.size or 0, item_id=item.id)
        if target.is_dir():
            raise Exists(f"{target} is a folder on this machine.")
        if os.path.lexists(target):
            if _is_same(transfers, target, whole, meter):
                meter.add(outcome.size)
                return replace(outcome, action="skipped", reason="It is the same on this machine.")
            if not self.overwrite:
                meter.add(outcome.size)
                return replace(outcome, action="skipped", reason="It is on this machine with other content; kept.")
        transfers.save(whole, target, meter, check=unless_taken(target, overwrite=self.overwrite))
        return outcome


def _is_same(transfers: Transfers, target: Path, item: Item, meter: Meter) -> bool:
    with suppress(BoxError), FileSource(target) as source:
        return transfers.is_same(source, item, meter)
    return False


def check_local_name(name: str) -> None:
    """Do nothing if a name of Box can be a file's name on this machine.

    Raises:
        BoxError: It cannot: it would lead elsewhere, or the machine knows no such name.
    """
    bad = name in {"", ".", ".."} or any(char in name for char in ("/", "\0", os.sep, os.altsep or "/"))
    if bad or (os.name == "nt" and (name[-1] in " ." or any(char in name for char in '<>:"|?*'))):
        raise BoxError(
            f"{name!r} cannot be a file's name on this machine.", hint="Rename it in Box.", code="local_name"
        )


def _is_case_blind(folder: Path) -> bool:
    other = folder.with_name(folder.name.swapcase())
    return other.name != folder.name and other.exists() and other.samefile(folder)
