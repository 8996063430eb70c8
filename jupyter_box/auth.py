"""Keeps the token: got once for many threads, renewed before it ends; what is sent for one stands in `_grants`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from box_sdk_gen import AccessToken, Authentication, NetworkSession

from ._grants import Grants, Token, identity_of
from ._network import CLOCK, Clock, Network
from .config import Credentials, DeveloperToken, Endpoints, Secret
from .errors import BoxError, Cancelled, NotAuthorized, NotConfigured

# A token is renewed this many seconds before its end, or a tenth of its life, whichever is less.
EARLY = 300.0
# After an early renewal failed, the next one is tried after so many seconds; the old token still holds.
PAUSE = 15.0


@dataclass(frozen=True, slots=True)
class _Kept:
    token: Token
    renew_at: float
    ends_at: float


class Auth(Authentication):
    """One identity's access token, for our own calls and for the SDK's; safe to use from many threads.

    Args:
        credentials: How we are known.
        endpoints: Where Box is.
        reread: Reads the credentials again, for secrets that are rotated in their files; None keeps them for ever.
        network: What the token requests go through; one of its own by default.
        clock: The time.
    """

    def __init__(
        self,
        credentials: Credentials,
        endpoints: Endpoints,
        *,
        reread: Callable[[], Credentials] | None = None,
        network: Network | None = None,
        clock: Clock = CLOCK,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._credentials = credentials
        self._endpoints = endpoints
        self._reread = reread
        self._network = network or Network(clock=clock, deadline=60)
        self._grants = Grants(endpoints, self._network)
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        self._rounds = 0
        self._failure: BoxError | None = None

    def __repr__(self) -> str:
        """Say who we are, and nothing of the secret."""
        return f"<Auth {self.identity}>"

    @property
    def identity(self) -> str:
        """A key for caches and limits: the same for every session of this app and subject, without any secret."""
        return identity_of(self._credentials, self._endpoints)

    @property
    def mode(self) -> str:
        """How we are known: `ClientCredentials`, `JwtCredentials`, `DeveloperToken`, `BrokerAccess`, `ServerAccess`."""
        return type(self._credentials).__name__

    @property
    def root(self) -> str | None:
        """The id of the folder that the broker or the server gave us as the root, once there was a token; else None."""
        return self._kept.token.root if self._kept else None

    @property
    def box_user(self) -> Mapping[str, Any] | str | None:
        """The Box user as the broker or the server told it, once there was a token; else None."""
        return self._kept.token.box_user if self._kept else None

    def token(self) -> Token:
        """Return a token that holds, renewing it first if it ends soon; other threads go on with the old one meanwhile.

        Raises:
            BoxError: There is none to be had.
        """
        kept, now = self._kept, self._clock.monotonic()
        if kept and now < kept.renew_at:
            return kept.token
        if kept and now < kept.ends_at:
            return self._renewed_early(kept)
        return self._renewed(kept.token.value if kept else None)

    def remaining(self) -> Token:
        """Return the token as `token` does, with the seconds that are left of it, to be handed on.

        Raises:
            BoxError: There is none to be had.
        """
        self.token()
        kept = self._kept
        assert kept is not None
        left = kept.ends_at - self._clock.monotonic()
        return replace(kept.token, expires_in=None if kept.token.expires_in is None else max(0.0, left))

    def header(self) -> str:
        """Return the `Authorization` header."""
        return Secret(f"Bearer {self.token().value}")

    def renew(self, rejected: str) -> None:
        """Replace the token that Box has refused: once, however many threads it was refused to, and without a wait.

        Args:
            rejected: The token, or the whole header, that was refused.

        Raises:
            BoxError: There is no other.
        """
        self._renewed(Secret(rejected.removeprefix("Bearer ")))

    def skew(self) -> float | None:
        """Return by how many seconds Box's clock is ahead of ours, as the last token request told."""
        return self._network.skew()

    def downscope(self, scopes: Sequence[str], resource: str | None = None, shared_link: str | None = None) -> Any:
        """Return Box's answer to the exchange of our token for one that may do less.

        Args:
            scopes: Box's names, e.g. `item_download`.
            resource: The full URL of the one file or folder it is good for.
            shared_link: The shared link it is good for, instead.

        Raises:
            Denied: Box gives no such token.
        """
        return self._grants.exchange(self.token().value, list(scopes), resource, shared_link)

    def close(self) -> None:
        """Close the connections."""
        self._network.close()

    def retrieve_token(self, *, network_session: NetworkSession | None = None) -> AccessToken:  # noqa: ARG002  the SDK's
        """Return a token that holds, as the SDK's object."""
        return _for_the_sdk(self.token())

    def refresh_token(self, *, network_session: NetworkSession | None = None) -> AccessToken:  # noqa: ARG002  the SDK's
        """Return a new token, as the SDK's object."""
        return _for_the_sdk(self._renewed(self._kept.token.value if self._kept else None))

    def retrieve_authorization_header(self, *, network_session: NetworkSession | None = None) -> str:  # noqa: ARG002
        """Return the `Authorization` header."""
        return self.header()

    def revoke_token(self, *, network_session: NetworkSession | None = None) -> None:  # noqa: ARG002  the SDK's
        """Make the token worthless and forget it; the next call gets another."""
        with self._lock:
            kept, self._kept = self._kept, None
        if kept:
            self._grants.revoke(self._credentials, kept.token.value)

    def downscope_token(
        self,
        scopes: list[str],
        *,
        resource: str | None = None,
        shared_link: str | None = None,
        network_session: NetworkSession | None = None,  # noqa: ARG002  the SDK's
    ) -> AccessToken:
        """Return a token that may do less, as the SDK's object."""
        return _for_the_sdk(Token.of(self.downscope(scopes, resource, shared_link)))

    def _renewed_early(self, kept: _Kept) -> Token:
        if not self._lock.acquire(blocking=False):
            return kept.token
        try:
            if self._kept is kept:
                self._fetch()
        except Cancelled:
            raise
        except BoxError:
            # it still holds: a failing token endpoint must not stop the work before it has to
            later = min(kept.ends_at, self._clock.monotonic() + PAUSE)
            self._kept = _Kept(kept.token, later, kept.ends_at)
        finally:
            self._lock.release()
        return (self._kept or kept).token

    def _renewed(self, rejected: str | None) -> Token:
        round_seen = self._rounds
        with self._lock:
            if self._kept and self._kept.token.value != rejected and self._clock.monotonic() < self._kept.ends_at:
                return self._kept.token
            if self._rounds != round_seen and self._failure:
                raise type(self._failure)(self._failure.message, **self._failure.details())
            return self._fetch(rejected)

    def _fetch(self, rejected: str | None = None) -> Token:
        """Get a token and keep it; the caller holds the lock."""
        before = self._clock.monotonic()
        try:
            token = self._ask(rejected)
        except BoxError as error:
            # who cancelled did so for themselves, not for the threads that wait for the same token
            self._failure = None if isinstance(error, Cancelled) else error
            raise
        finally:
            self._rounds += 1
        self._failure = None
        life = float("inf") if token.expires_in is None else token.expires_in
        self._kept = _Kept(token, before + life - min(EARLY, life / 10), before + life)
        return token

    def _ask(self, rejected: str | None) -> Token:
        try:
            return self._ask_once(rejected)
        except (NotAuthorized, NotConfigured) as error:
            refused = error
        if not self._has_other_credentials():
            raise refused
        return self._ask_once(rejected)

    def _ask_once(self, rejected: str | None) -> Token:
        credentials = self._credentials
        if rejected and isinstance(credentials, DeveloperToken) and credentials.token == rejected:
            raise NotAuthorized(
                "The developer token has expired, as it lives for an hour, or it is not whole.",
                hint="Make a new one in Box's developer console and set BOX_DEVELOPER_TOKEN.",
                code="developer_token_expired",
            )
        kept = self._kept
        refused_early = bool(rejected and kept and self._clock.monotonic() < kept.ends_at)
        return self._grants.token(credentials, fresh=refused_early)

    def _has_other_credentials(self) -> bool:
        """Read the credentials again; tell whether they have changed, as when a mounted secret was rotated."""
        if self._reread is None:
            return False
        try:
            found = self._reread()
        except BoxError:
            return False
        changed = type(found) is type(self._credentials) and found != self._credentials
        if changed:
            self._credentials = found
        return changed


def _for_the_sdk(token: Token) -> AccessToken:
    life = None if token.expires_in is None else int(token.expires_in)
    return _SecretToken(access_token=token.value, expires_in=life)


class _SecretToken(AccessToken):
    def __repr__(self) -> str:
        return "<AccessToken>"

    __str__ = __repr__
