"""Groups and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


class Groups:
    """Groups of one or more enterprises, and memberships."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, enterprise: int, name: str, **values: Any) -> int:
        """Add a group whose name is new in the enterprise; return its id."""
        self._check_name(enterprise, name)
        now = self.store.now()
        row = {"description": "", "invitability": "all_managed_users", "viewability": "all_managed_users"} | values
        return self.store.insert("groups", enterprise=enterprise, name=name, created_at=now, modified_at=now, **row)

    def _check_name(self, enterprise: int, name: str) -> None:
        if self.store.one("SELECT 1 FROM groups WHERE enterprise = ? AND lower(name) = lower(?)", enterprise, name):
            raise Problem("invalid_parameter", "A resource with this value already exists", status=409)

    def get(self, group: int | str) -> Row | None:
        """Return a group by id."""
        return self.store.one("SELECT * FROM groups WHERE id = ?", group)

    def listed(self, enterprise: int, term: str) -> list[Row]:
        """Return the groups whose name begins with `term`, by name."""
        rows = self.store.all("SELECT * FROM groups WHERE enterprise = ? ORDER BY lower(name), id", enterprise)
        return [row for row in rows if row["name"].lower().startswith(term.lower())]

    def change(self, group: Row, **values: Any) -> None:
        """Change a group."""
        if values.get("name", group["name"]).lower() != group["name"].lower():
            self._check_name(group["enterprise"], values["name"])
        self.store.update("groups", group["id"], modified_at=self.store.now(), **values)

    def remove(self, group: int) -> None:
        """Remove a group, its memberships and its collaborations."""
        for table in ("memberships", "collaborations"):
            self.store.run(f'DELETE FROM {table} WHERE "group" = ?', group)
        self.store.run("DELETE FROM groups WHERE id = ?", group)

    def join(self, group: int, user: int, role: str = "member") -> int:
        """Put a user into a group; return the membership's id."""
        if self.store.one('SELECT 1 FROM memberships WHERE "group" = ? AND user = ?', group, user):
            raise Problem("conflict", "A resource with this value already exists")
        now = self.store.now()
        return self.store.insert("memberships", user=user, group=group, role=role, created_at=now, modified_at=now)

    def membership(self, membership: int | str) -> Row | None:
        """Return a membership by id."""
        return self.store.one("SELECT * FROM memberships WHERE id = ?", membership)

    def members(self, group: int) -> list[Row]:
        """Return the memberships of a group."""
        return self.store.all('SELECT * FROM memberships WHERE "group" = ? ORDER BY id', group)

    def memberships_of(self, user: int) -> list[Row]:
        """Return the memberships of a user."""
        return self.store.all("SELECT * FROM memberships WHERE user = ? ORDER BY id", user)
