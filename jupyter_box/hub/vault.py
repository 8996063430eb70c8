"""Keeps the tokens of each user until shortly before they end, and knows which are out, to revoke them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from jupyter_box._grants import Token
from jupyter_box._network import CLOCK, Clock

from .bounded import Flights

# A kept token is given out while this many seconds are left of it, or a fifth of its life, whichever is less: the
# client renews 300 s before the end, and must get another one then.
EARLY = 600.0
PER_USER = 256


@dataclass(frozen=True, slots=True)
class Kept:
    """A token that is out; its times are of the clock that never jumps."""

    token: Token = field(repr=False)
    until: float
    ends_at: float


@dataclass(slots=True)
class Drawer:
    """The tokens of one user: those to give again, by what they are for, and all that are out."""

    current: OrderedDict[Hashable, Kept] = field(default_factory=OrderedDict)
    out: list[Kept] = field(default_factory=list)


class Vault:
    """The tokens that are out; must be used from one event loop.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock = CLOCK) -> None:
        self._clock = clock
        self._flights = Flights()
        self._drawers: dict[str, Drawer] = {}

    def __len__(self) -> int:
        return sum(len(drawer.out) for drawer in self._drawers.values())

    def users(self) -> list[str]:
        """Return the names of the users who have tokens."""
        return list(self._drawers)

    def kept(self, user: str, purpose: Hashable) -> Kept | None:
        """Return a user's token for this, if enough is left of it."""
        drawer = self._drawers.get(user)
        kept = drawer.current.get(purpose) if drawer else None
        return kept if kept and self._clock.monotonic() < kept.until else None

    def left(self, kept: Kept) -> float:
        """Return the seconds that are left of a token."""
        return max(0.0, kept.ends_at - self._clock.monotonic())

    async def token(
        self, user: str, purpose: Hashable, make: Callable[[], Awaitable[Token]], *, fresh: bool = False
    ) -> Kept:
        """Return a user's token for this, made once for many who ask at the same time.

        Args:
            user: The Hub user's name.
            purpose: What it is to be good for.
            make: Makes a new one.
            fresh: Whether it must be a new one, as when Box has refused the last.
        """
        kept = None if fresh else self.kept(user, purpose)
        if kept:
            return kept
        return await self._flights.join((user, purpose), lambda: self._new(user, purpose, make))

    def take(self, user: str) -> list[str]:
        """Forget a user; return the tokens that are out and have not ended."""
        drawer, now = self._drawers.pop(user, Drawer()), self._clock.monotonic()
        return [kept.token.value for kept in drawer.out if now < kept.ends_at]

    def sweep(self) -> None:
        """Forget the tokens that have ended."""
        now = self._clock.monotonic()
        for user, drawer in list(self._drawers.items()):
            drawer.out = [kept for kept in drawer.out if now < kept.ends_at]
            if not drawer.out:
                del self._drawers[user]

    async def _new(self, user: str, purpose: Hashable, make: Callable[[], Awaitable[Token]]) -> Kept:
        before = self._clock.monotonic()
        token = await make()
        life = 3600.0 if token.expires_in is None else token.expires_in
        kept = Kept(token, before + life - min(EARLY, life / 5), before + life)
        drawer = self._drawers.setdefault(user, Drawer())
        drawer.out.append(kept)
        drawer.current[purpose] = kept
        drawer.current.move_to_end(purpose)
        if len(drawer.current) > PER_USER:
            drawer.current.popitem(last=False)
        return kept
