"""The broker's own account at Box, blocking: tokens of its own and of users, exchanged, checked, revoked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from jupyter_box._grants import Grants, Token
from jupyter_box._network import CLOCK, Clock, Network
from jupyter_box.config import BoxConfig, ClientCredentials, JwtCredentials
from jupyter_box.errors import Denied, InvalidName, NotAuthorized, NotConfigured
from jupyter_box.session import Session

# Short: a client waits for a minute at most, and tries again itself after what `Retry-After` says.
PATIENCE = 10
ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Resource:
    """The one item that a token is to be good for."""

    type: str
    id: str

    @property
    def path(self) -> str:
        """Its path below `/2.0`."""
        return f"/{self.type}s/{self.id}"

    @classmethod
    def of(cls, value: object, api: str) -> Resource:
        """Return the item that a request names: `/files/1`, its whole address at Box, or `{type, id}`.

        Raises:
            InvalidName: It names none.
        """
        if isinstance(value, dict) and set(value) == {"type", "id"}:
            value = f"/{value['type']}s/{value['id']}"
        if isinstance(value, str):
            for base in (f"{api}/2.0", "https://api.box.com/2.0"):
                value = value.removeprefix(base)
            found = re.fullmatch(r"/?(file|folder)s/([0-9]{1,20})", value)
            if found:
                return cls(found[1], found[2])
        raise InvalidName(
            "`resource` names no file or folder.", hint="Write /files/ID or /folders/ID.", code="bad_resource"
        )


class ParentEnded(NotConfigured):
    """Box does not take the token that another was to be made of."""


_ENDED = ("invalid_grant", "invalid_token")


class Account:
    """The service account and what it can get for others; safe to use from many threads.

    Args:
        config: Box's credentials, addresses and limits.
        clock: The time.

    Raises:
        NotConfigured: The credentials are none that a broker can work with.
    """

    def __init__(self, config: BoxConfig, clock: Clock = CLOCK) -> None:
        self._config = config
        self._credentials()
        self.endpoints = config.endpoints()
        config.retry_deadline = min(config.retry_deadline, PATIENCE)
        self.session = Session.connect(config)
        self._network = Network(clock=clock, deadline=PATIENCE)
        self._grants = Grants(self.endpoints, self._network)

    def close(self) -> None:
        """Close the connections."""
        self.session.close()
        self._network.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return Box's answer to a call of the service account."""
        with _blamed():
            return self.session.call(method, path, **options)

    def entries(self, path: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return all entries of a list of Box that goes on by markers."""
        found: list[dict[str, Any]] = []
        marker = None
        while True:
            page = self.call("GET", path, params={**params, "limit": ENTRIES, "marker": marker})
            found += page.get("entries") or ()
            marker = page.get("next_marker")
            if not marker:
                return found

    def me(self) -> dict[str, Any]:
        """Return the service account as Box's mini user."""
        with _blamed():
            return mini(self.session.me())

    def own_token(self) -> Token:
        """Return the service account's token, which goes to nobody."""
        with _blamed():
            return self.session.auth.token()

    def user_token(self, user_id: str) -> Token:
        """Return a new token of a Box user.

        Raises:
            NotConfigured: Box gives the app none.
        """
        credentials = replace(self._credentials(), user_id=user_id)
        with _blamed(_NO_TOKEN_FOR_USER.format(user_id)):
            return self._grants.token(credentials)

    def narrowed(self, parent: Token, scopes: Collection[str], resource: Resource | None) -> Token:
        """Return a token that may do less than its parent.

        Raises:
            Denied: Box refuses, or answered with a token that may do more than was asked; that one is revoked.
            ParentEnded: The parent is good for nothing any more.
        """
        answer = self._exchanged(parent, scopes, resource)
        token = Token.of(answer)
        wider = widening(answer, scopes, resource)
        if not wider:
            return token
        self.revoke(token.value)
        raise Denied(
            f"Box answered with a token that may do more than was asked: {wider}.",
            hint="It was revoked. Tell the Hub's administrator.",
            code="token_too_wide",
        )

    def own_narrowed(self, scopes: Collection[str], resource: Resource) -> Token:
        """Return a token of the service account for one item.

        Raises:
            Denied: As `narrowed`.
        """
        parent = self.own_token()
        try:
            return self.narrowed(parent, scopes, resource)
        except ParentEnded:
            # somebody revoked it
            with _blamed():
                self.session.auth.renew(parent.value)
            return self.narrowed(self.own_token(), scopes, resource)

    def revoke(self, token: str) -> None:
        """Make a token worthless."""
        self._grants.revoke(self._credentials(), token)

    def _exchanged(self, parent: Token, scopes: Collection[str], resource: Resource | None) -> dict[str, Any]:
        url = f"{self.endpoints.api}/2.0{resource.path}" if resource else None
        try:
            return self._grants.exchange(parent.value, sorted(scopes), url, None)
        except (NotAuthorized, Denied) as error:
            if error.code not in _ENDED:
                raise
            raise ParentEnded(error.message, hint=error.hint, code=error.code) from None

    def _credentials(self) -> ClientCredentials | JwtCredentials:
        """Read the credentials, anew each time, so that a rotated secret is taken up."""
        found = self._config.credentials()
        if not isinstance(found, (ClientCredentials, JwtCredentials)):
            raise NotConfigured(
                "The broker needs the Box app's own credentials.",
                hint="Set BOX_CLIENT_ID, BOX_CLIENT_SECRET_FILE and BOX_ENTERPRISE_ID, or BOX_JWT_CONFIG_FILE; "
                "unset BOX_DEVELOPER_TOKEN, BOX_BROKER_URL and BOX_SERVER_URL.",
            )
        if found.user_id:
            raise NotConfigured("BOX_USER_ID is set, but the broker acts as the service account.", hint="Unset it.")
        return found


def mini(user: Mapping[str, Any]) -> dict[str, Any]:
    """Return Box's mini form of a user."""
    return {"type": "user", **{name: user.get(name) for name in ("id", "name", "login")}}


def widening(answer: Mapping[str, Any], scopes: Collection[str], resource: Resource | None) -> str:
    """Return in what the token of an exchange's answer may do more than was asked; nothing if in nothing."""
    entries = answer.get("restricted_to")
    entries = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    if resource and not entries:
        return "it is restricted to no item"
    for entry in entries:
        if entry.get("scope") not in scopes:
            return f"it has the scope {entry.get('scope')}"
        item = entry.get("object")
        if resource and (not isinstance(item, dict) or (item.get("type"), str(item.get("id"))) != _pair(resource)):
            return "it is good for another item"
    return ""


def _pair(resource: Resource) -> tuple[str, str]:
    return resource.type, resource.id


_NO_TOKEN_FOR_USER = "Box gives the app no token for the Box user {}."  # noqa: S105  a sentence
_ADMINISTRATOR = (
    "The Hub's administrator checks the app in Box's developer console: its id and secret, Generate User Access "
    "Tokens, and App + Enterprise Access for accounts that are no app users; a Box administrator authorises it again."
)


@contextmanager
def _blamed(message: str = "Box refuses the broker's credentials.") -> Iterator[None]:
    """Word a refusal of our own credentials as what it is to a caller: not theirs to mend."""
    try:
        yield
    except NotAuthorized as error:
        raise NotConfigured(
            f"{message} {error.message}", hint=_ADMINISTRATOR, code=error.code, request_id=error.request_id
        ) from None
