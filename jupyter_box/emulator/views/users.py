"""Users: the caller, the managed users and app users of an enterprise."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import NO_CONTENT, Request, Response
from jupyter_box.emulator.problems import denied, invalid, not_found
from jupyter_box.emulator.shapes import Shapes, cut, moment, page, user_mini
from jupyter_box.emulator.views.listing import slice_after, slice_page

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

USUAL = (
    "created_at",
    "modified_at",
    "language",
    "timezone",
    "space_amount",
    "space_used",
    "max_upload_size",
    "status",
    "job_title",
    "phone",
    "address",
    "avatar_url",
    "notification_email",
)
MANAGE = ("manage_managed_users", "manage_app_users")
KINDS = {"all": ("managed", "app", "external"), "managed": ("managed", "app"), "external": ("external",)}


def shape(request: Request, user: Row) -> dict[str, Any]:
    """Return a user in the usual form, or mini plus `fields`."""
    store, details = request.store, json.loads(user["details"])
    space = user["space_amount"] if store.rules.quota is None else store.rules.quota
    whole = {
        "type": "user",
        "id": str(user["id"]),
        "name": user["name"],
        "login": user["login"],
        "created_at": moment(user["created_at"]),
        "modified_at": moment(user["modified_at"]),
        "language": details.get("language", "en"),
        "timezone": details.get("timezone", "America/Los_Angeles"),
        "space_amount": space,
        "space_used": user["space_used"],
        "max_upload_size": store.rules.max_file_size,
        "status": user["status"],
        "job_title": details.get("job_title", ""),
        "phone": details.get("phone", ""),
        "address": details.get("address", ""),
        "avatar_url": f"{request.base}/api/avatar/large/{user['id']}",
        "notification_email": None,
        "role": user["role"],
        "tracking_codes": [],
        "can_see_managed_users": True,
        "is_sync_enabled": True,
        "is_external_collab_restricted": False,
        "is_exempt_from_device_limits": False,
        "is_exempt_from_login_verification": False,
        "my_tags": [],
        "hostname": f"{request.base}/",
        "is_platform_access_only": user["kind"] == "app",
        "external_app_user_id": user["external_id"] or "",
        "enterprise": _enterprise(request, user["enterprise"]),
    }
    return cut(whole, request.fields or USUAL, ("type", "id", "name", "login"))


def _enterprise(request: Request, key: int | None) -> dict[str, str]:
    return {"type": "enterprise", "id": str(key or 0), "name": request.store.people.enterprise_name(key)}


def me(store: Store, request: Request) -> Response:
    """Answer who the caller is."""
    user = store.people.get(request.who.user)
    assert user is not None
    return Response(json=shape(request, user))


def listed(store: Store, request: Request) -> Response:
    """List the users of the caller's enterprise."""
    request.access.require_administrator(*MANAGE)
    kinds = KINDS.get(request.query.get("user_type", "all"))
    if kinds is None:
        raise invalid("user_type")
    term, external = request.query.get("filter_term", ""), request.query.get("external_app_user_id")
    rows = store.people.listed(request.who.enterprise, term, kinds, external)
    if request.flag("usemarker"):
        some, limit, following = slice_after(request, rows)
        return Response(
            json={"entries": [shape(request, row) for row in some], "limit": limit, "next_marker": following}
        )
    some, limit, offset = slice_page(request, rows)
    return Response(json=page([shape(request, row) for row in some], len(rows), limit, offset))


def create(store: Store, request: Request) -> Response:
    """Add a managed user, or an app user, who has no login of their own."""
    body, name = request.json, str(request.need("name"))
    is_app = bool(body.get("is_platform_access_only"))
    request.access.require_administrator("manage_app_users" if is_app else "manage_managed_users")
    login = (
        f"AppUser_{secrets.randbelow(10**7)}_{secrets.token_hex(5)}@boxdevedition.com"
        if is_app
        else str(request.need("login"))
    )
    values = {key: body[key] for key in ("role", "status", "space_amount") if body.get(key) is not None}
    values |= {"external_id": body.get("external_app_user_id")}
    user = store.people.add(name, login, request.who.enterprise, "app" if is_app else "managed", **values)
    made = _mine(request, str(user))
    store.people.change(made, body | values | {"login": login})
    return Response(201, shape(request, _mine(request, str(user))))


def _mine(request: Request, key: str) -> Row:
    user = request.store.people.get(key) if key.isdecimal() else None
    if user is None or user["enterprise"] != request.who.enterprise:
        raise not_found()
    return user


def get(store: Store, request: Request) -> Response:
    """Answer one user of the enterprise, or little about a guest; anyone may ask for themselves."""
    key = request.params["user_id"]
    if key != str(request.who.user):
        request.access.require_administrator(*MANAGE)
    if store.collaborations.is_guest(int(key), request.who.enterprise):
        # Box gives null for all else, which its OpenAPI does not allow for most of it
        return Response(json=user_mini(store.people.get(key)))
    return Response(json=shape(request, _mine(request, key)))


def _manageable(request: Request) -> Row:
    user = _mine(request, request.params["user_id"])
    request.access.require_administrator("manage_app_users" if user["kind"] == "app" else "manage_managed_users")
    if user["kind"] == "service":
        raise denied()
    return user


def update(store: Store, request: Request) -> Response:
    """Change a user; an enterprise of null lets them go."""
    user = _manageable(request)
    store.people.change(user, request.json)
    changed = store.people.get(user["id"])
    assert changed is not None
    return Response(json=shape(request, changed))


def delete(store: Store, request: Request) -> Response:
    """Remove a user."""
    store.people.remove(_manageable(request), request.flag("force"))
    return NO_CONTENT


def transfer(store: Store, request: Request) -> Response:
    """Move all that a user owns to another user."""
    request.access.require_administrator("manage_managed_users")
    source = _mine(request, request.params["user_id"])
    target = _mine(request, str(request.need("owned_by", "id")))
    folder = store.people.hand_over(source["id"], target["id"])
    return Response(json=Shapes(request).full(store.items.at(folder), request.fields))


def memberships(store: Store, request: Request) -> Response:
    """List the groups a user is in."""
    from jupyter_box.emulator.views.groups import membership_shape

    key = request.params["user_id"]
    if key != str(request.who.user):
        request.access.require_administrator("manage_groups")
    rows = store.groups.memberships_of(_mine(request, key)["id"])
    some, limit, offset = slice_page(request, rows)
    return Response(json=page([membership_shape(request, row) for row in some], len(rows), limit, offset))


def avatar(store: Store, request: Request) -> Response:
    """Answer that there is no picture: the emulator keeps none."""
    _mine(request, request.params["user_id"])
    raise not_found()
