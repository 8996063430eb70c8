"""The uploads from browsers: bytes go to this machine's disk and from there to Box, part by part, as they come."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_box import paths
from jupyter_box.errors import BoxError, Cancelled, Changed, Exists, InvalidName, NotFound, QuotaFull
from jupyter_box.events import Progress
from jupyter_box.items import plain
from jupyter_box.transfer.local import translate_local
from jupyter_box.transfer.spool import Spool, missing

from .pending import Record, Records

if TYPE_CHECKING:
    from jupyter_box.drive import Destination, Drive

PART = 8 * 1024 * 1024  # bytes of one request of a client; Box's own parts are as large or larger
AT_ONCE = 6  # files on their way to Box at once
BEGIN_AT = 20_000_000  # bytes from which on a file goes to Box while it still arrives: Box takes parts from there on
MARGIN = 200_000_000  # bytes of the disk that uploads leave free
IDLE = 60.0  # seconds without a request, after which another file may take an upload's place
KEPT = 3600.0  # seconds for which an ended upload is remembered, for a client that asks again
EXPIRY = 7 * 24 * 3600.0  # seconds, the life of Box's upload sessions


class Upload:
    """One upload: what is known of it, its bytes, and the work that sends them."""

    def __init__(self, record: Record, spool: Spool | None) -> None:
        self.record = record
        self.spool = spool
        self.error: BoxError | None = None
        self.sent = record.size if record.item else 0
        self.is_waiting = False  # for Box, which may take minutes
        self.touched = time.monotonic()
        self.work: Future[None] | None = None
        self.lock = threading.RLock()

    @property
    def is_sending(self) -> bool:
        """Whether a thread is at work on it."""
        return self.work is not None and not self.work.done()

    @property
    def is_stale(self) -> bool:
        """Whether another file may take its place."""
        return time.monotonic() - self.touched >= IDLE and not self.is_sending

    @property
    def state(self) -> str:
        """`pending`, `sending`, `done`, `skipped` or `failed`."""
        if self.record.item is not None:
            return "skipped" if self.record.is_skipped else "done"
        if self.error is not None:
            return "failed"
        return "sending" if self.record.is_committed else "pending"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        record = self.record
        shown = ("id", "path", "size", "mtime", "on_conflict", "created", "item")
        trouble = self.error.to_dict() if self.error else {"code": "", "message": "", "hint": ""}
        return {
            **{name: getattr(record, name) for name in shown},
            "part_size": PART,
            "done": [list(each) for each in record.done],
            "state": self.state,
            "sent": self.sent,
            **{name: trouble[name] for name in ("code", "message", "hint")},
        }


class Uploads:
    """All uploads of this server; its methods are called in threads.

    Args:
        drive: Returns the drive.
        folder: Where bytes and records are kept.
        limit: The most bytes that all spools may have together.
    """

    def __init__(self, drive: Callable[[], Drive], folder: Path, limit: int) -> None:
        self._drive, self._folder, self._limit = drive, folder / "uploads", limit
        self._records = Records(folder)
        self._pool = ThreadPoolExecutor(AT_ONCE, "box-receive")
        self._known: dict[str, Upload] | None = None
        self._lock = threading.RLock()

    def all(self) -> list[Upload]:
        """Return the uploads, the oldest first."""
        self._tidy()
        with self._lock:
            return list(self._loaded().values())

    def get(self, id: str) -> Upload:  # noqa: A002
        """Return one upload.

        Raises:
            NotFound: There is none with that id.
        """
        with self._lock:
            upload = self._loaded().get(id)
        if upload is None:
            raise NotFound("There is no such upload.", hint="Begin it again.", code="upload_not_found")
        upload.touched = time.monotonic()
        return upload

    def begin(self, wanted: dict[str, Any]) -> tuple[Upload, bool]:
        """Return a new upload; or the pending one of the same file, and False.

        Raises:
            Exists: The name is taken, or another file is just being uploaded to it.
            QuotaFull: Box, or this machine's disk, has no room for it.
            BoxError: Box would not take it.
        """
        drive = self._drive()
        path = paths.normalise(wanted["path"] if wanted["path"].startswith("id:") else f"/{wanted['path']}")
        record = Record(
            id=secrets.token_hex(12),
            identity=drive.identity,
            asked=path,
            path=path,
            size=wanted["size"],
            mtime=wanted.get("mtime"),
            on_conflict=wanted.get("on_conflict", "version"),
            sha1=wanted.get("sha1", "").lower(),
            created=time.time(),
        )
        self._tidy()
        self._make_way(record)
        if earlier := self._same(record):
            return earlier, False
        target = drive.destination(path, record.size, on_conflict=record.on_conflict)
        with self._lock:
            earlier = self._same(record)
            return (earlier, False) if earlier else (self._add(record.but(path=target.path), target), True)

    def write(self, id: str, offset: int, data: bytes) -> Upload:  # noqa: A002
        """Keep bytes of an upload, and let those that Box can have go on.

        Raises:
            InvalidName: They lie outside of the file.
            BoxError: The disk is full; or what Box said of earlier bytes, while these are kept.
        """
        upload = self.get(id)
        if not data or offset + len(data) > upload.record.size:
            raise InvalidName(
                f"These bytes are not in {upload.record.path}, which has {upload.record.size:,}.",
                hint="Send at least one byte, from an offset within the file.",
                code="bad_range",
            )
        spool = upload.spool
        if spool is None or upload.record.item:
            return upload
        spool.write(offset, data)
        with upload.lock:
            if upload.spool is None:
                raise Cancelled(f"The upload of {upload.record.path} has ended.")
            self._save(upload, done=spool.done)
            self._raise_trouble(upload)
            if upload.record.size >= BEGIN_AT:
                self._work(upload)
        return upload

    def commit(self, id: str) -> Upload:  # noqa: A002
        """Say that an upload is complete; what is to be waited for is its `work`.

        Raises:
            Exists: Bytes are missing (code `incomplete`).
        """
        upload = self.get(id)
        with upload.lock:
            if upload.record.item:
                return upload
            gaps = missing(upload.record.done, 0, upload.record.size)
            if gaps:
                raise Exists(
                    f"{upload.record.path} is not complete: bytes {gaps[0][0]} to {gaps[0][1] - 1} are missing.",
                    hint="Send what is not in `done`, then commit again.",
                    code="incomplete",
                )
            upload.error = None
            self._save(upload, is_committed=True)
            self._work(upload)
        return upload

    def take_error(self, id: str) -> None:  # noqa: A002
        """Do nothing if all went well.

        Raises:
            BoxError: What went wrong; the next request tries again.
        """
        upload = self.get(id)
        with upload.lock:
            self._raise_trouble(upload)

    def cancel(self, id: str) -> None:  # noqa: A002
        """Give an upload up: nothing of it stays in Box or on the disk; what is in Box as a whole stays."""
        upload = self.get(id)
        self._end(upload)
        with self._lock:
            self._loaded().pop(id, None)
            self._records.drop(id)

    def close(self) -> None:
        """Stop sending; what is not in Box yet goes on with the next server."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for upload in list((self._known or {}).values()):
            if upload.spool:
                upload.spool.pause()
                if upload.is_waiting:
                    upload.spool.stop()

    def _make_way(self, wanted: Record) -> None:
        """Give up stale uploads of other files to the path."""
        others = [upload for upload in self._of(wanted) if not upload.record.is_of(wanted)]
        self._give_up(upload for upload in others if wanted.on_conflict != "rename" and upload.is_stale)

    def _give_up(self, uploads: Iterable[Upload]) -> None:
        # Box is told, which may take long: never under the lock, so that no other upload waits for it
        for upload in uploads:
            with suppress(NotFound):  # another request was faster
                self.cancel(upload.record.id)

    def _same(self, wanted: Record) -> Upload | None:
        """Return the pending upload of the same file.

        Raises:
            Exists: Another file is just being uploaded to that path.
        """
        pending = self._of(wanted)
        same = next((upload for upload in pending if upload.record.is_of(wanted)), None)
        if same is None and pending and wanted.on_conflict != "rename":
            raise Exists(
                f"Another upload to {pending[0].record.path} is under way.",
                hint="Wait until it has ended, or cancel it.",
                code="upload_pending",
            )
        return same

    def _of(self, wanted: Record) -> list[Upload]:
        """Return the pending uploads to the path."""
        with self._lock:
            pending = [upload for upload in self._loaded().values() if not upload.record.item]
        return [upload for upload in pending if paths.key(upload.record.asked) == paths.key(wanted.asked)]

    def _add(self, record: Record, target: Destination) -> Upload:
        if target.is_skipped or self._is_same(record, target):
            whole = ((0, record.size),) if record.size else ()
            record = record.but(item=plain(target.existing), is_skipped=True, ended=time.time(), done=whole)
            upload = Upload(record, None)
        else:
            self._check_room(record.size)
            upload = Upload(record, self._open(record))
        self._records.put(record)
        self._loaded()[record.id] = upload
        return upload

    def _is_same(self, record: Record, target: Destination) -> bool:
        there = target.existing
        return bool(there and record.sha1 and there.sha1 == record.sha1 and there.size == record.size)

    def _check_room(self, size: int) -> None:
        waiting = [upload.record for upload in self._loaded().values() if upload.spool and not upload.record.item]
        coming = sum(record.size - sum(end - start for start, end in record.done) for record in waiting)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(self._folder).free - coming - MARGIN
        room = min(free, self._limit - sum(record.size for record in waiting))
        if size > room:
            raise QuotaFull(
                f"The server's disk has room for {max(0, room):,} bytes of uploads, not for {size:,}.",
                hint="Wait for other uploads, or send the file as one PUT to jupyter-box/files/, which keeps nothing.",
                code="spool_full",
            )

    def _open(self, record: Record) -> Spool:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Spool(self._folder / record.id, record.size, record.path, done=record.done, sha1=record.sha1)

    def _loaded(self) -> dict[str, Upload]:
        if self._known is None:
            self._remove_orphans()
            records = self._records.all(self._drive().identity)
            self._known = {record.id: self._restored(record) for record in records}
            for upload in self._known.values():
                if upload.record.is_committed and not upload.record.item:
                    self._work(upload)
        return self._known

    def _restored(self, record: Record) -> Upload:
        if record.item:
            return Upload(record, None)
        if not (self._folder / record.id).exists():
            record = record.but(done=(), is_committed=False)
        return Upload(record, self._open(record))

    def _remove_orphans(self) -> None:
        known = self._records.ids()
        for file in self._folder.glob("*") if self._folder.exists() else ():
            with suppress(OSError):
                if file.name not in known and time.time() - file.stat().st_mtime > KEPT:
                    file.unlink()

    def _tidy(self) -> None:
        """Forget what has ended long ago, and give up what was never completed."""
        now = time.time()
        with self._lock:
            for upload in list(self._loaded().values()):
                if upload.record.ended and now - upload.record.ended > KEPT:
                    self._loaded().pop(upload.record.id)
                    self._records.drop(upload.record.id)
            pending = [upload for upload in self._loaded().values() if not upload.record.ended]
        self._give_up(each for each in pending if now - each.record.created > EXPIRY and not each.is_sending)

    def _save(self, upload: Upload, **changes: Any) -> None:
        upload.record = upload.record.but(**changes)
        self._records.put(upload.record)

    def _raise_trouble(self, upload: Upload) -> None:
        error, upload.error = upload.error, None
        if error is not None:
            raise error

    def _work(self, upload: Upload) -> None:
        if not upload.is_sending:
            upload.work = self._pool.submit(self._send, upload)

    def _send(self, upload: Upload) -> None:
        try:
            item = self._receive(upload)
        except (BoxError, OSError) as error:
            upload.error = _trouble(error, upload.record.path)
            return
        with upload.lock:
            self._save(upload, item=plain(item), ended=time.time())
            self._discard(upload)

    def _receive(self, upload: Upload) -> Any:
        from jupyter_box.session import waiting

        assert upload.spool is not None
        with waiting(cancel=upload.spool.cancel):
            try:
                return self._receive_once(upload, upload.spool)
            except (Exists, NotFound, Changed):
                # someone made, removed or changed the file meanwhile: what to do is decided again
                return self._receive_once(upload, upload.spool)

    def _receive_once(self, upload: Upload, spool: Spool) -> Any:
        drive, record = self._drive(), upload.record
        target = drive.destination(record.path, record.size, on_conflict=record.on_conflict)
        if target.is_skipped:
            return target.existing
        if target.path != record.path:
            self._save(upload, path=target.path)
        return drive.receive(
            target, spool, modified=record.modified, on_progress=lambda now: _note(upload, now), cancel=spool.cancel
        )

    def _end(self, upload: Upload) -> None:
        if upload.spool is None or upload.record.item:
            return
        upload.spool.stop()
        if upload.work is not None and not upload.work.cancel():
            wait([upload.work])
        with upload.lock:
            if upload.record.item is None:
                with suppress(BoxError):
                    self._drive().forget(upload.spool)
                self._discard(upload)

    def _discard(self, upload: Upload) -> None:
        if upload.spool is not None:
            upload.spool.discard()
            upload.spool = None


def _trouble(error: BoxError | OSError, path: str) -> BoxError | None:
    if isinstance(error, Cancelled) or getattr(error, "code", "") == "paused":
        return None
    return error if isinstance(error, BoxError) else translate_local(error, path)


def _note(upload: Upload, progress: Progress) -> None:
    upload.sent, upload.is_waiting = progress.done, progress.phase == "waiting"
