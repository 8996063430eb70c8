"""Handlers for what Box keeps: a file's versions and the trash."""

from __future__ import annotations

from jupyter_box.items import plain

from .base import BoxHandler


class VersionsHandler(BoxHandler):
    """A file's versions."""

    async def get(self) -> None:
        """Answer with the versions, the newest first."""
        self.answer({"versions": await self.call(lambda drive: plain(drive.versions(self.path)))})

    async def post(self) -> None:
        """Make an old version the current one, as a new version."""
        version = self.body()["version"]
        self.answer(await self.call(lambda drive: plain(drive.promote(self.path, version))), 201)

    async def delete(self) -> None:
        """Delete an old version."""
        version = self.query()["version"]
        await self.call(lambda drive: drive.delete_version(self.path, version))
        self.answer_nothing()


class TrashHandler(BoxHandler):
    """Box's trash."""

    async def get(self) -> None:
        """Answer with one page of what was deleted."""
        query = self.query()
        await self.answer_page(lambda drive: drive.trash_page(**query))

    async def post(self) -> None:
        """Restore an item."""
        wanted = self.body()
        self.answer(await self.call(lambda drive: plain(drive.restore(**wanted))), 201)

    async def delete(self) -> None:
        """Delete an item for good."""
        item = self.query()["id"]
        await self.call(lambda drive: drive.purge(item))
        self.answer_nothing()
