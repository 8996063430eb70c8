"""Who may do what: the role in the folder tree, cut by the app's scopes, cut by the token's scopes and its resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_box.emulator.problems import Problem, denied, not_found, out_of_scope

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store
    from jupyter_box.emulator.tokens import Identity

EVERYTHING = frozenset(
    {
        "info",
        "list",
        "preview",
        "download",
        "upload",
        "edit",
        "delete",
        "share",
        "set_access",
        "invite",
        "comment",
        "own",
    }
)
LOOK = frozenset({"info", "list"})
ROLES: dict[str, frozenset[str]] = {
    "owner": EVERYTHING,
    "co-owner": EVERYTHING,
    "editor": EVERYTHING - {"own"},
    "viewer uploader": LOOK | {"preview", "download", "upload", "share", "comment"},
    "previewer uploader": LOOK | {"preview", "upload", "comment"},
    "viewer": LOOK | {"preview", "download", "share", "comment"},
    "previewer": LOOK | {"preview", "comment"},
    "uploader": LOOK | {"upload"},
}
STRONGEST = ("owner", "co-owner", "editor", "viewer uploader", "viewer", "previewer uploader", "previewer", "uploader")

# Box's console says that downloading needs the app's write scope
SCOPES: dict[str, frozenset[str]] = {
    "root_readwrite": EVERYTHING,
    "root_readonly": LOOK | {"preview"},
    "base_explorer": LOOK,
    "base_picker": LOOK,
    "base_preview": frozenset({"info", "preview"}),
    "base_sidebar": frozenset({"info"}),
    "base_upload": frozenset({"info", "upload"}),
    "item_read": LOOK,
    "item_preview": frozenset({"info", "preview"}),
    "item_download": frozenset({"info", "download"}),
    "item_upload": frozenset({"info", "upload"}),
    "item_rename": frozenset({"info", "edit"}),
    "item_delete": frozenset({"info", "delete"}),
    "item_share": frozenset({"info", "share", "set_access"}),
    "item_comment": frozenset({"info", "comment"}),
    "item_task": frozenset({"info"}),
    "annotation_edit": frozenset({"info"}),
    "annotation_view_all": frozenset({"info"}),
    "annotation_view_self": frozenset({"info"}),
}


def granted(scopes: frozenset[str]) -> frozenset[str]:
    """Return what a set of scopes allows on items, all scopes added up."""
    return frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in scopes))


def strongest(roles: list[str]) -> str | None:
    """Return the role that counts when someone has several on the way up the tree."""
    return min(roles, key=STRONGEST.index, default=None)


class Access:
    """What one caller may do in the drive; short-lived, so that it may remember what it found."""

    def __init__(self, store: Store, who: Identity, shared_link: tuple[str, str | None] | None = None) -> None:
        self.store = store
        self.who = who
        self.scope = granted(who.app_scopes) & (granted(who.scopes) if who.scopes is not None else EVERYTHING)
        self._paths: dict[int, list[Row]] = {}
        self._allowed: dict[tuple[object, ...], frozenset[str]] = {}
        self._linked: tuple[int, frozenset[str]] | None = None
        link = shared_link or ((who.shared_link, None) if who.shared_link else None)
        if link is not None:
            self._linked = store.shared_links.abilities(link[0], link[1], who)

    def path(self, item: Row) -> list[Row]:
        """Return all ancestors of the item, root first, whether the caller may see them or not."""
        parent = item["parent"]
        if parent is None:
            return []
        if parent not in self._paths:
            self._paths[parent] = self.store.items.lineage(parent)
        return self._paths[parent]

    def roles(self, item: Row) -> set[str]:
        """Return the caller's roles on the item, given on it or on a folder above it."""
        line = [*self.path(item), item]
        if line[0]["owner"] == self.who.user and line[0]["parent"] is None:
            return {"owner"}
        return {role for above in line for role in self._given(above["id"])}

    def _given(self, item: int) -> list[str]:
        if not hasattr(self, "_all_given"):
            self._all_given = self.store.collaborations.roles_of(self.who.user)
        return self._all_given.get(item, [])

    def role(self, item: Row) -> str | None:
        """Return the caller's effective role on the item, or None."""
        return strongest(list(self.roles(item)))

    def by_role(self, item: Row) -> frozenset[str]:
        """Return what roles and shared link allow, scopes aside; what nothing is said of has what its folder has."""
        known = (item["parent"], *((item["id"], item["settings"]) if self._is_marked(item) else ()))
        if known not in self._allowed:
            self._allowed[known] = self._by_role(item)
        return self._allowed[known]

    def _is_marked(self, item: Row) -> bool:
        linked = self._linked is not None and self._linked[0] == item["id"]
        return linked or item["parent"] is None or bool(item["settings"]) or bool(self._given(item["id"]))

    def _by_role(self, item: Row) -> frozenset[str]:
        allowed = frozenset().union(*(ROLES[role] for role in self.roles(item)))
        if self._linked and any(above["id"] == self._linked[0] for above in [*self.path(item), item]):
            allowed |= self._linked[1]
        if "own" not in allowed and self._invites_are_for_owners(item):
            allowed -= {"invite"}
        return allowed

    def _invites_are_for_owners(self, item: Row) -> bool:
        return any('"can_non_owners_invite": false' in (above["settings"] or "") for above in [*self.path(item), item])

    def within(self, item: Row) -> bool:
        """Return whether the token's resource, if it has one, holds the item."""
        if self.who.resource is None:
            return True
        return any(above["id"] == self.who.resource for above in [*self.path(item), item])

    def can(self, item: Row) -> frozenset[str]:
        """Return everything that the caller may do with the item."""
        if not self.within(item):
            return frozenset()
        return self.by_role(item) & self.scope

    def sees(self, item: Row) -> bool:
        """Return whether the item is there for the caller."""
        return self.within(item) and bool(self.by_role(item))

    def require(self, item: Row, ability: str) -> Row:
        """Return the item; raise Box's answer when the caller may not do this to it."""
        if not self.sees(item):
            raise not_found()
        if ability not in self.by_role(item):
            raise denied()
        if ability not in self.scope:
            raise out_of_scope()
        return item

    def find(self, kind: str, key: str, ability: str = "info") -> Row:
        """Return the live item of this type and id, if the caller may do this to it."""
        item = self.store.items.get(kind, key, self.who.user)
        if item is None:
            raise not_found()
        self.require(item, "info")
        if self.is_trashed(item):
            raise Problem("trashed", "Item is trashed")
        return self.require(item, ability)

    def find_trashed(self, kind: str, key: str, ability: str = "info") -> Row:
        """Return the item of this type and id in the trash, if the caller may do this to it."""
        item = self.store.items.get(kind, key, self.who.user)
        if item is None:
            raise not_found()
        self.require(item, ability)
        if item["status"] != "trashed":
            raise Problem("not_trashed", "Item is not trashed")
        return item

    def is_trashed(self, item: Row) -> bool:
        """Return whether the item, or a folder above it, is in the trash."""
        return item["status"] != "active" or any(above["status"] != "active" for above in self.path(item))

    def visible_path(self, item: Row) -> list[Row]:
        """Return the ancestors that the caller sees, root first: all of them to the owner, those shared to others."""
        line = self.path(item)
        if self.who.resource is not None:
            inside = [above["id"] for above in line]
            return line[inside.index(self.who.resource) :] if self.who.resource in inside else []
        if not line or line[0]["owner"] == self.who.user:
            return line
        root = self.store.items.root(self.who.user)
        return [root, *(above for above in line if above["parent"] is not None and self.by_role(above))]

    def require_scope(self, *scopes: str) -> None:
        """Raise `insufficient_scope` unless app and token both have one of these scopes."""
        have = self.who.app_scopes if self.who.scopes is None else self.who.app_scopes & self.who.scopes
        if not have & set(scopes):
            raise out_of_scope()
        if self.who.resource is not None:
            raise out_of_scope()

    def require_administrator(self, *scopes: str) -> None:
        """Raise unless a service account or an administrator asks, with one of these scopes."""
        user = self.store.people.get(self.who.user)
        self.require_scope(*scopes)
        if user is None or not (user["kind"] == "service" or user["role"] in ("admin", "coadmin")):
            raise denied()
