"""Zip downloads: what goes in under which name, fixed when it is asked for."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

START_WITHIN = 60


class Zips:
    """Zip downloads that were asked for; each can be fetched once."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, user: int, name: str, entries: list[tuple[str, str, int]]) -> Row:
        """Remember a zip's entries: name in the zip, blob (empty for a folder), size."""
        key = secrets.token_urlsafe(24)
        self.store.insert(
            "zips",
            id=key,
            user=user,
            name=name,
            entries=json.dumps(entries),
            expires_at=self.store.now() + START_WITHIN,
            state="new",
            total=sum(1 for _, blob, _ in entries if blob),
        )
        row = self.get(key)
        assert row is not None
        return row

    def get(self, key: str) -> Row | None:
        """Return a zip download."""
        return self.store.one("SELECT * FROM zips WHERE id = ?", key)

    def under_way(self, user: int) -> tuple[int, int]:
        """Return how many zips a user is fetching, and how many the user's enterprise."""
        sql = (
            "SELECT COALESCE(SUM(owners.id = me.id), 0), COUNT(*) FROM users AS me"
            " JOIN users AS owners ON owners.enterprise IS me.enterprise"
            " JOIN zips ON zips.user = owners.id AND state = 'in_progress' WHERE me.id = ?"
        )
        own, all_of_us = self.store.all(sql, user)[0]
        return own, all_of_us

    def set_state(self, key: str, state: str, done: int) -> None:
        """Remember how far the download is."""
        self.store.update("zips", key, state=state, done=done)

    def names_in(self, folder: Row, prefix: str) -> list[tuple[str, str, int]]:
        """Return the entries for a folder: itself, then everything active in it."""
        entries = [(f"{prefix}/", "", 0)]
        rows = self.store.all(
            "SELECT * FROM items WHERE parent = ? AND status = 'active' ORDER BY name_key, id", folder["id"]
        )
        for row in rows:
            if row["type"] == "folder":
                entries += self.names_in(row, f"{prefix}/{row['name']}")
            elif row["type"] == "file":
                entries.append(self.name_of(row, f"{prefix}/{row['name']}"))
        return entries

    def name_of(self, file: Row, name: str) -> tuple[str, str, int]:
        """Return the entry for a file."""
        return (name, self.store.files.version(file["version"])["blob"], file["size"])
