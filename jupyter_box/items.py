"""The things of Box as frozen values; each is built from Box's JSON here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

Json = Mapping[str, Any]
Kind = Literal["file", "folder", "web_link"]
KINDS: tuple[Kind, ...] = ("file", "folder", "web_link")
ALL_FILES = "0"  # Box's id for an account's own root

# One list for every call: Box leaves out what is not asked for.
FIELDS = (
    "id,type,name,etag,sha1,size,file_version,created_at,modified_at,content_created_at,content_modified_at,description,"
    "owned_by,modified_by,shared_link,permissions,lock,has_collaborations,parent,path_collection,item_status,trashed_at,"
    "collections,url"
)
# A listing has thousands of entries with the same parents: it asks for less, and what only moves content for least.
LISTING_FIELDS = (
    "id,type,name,etag,sha1,size,file_version,created_at,modified_at,content_modified_at,owned_by,shared_link,lock,"
    "has_collaborations,item_status,url"
)
CONTENT_FIELDS = "id,type,name,etag,sha1,size,file_version,content_modified_at,item_status"
ROLES = (
    "editor",
    "viewer",
    "previewer",
    "uploader",
    "previewer uploader",
    "viewer uploader",
    "co-owner",
)


@dataclass(frozen=True, slots=True)
class User:
    """A person, an app user or a service account in Box."""

    id: str
    name: str = ""
    login: str = ""

    @classmethod
    def of(cls, json: Json | None) -> User | None:
        """Return the user of Box's JSON, or None where Box tells of none."""
        return (json and cls(json.get("id") or "", json.get("name") or "", json.get("login") or "")) or None


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are in Box, and the space there; sizes in bytes, -1 where Box sets no limit."""

    id: str
    name: str
    login: str
    space_used: int
    space_amount: int
    max_upload_size: int
    enterprise_id: str = ""
    enterprise_name: str = ""

    @classmethod
    def of(cls, json: Json) -> Account:
        """Return the account of `GET /users/me`."""
        enterprise = json.get("enterprise") or {}
        return cls(
            id=json["id"],
            name=json.get("name") or "",
            login=json.get("login") or "",
            space_used=whole(json.get("space_used")) or 0,
            space_amount=_or(whole(json.get("space_amount")), -1),
            max_upload_size=_or(whole(json.get("max_upload_size")), -1),
            enterprise_id=enterprise.get("id") or "",
            enterprise_name=enterprise.get("name") or "",
        )


@dataclass(frozen=True, slots=True)
class SharedLink:
    """A link to an item.

    Attributes:
        url: The page in Box; `download_url` is the file itself, where the link allows that.
        access: Who may use it: `open` (anyone), `company` or `collaborators`.
        effective_access: The same after the administrator's rules.
        has_password: Whether it asks for one.
        expires: When it ends; None for never.
        can_download: Whether it allows the download.
    """

    url: str
    access: str
    effective_access: str = ""
    download_url: str = ""
    has_password: bool = False
    expires: datetime | None = None
    can_download: bool = True

    @classmethod
    def of(cls, json: Json | None) -> SharedLink | None:
        """Return the link of an item's `shared_link`, or None where it has none."""
        if not json:
            return None
        return cls(
            url=json.get("url") or "",
            access=json.get("access") or "",
            effective_access=json.get("effective_access") or "",
            download_url=json.get("download_url") or "",
            has_password=bool(json.get("is_password_enabled")),
            expires=moment(json.get("unshared_at")),
            can_download=bool((json.get("permissions") or {}).get("can_download", True)),
        )


@dataclass(frozen=True, slots=True)
class Lock:
    """A file's lock: who holds it and until when."""

    owner: User | None
    expires: datetime | None = None
    prevents_download: bool = False

    @classmethod
    def of(cls, json: Json | None) -> Lock | None:
        """Return the lock of a file's `lock`, or None where it has none."""
        if not json:
            return None
        return cls(
            User.of(json.get("created_by")),
            moment(
                json.get("expired_at") or json.get("expires_at")
            ),  # Box asks for one name and answers with the other
            bool(json.get("is_download_prevented")),
        )


@dataclass(frozen=True, slots=True)
class Item:
    """A file, a folder or a web link in Box.

    Attributes:
        id: Box's id, digits.
        type: `file`, `folder` or `web_link`.
        name: As Box has it.
        path: Where it is in the drive, from the drive's root; empty while that is not known.
        size: Bytes; of a folder, of all it holds; None where Box does not tell.
        sha1: SHA-1 of the content, hex; None for what is no file.
        etag: Moves with every change of content or metadata; for `If-Match`.
        version: Id of the current version; None for what is no file.
        modified: When Box last saw a change; `content_modified` is the file's own time.
        permissions: What Box lets us do, as in `can_download`; None where Box does not tell.
    """

    id: str
    type: Kind
    name: str
    path: str = ""
    size: int | None = None
    sha1: str | None = None
    etag: str | None = None
    version: str | None = None
    created: datetime | None = None
    modified: datetime | None = None
    content_modified: datetime | None = None
    description: str = ""
    owner: User | None = None
    modified_by: User | None = None
    shared_link: SharedLink | None = None
    lock: Lock | None = None
    has_collaborations: bool = False
    parent_id: str | None = None
    ancestors: tuple[str, ...] = field(default=(), repr=False)
    trashed: datetime | None = None
    favourite: bool = False
    permissions: frozenset[str] | None = None
    web_url: str = ""

    @classmethod
    def of(cls, json: Json, path: str = "") -> Item:
        """Return the item of Box's JSON.

        Args:
            json: A full or mini item.
            path: Where it is in the drive, if that is known.
        """
        return cls(
            id=json["id"],
            type=json.get("type") or "file",
            name=json.get("name") or "",
            path=path,
            size=whole(json.get("size")),
            sha1=json.get("sha1"),
            etag=json.get("etag"),
            version=(json.get("file_version") or {}).get("id"),
            created=moment(json.get("created_at")),
            modified=moment(json.get("modified_at")),
            content_modified=moment(json.get("content_modified_at")),
            description=json.get("description") or "",
            owner=User.of(json.get("owned_by")),
            modified_by=User.of(json.get("modified_by")),
            shared_link=SharedLink.of(json.get("shared_link")),
            lock=Lock.of(json.get("lock")),
            has_collaborations=bool(json.get("has_collaborations")),
            parent_id=(json.get("parent") or {}).get("id"),
            ancestors=_ancestors(json.get("path_collection")),
            trashed=moment(json.get("trashed_at")),
            favourite=_is_favourite(json.get("collections")),
            permissions=_allowed(json.get("permissions")),
            web_url=json.get("url") or f"https://app.box.com/{json.get('type', 'file')}/{json['id']}",
        )

    @property
    def is_folder(self) -> bool:
        """Whether it can hold other items."""
        return self.type == "folder"

    @property
    def is_file(self) -> bool:
        """Whether it has content."""
        return self.type == "file"

    def at(self, path: str) -> Item:
        """Return the same item with its path in the drive."""
        return replace(self, path=path)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as the REST face and `--json` give them."""
        values: dict[str, Any] = plain(self)
        return values


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a folder; `next_marker` is None on the last. `total` is Box's count, None where it gives none."""

    items: tuple[Item, ...]
    next_marker: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a file: its id, who made it and when; `current` is what a download gives."""

    id: str
    name: str
    size: int | None
    sha1: str | None
    created: datetime | None
    modified_by: User | None
    current: bool = False

    @classmethod
    def of(cls, json: Json) -> Version:
        """Return the past version of a file version's JSON."""
        return cls(
            json["id"],
            json.get("name") or "",
            whole(json.get("size")),
            json.get("sha1"),
            moment(json.get("created_at")),
            User.of(json.get("modified_by")),
        )


@dataclass(frozen=True, slots=True)
class Collaboration:
    """Who works with an item, and in which role; `pending` until an invited person has accepted."""

    id: str
    role: str
    status: str
    who: User | None
    kind: Literal["user", "group"] = "user"
    invited: str = ""
    expires: datetime | None = None

    @classmethod
    def of(cls, json: Json) -> Collaboration:
        """Return the collaboration of Box's JSON."""
        accessible = json.get("accessible_by") or {}
        return cls(
            id=json["id"],
            role=json.get("role") or "",
            status=json.get("status") or "",
            who=User.of(accessible),
            kind=accessible.get("type") or "user",
            invited=json.get("invite_email") or "",
            expires=moment(json.get("expires_at")),
        )


def moment(text: str | None) -> datetime | None:
    """Return the time of Box's RFC 3339 text, with its offset; None for none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def whole(number: float | str | None) -> int | None:
    """Return a size as a whole number; Box prints huge ones in exponent form."""
    return None if number is None else int(float(number)) if isinstance(number, str) else int(number)


def plain(value: Any) -> Any:
    """Return a value of this module as JSON values: dicts, lists, texts and numbers."""
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    return [plain(part) for part in value] if _is_row(value) else value


def _is_row(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _ancestors(trail: Json | None) -> tuple[str, ...]:
    return tuple(folder["id"] for folder in trail.get("entries") or ()) if trail else ()


def _is_favourite(collections: Iterable[Json] | None) -> bool:
    return any(one.get("collection_type", "favorites") == "favorites" for one in collections) if collections else False


def _allowed(permissions: Json | None) -> frozenset[str] | None:
    return None if permissions is None else frozenset(name for name, allowed in permissions.items() if allowed)
