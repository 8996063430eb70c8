"""Who was invited to what, in which of Box's roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

MINE = (
    '(user = ? OR "group" IN (SELECT "group" FROM memberships WHERE user = ?))'
    " AND (expires_at IS NULL OR expires_at > ?) AND status = 'accepted'"
)


class Collaborations:
    """Collaborations of users and groups on files and folders."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._items: tuple[int, frozenset[int]] = (-1, frozenset())

    def roles_of(self, user: int) -> dict[int, list[str]]:
        """Return the accepted roles a user has by their own and their groups' collaborations, by item."""
        sql = f"SELECT item, role FROM collaborations WHERE {MINE}"
        roles: dict[int, list[str]] = {}
        for row in self.store.all(sql, user, user, self.store.now()):
            roles.setdefault(row["item"], []).append(row["role"])
        return roles

    def shown_to(self, user: int) -> list[int]:
        """Return the items shared with a user that are to appear in their root."""
        sql = f"SELECT DISTINCT item FROM collaborations WHERE NOT is_access_only AND {MINE} ORDER BY item"
        return [row["item"] for row in self.store.all(sql, user, user, self.store.now())]

    def add(
        self, item: Row, role: str, created_by: int, *, user: Row | None = None, group: Row | None = None, **values: Any
    ) -> Row:
        """Invite a user or a group; people of the same enterprise need not accept."""
        if item["parent"] is None:
            raise Problem("collaborations_not_available_on_root_folder", "Root folder cannot be collaborated.")
        column, key = (
            ("user", user["id"]) if user is not None else ("group", group["id"] if group is not None else None)
        )
        sql = f'SELECT 1 FROM collaborations WHERE item = ? AND "{column}" = ?'
        if self.store.one(sql, item["id"], key) or (user is not None and user["id"] == item["owner"]):
            raise Problem("user_already_collaborator", "User is already a collaborator")
        now = self.store.now()
        owner = self.store.people.get(item["owner"])
        inside = user is None or (owner is not None and user["enterprise"] == owner["enterprise"])
        status = "accepted" if inside else "pending"
        row = {"is_access_only": 0, "can_view_path": 0, "expires_at": None, "invite_email": None} | values
        made = self.store.insert(
            "collaborations",
            item=item["id"],
            **{column: key},
            role=role,
            status=status,
            created_by=created_by,
            created_at=now,
            modified_at=now,
            acknowledged_at=now if inside else None,
            **row,
        )
        return self.at(made)

    def at(self, collaboration: int) -> Row:
        """Return a collaboration that must be there."""
        row = self.get(collaboration)
        if row is None:
            raise Problem("not_found", "Not Found")
        return row

    def get(self, collaboration: int | str) -> Row | None:
        """Return a collaboration by id."""
        return self.store.one("SELECT * FROM collaborations WHERE id = ?", collaboration)

    def items(self) -> frozenset[int]:
        """Return the items that anyone was invited to; remembered until something changes."""
        if self._items[0] != self.store.changes:
            rows = self.store.all("SELECT DISTINCT item FROM collaborations")
            self._items = (self.store.changes, frozenset(row[0] for row in rows))
        return self._items[1]

    def on(self, item: int) -> list[Row]:
        """Return the collaborations given on this very item."""
        return self.store.all("SELECT * FROM collaborations WHERE item = ? ORDER BY id", item)

    def is_guest(self, user: int, enterprise: int | None) -> bool:
        """Tell whether someone from elsewhere was invited to what is an enterprise's."""
        sql = (
            "SELECT 1 FROM collaborations JOIN items ON items.id = item JOIN users AS hosts ON hosts.id = owner"
            " JOIN users AS guests ON guests.id = collaborations.user"
            " WHERE guests.id = ? AND hosts.enterprise = ? AND guests.enterprise IS NOT hosts.enterprise"
        )
        return self.store.one(sql, user, enterprise) is not None

    def pending_for(self, user: int) -> list[Row]:
        """Return the invitations a user has not answered."""
        return self.store.all("SELECT * FROM collaborations WHERE user = ? AND status = 'pending' ORDER BY id", user)

    def of_group(self, group: int) -> list[Row]:
        """Return the collaborations of a group."""
        return self.store.all('SELECT * FROM collaborations WHERE "group" = ? ORDER BY id', group)

    def change(self, collaboration: Row, **values: Any) -> Row:
        """Change role, status or expiry."""
        if values.get("status") in ("accepted", "rejected"):
            values["acknowledged_at"] = self.store.now()
        self.store.update("collaborations", collaboration["id"], modified_at=self.store.now(), **values)
        return self.at(collaboration["id"])

    def make_owner(self, collaboration: Row) -> None:
        """Give the folder to the collaborator; the old owner stays on as co-owner."""
        item = self.store.items.at(collaboration["item"])
        old, new = item["owner"], collaboration["user"]
        self.remove(collaboration)
        self.store.items.move(item, self.store.items.root(new), item["name"], old)
        self.add(self.store.items.at(item["id"]), "co-owner", new, user=self.store.people.get(old))

    def remove(self, collaboration: Row) -> None:
        """End a collaboration."""
        self.store.run("DELETE FROM collaborations WHERE id = ?", collaboration["id"])

    def readers(self, line: list[Row]) -> set[int]:
        """Return the users who may see the last of these folders and items."""
        marks = ", ".join("?" * len(line))
        ids = [item["id"] for item in line]
        here = f"WHERE item IN ({marks}) AND status = 'accepted'"
        groups = 'JOIN memberships ON memberships."group" = collaborations."group"'
        sql = (
            f"SELECT user FROM collaborations {here} AND user IS NOT NULL"
            f" UNION SELECT memberships.user FROM collaborations {groups} {here}"
        )
        return {line[0]["owner"], *(row[0] for row in self.store.all(sql, *ids, *ids))}
