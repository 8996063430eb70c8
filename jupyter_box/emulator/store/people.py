"""Enterprises and users of every kind: managed users, app users, service accounts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem, invalid

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

DEFAULT_SPACE = 100 * 1024**3
DETAILS = ("language", "timezone", "job_title", "phone", "address")


class People:
    """Users and their storage."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add_enterprise(self, name: str) -> int:
        """Add a customer of Box; return its id."""
        return self.store.insert("enterprises", name=name)

    def enterprise_name(self, enterprise: int | None) -> str:
        """Return the name of an enterprise."""
        return str(self.store.value("SELECT name FROM enterprises WHERE id = ?", enterprise) or "")

    def add(self, name: str, login: str, enterprise: int | None, kind: str = "managed", **values: Any) -> int:
        """Add a user and an empty root folder; return the user's id."""
        if self.by_login(login):
            raise Problem("user_login_already_used", "User with the specified login already exists")
        now = self.store.now()
        row = {"role": "user", "status": "active", "space_amount": DEFAULT_SPACE} | values
        user = self.store.insert(
            "users", name=name, login=login, enterprise=enterprise, kind=kind, created_at=now, modified_at=now, **row
        )
        self.store.items.add_root(user)
        return user

    def get(self, user: int | str) -> Row | None:
        """Return a user by id."""
        return self.store.one("SELECT * FROM users WHERE id = ?", user)

    def by_login(self, login: str) -> Row | None:
        """Return a user by login, which ignores case."""
        return self.store.one("SELECT * FROM users WHERE lower(login) = lower(?)", login)

    def listed(self, enterprise: int | None, term: str, kinds: tuple[str, ...], external_id: str | None) -> list[Row]:
        """Return an enterprise's users of these kinds whose name or login begins with `term`."""
        marks = ", ".join("?" * len(kinds))
        sql = f"SELECT * FROM users WHERE enterprise IS ? AND kind IN ({marks})"
        rows = self.store.all(f"{sql} ORDER BY id", enterprise, *kinds)
        term = term.lower()
        found = [row for row in rows if row["name"].lower().startswith(term) or row["login"].lower().startswith(term)]
        return [row for row in found if external_id is None or row["external_id"] == external_id]

    def change(self, user: Row, values: dict[str, Any]) -> None:
        """Change what Box lets an administrator change."""
        names = ("name", "login", "role", "status", "space_amount", "enterprise")
        changes = {name: values[name] for name in names if name in values}
        if "login" in changes and changes["login"] != user["login"] and self.by_login(changes["login"]):
            raise Problem("user_login_already_used", "User with the specified login already exists")
        if "external_app_user_id" in values:
            changes["external_id"] = values["external_app_user_id"]
        details = json.loads(user["details"]) | {name: values[name] for name in DETAILS if name in values}
        self.store.update("users", user["id"], modified_at=self.store.now(), details=json.dumps(details), **changes)

    def remove(self, user: Row, force: bool) -> None:
        """Remove a user; content of theirs must be moved first, or goes with them by force."""
        owned = self.store.value(
            "SELECT COUNT(*) FROM items WHERE owner = ? AND status = 'active' AND parent IS NOT NULL", user["id"]
        )
        if owned and not force:
            raise Problem(
                "bad_request", "User still owns content; use force", errors=invalid("force").context["errors"]
            )
        for item in self.store.all("SELECT * FROM items WHERE parent = ?", -user["id"]):
            self.store.trash.purge(item)
        for table in ("collaborations", "memberships", "favorites", "recents", "tokens", "sessions"):
            self.store.run(f"DELETE FROM {table} WHERE user = ?", user["id"])
        self.store.run("DELETE FROM items WHERE id = ?", -user["id"])
        self.store.run("DELETE FROM users WHERE id = ?", user["id"])

    def use_space(self, user: int, size: int) -> None:
        """Count `size` bytes more, or fewer, against the user's quota."""
        if size:
            self.store.run("UPDATE users SET space_used = space_used + ? WHERE id = ?", size, user)

    def check_space(self, user: int, size: int) -> None:
        """Refuse a file that is too large, or that would not fit any more."""
        if size > self.store.rules.max_file_size:
            raise Problem("file_size_limit_exceeded", "File size exceeds the folder owner's file size limit")
        row = self.get(user)
        assert row is not None
        amount = row["space_amount"] if self.store.rules.quota is None else self.store.rules.quota
        if 0 <= amount < row["space_used"] + size:
            raise Problem("storage_limit_exceeded", "Account storage limit reached")

    def hand_over(self, source: int, target: int) -> int:
        """Move everything a user owns into a new folder of another user; return the folder's id."""
        giver = self.get(source)
        assert giver is not None
        name = f"{giver['login']} - {giver['name']}'s Files and Folders"
        folder = self.store.folders.create(self.store.items.root(target), name, target)
        for item in self.store.all("SELECT * FROM items WHERE parent = ?", -source):
            self.store.items.move(item, folder, item["name"], target)
        return int(folder["id"])
