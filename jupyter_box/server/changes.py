"""Box's event stream, once for all panels of this server, and only while one of them listens."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jupyter_box.errors import BoxError, Cancelled, Denied, NotFound

from .news import Audience, Watcher

if TYPE_CHECKING:
    from jupyter_box.drive import Changes, Drive

PAUSE, LONGEST_PAUSE = 5.0, 600.0  # seconds before another try, when there is no stream; each time twice as many


@dataclass(frozen=True, slots=True)
class Changed:
    """What has changed in Box; its fields are those of the drive's `Changes`."""

    changes: Changes
    event: ClassVar[str] = "changes"
    key: ClassVar[str] = ""

    def after(self, earlier: Changed) -> Changed:
        """Return both together."""
        return Changed(earlier.changes | self.changes)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return self.changes.to_dict()


@dataclass(frozen=True, slots=True)
class Live:
    """Whether Box's event stream is open; while it is not, a client has to look for itself."""

    is_live: bool = False
    message: str = ""
    event: ClassVar[str] = "live"
    key: ClassVar[str] = ""

    def after(self, _earlier: Live) -> Live:
        """Return this one."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"live": self.is_live, "message": self.message}


class BoxChanges:
    """Follows what changes in Box for whoever listens.

    Args:
        drive: Returns the drive.
        closing: Is set when the server stops.
    """

    def __init__(self, drive: Callable[[], Drive], closing: threading.Event) -> None:
        self._drive, self._closing = drive, closing
        self._audience = Audience()
        self._live = Live()
        self._is_following = False
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Tell the watcher whether the stream is open, and then of every change."""
        with self._audience.joined(watcher):
            watcher.tell(self._live)
            self._begin()
            yield

    def _begin(self) -> None:
        with self._lock:
            if not self._is_following:
                self._is_following = True
                # a daemon, as Box may hold its request for ten minutes, which the server's end must not wait for
                threading.Thread(target=self._follow, name="box-events", daemon=True).start()

    def _follow(self) -> None:
        pause = PAUSE
        try:
            while self._goes_on():
                pause = self._listen(pause)
                self._closing.wait(pause)
        except BaseException:
            self._is_following = False
            raise

    def _goes_on(self) -> bool:
        """Tell whether anybody still listens; if not, the next one who does begins anew."""
        with self._lock:
            self._is_following = bool(self._audience) and not self._closing.is_set()
            return self._is_following

    def _listen(self, pause: float) -> float:
        """Tell of changes until the stream ends; returns how long to wait before the next try."""
        try:
            for changes in self._drive().changes(cancel=self._closing):
                self._note(changes)
                pause = PAUSE
                if not self._audience:
                    break
            self._tell(Live())  # whoever comes now has missed what happens until the next stream is open
        except Cancelled:
            pass
        except BoxError as error:
            self._tell(Live(message=str(error)))
            # a token that is good for one folder has no stream: the panels look for themselves
            return LONGEST_PAUSE if isinstance(error, (Denied, NotFound)) else min(LONGEST_PAUSE, 2 * pause)
        return pause

    def _note(self, changes: Changes) -> None:
        if not self._live.is_live:
            self._tell(Live(is_live=True))
        if changes:
            self._audience.tell(Changed(changes))

    def _tell(self, live: Live) -> None:
        self._live = live
        self._audience.tell(live)
