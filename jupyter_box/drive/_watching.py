"""What changes in Box, as Box's own event stream tells it: a request that waits, and one look when there is news."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jupyter_box import paths
from jupyter_box.errors import BoxError, Cancelled, Unreachable
from jupyter_box.items import ALL_FILES, Json, whole
from jupyter_box.session import Session, waiting

from ._core import Core

STREAM = "changes"  # of Box's streams, the one of what may change the tree of files
PAGE = 500  # events of one look; Box gives no more
MOST = 1000  # ids that are told one by one; beyond, everything counts as changed
REMEMBERED = 2000  # ids of events that are known, as Box tells some twice
SETTLING = 1.0  # seconds in which a burst of changes comes together
LONGEST_SETTLING = 16.0  # seconds between two looks while there is no end of changes
CALM = 5.0  # seconds without news after which the next burst counts as a new one
MARGIN = 10.0  # seconds beyond Box's own time for a waiting request, before the line counts as dead


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed in Box.

    Attributes:
        folders: The ids of the folders that something was made, changed, moved or trashed in, as Box tells them: of a
            move the new one.
        items: The ids of the items themselves; who shows one of them is concerned, wherever it was before.
        paths: The paths of those folders, where Box tells them and they are in the drive.
        is_everything: Whether anything may have changed: there was too much, or some of it may have been missed.
    """

    folders: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    is_everything: bool = False

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return self.is_everything or bool(self.items)

    def __or__(self, other: Changes) -> Changes:
        """Return both together, never of more than `MOST` items."""
        items = self.items | other.items
        if self.is_everything or other.is_everything or len(items) > MOST:
            return EVERYTHING
        return Changes(self.folders | other.folders, items, self.paths | other.paths)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "folders": sorted(self.folders),
            "items": sorted(self.items),
            "paths": sorted(self.paths),
            "everything": self.is_everything,
        }


EVERYTHING = Changes(is_everything=True)


class Watching(Core):
    """Hears of what others, and we ourselves, change in Box."""

    def changes(self, *, cancel: threading.Event | None = None) -> Iterator[Changes]:
        """Yield what changes in Box from now on, burst by burst; between two, the next waits for Box.

        The first is empty and says that the stream is open; a later one may be empty, where Box has ended its request.

        Args:
            cancel: Ends the stream at the end of the request that waits, which may take ten minutes.

        Raises:
            Denied: Box has no event stream for this token, as for one that is good for one folder.
            Unreachable: Box does not answer; what changed meanwhile is lost.
            Cancelled: `cancel` was set.
        """
        with waiting(cancel=cancel):
            stream = _Stream(self._session, cancel or threading.Event())
            stream.look()
        yield Changes()
        while True:
            with waiting(cancel=cancel):
                events = stream.next()
            changes = Changes()
            for event in events:
                changes |= self._changes(event.get("source") or {})
            yield changes

    def _changes(self, source: Json) -> Changes:
        """Return what an event is about: an item, or the item of a collaboration."""
        source = source.get("item") or source
        item = source.get("id") or source.get("item_id")
        if not item:
            return Changes()
        parent = (source.get("parent") or {}).get("id") or ALL_FILES
        return Changes(frozenset({parent}), frozenset({item}), self._parent_path(source))

    def _parent_path(self, source: Json) -> frozenset[str]:
        if not source.get("path_collection") or not source.get("name"):
            return frozenset()
        placed = self._lookup.place(source)
        return frozenset({paths.split(placed.path).parent}) if placed and placed.path != paths.ROOT else frozenset()


@dataclass(frozen=True, slots=True)
class _Waiter:
    """Where a request may wait for news, and for how long and how often."""

    url: str
    seconds: float
    tries: int
    until: float

    @classmethod
    def of(cls, json: Json) -> _Waiter:
        """Return Box's `realtime_server`; what it leaves out is as in Box's own example."""
        minutes = whole(json.get("ttl")) or 10
        return cls(
            json["url"],
            float(json.get("retry_timeout") or 610),
            whole(json.get("max_retries")) or 10,
            time.monotonic() + minutes * 60,
        )


class _Stream:
    """Box's event stream of our own user, from the first look on.

    Args:
        session: The way to Box.
        cancel: Ends pauses.
    """

    def __init__(self, session: Session, cancel: threading.Event) -> None:
        self._session = session
        self._cancel = cancel
        self._position: int | str = "now"
        self._known: OrderedDict[str, None] = OrderedDict()
        self._waiter: _Waiter | None = None
        self._tries = 0
        self._pause = SETTLING / 2

    def next(self) -> list[Json]:
        """Return the next events, once Box says that there are some; none where its request has ended without."""
        began = time.monotonic()
        has_news = self._wait()
        self._settle(time.monotonic() - began)
        return self.look() if has_news else []

    def look(self) -> list[Json]:
        """Return the events since the last look; the first look finds none."""
        found: list[Json] = []
        while True:
            query = {"stream_type": STREAM, "stream_position": self._position, "limit": PAGE}
            page = self._session.call("GET", "/events", params=query, what="Box's event stream")
            entries, before = page.get("entries") or [], self._position
            self._position = page.get("next_stream_position", before)  # 0 where there never was one
            found += [event for event in entries if self._is_new(event)]
            if len(entries) < PAGE or self._position == before:
                return found

    def _is_new(self, event: Json) -> bool:
        id = event.get("event_id") or ""  # noqa: A001
        if id in self._known:
            return False
        self._known[id] = None
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return True

    def _settle(self, waited: float) -> None:
        """Let a burst come together; the longer it goes on, or the oftener Box ends its request at once, the longer."""
        self._pause = SETTLING if waited > CALM else min(LONGEST_SETTLING, self._pause * 2)
        if self._cancel.wait(self._pause):
            raise Cancelled("Stopped.")

    def _wait(self) -> bool:
        """Wait for Box; tell whether there is news."""
        waiter = self._waiter = self._usable_waiter()
        self._tries += 1
        try:
            message = self._message(waiter)
        except Unreachable:
            return False  # the line broke: the same place is asked again, as often as Box allows
        except Cancelled:
            raise
        except BoxError:
            message = ""
        if message != "new_change":
            self._waiter = None  # `reconnect`, or an error: Box is to name another place
        return message == "new_change"

    def _usable_waiter(self) -> _Waiter:
        known = self._waiter
        if known and self._tries < known.tries and time.monotonic() < known.until:
            return known
        self._tries = 0
        return self._new_waiter()

    def _new_waiter(self) -> _Waiter:
        answer = self._session.call("OPTIONS", "/events", params={"stream_type": STREAM}, what="Box's event stream")
        for entry in answer.get("entries") or []:
            if entry.get("type") == "realtime_server" and entry.get("url"):
                return _Waiter.of(entry)
        raise Unreachable("Box names no place to wait for its events.", code="no_realtime_server")

    def _message(self, waiter: _Waiter) -> str:
        response = self._session.send(
            "GET",
            waiter.url,
            params={"stream_position": self._position},
            authorize=self._is_trusted(waiter.url),
            retry=False,
            what="Box's event stream",
            timeout=waiter.seconds + MARGIN,
        )
        with suppress(ValueError, AttributeError):
            return str(response.json().get("message") or "")
        return ""

    def _is_trusted(self, url: str) -> bool:
        """Tell whether the token may go there: over TLS, or to where it goes anyhow."""
        return url.startswith("https://") or urlsplit(url).netloc == urlsplit(self._session.endpoints.api).netloc
