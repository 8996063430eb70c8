"""Handlers for what marks one item: its details, its lock, and whether it is a favourite."""

from __future__ import annotations

from jupyter_box.items import plain

from .base import BoxHandler
from .sharing import with_moment


class DetailsHandler(BoxHandler):
    """All that Box tells of one item."""

    async def get(self) -> None:
        """Answer with the item."""
        self.answer(await self.call(lambda drive: plain(drive.stat(self.path))))


class LockHandler(BoxHandler):
    """A file's lock."""

    async def put(self) -> None:
        """Lock the file."""
        wanted = with_moment(self.body())
        self.answer(await self.call(lambda drive: plain(drive.lock(self.path, **wanted))))

    async def delete(self) -> None:
        """Take the lock away."""
        await self.call(lambda drive: drive.unlock(self.path))
        self.answer_nothing()


class FavouritesHandler(BoxHandler):
    """The account's favourites."""

    async def get(self) -> None:
        """Answer with those that are in the drive."""
        self.answer({"items": await self.call(lambda drive: plain(drive.favourites()))})


class FavouriteHandler(BoxHandler):
    """Whether an item is a favourite."""

    async def put(self) -> None:
        """Make it one."""
        self.answer(await self.call(lambda drive: plain(drive.add_favourite(self.path))))

    async def delete(self) -> None:
        """Make it none."""
        await self.call(lambda drive: drive.remove_favourite(self.path))
        self.answer_nothing()
