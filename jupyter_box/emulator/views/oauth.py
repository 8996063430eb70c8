"""The token endpoint: client credentials, JWT, refresh, token exchange; and revoke."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from jupyter_box.emulator.messages import Request, Response
from jupyter_box.emulator.permissions import SCOPES, Access
from jupyter_box.emulator.problems import GrantProblem, Problem
from jupyter_box.emulator.shapes import mini
from jupyter_box.emulator.tokens import Identity, check_assertion, identity_of

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type, not a token
BAD_GRANT = "Grant credentials are invalid"
MANAGE = ("manage_managed_users", "manage_app_users", "manage_groups")


def form(request: Request) -> dict[str, str]:
    """Return the form's fields; rclone sends the client's in the address, so those count too."""
    body = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {**request.query, **dict(body)}


def token(store: Store, request: Request) -> Response:
    """Answer a token request of any grant."""
    fields = form(request)
    grant = GRANTS.get(fields.get("grant_type", ""))
    if grant is None:
        raise GrantProblem("unsupported_grant_type", "The grant type is unsupported")
    return Response(json=grant(store, request, fields))


def revoke(store: Store, request: Request) -> Response:
    """Forget an access or refresh token."""
    fields = form(request)
    _client(store, fields)
    if not fields.get("token"):
        raise GrantProblem("invalid_request", "The token parameter is missing")
    store.tokens.revoke(fields["token"])
    return Response(200, content=b"")


def _client(
    store: Store,
    fields: dict[str, str],
    error: tuple[str, str] = ("invalid_client", "The client credentials are invalid"),
) -> Row:
    app = store.tokens.app(fields.get("client_id", ""))
    if app is None or not hmac.compare_digest(app["secret"].encode(), fields.get("client_secret", "").encode()):
        raise GrantProblem(*error)
    return app


def _authorized(app: Row) -> None:
    if not app["authorized"]:
        raise GrantProblem("unauthorized_client", "This app is not authorized by the enterprise admin")


def _subject(store: Store, app: Row, kind: str, subject: str, error: GrantProblem) -> int:
    """Return the user a token stands for: the service account, or a user if the app may have tokens of theirs."""
    if kind == "enterprise":
        if subject != str(app["enterprise"]):
            raise GrantProblem("invalid_grant", BAD_GRANT)
        return int(app["service_account"])
    user = store.people.get(subject) if kind == "user" and subject.isdecimal() else None
    if user is None:
        raise GrantProblem("invalid_grant", BAD_GRANT)
    if not app["user_tokens"] or (user["kind"] != "app" and not app["enterprise_access"]):
        raise error
    if user["enterprise"] != app["enterprise"] or user["kind"] == "service" or user["status"] == "inactive":
        raise GrantProblem("invalid_grant", BAD_GRANT)
    return int(user["id"])


def client_credentials(store: Store, request: Request, fields: dict[str, str]) -> dict[str, Any]:
    """Make a token for the service account or a user from id and secret."""
    app = _client(store, fields, ("invalid_grant", BAD_GRANT))
    _authorized(app)
    error = GrantProblem("invalid_grant", BAD_GRANT)
    user = _subject(store, app, fields.get("box_subject_type", ""), fields.get("box_subject_id", ""), error)
    return _answer(store, app, user)


def jwt_bearer(store: Store, request: Request, fields: dict[str, str]) -> dict[str, Any]:
    """Make a token from a signed assertion."""
    app = _client(store, fields)
    if not fields.get("assertion"):
        raise GrantProblem("invalid_request", "The assertion parameter is missing")
    claims = check_assertion(store, app, fields["assertion"], f"{request.base}/oauth2/token")
    _authorized(app)
    error = GrantProblem(
        "invalid_request", "Cannot obtain user token based on the enterprise configuration for your app"
    )
    return _answer(store, app, _subject(store, app, str(claims.get("box_sub_type")), str(claims["sub"]), error))


def refresh(store: Store, request: Request, fields: dict[str, str]) -> dict[str, Any]:
    """Trade a refresh token, which works once, for a new pair."""
    app = _client(store, fields)
    old = store.tokens.get(fields.get("refresh_token", ""), "refresh")
    if old is None or old["app"] != app["id"]:
        raise GrantProblem("invalid_grant", "Invalid refresh token")
    if old["expires_at"] <= store.now():
        raise GrantProblem("invalid_grant", "Refresh token has expired")
    store.tokens.revoke(old["token"])
    return _answer(store, app, old["user"], refreshable=True)


def _answer(store: Store, app: Row, user: int, *, refreshable: bool = False, **details: Any) -> dict[str, Any]:
    lifetime = store.rules.token_lifetime
    token = store.tokens.issue(user, app["id"], lifetime, **details)
    answer = {"access_token": token, "expires_in": int(lifetime), "restricted_to": [], "token_type": "bearer"}
    if refreshable:
        answer["refresh_token"] = store.tokens.issue(
            user, app["id"], store.rules.refresh_lifetime, kind="refresh", parent=token
        )
    return answer


def exchange(store: Store, request: Request, fields: dict[str, str]) -> dict[str, Any]:
    """Make a token that can do less than the one given; no client secret is asked for."""
    parent = _parent(store, fields)
    who = identity_of(store, parent)
    scopes = _narrower(who, fields.get("scope", ""))
    item, link = _resource(store, who, fields)
    app = store.tokens.app(who.app)
    assert app is not None
    details = {
        "scopes": " ".join(scopes),
        "resource_type": item["type"] if item is not None else parent["resource_type"],
        "resource": item["id"] if item is not None else parent["resource"],
        "shared_link": link or parent["shared_link"],
    }
    answer = _answer(store, app, who.user, **details)
    target = item if item is not None or parent["resource"] is None else store.items.at(parent["resource"])
    restricted = [] if target is None else [{"scope": scope, "object": mini(target)} for scope in scopes]
    return answer | {"issued_token_type": ACCESS_TOKEN, "restricted_to": restricted}


def _parent(store: Store, fields: dict[str, str]) -> Row:
    if fields.get("subject_token_type") != ACCESS_TOKEN:
        raise GrantProblem("invalid_request", "The subject_token_type is not supported")
    parent = store.tokens.get(fields.get("subject_token", ""))
    if parent is None or parent["expires_at"] <= store.now():
        raise GrantProblem("invalid_grant", "The subject_token is invalid or expired")
    if not fields.get("scope", "").strip():
        raise GrantProblem("invalid_request", "The scope parameter is missing")
    return parent


def _narrower(who: Identity, text: str) -> list[str]:
    """Return the scopes asked for; raise when one is unknown, or more than the parent has."""
    scopes = list(dict.fromkeys(text.split()))
    have = who.app_scopes if who.scopes is None else who.scopes
    for scope in scopes:
        if scope not in SCOPES and scope not in MANAGE:
            raise GrantProblem("invalid_scope", f"The scope {scope} is invalid")
        if scope not in have and not _covered(who, scope):
            raise GrantProblem("invalid_scope", "The requested scope exceeds the scope of the subject token")
    return scopes


def _covered(who: Identity, scope: str) -> bool:
    """Return whether a token of an app with full rights on items is made narrower; UI scopes never widen each other."""
    full = who.app_scopes if who.scopes is None else who.scopes & who.app_scopes
    if scope in MANAGE or scope == "root_readwrite":
        return False
    if "root_readwrite" in full:
        return True
    return "root_readonly" in full and not SCOPES[scope] - SCOPES["root_readonly"]


def _resource(store: Store, who: Identity, fields: dict[str, str]) -> tuple[Row | None, str | None]:
    resource, link = fields.get("resource"), fields.get("box_shared_link")
    if resource and link:
        raise GrantProblem("invalid_request", "resource and box_shared_link cannot be used together")
    try:
        if resource:
            return _named(store, who, resource), None
        if link:
            item, _ = store.shared_links.abilities(link, None, who)
            return store.items.at(item), link
    except Problem as error:
        raise GrantProblem("invalid_resource", "The resource is invalid or not accessible") from error
    return None, None


def _named(store: Store, who: Identity, resource: str) -> Row:
    parts = urlsplit(resource).path.strip("/").split("/")
    kinds = {"files": "file", "folders": "folder"}
    if len(parts) < 2 or parts[-2] not in kinds:
        raise Problem("not_found", "Not Found")
    return Access(store, who).find(kinds[parts[-2]], parts[-1])


GRANTS = {
    "client_credentials": client_credentials,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": jwt_bearer,
    "refresh_token": refresh,
    "urn:ietf:params:oauth:grant-type:token-exchange": exchange,
}
