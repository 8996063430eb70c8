"""What PUT can change on an item: name, place, description, tags, link, lock, collections; the checks before it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem, invalid
from jupyter_box.emulator.shapes import seconds
from jupyter_box.emulator.views.announce import announce

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.messages import Request

SETTINGS = (
    "sync_state",
    "can_non_owners_invite",
    "can_non_owners_view_collaborators",
    "is_collaboration_restricted_to_enterprise",
    "folder_upload_email",
)


def check_match(request: Request, item: Row) -> None:
    """Refuse a change of an item whose etag is not the one in If-Match."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and wanted.strip('"') not in ("*", str(item["etag"])):
        raise Problem(
            "precondition_failed", "The resource has been modified. Please retrieve the resource again and retry"
        )


def check_free(request: Request, item: Row) -> None:
    """Refuse a change that a lock or a slow operation forbids."""
    request.store.items.check_busy([*request.access.path(item), item])
    request.store.locks.check(item, request.who.user)


def target_folder(request: Request, key: object) -> Row:
    """Return the folder that something is to go into."""
    folder = request.access.find("folder", str(key), "upload")
    request.store.items.check_busy([*request.access.path(folder), folder])
    return folder


def update(request: Request, item: Row) -> Row:
    """Apply the body to an item; return the item as it is then."""
    check_match(request, item)
    check_free(request, item)
    item = _place(request, item)
    for change in (_describe, _tag, _settle, _link, _lock, _collect):
        item = change(request, item)
    return item


def _place(request: Request, item: Row) -> Row:
    body, store = request.json, request.store
    parent_key = (body.get("parent") or {}).get("id")
    name = body.get("name", item["name"])
    moves = parent_key is not None and _inner(request, parent_key) != item["parent"]
    if not moves and name == item["name"]:
        return item
    _may_place(request, item, moves)
    if not moves:
        return _rename(request, item, name)
    store.locks.check_folder(item)
    parent = target_folder(request, parent_key)
    if item["type"] == "folder" and parent["owner"] != item["owner"]:
        request.access.require(item, "own")
    changed = store.items.move(item, parent, name, request.who.user)
    announce(request, "ITEM_MOVE", changed)
    return changed


def _may_place(request: Request, item: Row, moves: bool) -> None:
    request.access.require(item, "edit")
    if moves:
        request.access.require(item, "delete")
    if item["parent"] is None:
        raise Problem("forbidden", "The root folder cannot be changed")


def _inner(request: Request, key: object) -> int:
    return -request.who.user if str(key) == "0" else int(key) if str(key).isdecimal() else 0  # type: ignore[call-overload]


def _rename(request: Request, item: Row, name: object) -> Row:
    store = request.store
    checked = store.items.check_name(store.items.at(item["parent"]), name, item["id"])
    changed = store.items.change(item, request.who.user, name=checked)
    announce(request, "ITEM_RENAME", changed)
    return changed


def _describe(request: Request, item: Row) -> Row:
    body = request.json
    values: dict[str, Any] = {}
    if "description" in body:
        values["description"] = str(body["description"] or "")
    if "url" in body and item["type"] == "web_link":
        values["url"] = str(body["url"])
    if not values:
        return item
    request.access.require(item, "edit")
    return request.store.items.change(item, request.who.user, **values)


def _tag(request: Request, item: Row) -> Row:
    if "tags" not in request.json:
        return item
    tags = request.json["tags"] or []
    if not isinstance(tags, list) or len(tags) > 100 or not all(isinstance(tag, str) for tag in tags):
        raise invalid("tags")
    request.access.require(item, "edit")
    return request.store.items.change(item, request.who.user, tags=json.dumps(tags))


def _settle(request: Request, item: Row) -> Row:
    names = [name for name in SETTINGS if name in request.json and item["type"] == "folder"]
    if "disposition_at" in request.json:
        request.access.require(item, "edit")
        request.store.items.set_setting(
            item, "disposition_at", seconds(request.json["disposition_at"], "disposition_at")
        )
    if not names:
        return item
    request.access.require(item, "own" if set(names) - {"sync_state"} else "edit")
    for name in names:
        request.store.items.set_setting(request.store.items.at(item["id"]), name, request.json[name])
    return request.store.items.change(item, request.who.user)


def _link(request: Request, item: Row) -> Row:
    if "shared_link" not in request.json:
        return item
    wanted = request.json["shared_link"]
    if item["parent"] is None or not isinstance(wanted, (dict, type(None))):
        raise invalid("shared_link")
    request.access.require(item, "share")
    if item["shared_link"] or set(wanted or ()) - {"access"}:
        request.access.require(item, "set_access")
    if wanted and wanted.get("unshared_at") is not None:
        wanted = wanted | {"unshared_at": seconds(wanted["unshared_at"], "unshared_at")}
    changed = request.store.shared_links.put(item, wanted, request.who.user)
    announce(request, "ITEM_SHARED_UNSHARE" if wanted is None else "ITEM_SHARED_CREATE", changed)
    return changed


def _lock(request: Request, item: Row) -> Row:
    if "lock" not in request.json or item["type"] != "file":
        return item
    request.access.require(item, "edit")
    wanted = request.json["lock"]
    locks, user = request.store.locks, request.who.user
    if wanted is None:
        changed = locks.remove(item, user)
        announce(request, "LOCK_DESTROY", changed)
        return changed
    expires_at = None if wanted.get("expires_at") is None else seconds(wanted["expires_at"], "expires_at")
    changed = locks.put(item, user, expires_at, bool(wanted.get("is_download_prevented")))
    announce(request, "LOCK_CREATE", changed)
    return changed


def _collect(request: Request, item: Row) -> Row:
    if "collections" not in request.json:
        return item
    collections, user = request.store.collections, request.who.user
    ids = [str(each.get("id")) for each in request.json["collections"] or []]
    mine = collections.favorites_id(user)
    if any(each != mine for each in ids):
        raise invalid("collections")
    collections.put(item["id"], user, bool(ids))
    return item
