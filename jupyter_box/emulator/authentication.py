"""From a request's headers to who is asking: bearer tokens, As-User, shared links."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from jupyter_box.emulator.problems import Problem
from jupyter_box.emulator.tokens import Identity, identity_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_box.emulator.store import Store


def identify(store: Store, headers: Mapping[str, str], query: Mapping[str, str]) -> Identity:
    """Return the caller; raise `unauthorized` for a token that is missing, unknown or expired."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = query.get("access_token", "")
    row = store.tokens.get(token.strip()) if token else None
    if row is None:
        raise Problem("unauthorized", "Unauthorized")
    if row["expires_at"] <= store.now():
        raise Problem("unauthorized", "Unauthorized", reason="expired")
    return as_user(store, identity_of(store, row), headers.get("As-User"))


def as_user(store: Store, who: Identity, user: str | None) -> Identity:
    """Return the identity As-User asks for: a user of the same enterprise, for a service account or administrator."""
    if user is None:
        return who
    app, caller = store.tokens.app(who.app), store.people.get(who.user)
    target = store.people.get(user) if user.isdecimal() else None
    if app is None or caller is None or target is None or who.scopes is not None:
        raise Problem("forbidden", "As-User is not allowed")
    privileged = caller["kind"] == "service" or caller["role"] in ("admin", "coadmin")
    allowed = app["as_user"] and app["enterprise_access"] and privileged
    if not allowed or target["enterprise"] != who.enterprise or target["kind"] == "service":
        raise Problem("forbidden", "As-User is not allowed")
    return replace(who, user=target["id"])


def shared_link(headers: Mapping[str, str]) -> tuple[str, str | None] | None:
    """Return address and password in the `boxapi` header."""
    text = headers.get("boxapi") or headers.get("BoxApi")
    if not text:
        return None
    fields = parse_qs(text, keep_blank_values=True)
    if "shared_link" not in fields:
        return None
    return fields["shared_link"][0], fields.get("shared_link_password", [None])[0]
