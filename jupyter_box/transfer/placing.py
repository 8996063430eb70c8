"""One file to its name in a folder of Box, whatever has that name; how its bytes travel is left to `upload`."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_box.errors import Exists
from jupyter_box.items import Item
from jupyter_box.paths import below, check_name, key, numbered, twins

from .content import Target
from .local import Source
from .progress import Meter
from .report import LOOKS_TAKEN, OnConflict, Outcome
from .taken import holder, taken
from .upload import Sent

if TYPE_CHECKING:
    from .engine import Transfers


@dataclass(frozen=True)
class Placing:
    """Puts files into one folder of Box.

    Attributes:
        transfers: Moves their bytes.
        folder_id: The folder's id.
        path: Its path.
        on_conflict: What becomes of a file whose name is taken.
        meter: Told of every byte.
        known: The names that are known to be taken there, by the key that Box compares them by.
    """

    transfers: Transfers
    folder_id: str
    path: str
    on_conflict: OnConflict
    meter: Meter
    known: Collection[str] = ()

    def put(self, source: Source, name: str, existing: Item | None) -> Outcome:
        """Send a file and return what became of it.

        Args:
            source: The file.
            name: The name it is to have.
            existing: What has the name, as far as is known; else Box says so when the file is to be made.

        Raises:
            Exists: Something has the name, and `on_conflict` is `fail`, or it can get no new version.
            BoxError: Box, the network or the local file refused.
        """
        is_same = False
        if existing is None:
            try:
                existing, is_new = self._send(source, name)
            except Exists as error:
                existing = holder(self.transfers.content.session, error, self.folder_id, self.path, name)
            else:
                if is_new:
                    return self._outcome(source, existing)
                is_same = True
        return self._beside(source, name, existing, is_same=is_same)

    def _beside(self, source: Source, name: str, existing: Item, *, is_same: bool) -> Outcome:
        if self.on_conflict == "skip":
            return self._skipped(source, existing, "The name is taken in Box.")
        if self.on_conflict == "fail":
            raise taken(existing)
        if is_same or (existing.is_file and self.transfers.is_same(source, existing, self.meter)):
            return self._skipped(source, existing, "It is the same in Box.")
        if self.on_conflict == "rename":
            return self._renamed(source, name)
        if not existing.is_file:
            raise taken(existing)
        return self._outcome(source, self._send(source, existing.name, existing).item)

    def _renamed(self, source: Source, name: str) -> Outcome:
        for candidate in numbered(name):
            if key(candidate) in self.known:
                continue
            with suppress(Exists):
                item, is_new = self._send(source, check_name(candidate))
                if is_new:
                    return replace(self._outcome(source, item), action="renamed")
        raise AssertionError("numbers do not end")

    def _send(self, source: Source, name: str, existing: Item | None = None) -> Sent:
        target = Target(self.folder_id, name, existing, modified=source.modified)
        return self.transfers.send(source, target, self.meter)

    def _skipped(self, source: Source, item: Item, reason: str) -> Outcome:
        self.meter.add(source.size)
        return replace(self._outcome(source, item), action="skipped", reason=reason)

    def _outcome(self, source: Source, item: Item) -> Outcome:
        reason = LOOKS_TAKEN if any(key(twin) in self.known for twin in twins(item.name)) else ""
        return Outcome(
            below(self.path, item.name), str(source.path or ""), "sent", source.size, reason, item_id=item.id
        )
