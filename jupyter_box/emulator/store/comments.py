"""Comments on files, and replies to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


class Comments:
    """Comments of all files."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, file: int, message: str, tagged: str, user: int, reply_to: int | None = None) -> Row:
        """Comment on a file, or reply to a comment."""
        now = self.store.now()
        made = self.store.insert(
            "comments",
            file=file,
            reply_to=reply_to,
            message=message,
            tagged=tagged,
            created_by=user,
            created_at=now,
            modified_at=now,
        )
        row = self.get(made)
        assert row is not None
        return row

    def get(self, comment: int | str) -> Row | None:
        """Return a comment by id."""
        return self.store.one("SELECT * FROM comments WHERE id = ?", comment)

    def of(self, file: int) -> list[Row]:
        """Return a file's comments, oldest first."""
        return self.store.all("SELECT * FROM comments WHERE file = ? ORDER BY id", file)

    def count(self, file: int) -> int:
        """Return how many comments a file has."""
        return int(self.store.value("SELECT COUNT(*) FROM comments WHERE file = ?", file))

    def change(self, comment: Row, message: str) -> None:
        """Change a comment's text."""
        self.store.update("comments", comment["id"], message=message, modified_at=self.store.now())

    def remove(self, comment: Row) -> None:
        """Remove a comment."""
        self.store.run("DELETE FROM comments WHERE id = ?", comment["id"])
