"""A user's favourites, Box's only collection, and what they lately worked with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

FIRST_ID = 405000000


class Collections:
    """Each user has a Favorites collection with an id of its own."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def favorites_id(self, user: int) -> str:
        """Return the id of a user's favourites."""
        return str(FIRST_ID + user)

    def put(self, item: int, user: int, favorite: bool) -> None:
        """Make an item a favourite of the user, or not."""
        self.store.run("DELETE FROM favorites WHERE user = ? AND item = ?", user, item)
        if favorite:
            self.store.insert("favorites", user=user, item=item)

    def has(self, item: int, user: int) -> bool:
        """Return whether an item is a favourite of the user."""
        return self.store.one("SELECT 1 FROM favorites WHERE user = ? AND item = ?", user, item) is not None

    def favorites(self, user: int) -> list[Row]:
        """Return a user's favourites."""
        return self.store.all(
            "SELECT items.* FROM favorites JOIN items ON items.id = item WHERE user = ? ORDER BY item", user
        )

    def touch(self, item: int, user: int, kind: str) -> None:
        """Remember that a user just worked with a file."""
        self.store.run("INSERT OR REPLACE INTO recents VALUES (?, ?, ?, ?)", user, item, kind, self.store.now())

    def recent(self, user: int) -> list[Row]:
        """Return what a user lately worked with, latest first."""
        sql = (
            "SELECT items.*, recents.kind, recents.at FROM recents JOIN items ON items.id = item"
            " WHERE user = ? ORDER BY at DESC, item DESC"
        )
        return self.store.all(sql, user)
