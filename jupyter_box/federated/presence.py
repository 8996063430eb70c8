"""Who is there, as the ServerApp is told: with an end to the wait for more, and written down for a replay."""

from __future__ import annotations

from typing import Any

from .config import Schedule
from .enrolment import Enrolment, TooFewClients
from .pace import Clock

ENOUGH = 3  # times that an app is told of the same people; one that asks on waits for others


class Presence:
    """Tells who is there.

    Args:
        enrolment: Who takes part.
        schedule: How many are needed, and how long one waits for them.
        clock: Tells the time.
    """

    def __init__(self, enrolment: Enrolment, schedule: Schedule, clock: Clock) -> None:
        self._enrolment, self._schedule, self._clock = enrolment, schedule, clock
        self._waiting_since: float | None = None
        self._told: list[list[Any]] = []

    def names(self, where: str) -> list[str]:
        """Return who is there, by name in order.

        Args:
            where: What the note of a loss says, as in `round 3`.

        Raises:
            TooFewClients: So few are left, for so long, that the run cannot go on.
        """
        self._enrolment.look(where)
        alive = self._enrolment.alive
        self._watch(alive)
        self._note(alive)
        return alive

    def take(self) -> list[list[Any]]:
        """Return whom the app was told of since the last time, and how often in a row; the app goes on now."""
        told, self._told = self._told, []
        self._waiting_since = None
        return told

    def _watch(self, alive: list[str]) -> None:
        asks_on = bool(self._told) and self._told[-1][0] == alive and self._told[-1][1] >= ENOUGH
        if len(alive) >= self._schedule.minimum_clients and not asks_on:
            self._waiting_since = None
            return
        now = self._clock.now()
        self._waiting_since = now if self._waiting_since is None else self._waiting_since
        if now - self._waiting_since > 2 * self._schedule.heartbeat_timeout:
            raise _too_few(alive)

    def _note(self, names: list[str]) -> None:
        if self._told and self._told[-1][0] == names:
            self._told[-1][1] += 1
        else:
            self._told.append([names, 1])


def _too_few(alive: list[str]) -> TooFewClients:
    if not alive:
        return TooFewClients("All clients lost.", hint="Start the clients, then the server again: it goes on here.")
    return TooFewClients(
        f"Only {', '.join(alive)} are left, and the run needs more.",
        hint="Start the others, then the server again: it goes on here.",
    )
