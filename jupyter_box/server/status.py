"""Handlers that tell: the connection, one page of a folder, what a search finds, and the face's own description."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jupyter_box.errors import BoxError, NotFound

from .base import BoxHandler

DIRECT = (
    "Direct mode: every user of this Hub can read the Box app's credentials and act as the app; the broker avoids that."
)


class StatusHandler(BoxHandler):
    """Who we are in Box; or why there is no connection and what to do."""

    _track_activity = False  # the panel asks for it on its own, which must not keep an idle server alive

    async def get(self) -> None:
        """Answer with the state of the connection, always with 200."""
        self.answer(await self._hop(self.backend.calls, self._status))

    def _status(self) -> dict[str, Any]:
        from jupyter_box.drive import Status

        try:
            status = self._attended(self.backend.drive().status)
            warning = DIRECT if self.backend.config.is_direct() else ""
            return replace(status, warning=warning).to_dict()
        except BoxError as error:
            return Status.disconnected(error).to_dict()


class ItemsHandler(BoxHandler):
    """The folders, page by page."""

    async def get(self) -> None:
        """Answer with one page."""
        query = self.query()
        await self.answer_page(lambda drive: drive.page(self.path, **query))


class SearchHandler(BoxHandler):
    """Box's search."""

    async def get(self) -> None:
        """Answer with one page of what Box finds."""
        query = self.query()
        text, folder = query.pop("q"), query.pop("ancestor", None)
        await self.answer_page(lambda drive: drive.search_page(text, folder=folder, **query))


class OpenApiHandler(BoxHandler):
    """The description of this REST face."""

    async def get(self) -> None:
        """Answer with the OpenAPI document, with this server's address in it."""
        from .openapi import document

        self.answer(document(self.base_url))


class UnknownHandler(BoxHandler):
    """Every address below the prefix that is no route."""

    async def get(self) -> None:
        """Answer that there is nothing."""
        raise NotFound(f"{self.request.path} is no route of jupyter-box.", hint="See jupyter-box/openapi.json.")

    head = post = put = patch = delete = get
