"""Where all transfers of this server and of its kernels stand, and who is told."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

from jupyter_box.errors import NotFound
from jupyter_box.events import ENDED, Progress
from jupyter_box.transfer import OnConflict

from .news import Audience, Watcher

HISTORY = 200  # ended transfers that are remembered


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a transfer is to do.

    Attributes:
        kind: `upload` to Box or `download` from it; of a kernel also `sync`.
        source: The file or folder: on this machine relative to the server's root, or in Box.
        target: The folder on the other side that it goes into as itself.
        on_conflict: What becomes of a file whose name is taken in Box.
        overwrite: Whether a file on this machine may be replaced.
    """

    kind: Literal["upload", "download", "sync"]
    source: str
    target: str
    on_conflict: OnConflict = "version"
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Where a transfer stands.

    Attributes:
        id: What the client knows it by.
        wanted: What it is to do.
        where: Whether the server does it, or a kernel or a terminal of it.
        can_retry: Whether the server can do it again, once it has failed.
        progress: How far it is.
    """

    id: str
    wanted: Wanted
    progress: Progress
    where: Literal["server", "kernel"] = "server"
    can_retry: bool = True
    event: ClassVar[str] = "transfer"

    @property
    def key(self) -> str:
        """The id."""
        return self.id

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.progress.phase in ENDED

    @property
    def has_failed(self) -> bool:
        """Whether it has ended otherwise than it should."""
        return self.progress.phase in {"failed", "cancelled"}

    def after(self, _earlier: State) -> State:
        """Return this one."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, all on one level."""
        about = {"id": self.id, "where": self.where, "can_retry": self.can_retry and self.has_failed}
        return {**about, **asdict(self.wanted), **asdict(self.progress)}


class Board:
    """The states by their ids; safe to use from many threads."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, State] = OrderedDict()
        self._audience = Audience()
        self._lock = threading.RLock()

    def all(self) -> list[State]:
        """Return where all stand, the oldest first."""
        with self._lock:
            return list(self._states.values())

    def get(self, id: str) -> State:  # noqa: A002
        """Return where one stands.

        Raises:
            NotFound: There is none with that id.
        """
        with self._lock:
            state = self._states.get(id)
        if state is None:
            raise NotFound("There is no such transfer.", hint="Start it again.", code="transfer_not_found")
        return state

    def put(self, state: State) -> State:
        """Take note of a transfer, new or begun again, and tell of it."""
        with self._lock:
            self._states[state.id] = state
            self._forget_oldest()
            self._audience.tell(state)
        return state

    def progress(self, id: str, **changes: Any) -> None:  # noqa: A002
        """Take note of how far one is by now, and tell of it; one that has ended stays as it is."""
        with self._lock:
            state = self._states.get(id)
            if state and not state.has_ended:
                self.put(replace(state, progress=replace(state.progress, **changes)))

    def drop(self, id: str) -> None:  # noqa: A002
        """Forget one."""
        with self._lock:
            self._states.pop(id, None)

    @contextlib.contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Tell the watcher where all stand, and then of every change."""
        with self._audience.joined(watcher):
            with self._lock:
                for state in self._states.values():
                    watcher.tell(state)
            yield

    def close(self) -> None:
        """Let those who watch see that the server stops."""
        self._audience.wake()

    def _forget_oldest(self) -> None:
        ended = [id for id, state in self._states.items() if state.has_ended]  # noqa: A001
        for id in ended[: max(0, len(ended) - HISTORY)]:  # noqa: A001
            del self._states[id]
