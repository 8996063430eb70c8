"""The transfers that `drive` asks for: each builds what it needs from the modules beside it and lets it work."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from jupyter_box.errors import NotFound
from jupyter_box.events import Listener, ignore
from jupyter_box.items import Item
from jupyter_box.paths import below, key, twins
from jupyter_box.session import Session

from .content import Content, Target, UploadSession
from .download import Address, Download, read_ranges
from .journal import Journal, Pending, default_folder
from .lanes import shared_gate
from .local import FileSource, Source, open_source, unless_taken
from .placing import Placing
from .progress import Meter, told
from .report import OnConflict, Report
from .saving import RANGE, Saving
from .stream import StreamSource, StreamUpload, is_one_way
from .sync import Options, Sync
from .tree import Run, download_tree, upload_tree
from .upload import Sent, Upload, sha1_of, with_condition

_ADDRESSES = 64  # pre-signed addresses kept for further ranges of the same files


class Transfers:
    """Moves content between this machine and Box; safe to use from several threads.

    Args:
        session: The way to Box.
        threshold: The size in bytes from which on a file goes to Box in parts.
        parallel: The most requests that the transfers of this process have under way at once.
        range_size: Bytes of one range of a download; a file of two and more comes in ranges side by side.
        state_dir: Where the journal of what can be resumed is; None for the user's data directory.
    """

    def __init__(
        self,
        session: Session,
        *,
        threshold: int = 20_000_000,
        parallel: int = 16,
        range_size: int = RANGE,
        state_dir: Path | None = None,
    ) -> None:
        self.content = Content(session)
        self.gate = shared_gate(parallel)
        self.threshold = threshold
        self._range_size = range_size
        self.journal = Journal(state_dir or default_folder())
        self._addresses: OrderedDict[tuple[str | None, ...], Address] = OrderedDict()
        self._lock = threading.Lock()

    def upload_file(
        self,
        source: Path | str | BinaryIO,
        folder_id: str,
        name: str,
        *,
        size: int | None = None,
        existing: Item | None = None,
        if_match: str | None = None,
        modified: datetime | None = None,
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Item:
        """Upload a file and return what is then in Box.

        Args:
            source: A local path, or a binary stream.
            folder_id: The folder that gets it.
            name: Its name there.
            size: Bytes of a stream, where the caller knows; a large stream then goes to Box as it comes.
            existing: What gets a new version; if that already has the same SHA-1, nothing is sent.
            if_match: The etag that `existing` must still have.
            modified: The content's own time; None for the local file's.
            on_progress: Told how far it is.
            cancel: Ends the upload when it is set; nothing of it is left in Box.

        Raises:
            Exists: The name is taken, and by other content.
            Changed: Someone else's version came first, or the source changed meanwhile.
            BoxError: Box, the network or the local file refused.
        """
        with self._open(source, name, size) as opened:
            meter = Meter(existing.path or name if existing else name, opened.size, on_progress, cancel)
            with told(meter):
                target = Target(folder_id, name, existing, if_match, modified or opened.modified)
                return self.send(opened, target, meter).item

    def place_file(
        self,
        local: Path,
        folder_id: str,
        box_path: str,
        name: str,
        *,
        on_conflict: OnConflict = "version",
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Report:
        """Upload a local file into a folder of Box under a name, whatever has that name, and report.

        Args:
            local: The file.
            folder_id: The folder of Box.
            box_path: Its path, for the report.
            name: The file's name there.
            on_conflict: What to do about a name that is taken by other content.
            on_progress: Told how far it is.
            cancel: Ends the upload when it is set; nothing of it is left in Box.

        Raises:
            Exists: The name is taken, and `on_conflict` is `fail`, or what has it is no file.
            Changed: Someone else's version came first, or the source changed meanwhile.
            BoxError: Box, the network or the local file refused.
        """
        began = time.monotonic()
        with FileSource(local) as source:
            meter = Meter(below(box_path, name), source.size, on_progress, cancel)
            with told(meter):
                # Box asks for a session first, and so says that a name is taken before any byte has gone
                is_asked = source.size >= self.threshold
                existing = None if is_asked else self.content.named(Target(folder_id, name), source.size, box_path)
                known = {key(twin) for twin in twins(name) if self.content.named(Target(folder_id, twin), 0, box_path)}
                outcome = Placing(self, folder_id, box_path, on_conflict, meter, known).put(source, name, existing)
        return Report((outcome,), time.monotonic() - began)

    def _open(self, source: Path | str | BinaryIO, name: str, size: int | None) -> Source:
        if size is not None and size >= self.threshold and is_one_way(source):
            return StreamSource(source, name, size)  # type: ignore[arg-type]
        return open_source(source, name, size)

    def send(self, source: Source, target: Target, meter: Meter) -> Sent:
        """Send an open source, unless Box has the same bytes there already."""
        conditional = with_condition(target, target.if_match)
        if isinstance(source, StreamSource):
            stream = StreamUpload(self.content, self.gate, self.journal, source=source, target=conditional, meter=meter)
            return stream.run(self.threshold)
        if target.existing and self.is_same(source, target.existing, meter):
            return Sent(target.existing, is_new=False)
        return Upload(self.content, self.gate, self.journal, source=source, target=conditional, meter=meter).run(
            self.threshold
        )

    def is_same(self, source: Source, item: Item, meter: Meter) -> bool:
        """Tell whether the source has the bytes that Box has, by size first and SHA-1 then."""
        return bool(item.sha1) and item.size in {None, source.size} and sha1_of(source, meter.check) == item.sha1

    def download_file(
        self,
        item: Item,
        target: Path,
        *,
        version: str | None = None,
        overwrite: bool = True,
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Path:
        """Download a file, verify its SHA-1, and put it at `target` in place of what is there.

        Args:
            item: The file in Box.
            target: The local path.
            version: The id of a past version; None for the current one.
            overwrite: Whether what is there may be replaced.
            on_progress: Told how far it is.
            cancel: Ends the download when it is set; nothing of it is left on the disk.

        Raises:
            Exists: There is something at `target`, and `overwrite` is off.
            Corrupted: The bytes that came are not those that Box has.
            BoxError: Box, the network or the local disk refused.
        """
        check = unless_taken(Path(target), overwrite=overwrite)
        check()
        whole = self.whole(item, version)
        meter = Meter(item.path or item.name, whole.size, on_progress, cancel)
        with told(meter):
            return self.save(whole, Path(target), meter, version, check=check)

    def save(
        self,
        whole: Item,
        target: Path,
        meter: Meter,
        version: str | None = None,
        *,
        check: Callable[[], None] = lambda: None,
    ) -> Path:
        """Fetch a file, of which size and SHA-1 are known, to the disk; `check` may raise before it gets its name."""
        saving = Saving(
            self.content,
            self.gate,
            self.journal,
            item=whole,
            target=target,
            meter=meter,
            version=version,
            range_size=self._range_size,
            check=check,
        )
        return saving.run()

    def whole(self, item: Item, version: str | None = None) -> Item:
        """Return the item with the size and SHA-1 of what is to be downloaded."""
        if version and version != item.version:
            past = self.content.version(item.id, version)
            return replace(item, size=past.size, sha1=past.sha1, version=past.id, content_modified=past.created)
        if item.size is None or not item.sha1:
            return self.content.stat(item.id).at(item.path)
        return item

    def open(self, item: Item, *, version: str | None = None, start: int = 0, end: int | None = None) -> Download:
        """Return the bytes of a file from `start` up to `end` (None: its end) as blocks, as they come.

        The SHA-1 is not verified. What breaks in between goes on where it was.
        """
        whole = self.whole(item, version)
        size = whole.size or 0
        last = size if end is None else min(end, size)
        return Download(Address(self.content, whole, version), min(max(0, start), last), last)

    def read_ranges(self, item: Item, ranges: Sequence[tuple[int, int]], *, version: str | None = None) -> list[bytes]:
        """Return the bytes of several ranges, in their order, fewer where the file is shorter; fetched side by side.

        Args:
            item: The file; ranges that are read one after the other share one address of Box.
            ranges: The first byte and the byte after the last, of each.
            version: The id of a past version; None for the current one.
        """
        return read_ranges(self._address(item, version), self.gate, ranges)

    def _address(self, item: Item, version: str | None) -> Address:
        # what is asked for by its version may be past by now, and is not what is current
        wanted = (item.id, version, item.version, item.sha1)
        with self._lock:
            address = self._addresses.pop(wanted, None)
        if address is None:
            address = Address(self.content, self.whole(item, version), version)
        with self._lock:
            self._addresses[wanted] = address
            while len(self._addresses) > _ADDRESSES:
                self._addresses.popitem(last=False)
        return address

    def sync(
        self,
        local: Path,
        folder: Item,
        options: Options | None = None,
        *,
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Report:
        """Make a folder of Box like a local folder, or the reverse; a second run right after it moves nothing.

        Args:
            local: The tree on this machine.
            folder: The tree in Box, with its path.
            options: The direction, and what else differs from a plain sync up.
            on_progress: Told how far the whole is.
            cancel: Ends the sync when it is set.
        """
        return Sync(self, Path(local), folder, options or Options(), on_progress=on_progress, cancel=cancel).run()

    def pending(self) -> list[Pending]:
        """Return the transfers of this identity that were begun and not ended, the oldest first."""
        return self.journal.all(self.content.session.identity)

    def abort(self, pending: Pending) -> None:
        """Give up a pending transfer: end its upload session in Box, or remove its partial file.

        Raises:
            BoxError: Box does not answer; the transfer stays pending.
        """
        if pending.kind == "upload":
            with suppress(NotFound):
                self.content.abort(UploadSession.of(pending.state["session"]))
        else:
            Path(pending.state["scratch"]).unlink(missing_ok=True)
        self.journal.drop(pending.key)

    def upload_tree(
        self,
        local: Path,
        folder_id: str,
        box_path: str,
        *,
        is_new: bool = False,
        on_conflict: OnConflict = "version",
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Report:
        """Upload all that is in a local folder into a folder of Box, and report file by file.

        Args:
            local: The local folder; what it holds goes into the folder of Box.
            folder_id: The folder of Box.
            box_path: Its path, for the report.
            is_new: Whether the folder was made just now, so that there is nothing in it.
            on_conflict: What to do about a name that is taken by other content.
            on_progress: Told how far the whole is.
            cancel: Ends the run when it is set.
        """
        run = Run(self, box_path or str(local), on_progress, cancel)
        return upload_tree(run, Path(local), folder_id, box_path, on_conflict, is_new=is_new)

    def download_tree(
        self,
        folder: Item,
        local: Path,
        *,
        overwrite: bool = False,
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> Report:
        """Download all that is in a folder of Box into a local folder, and report file by file.

        Args:
            folder: The folder of Box; what it holds goes into the local folder.
            local: The local folder; made if it is not there.
            overwrite: Whether a local file with other content is replaced; else it is kept and reported as skipped.
            on_progress: Told how far the whole is.
            cancel: Ends the run when it is set.
        """
        return download_tree(
            Run(self, folder.path or folder.name, on_progress, cancel), folder, Path(local), overwrite=overwrite
        )
