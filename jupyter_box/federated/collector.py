"""The server's wait for replies: when it looks, and when it gives one up; what a reply is worth is for `replies`."""

from __future__ import annotations

from collections.abc import Callable

from .config import Schedule
from .enrolment import Enrolment
from .exchange import Exchange
from .pace import Clock, Pace, seconds_between
from .replies import Replies


class Collector:
    """Collects the replies of exchanges.

    Args:
        schedule: How often it looks.
        enrolment: Who takes part.
        replies: Finds and reads them.
        check: Raises what makes it vain to go on.
        clock: Tells the time.
    """

    def __init__(
        self, schedule: Schedule, enrolment: Enrolment, replies: Replies, check: Callable[[], None], clock: Clock
    ) -> None:
        self._enrolment, self._replies, self._check, self._clock = enrolment, replies, check, clock
        self._pace = Pace(schedule.poll_interval, schedule.poll_ceiling, clock)

    def collect(self, exchange: Exchange, until: float | None) -> None:
        """Wait until all replies of an exchange are in, or given up.

        Args:
            exchange: What was asked of whom.
            until: When those that are missing are given up, by our clock; None to wait for all who are not lost.
        """
        self._pace.begin(exchange.kind)
        while not self._is_over(exchange, until):
            if exchange.awaited and self._clock.now() >= self._pace.due:
                self._look(exchange)
            else:
                self._enrolment.look(f"round {exchange.round}")
                self._wait(exchange, until)

    def look_once(self, exchange: Exchange) -> None:
        """Take the replies that are there."""
        self._replies.look(exchange)
        while exchange.reads:
            self._replies.take(exchange)
        self._enrolment.look(f"round {exchange.round}")
        self._drop_lost(exchange)

    def _is_over(self, exchange: Exchange, until: float | None) -> bool:
        self._check()
        self._drop_lost(exchange)
        if until is not None and self._clock.now() >= until:
            self._replies.fail(exchange, exchange.missing, f"did not answer in time in round {exchange.round}")
        return not exchange.missing

    def _look(self, exchange: Exchange) -> None:
        self._pace.look()
        news = self._replies.look(exchange)
        if exchange.awaited:
            self._pace.again(news=news)
        else:
            self._pace.end(seconds_between(exchange.written, exchange.latest))

    def _wait(self, exchange: Exchange, until: float | None) -> None:
        """Wait until it is time to do something; a reply that has been read ends the wait."""
        times = [self._enrolment.next_look, *([] if until is None else [until])]
        times += [self._pace.due] if exchange.awaited else []
        seconds = max(0.0, min(times) - self._clock.now())
        if exchange.reads:
            self._replies.take(exchange, seconds)
        else:
            self._clock.sleep(seconds)

    def _drop_lost(self, exchange: Exchange) -> None:
        lost = [name for name in exchange.missing if name in self._enrolment.lost]
        self._replies.fail(exchange, lost, f"lost connection on round {exchange.round}")
