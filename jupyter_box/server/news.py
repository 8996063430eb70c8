"""What clients with an open event stream have not been told yet; it never grows beyond what there is to tell of."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from typing_extensions import Self


class News(Protocol):
    """One thing to tell: frozen facts."""

    event: ClassVar[str]  # the name of the server-sent event

    @property
    def key(self) -> str:
        """What it is about, among the news of that event."""

    def after(self, earlier: Self, /) -> Self:
        """Return what a client should be told that has not heard the earlier one."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""


class Watcher:
    """The news for one client: of each thing one.

    Args:
        loop: The loop that the client is served from.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._news: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._arrived = asyncio.Event()
        self._lock = threading.Lock()

    def tell(self, news: News) -> None:
        """Take note of something; called in any thread."""
        place = (news.event, news.key)
        with self._lock:
            self._news[place] = news.after(self._news[place]) if place in self._news else news
        self.wake()

    def wake(self) -> None:
        """End a wait now."""
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def wait(self, seconds: float) -> list[News]:
        """Return what is new, once there is something or the time is over."""
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), seconds)
        self._arrived.clear()
        with self._lock:
            news, self._news = list(self._news.values()), OrderedDict()
        return news


class Audience:
    """The clients that listen; safe to use from many threads."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._lock = threading.RLock()

    def __bool__(self) -> bool:
        """Tell whether anybody listens."""
        return bool(self._watchers)

    def tell(self, news: News) -> None:
        """Tell all of them."""
        with self._lock:
            for watcher in self._watchers:
                watcher.tell(news)

    def wake(self) -> None:
        """Let all of them look up, as the server stops."""
        with self._lock:
            for watcher in self._watchers:
                watcher.wake()

    @contextlib.contextmanager
    def joined(self, watcher: Watcher) -> Iterator[None]:
        """Tell a client, too, what comes meanwhile."""
        with self._lock:
            self._watchers.add(watcher)
        try:
            yield
        finally:
            with self._lock:
                self._watchers.discard(watcher)
