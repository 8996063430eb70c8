"""What was seen in folders a moment ago, by folder and name; whether it still holds is for `Lookup` to confirm."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from jupyter_box.items import Kind


class Entry(NamedTuple):
    """What a folder has under a name, as Box spells it."""

    id: str
    type: Kind
    name: str


class Memory:
    """The entries of folders for a while: the oldest go first, and each after its time; safe to use from many threads.

    Args:
        keep: How long an entry is remembered, in seconds.
        size: How many are.
        clock: Tells the time in seconds.
    """

    def __init__(self, keep: float, size: int, clock: Callable[[], float]) -> None:
        self._keep, self._size, self._clock = keep, size, clock
        self._entries: OrderedDict[tuple[str, str], tuple[float, Entry]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, place: tuple[str, str]) -> Entry | None:
        """Return what is remembered of a folder's id and a name's key."""
        with self._lock:
            until, entry = self._entries.get(place, (0.0, None))
            return entry if until > self._clock() else None

    def put(self, place: tuple[str, str], entry: Entry) -> None:
        """Remember it, in place of what was."""
        with self._lock:
            self._entries.pop(place, None)
            self._entries[place] = (self._clock() + self._keep, entry)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def drop(self, place: tuple[str, str]) -> Entry | None:
        """Forget it, and return what it was."""
        with self._lock:
            return self._entries.pop(place, (0.0, None))[1]
