"""Server-sent events: what runs and what changes, told as it happens to clients that keep a request open."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from tornado.iostream import StreamClosedError

from .base import BoxHandler

if TYPE_CHECKING:
    from .news import News, Watcher

HEARTBEAT = 15.0  # seconds of silence after which a comment goes out; proxies cut at 60


class EventStreamHandler(BoxHandler):
    """A stream of events; it ends with the client, with the server, or after the seconds asked for."""

    _track_activity = False  # a page that is merely open must not keep an idle server alive

    def subscribed(self, watcher: Watcher) -> AbstractContextManager[None]:
        """Tell the watcher what this stream is about, while the context is open."""
        raise NotImplementedError

    def word(self, news: News) -> str:
        """Return the event as it is sent."""
        return f"event: {news.event}\n{_data(news)}"

    async def get(self) -> None:
        """Answer with the stream: first how all is, then every change."""
        from .news import Watcher

        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")  # nginx would hold events back
        until = time.monotonic() + self.query().get("seconds", float("inf"))
        watcher = Watcher(asyncio.get_running_loop())
        with self.subscribed(watcher):
            self.write(": jupyter-box\n\n")
            while not self.gone.is_set() and not self.backend.closing.is_set():
                if not await self._send_news(watcher, until):
                    break
        if not self.gone.is_set():
            self.finish()

    async def _send_news(self, watcher: Watcher, until: float) -> bool:
        try:
            await self.flush()
        except StreamClosedError:
            self.gone.set()
            return False
        rest = until - time.monotonic()
        news = await watcher.wait(max(0.0, min(HEARTBEAT, rest)))
        self.write("".join(map(self.word, news)) or ": alive\n\n")
        return bool(news) or rest > 0


class TransferEventsHandler(EventStreamHandler):
    """Where the transfers stand."""

    def subscribed(self, watcher: Watcher) -> AbstractContextManager[None]:
        """Tell of all transfers."""
        return self.backend.board.watched(watcher)

    def word(self, news: News) -> str:
        """Return the data alone: there is one kind of event."""
        return _data(news)


class EventsHandler(EventStreamHandler):
    """All that a panel wants to hear, over one connection: a browser has six for a whole server."""

    @contextmanager
    def subscribed(self, watcher: Watcher) -> Iterator[None]:
        """Tell of all transfers, and of what changes in Box."""
        with self.backend.board.watched(watcher), self.backend.changes.watched(watcher):
            yield


def _data(news: News) -> str:
    return f"data: {json.dumps(news.to_dict(), ensure_ascii=False)}\n\n"
