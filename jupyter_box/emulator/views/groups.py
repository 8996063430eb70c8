"""Groups and memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import NO_CONTENT, Request, Response
from jupyter_box.emulator.problems import invalid, not_found
from jupyter_box.emulator.shapes import cut, moment, page, user_mini
from jupyter_box.emulator.views.listing import slice_page

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

USUAL = ("created_at", "modified_at")
MINI = ("type", "id", "name", "group_type")
LEVELS = ("admins_only", "admins_and_members", "all_managed_users")
COLUMNS = {
    "name": "name",
    "description": "description",
    "provenance": "provenance",
    "external_sync_identifier": "external_id",
    "invitability_level": "invitability",
    "member_viewability_level": "viewability",
}


def group_mini(group: Row) -> dict[str, Any]:
    """Return the mini form of a group."""
    return {"type": "group", "id": str(group["id"]), "name": group["name"], "group_type": "managed_group"}


def shape(request: Request, group: Row) -> dict[str, Any]:
    """Return a group in the usual form, or mini plus `fields`."""
    whole = group_mini(group) | {
        "created_at": moment(group["created_at"]),
        "modified_at": moment(group["modified_at"]),
        "provenance": group["provenance"] or "",
        "external_sync_identifier": group["external_id"] or "",
        "description": group["description"],
        "invitability_level": group["invitability"],
        "member_viewability_level": group["viewability"],
        "permissions": {"can_invite_as_collaborator": True},
    }
    return cut(whole, request.fields or USUAL, MINI)


def membership_shape(request: Request, membership: Row) -> dict[str, Any]:
    """Return a membership."""
    store = request.store
    group = store.groups.get(membership["group"])
    assert group is not None
    whole = {
        "type": "group_membership",
        "id": str(membership["id"]),
        "user": user_mini(store.people.get(membership["user"])),
        "group": group_mini(group),
        "role": membership["role"],
        "created_at": moment(membership["created_at"]),
        "modified_at": moment(membership["modified_at"]),
    }
    return cut(whole, request.fields)


def _group(request: Request, key: str) -> Row:
    group = request.store.groups.get(key) if key.isdecimal() else None
    if group is None or group["enterprise"] != request.who.enterprise:
        raise not_found()
    return group


def _manage(request: Request) -> Row:
    request.access.require_administrator("manage_groups")
    return _group(request, request.params["group_id"])


def listed(store: Store, request: Request) -> Response:
    """List the groups of the enterprise."""
    request.access.require_administrator("manage_groups")
    assert request.who.enterprise is not None
    rows = store.groups.listed(request.who.enterprise, request.query.get("filter_term", ""))
    some, limit, offset = slice_page(request, rows)
    return Response(json=page([shape(request, row) for row in some], len(rows), limit, offset))


def _columns(body: dict[str, Any]) -> dict[str, Any]:
    for name in ("invitability_level", "member_viewability_level"):
        if body.get(name, LEVELS[0]) not in LEVELS:
            raise invalid(name)
    return {column: body[name] for name, column in COLUMNS.items() if body.get(name) is not None}


def create(store: Store, request: Request) -> Response:
    """Make a group."""
    request.access.require_administrator("manage_groups")
    request.need("name")
    assert request.who.enterprise is not None
    group = store.groups.add(request.who.enterprise, **_columns(request.json))
    return Response(201, shape(request, _group(request, str(group))))


def get(store: Store, request: Request) -> Response:
    """Answer one group."""
    return Response(json=shape(request, _manage(request)))


def update(store: Store, request: Request) -> Response:
    """Change a group."""
    group = _manage(request)
    store.groups.change(group, **_columns(request.json))
    return Response(json=shape(request, _group(request, str(group["id"]))))


def delete(store: Store, request: Request) -> Response:
    """Remove a group."""
    store.groups.remove(_manage(request)["id"])
    return NO_CONTENT


def members(store: Store, request: Request) -> Response:
    """List who is in a group."""
    rows = store.groups.members(_manage(request)["id"])
    some, limit, offset = slice_page(request, rows)
    return Response(json=page([membership_shape(request, row) for row in some], len(rows), limit, offset))


def join(store: Store, request: Request) -> Response:
    """Put a user into a group."""
    request.access.require_administrator("manage_groups")
    group = _group(request, str(request.need("group", "id")))
    user = store.people.get(str(request.need("user", "id")))
    if user is None or user["enterprise"] != group["enterprise"]:
        raise not_found()
    made = store.groups.join(group["id"], user["id"], _role(request))
    row = store.groups.membership(made)
    assert row is not None
    return Response(201, membership_shape(request, row))


def _role(request: Request) -> str:
    role = request.json.get("role") or "member"
    if role not in ("member", "admin"):
        raise invalid("role")
    return str(role)


def _membership(request: Request) -> Row:
    request.access.require_administrator("manage_groups")
    row = request.store.groups.membership(request.params["group_membership_id"])
    if row is None:
        raise not_found()
    _group(request, str(row["group"]))
    return row


def membership(store: Store, request: Request) -> Response:
    """Answer one membership."""
    return Response(json=membership_shape(request, _membership(request)))


def change_membership(store: Store, request: Request) -> Response:
    """Change the role of a member."""
    row = _membership(request)
    store.update("memberships", row["id"], role=_role(request), modified_at=store.now())
    return Response(json=membership_shape(request, _membership(request)))


def leave(store: Store, request: Request) -> Response:
    """Take a user out of a group."""
    row = _membership(request)
    store.run("DELETE FROM memberships WHERE id = ?", row["id"])
    return NO_CONTENT


def collaborations(store: Store, request: Request) -> Response:
    """List what a group collaborates on."""
    from jupyter_box.emulator.views.collaborations import shape as collaboration_shape

    rows = store.collaborations.of_group(_manage(request)["id"])
    some, limit, offset = slice_page(request, rows)
    return Response(json=page([collaboration_shape(request, row) for row in some], len(rows), limit, offset))
