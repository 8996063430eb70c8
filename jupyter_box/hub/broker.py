"""The broker itself: a Hub token in, a short-lived Box token out; HTTP is `service`'s and Box `account`'s work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from jupyter_box._grants import Token
from jupyter_box._network import CLOCK, Clock
from jupyter_box.errors import BoxError, Busy, Denied, InvalidName, NotAuthorized, Unreachable

from .account import Account, ParentEnded, Resource
from .bounded import Aging, Flights, Limits
from .callers import TRY_AGAIN, Caller, Callers, fingerprint
from .mapping import MAPPINGS, WHOLE, Identity, Less, Way
from .metrics import Metrics
from .settings import KNOWN_SCOPES, Settings
from .vault import Kept, Vault

T = TypeVar("T")
THREADS = 32
# longer than `account.PATIENCE`, shorter than the 60 s that clients wait
ANSWER_WITHIN = 40.0
# how long what a user has in Box is taken for granted
IDENTITY_SECONDS = 600.0
IDENTITIES = 100_000
CHECKS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request as it was read."""

    less: Less = WHOLE
    fresh: bool = False

    @classmethod
    def of(cls, body: object, api: str, *, fresh: bool = False) -> Wanted:
        """Return what a request's JSON asks for.

        Raises:
            InvalidName: It is not what the contract says.
        """
        if not isinstance(body, dict) or set(body) - {"scopes", "resource"}:
            raise InvalidName(
                "The request is not what the broker takes.",
                hint="Send nothing, or a JSON object with `scopes` and `resource`.",
                code="bad_request",
            )
        resource = body.get("resource")
        less = Less(_scopes_of(body.get("scopes")), None if resource is None else Resource.of(resource, api))
        return cls(less, fresh)


def _scopes_of(given: object) -> frozenset[str]:
    names = given.split() if isinstance(given, str) else given or []
    if not isinstance(names, list) or any(not isinstance(name, str) or name not in KNOWN_SCOPES for name in names):
        raise InvalidName(
            "`scopes` is no list of Box's scopes for downscoped tokens.",
            hint=f"Take from {' '.join(sorted(KNOWN_SCOPES))}.",
            code="bad_scopes",
        )
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class Grant:
    """A token as it is given: for whom, what, and whether it had been made before."""

    caller: Caller
    identity: Identity
    kept: Kept
    seconds: float
    cached: bool

    def answer(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        return {
            "access_token": self.kept.token.value,
            "expires_in": int(self.seconds),
            "token_type": "bearer",
            "restricted_to": list(self.kept.token.restricted_to),
            "box_user": dict(self.identity.box_user),
            "root": self.identity.root,
        }

    def audit(self) -> dict[str, Any]:
        """Return what the audit log says of it; no token."""
        return {
            "user": self.caller.name,
            "hub_token_id": self.caller.token_id,
            "box_user": self.identity.box_user.get("id"),
            "root": self.identity.root,
            "expires_in": int(self.seconds),
            "cached": self.cached,
        }


Audit = Callable[[str, Mapping[str, Any]], None]


class Broker:
    """Hands out tokens; must be used from one event loop, and never blocks it.

    Args:
        settings: Its settings.
        account: Its account at Box.
        audit: Told an event's name and what there is to say of it.
        metrics: Counts.
        clock: The time.
    """

    def __init__(
        self, settings: Settings, account: Account, audit: Audit, metrics: Metrics, *, clock: Clock = CLOCK
    ) -> None:
        self.settings, self.account = settings, account
        self._audit, self._metrics = audit, metrics
        self.callers = Callers(settings, lambda outcome: metrics.hub_calls.labels(outcome).inc(), clock)
        self.vault = Vault(clock)
        self._way: Way = MAPPINGS[settings.mapping](account, settings)
        self._limits = Limits(settings.requests_per_minute, clock)
        self._identities: Aging[tuple[str, frozenset[str]], Identity] = Aging(IDENTITY_SECONDS, IDENTITIES, clock)
        self._flights = Flights()
        self._holders = Holders()
        self._groups: dict[str, frozenset[str]] = {}
        self._ready: Aging[str, bool] = Aging(10.0, 1, clock)
        self._is_seen = False
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="box")

    async def close(self) -> None:
        """Close the connections; what is under way at Box is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.callers.close()
        self.account.close()

    async def grant(self, hub_token: str, wanted: Wanted) -> Grant:
        """Return a token for the user whose Hub token it is.

        Raises:
            BoxError: There is none to be had; it says why, and who must do what.
        """
        caller = await self._admitted(hub_token)
        wait = self._limits.wait(caller.name)
        if wait:
            raise Throttled(wait)
        self._limits.count(caller.name)
        self._holders.add(caller.name, hub_token)
        identity = await self._identity(caller)
        self._groups[caller.name] = caller.groups.intersection(self.settings.groups)
        cached = not wanted.fresh and self.vault.kept(caller.name, self._key(caller, wanted.less)) is not None
        kept = await self._token(caller, identity, wanted)
        # once more, in case that a recheck found nothing out yet and let the first go
        self._holders.add(caller.name, hub_token)
        return Grant(caller, identity, kept, self.vault.left(kept), cached)

    async def ready(self) -> None:
        """Return if the Hub and Box answer us.

        Raises:
            BoxError: One of them does not.
        """
        if not self._ready.get(""):
            await self._flights.join("ready", self._look)
            self._ready.put("", True)

    async def recheck(self) -> None:
        """Ask the Hub again about everybody who holds a token; revoke what is out of who is not known any more."""
        self.vault.sweep()
        users = set(self.vault.users())
        self._holders.keep(users)
        self._groups = {user: groups for user, groups in self._groups.items() if user in users}
        slots = asyncio.Semaphore(CHECKS_AT_ONCE)
        await asyncio.gather(*(self._check(token, slots) for token in self._holders.tokens()))

    async def _check(self, token: str, slots: asyncio.Semaphore) -> None:
        async with slots:
            try:
                caller = await self.callers.caller(token, fresh=True)
                await self._regrouped(caller)
            except (NotAuthorized, Denied):
                await self._dropped(token)
            except BoxError:
                # the Hub or Box is away: that says nothing about users
                return

    async def _regrouped(self, caller: Caller) -> None:
        """Let a user whose groups have changed into the folders of those joined, and out of those left."""
        before, now = self._groups.get(caller.name), caller.groups.intersection(self.settings.groups)
        if before is None or before == now:
            return
        await self._identity(caller)
        self._groups[caller.name] = now
        if before - now:
            await self._revoke(caller.name)

    async def _admitted(self, hub_token: str) -> Caller:
        try:
            return await self.callers.caller(hub_token)
        except (NotAuthorized, Denied):
            await self._dropped(hub_token)
            raise

    async def _dropped(self, hub_token: str) -> None:
        """Revoke a user's tokens once no Hub token that asked for one is good any more."""
        user = self._holders.drop(hub_token)
        if user:
            await self._revoke(user)

    async def _revoke(self, user: str) -> None:
        tokens = self.vault.take(user)
        done = sum([await self._is_revoked(token) for token in tokens])
        self._metrics.revoked.inc(done)
        self._audit("revoked", {"user": user, "tokens": done, "failed": len(tokens) - done})

    async def _is_revoked(self, token: str) -> bool:
        try:
            await self._blocking(self.account.revoke, token)
        except BoxError:
            return False
        return True

    async def _identity(self, caller: Caller) -> Identity:
        key = (caller.name, caller.groups)
        found = self._identities.get(key)
        if found is None:
            found = await self._flights.join(key, lambda: self._blocking(self._way.identify, caller))
            self._identities.put(key, found)
        return found

    def _key(self, caller: Caller, less: Less) -> tuple[frozenset[str], Less]:
        # who joins or leaves a group gets another token
        return caller.groups.intersection(self.settings.groups), less

    async def _token(self, caller: Caller, identity: Identity, wanted: Wanted) -> Kept:
        if wanted.less == WHOLE:
            return await self._whole(caller, identity, fresh=wanted.fresh)

        async def make() -> Token:
            whole = await self._whole(caller, identity, fresh=wanted.fresh)
            try:
                return await self._blocking(self._way.narrower, identity, whole.token, caller, wanted.less)
            except ParentEnded:
                whole = await self._whole(caller, identity, fresh=True)
                return await self._blocking(self._way.narrower, identity, whole.token, caller, wanted.less)

        return await self.vault.token(caller.name, self._key(caller, wanted.less), make, fresh=wanted.fresh)

    async def _whole(self, caller: Caller, identity: Identity, *, fresh: bool) -> Kept:
        async def make() -> Token:
            return await self._blocking(self._way.token, identity, caller)

        try:
            return await self.vault.token(caller.name, self._key(caller, WHOLE), make, fresh=fresh)
        except BoxError:
            # the Box user or the folder may be gone: the next call looks again
            self._identities.forget((caller.name, caller.groups))
            raise

    async def _look(self) -> None:
        await self.callers.reachable()
        await self._blocking(self.account.own_token)
        if not self._is_seen:
            # once: an outage of Box later on is told to each caller
            await self._blocking(self._way.look)
            self._is_seen = True

    async def _blocking(self, work: Callable[..., T], *args: Any) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args))
        # looked at, so that asyncio does not complain where nobody waits any more
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            return await asyncio.wait_for(asyncio.shield(future), ANSWER_WITHIN)
        except asyncio.TimeoutError:
            # what no thread has begun by now is for nobody any more, and would hold up whoever asks once Box is back
            future.cancel()
            raise Unreachable(
                "Box has not answered the broker in time.", hint="Try again in a minute.", retry_after=TRY_AGAIN
            ) from None


class Holders:
    """Which Hub tokens have asked for Box tokens, by user."""

    def __init__(self) -> None:
        self._users: dict[str, dict[str, str]] = {}
        self._user_of: dict[str, str] = {}

    def add(self, user: str, hub_token: str) -> None:
        """Note that a user's Hub token has asked."""
        key = fingerprint(hub_token)
        self._users.setdefault(user, {})[key] = hub_token
        self._user_of[key] = user

    def drop(self, hub_token: str) -> str:
        """Forget a Hub token; return its user's name if it was their last, else nothing."""
        key = fingerprint(hub_token)
        user = self._user_of.pop(key, "")
        held = self._users.get(user, {})
        held.pop(key, None)
        if not user or held:
            return ""
        self._users.pop(user, None)
        return user

    def keep(self, users: Collection[str]) -> None:
        """Forget all users but these."""
        for user in self._users.keys() - set(users):
            for key in self._users.pop(user):
                del self._user_of[key]

    def tokens(self) -> list[str]:
        """Return all Hub tokens that have asked."""
        return [token for held in self._users.values() for token in held.values()]


class Throttled(Busy):
    """A Hub user, or somebody without a good Hub token, asks too often.

    Args:
        wait: Seconds until the next request.
    """

    code = "too_many_requests"
    status = 429

    def __init__(self, wait: float) -> None:
        super().__init__(
            "Too many requests for Box tokens in a minute.",
            hint="A token holds for an hour; keep it.",
            retry_after=wait,
        )
