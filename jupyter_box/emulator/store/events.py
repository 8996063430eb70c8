"""What happened, for whom to see; kept in order."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

# What `changes` and `sync` leave out: nothing changed in the tree
ONLY_IN_ALL = (
    "ITEM_DOWNLOAD",
    "ITEM_PREVIEW",
    "COMMENT_CREATE",
    "COMMENT_DELETE",
    "ITEM_SHARED",
    "ITEM_SHARED_CREATE",
    "ITEM_SHARED_UNSHARE",
)


class Events:
    """The streams of all users; `latest` is the newest position."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.latest = int(store.value("SELECT MAX(id) FROM events") or 0)

    def add(self, kind: str, user: int, item: Row, source: dict[str, Any]) -> None:
        """Tell everyone who may see the item."""
        line = self.store.items.lineage(item["id"])
        self.latest = self.store.insert(
            "events",
            event_id=secrets.token_hex(20),
            type=kind,
            user=user,
            item=item["id"],
            created_at=self.store.now(),
            source=json.dumps(source),
            path=json.dumps([above["id"] for above in line]),
        )
        readers = self.store.collaborations.readers(line) | {user}
        self.store.run_many("INSERT INTO event_readers VALUES (?, ?)", [(reader, self.latest) for reader in readers])

    def after(self, user: int, position: int, limit: int, stream: str = "all", within: int | None = None) -> list[Row]:
        """Return a user's events after a position, oldest first; `within` keeps those in one folder."""
        sql = (
            "SELECT events.* FROM event_readers JOIN events ON events.id = event"
            " WHERE event_readers.user = ? AND event > ? ORDER BY event"
        )
        found = []
        for row in self.store.database.execute(sql, (user, position)):
            if stream != "all" and row["type"] in ONLY_IN_ALL:
                continue
            if within is not None and within not in json.loads(row["path"]):
                continue
            found.append(row)
            if len(found) == limit:
                break
        return found

    def has_after(self, user: int, position: int) -> bool:
        """Return whether a user has an event after a position."""
        return self.store.one("SELECT 1 FROM event_readers WHERE user = ? AND event > ?", user, position) is not None

    def of_enterprise(self, enterprise: int, after: int, limit: int) -> list[Row]:
        """Return what everyone in an enterprise did, oldest first."""
        sql = (
            "SELECT * FROM events WHERE id > ? AND user IN (SELECT id FROM users WHERE enterprise = ?)"
            " ORDER BY id LIMIT ?"
        )
        return self.store.all(sql, after, enterprise, limit)
