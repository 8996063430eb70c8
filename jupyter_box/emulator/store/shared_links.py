"""Shared links: set on an item, found again by their address, and what they allow."""

from __future__ import annotations

import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem, invalid, not_found

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store
    from jupyter_box.emulator.tokens import Identity

ACCESS = ("open", "company", "collaborators")


class SharedLinks:
    """At most one link for an item; its password never leaves."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, item: Row, wanted: dict[str, Any] | None, user: int) -> Row:
        """Make, change or (None) remove the item's link."""
        if wanted is None:
            return self.store.items.change(item, user, shared_link=None, link_key=None, vanity=None)
        known = json.loads(item["shared_link"] or "{}")
        link = self._merged(item, known, wanted)
        key = item["link_key"] or secrets.token_hex(16)
        return self.store.items.change(
            item, user, shared_link=json.dumps(link), link_key=key, vanity=link["vanity_name"]
        )

    def _merged(self, item: Row, known: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        access = wanted.get("access") or known.get("access", "company")
        if access not in ACCESS:
            raise invalid("access")
        link: dict[str, Any] = {
            "downloads": 0,
            "previews": 0,
            "password": None,
            "unshared_at": None,
            "vanity_name": None,
            **known,
        }
        link["access"] = access
        link |= {name: wanted[name] for name in ("password", "vanity_name", "unshared_at") if name in wanted}
        permissions = wanted.get("permissions") or {}
        if permissions.get("can_edit") and item["type"] != "file":
            raise invalid("can_edit")
        link["can_edit"] = bool(permissions.get("can_edit", known.get("can_edit", False)))
        link["can_download"] = link["can_edit"] or bool(
            permissions.get("can_download", known.get("can_download", True))
        )
        self._check(access, wanted, permissions)
        if access != "open":
            link["password"] = None
        return link

    def _check(self, access: str, wanted: dict[str, Any], permissions: dict[str, Any]) -> None:
        if wanted.get("password") and access != "open":
            raise invalid("password")
        if access == "collaborators" and permissions.get("can_download") is not None:
            raise invalid("can_download")
        vanity = wanted.get("vanity_name")
        if vanity is not None and len(vanity) < 12:
            raise invalid("vanity_name")
        if vanity is not None and self.store.one("SELECT 1 FROM items WHERE vanity = ?", vanity):
            raise Problem("conflict", "The vanity name is already in use")

    def find(self, url: str) -> Row | None:
        """Return the live item behind a link's address."""
        key = url.split("?", 1)[0].rstrip("/").rpartition("/")[2]
        item = self.store.one("SELECT * FROM items WHERE link_key = ?", key.partition(".")[0])
        item = item or self.store.one("SELECT * FROM items WHERE vanity = ?", key)
        if item is None or any(above["status"] != "active" for above in self.store.items.lineage(item["id"])):
            return None
        expiry = json.loads(item["shared_link"])["unshared_at"]
        return item if expiry is None or expiry > self.store.now() else None

    def abilities(self, url: str, password: str | None, who: Identity) -> tuple[int, frozenset[str]]:
        """Return the item behind a link and what the link lets this caller do with it."""
        item = self.find(url)
        if item is None:
            raise not_found()
        link = json.loads(item["shared_link"])
        if link["password"] and not hmac.compare_digest(str(link["password"]).encode(), (password or "").encode()):
            raise Problem("incorrect_shared_item_password", "The shared item password is incorrect")
        return item["id"], self._allowed(item, link, who)

    def _allowed(self, item: Row, link: dict[str, Any], who: Identity) -> frozenset[str]:
        owner = self.store.people.get(item["owner"])
        company = owner is not None and owner["enterprise"] == who.enterprise
        if link["access"] == "collaborators" or (link["access"] == "company" and not company):
            return frozenset()
        allowed = {"info", "list", "preview"}
        allowed |= {"download"} if link["can_download"] else set()
        allowed |= {"upload", "edit"} if link["can_edit"] else set()
        return frozenset(allowed)

    def count(self, item: Row, what: str) -> None:
        """Count one more of the link's `downloads` or `previews`."""
        link = json.loads(item["shared_link"])
        link[what] += 1
        self.store.update("items", item["id"], shared_link=json.dumps(link))
