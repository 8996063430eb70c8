"""Collaborations: invite, read, change, end; and the lists of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import NO_CONTENT, Request, Response
from jupyter_box.emulator.permissions import ROLES
from jupyter_box.emulator.problems import Problem, denied, invalid, not_found
from jupyter_box.emulator.shapes import Shapes, cut, mini, moment, page, seconds
from jupyter_box.emulator.views.announce import announce
from jupyter_box.emulator.views.groups import group_mini
from jupyter_box.emulator.views.listing import slice_after, slice_page

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

GIVEN = tuple(role for role in ROLES if role != "owner")


def shape(request: Request, row: Row) -> dict[str, Any]:
    """Return a collaboration."""
    store, people = request.store, Shapes(request).person
    pending = row["status"] == "pending"
    whole = {
        "type": "collaboration",
        "id": str(row["id"]),
        "item": None if pending and _is_mine(request, row) else _item(request, row),
        "accessible_by": _grantee(request, row),
        "role": row["role"],
        "status": row["status"],
        "expires_at": moment(row["expires_at"]),
        "is_access_only": bool(row["is_access_only"]),
        "created_by": people(row["created_by"]),
        "created_at": moment(row["created_at"]),
        "modified_at": moment(row["modified_at"]),
        "invite_email": row["invite_email"],
        "can_view_path": bool(row["can_view_path"]),
    }
    if row["acknowledged_at"] is not None:
        whole["acknowledged_at"] = moment(row["acknowledged_at"])
    assert store is not None
    return cut(whole, request.fields)


def _is_mine(request: Request, row: Row) -> bool:
    return bool(row["user"] == request.who.user)


def _item(request: Request, row: Row) -> dict[str, Any]:
    return mini(request.store.items.at(row["item"]))


def _grantee(request: Request, row: Row) -> dict[str, Any]:
    store = request.store
    if row["group"] is not None:
        group = store.groups.get(row["group"])
        assert group is not None
        return group_mini(group)
    user = store.people.get(row["user"])
    assert user is not None
    # Who has not accepted yet stays nameless
    name = "" if row["status"] == "pending" else user["name"]
    return {
        "type": "user",
        "id": str(user["id"]),
        "name": name,
        "login": user["login"],
        "is_active": user["status"] == "active",
    }


def create(store: Store, request: Request) -> Response:
    """Invite a user or a group to a file or folder."""
    kind, key = request.need("item", "type"), str(request.need("item", "id"))
    if kind not in ("file", "folder"):
        raise invalid("item.type")
    if kind == "folder" and key == "0":
        raise Problem("collaborations_not_available_on_root_folder", "Root folder cannot be collaborated.")
    role = _role(request.need("role"), kind)
    item = request.access.find(kind, key, "invite")
    if role == "co-owner":
        request.access.require(item, "own")
    values: dict[str, Any] = {name: bool(request.json.get(name)) for name in ("is_access_only", "can_view_path")}
    if request.json.get("expires_at"):
        values["expires_at"] = seconds(request.json["expires_at"], "expires_at")
    made = store.collaborations.add(item, role, request.who.user, **_whom(store, request), **values)
    accepted = made["status"] == "accepted"
    announce(request, "COLLAB_ADD_COLLABORATOR" if accepted else "COLLAB_INVITE_COLLABORATOR", item)
    return Response(201, shape(request, made))


def _role(role: object, kind: str) -> str:
    if role not in GIVEN:
        raise invalid("role")
    if kind == "file" and role not in ("editor", "viewer"):
        raise invalid("role", "invalid_parameter", "Files can be shared with editors and viewers only")
    return str(role)


def _whom(store: Store, request: Request) -> dict[str, Any]:
    wanted = request.need("accessible_by")
    if wanted.get("type") == "group":
        group = store.groups.get(str(wanted.get("id")))
        if group is None or group["enterprise"] != request.who.enterprise:
            raise not_found()
        return {"group": group}
    if wanted.get("type") != "user":
        raise invalid("accessible_by.type")
    if wanted.get("id") is not None:
        user = store.people.get(str(wanted["id"]))
        if user is None:
            raise not_found()
        return {"user": user}
    return _by_login(store, wanted.get("login"))


def _by_login(store: Store, login: object) -> dict[str, Any]:
    if not isinstance(login, str) or "@" not in login:
        raise invalid("accessible_by.login")
    user = store.people.by_login(login)
    if user is None:
        user = store.people.get(store.people.add("", login, None, "external"))
    return {"user": user, "invite_email": login}


def _visible(request: Request) -> Row:
    row = request.store.collaborations.get(request.params["collaboration_id"])
    if row is None:
        raise not_found()
    if not _is_mine(request, row):
        request.access.require(request.store.items.at(row["item"]), "info")
    return row


def get(store: Store, request: Request) -> Response:
    """Answer one collaboration."""
    return Response(json=shape(request, _visible(request)))


def update(store: Store, request: Request) -> Response:
    """Change role or expiry, accept or reject; a new owner makes the old one co-owner."""
    row = _visible(request)
    item = store.items.at(row["item"])
    if request.json.get("status") is not None:
        return _respond(store, request, row)
    if request.json.get("role") == "owner":
        return _give_away(store, request, row, item)
    request.access.require(item, "invite")
    values: dict[str, Any] = {}
    if request.json.get("role") is not None:
        values["role"] = _role(request.json["role"], item["type"])
        _check_rank(request, item, values["role"], row["role"])
    if "expires_at" in request.json:
        wanted = request.json["expires_at"]
        values["expires_at"] = None if wanted is None else seconds(wanted, "expires_at")
    if "can_view_path" in request.json:
        values["can_view_path"] = bool(request.json["can_view_path"])
    changed = store.collaborations.change(row, **values)
    announce(request, "COLLAB_ROLE_CHANGE", item)
    return Response(json=shape(request, changed))


def _check_rank(request: Request, item: Row, *roles: str) -> None:
    if "co-owner" in roles:
        request.access.require(item, "own")


def _give_away(store: Store, request: Request, row: Row, item: Row) -> Response:
    if item["owner"] != request.who.user or row["user"] is None:
        raise denied()
    store.collaborations.make_owner(row)
    return NO_CONTENT


def _respond(store: Store, request: Request, row: Row) -> Response:
    status = request.json["status"]
    if status not in ("accepted", "rejected"):
        raise invalid("status")
    if not _is_mine(request, row):
        raise denied()
    return Response(json=shape(request, store.collaborations.change(row, status=status)))


def delete(store: Store, request: Request) -> Response:
    """End a collaboration; anyone may leave by themselves."""
    row = _visible(request)
    item = store.items.at(row["item"])
    if not _is_mine(request, row):
        request.access.require(item, "invite")
        _check_rank(request, item, row["role"])
    announce(request, "COLLAB_REMOVE_COLLABORATOR", item)
    store.collaborations.remove(row)
    return NO_CONTENT


def pending(store: Store, request: Request) -> Response:
    """List the invitations the caller has not answered."""
    if request.query.get("status") != "pending":
        raise invalid("status")
    rows = store.collaborations.pending_for(request.who.user)
    some, limit, offset = slice_page(request, rows)
    return Response(json=page([shape(request, row) for row in some], len(rows), limit, offset))


def on_item(store: Store, request: Request) -> Response:
    """List the collaborations of an item, those on the folders above included."""
    kind = "file" if "file_id" in request.params else "folder"
    item = request.access.find(kind, request.params[f"{kind}_id"])
    line = [*request.access.visible_path(item), item]
    rows = [row for above in line for row in store.collaborations.on(above["id"])]
    some, limit, following = slice_after(request, rows)
    return Response(json={"entries": [shape(request, row) for row in some], "limit": limit, "next_marker": following})
