"""Handlers for who else sees an item: its shared link and its collaborations."""

from __future__ import annotations

from typing import Any

from jupyter_box.errors import InvalidName
from jupyter_box.items import moment, plain

from .base import BoxHandler


class SharedLinkHandler(BoxHandler):
    """An item's shared link."""

    async def get(self) -> None:
        """Answer with the link, or null."""
        item = await self.call(lambda drive: drive.stat(self.path))
        self.answer({"shared_link": plain(item.shared_link)})

    async def put(self) -> None:
        """Make or change the link."""
        wanted = with_moment(self.body())
        without = [name for name in ("password", "expires") if name in wanted and wanted[name] is None]
        link = await self.call(lambda drive: drive.share(self.path, without=without, **wanted))
        self.answer({"shared_link": plain(link)})

    async def delete(self) -> None:
        """Take the link away."""
        await self.call(lambda drive: drive.unshare(self.path))
        self.answer_nothing()


class CollaborationsHandler(BoxHandler):
    """Who works with an item."""

    async def get(self) -> None:
        """Answer with everybody invited to this very item."""
        self.answer({"collaborations": await self.call(lambda drive: plain(drive.collaborators(self.path)))})

    async def post(self) -> None:
        """Invite somebody."""
        invitation = self.body()
        self.answer(await self.call(lambda drive: plain(drive.invite(self.path, **invitation))), 201)

    async def put(self) -> None:
        """Change somebody's role."""
        wanted = self.body()
        self.answer(await self.call(lambda drive: plain(drive.set_role(self.path, **wanted))))

    async def delete(self) -> None:
        """Uninvite somebody."""
        who = self.query()["who"]
        await self.call(lambda drive: drive.uninvite(self.path, who))
        self.answer_nothing()


def with_moment(values: dict[str, Any]) -> dict[str, Any]:
    """Return what a client sent with `expires` as a time.

    Raises:
        InvalidName: It is none.
    """
    try:
        return {**values, "expires": moment(values["expires"])} if values.get("expires") else values
    except ValueError:
        raise InvalidName(
            "The field expires is no time.", hint="Write it as 2030-12-31T00:00:00Z.", code="bad_request"
        ) from None
