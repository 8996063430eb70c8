"""The handlers of copies between this machine's disk and Box: start, look, cancel, and a stream of events."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from tornado.iostream import StreamClosedError

from .base import BoxHandler

if TYPE_CHECKING:
    from .jobs import State, Watcher

HEARTBEAT = 15.0  # seconds of silence after which a comment goes out; proxies cut at 60


class TransfersHandler(BoxHandler):
    """All copies."""

    async def get(self) -> None:
        """Answer with where all stand."""
        self.answer({"transfers": [state.to_dict() for state in self.backend.jobs.all()]})

    async def post(self) -> None:
        """Start a copy."""
        from .jobs import Wanted

        wanted = Wanted(**self.body())
        state = await self.call(lambda _: self.backend.jobs.start(wanted))
        self.answer(state.to_dict(), 202)


class TransferHandler(BoxHandler):
    """One copy."""

    async def get(self, id: str) -> None:  # noqa: A002
        """Answer with where it stands."""
        self.answer(self.backend.jobs.get(id).to_dict())

    async def delete(self, id: str) -> None:  # noqa: A002
        """Cancel it."""
        self.backend.jobs.cancel(id)
        self.answer_nothing()


class TransferEventsHandler(BoxHandler):
    """Where the copies stand, as server-sent events."""

    _track_activity = False  # a page that is merely open must not keep an idle server alive

    async def get(self) -> None:
        """Answer with a stream: first where all stand, then every change."""
        from .jobs import Watcher

        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")  # nginx would hold events back
        until = time.monotonic() + self.query().get("seconds", float("inf"))
        watcher = Watcher(asyncio.get_running_loop())
        with self.backend.jobs.watched(watcher):
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
        self.write("".join(map(_event, news)) or ": alive\n\n")
        return bool(news) or rest > 0


def _event(state: State) -> str:
    return f"data: {json.dumps(state.to_dict(), ensure_ascii=False)}\n\n"
