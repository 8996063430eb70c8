"""The JSON shapes of Box: how a row of the store looks to one caller, whole, mini, or cut to `fields`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import invalid
from jupyter_box.emulator.store.search import extension

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from sqlite3 import Row

    from jupyter_box.emulator.messages import Request

# Box writes its times with the offset of its home, so that no client takes UTC for granted
BOX_ZONE = timezone(timedelta(hours=-8))
INVITEE_ROLES = ("editor", "viewer", "previewer", "uploader", "previewer uploader", "viewer uploader", "co-owner")
FILE_INVITEE_ROLES = ("editor", "viewer")

MINI = {
    "file": ("id", "type", "etag", "sequence_id", "name", "sha1", "file_version"),
    "folder": ("id", "type", "etag", "sequence_id", "name"),
    "web_link": ("id", "type", "etag", "sequence_id", "name", "url"),
}
BARE = ("id", "type", "etag")
USUAL = (
    "description",
    "path_collection",
    "created_at",
    "modified_at",
    "trashed_at",
    "purged_at",
    "created_by",
    "modified_by",
    "owned_by",
    "shared_link",
    "parent",
    "item_status",
)
CONTENT_TIMES = ("content_created_at", "content_modified_at")
FULL = {
    "file": (*MINI["file"], "size", *USUAL, *CONTENT_TIMES),
    "folder": (*MINI["folder"], "size", *USUAL, *CONTENT_TIMES, "folder_upload_email", "item_collection"),
    "web_link": (*MINI["web_link"], *USUAL),
}


@lru_cache(maxsize=4096)
def moment(seconds: int | None) -> str | None:
    """Return a time as Box writes it: RFC 3339, whole seconds, with an offset."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(int(seconds), BOX_ZONE).isoformat()


def seconds(text: object, name: str) -> int:
    """Return an RFC 3339 time as seconds since 1970; refuse anything else, naming the field."""
    try:
        value = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError as error:
        raise invalid(name) from error
    return int((value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp())


def mini(item: Row) -> dict[str, Any]:
    """Return the mini form of a file, folder or web link."""
    root = item["parent"] is None
    number = None if root else str(item["etag"])
    shape = {
        "type": item["type"],
        "id": "0" if root else str(item["id"]),
        "sequence_id": number,
        "etag": number,
        "name": item["name"],
    }
    if item["type"] == "file":
        shape["sha1"] = item["sha1"]
        shape["file_version"] = {"type": "file_version", "id": str(item["version"]), "sha1": item["sha1"]}
    if item["type"] == "web_link":
        shape["url"] = item["url"]
    return shape


def user_mini(user: Row | None) -> dict[str, Any]:
    """Return the mini form of a user, also of one who is gone."""
    if user is None:
        return {"type": "user", "id": "0", "name": "Unknown", "login": ""}
    return {"type": "user", "id": str(user["id"]), "name": user["name"], "login": user["login"]}


def page(entries: Sequence[Any], total: int, limit: int, offset: int, **more: Any) -> dict[str, Any]:
    """Return a page by offset."""
    return {"total_count": total, "entries": list(entries), "limit": limit, "offset": offset, **more}


def cut(shape: dict[str, Any], fields: Sequence[str] | None, always: Sequence[str] = ("type", "id")) -> dict[str, Any]:
    """Return what `fields` asks for of a shape that is small anyway."""
    if fields is None:
        return shape
    wanted = {*always, *(name.partition(".")[0] for name in fields)}
    return {name: value for name, value in shape.items() if name in wanted}


def order(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Return the `order` of a page."""
    return [{"by": by, "direction": direction} for by, direction in pairs]


class Shapes:
    """The shapes that depend on who asks, for one request."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.store = request.store
        self.access = request.access
        self._people: dict[int, dict[str, Any]] = {}

    def full(self, item: Row, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """Return an item in its usual form, or mini plus `fields`."""
        wanted = None if fields is None else tuple(fields)
        plan, small = _plan(item["type"], wanted, is_bare=self.store.rules.fields_are_bare), mini(item)
        return {name: small[name] if make is None else make(self, item) for name, make in plan}

    def entry(self, item: Row, fields: Sequence[str] | None) -> dict[str, Any]:
        """Return an item as it stands in a listing: mini, unless `fields` asks for more."""
        return mini(item) if fields is None else self.full(item, fields)

    def entries(self, items: Iterable[Row], fields: Sequence[str] | None) -> list[dict[str, Any]]:
        """Return a list of entries."""
        return [self.entry(item, fields) for item in items]

    def person(self, user: int) -> dict[str, Any]:
        """Return the mini form of a user by id, looked up once."""
        if user not in self._people:
            self._people[user] = user_mini(self.store.people.get(user))
        return self._people[user]

    def path(self, item: Row) -> dict[str, Any]:
        """Return the `path_collection` of an item."""
        line = self.access.visible_path(item)
        return {"total_count": len(line), "entries": [mini(above) for above in line]}

    def parent(self, item: Row) -> dict[str, Any] | None:
        """Return the folder an item is in, as far as the caller sees it."""
        line = self.access.visible_path(item)
        return mini(line[-1]) if line else None

    def time(self, item: Row, name: str) -> str | None:
        """Return one of an item's times; a root folder has none."""
        return None if item["parent"] is None else moment(item[name])

    def permissions(self, item: Row) -> dict[str, bool]:
        """Return what the caller may do, in Box's words."""
        return _permissions(self.access.can(item), item["type"], is_root=item["parent"] is None)

    def shared_link(self, item: Row) -> dict[str, Any] | None:
        """Return an item's shared link, without its password."""
        if not item["shared_link"]:
            return None
        link, base = json.loads(item["shared_link"]), self.request.base
        dot = f".{extension(item['name'])}" if item["type"] == "file" else ""
        downloadable = item["type"] == "file" and link["can_download"]
        permission = "can_edit" if link["can_edit"] else "can_download" if link["can_download"] else "can_preview"
        return {
            "url": f"{base}/s/{item['link_key']}",
            "download_url": f"{base}/shared/static/{item['link_key']}{dot}" if downloadable else None,
            "vanity_url": f"{base}/v/{link['vanity_name']}" if link["vanity_name"] else None,
            "vanity_name": link["vanity_name"],
            "access": link["access"],
            "effective_access": link["access"],
            "effective_permission": permission,
            "is_password_enabled": bool(link["password"]),
            "unshared_at": moment(link["unshared_at"]),
            "download_count": link["downloads"],
            "preview_count": link["previews"],
            "permissions": {"can_preview": True, "can_download": link["can_download"], "can_edit": link["can_edit"]},
        }

    def lock(self, item: Row) -> dict[str, Any] | None:
        """Return a file's lock."""
        lock = self.store.locks.on(item)
        if lock is None:
            return None
        shape = {
            "type": "lock",
            "id": lock["id"],
            "created_by": self.person(lock["created_by"]),
            "created_at": moment(lock["created_at"]),
            "is_download_prevented": lock["is_download_prevented"],
            "app_type": None,
        }
        # The spec gives `expired_at` no null: a lock without an end has no such field
        return shape if lock["expires_at"] is None else shape | {"expired_at": moment(lock["expires_at"])}

    def setting(self, item: Row, name: str, default: Any) -> Any:
        """Return one of an item's lesser settings."""
        return json.loads(item["settings"] or "{}").get(name, default)

    def upload_email(self, item: Row) -> dict[str, Any] | None:
        """Return a folder's address for uploads by mail."""
        given = self.setting(item, "folder_upload_email", None)
        if not given:
            return None
        return {"access": given.get("access", "open"), "email": f"upload.{item['id']}@u.box.invalid"}

    def item_collection(self, item: Row) -> dict[str, Any]:
        """Return the first page of a folder; the folder's own `fields` shape its entries, as in Box."""
        from jupyter_box.emulator.views.listing import offset_page

        return offset_page(self.request, item, self)

    def has_collaborations(self, item: Row) -> bool:
        """Return whether anyone was invited to this very item."""
        return item["id"] in self.store.collaborations.items()

    def is_external(self, item: Row) -> bool:
        """Return whether the item belongs to another enterprise."""
        owner = self.store.people.get(item["owner"])
        return owner is not None and owner["enterprise"] != self.request.who.enterprise


@lru_cache(maxsize=256)
def _permissions(can: frozenset[str], kind: str, *, is_root: bool) -> dict[str, bool]:
    both = {
        "can_download": "download" in can,
        "can_upload": "upload" in can,
        "can_rename": "edit" in can and not is_root,
        "can_delete": "delete" in can and not is_root,
        "can_share": "share" in can and not is_root,
        "can_set_share_access": "set_access" in can and not is_root,
        "can_invite_collaborator": "invite" in can and not is_root,
        "can_apply_watermark": "own" in can,
    }
    if kind != "file":
        return both
    return both | {
        "can_annotate": "comment" in can,
        "can_comment": "comment" in can,
        "can_edit": "edit" in can,
        "can_preview": "preview" in can,
        "can_view_annotations_all": "preview" in can,
        "can_view_annotations_self": "preview" in can,
    }


WATERMARK = {"is_watermarked": False, "is_watermark_inherited": False, "is_watermarked_by_access_policy": False}
NOT_ON = {
    (kind, name)
    for kind, names in {
        "file": ("item_collection", "folder_upload_email", "sync_state", "can_non_owners_invite", "url"),
        "folder": (
            "extension",
            "lock",
            "version_number",
            "comment_count",
            "is_package",
            "expires_at",
            "uploader_display_name",
        ),
        "web_link": (
            "size",
            "item_collection",
            "folder_upload_email",
            "lock",
            "extension",
            "version_number",
            "sync_state",
        ),
    }.items()
    for name in names
}
FIELDS: dict[str, Callable[[Shapes, Row], Any]] = {
    "description": lambda _shapes, item: item["description"][:255],
    "size": lambda shapes, item: item["size"] if item["type"] == "file" else shapes.store.items.size(item["id"]),
    "path_collection": lambda shapes, item: shapes.path(item),
    "parent": lambda shapes, item: shapes.parent(item),
    "created_at": lambda shapes, item: shapes.time(item, "created_at"),
    "modified_at": lambda shapes, item: shapes.time(item, "modified_at"),
    "content_created_at": lambda shapes, item: shapes.time(item, "content_created_at"),
    "content_modified_at": lambda shapes, item: shapes.time(item, "content_modified_at"),
    "trashed_at": lambda _shapes, item: moment(item["trashed_at"]),
    "purged_at": lambda _shapes, item: moment(item["purged_at"]),
    "created_by": lambda shapes, item: shapes.person(item["created_by"]),
    "modified_by": lambda shapes, item: shapes.person(item["modified_by"]),
    "owned_by": lambda shapes, item: shapes.person(item["owner"]),
    "shared_link": lambda shapes, item: shapes.shared_link(item),
    "item_status": lambda shapes, item: "trashed" if shapes.access.is_trashed(item) else "active",
    "permissions": lambda shapes, item: shapes.permissions(item),
    "tags": lambda _shapes, item: json.loads(item["tags"] or "[]"),
    "lock": lambda shapes, item: shapes.lock(item),
    "extension": lambda _shapes, item: extension(item["name"]),
    "version_number": lambda _shapes, item: str(item["version_number"]),
    "comment_count": lambda shapes, item: shapes.store.comments.count(item["id"]),
    "is_package": lambda _shapes, _item: False,
    "has_collaborations": lambda shapes, item: shapes.has_collaborations(item),
    "is_externally_owned": lambda shapes, item: shapes.is_external(item),
    "allowed_invitee_roles": lambda _shapes, item: list(
        INVITEE_ROLES if item["type"] == "folder" else FILE_INVITEE_ROLES
    ),
    "allowed_shared_link_access_levels": lambda _shapes, _item: ["open", "company", "collaborators"],
    "shared_link_permission_options": lambda _shapes, _item: ["can_preview", "can_download", "can_edit"],
    "is_accessible_via_shared_link": lambda _shapes, item: bool(item["shared_link"]),
    "is_associated_with_app_item": lambda _shapes, _item: False,
    "watermark_info": lambda _shapes, _item: dict(WATERMARK),
    "classification": lambda _shapes, _item: None,
    "metadata": lambda _shapes, _item: {},
    "representations": lambda _shapes, _item: {"entries": []},
    "expires_at": lambda _shapes, _item: None,
    "disposition_at": lambda shapes, item: moment(shapes.setting(item, "disposition_at", None)),
    "uploader_display_name": lambda shapes, item: shapes.person(item["created_by"])["name"],
    "is_download_available": lambda _shapes, _item: True,
    "authenticated_download_url": lambda shapes, item: f"{shapes.request.base}/2.0/files/{item['id']}/content",
    "version_limit": lambda shapes, _item: shapes.store.rules.max_versions,
    "folder_upload_email": lambda shapes, item: shapes.upload_email(item),
    "item_collection": lambda shapes, item: shapes.item_collection(item),
    "sync_state": lambda shapes, item: shapes.setting(item, "sync_state", "not_synced"),
    "can_non_owners_invite": lambda shapes, item: shapes.setting(item, "can_non_owners_invite", True),
    "can_non_owners_view_collaborators": lambda shapes, item: shapes.setting(
        item, "can_non_owners_view_collaborators", True
    ),
    "is_collaboration_restricted_to_enterprise": lambda shapes, item: shapes.setting(
        item, "is_collaboration_restricted_to_enterprise", False
    ),
}


@lru_cache(maxsize=256)
def _plan(
    kind: str, fields: tuple[str, ...] | None, *, is_bare: bool
) -> list[tuple[str, Callable[[Shapes, Row], Any] | None]]:
    """Return the fields of an item of this kind, and what makes each; None where its mini form has it."""
    names = FULL[kind] if fields is None else (*(BARE if is_bare else MINI[kind]), *fields)
    tops = dict.fromkeys(name.partition(".")[0] for name in names)
    known = (name for name in tops if name in MINI[kind] or (name in FIELDS and (kind, name) not in NOT_ON))
    return [(name, None if name in MINI[kind] else FIELDS[name]) for name in known]
