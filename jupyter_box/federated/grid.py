"""Flower's Grid over a Box folder: a ServerApp sends and receives as always, and what it asked is resumed by replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run as FlowerRun

from .collector import Collector
from .enrolment import Enrolment
from .exchange import Exchange, suffix_of
from .models import Models
from .outbox import Outbox
from .pace import Clock
from .past import Past
from .presence import Presence
from .replies import Replies
from .run import Run
from .signing import Signer
from .workers import Workers


class Tells(Protocol):
    """Tells participants which instructions are open, and whether we still may."""

    def tell(self, said: dict[str, Any]) -> None:
        """Tell it at once."""

    def note(self, said: dict[str, Any]) -> None:
        """Tell it with the next sign of life."""

    def check(self) -> None:
        """Raise if we are no longer the server."""


class BoxGrid(Grid):  # type: ignore[misc]  # Flower is an extra, which type checks go without
    """The way between a ServerApp and its participants.

    Args:
        run: The run.
        signer: The server's key; None for a replay alone, which writes nothing.
        enrolment: Who takes part.
        lease: Tells participants what is asked; None for a replay alone.
        clock: Tells the time.
        workers: Threads for what goes on side by side; when they have settled, all is written.
        told: What an earlier process has told participants last; None where there was none, so that all is new.
    """

    def __init__(
        self,
        run: Run,
        signer: Signer | None,
        enrolment: Enrolment,
        lease: Tells | None,
        *,
        clock: Clock,
        workers: Workers,
        told: Mapping[str, Any] | None = None,
    ) -> None:
        schedule = run.config.schedule
        self._box, self._enrolment, self._lease, self._clock, self._workers = run, enrolment, lease, clock, workers
        self._flower_run = FlowerRun.create_empty(run.config.run_number)
        self._models = Models(run, signer, workers)
        self._outbox = Outbox(run, signer, self._models)
        self._replies = Replies(run, enrolment, self._models.known, workers)
        self._past = Past(run, told)
        self._presence = Presence(enrolment, schedule, clock)
        self._collector = Collector(schedule, enrolment, self._replies, self._check, clock)
        self._seq, self._round = 0, 1
        self._open: dict[int, Exchange] = {}
        self._suffixes: dict[int, set[str]] = {}
        self._unfit: dict[str, str] = {}
        self.history: list[tuple[int, int]] = []

    def set_run(self, run: FlowerRun) -> None:
        """Take Flower's description of the run."""
        self._flower_run = run

    @property
    def run(self) -> FlowerRun:
        """Flower's description of the run."""
        return self._flower_run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """Return a message; Flower now makes it itself."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> list[int]:
        """Return the participants that are there, in the order of their names.

        Raises:
            TooFewClients: So few are left, for so long, that the run cannot go on.
        """
        names = self._past.present(self._seq + 1, self._round)
        if names is None:
            names = self._presence.names(f"round {self._round}")
        return [self._enrolment.participants[name].node_id for name in names]

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Send messages; those of one round and kind go out in one file."""
        sent = list(messages)
        for group in _grouped(sent):
            self._begin(group)
        self._tell()
        return [message.metadata.message_id for message in sent]

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Return the replies that are in, in the order of the participants' names."""
        wanted = set(message_ids)
        for exchange in self._open.values():
            self._finish(exchange, self._collector.look_once)
        replies = [reply for exchange in self._open.values() for reply in _taken(exchange, wanted)]
        self._open = {seq: each for seq, each in self._open.items() if not each.is_closed or each.results}
        return replies

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        """Send messages and return a reply to each, in the order of the participants' names.

        A participant that is lost, or whose reply is not in by the timeout, replies with an error, as does one whose
        update cannot count; the strategy then goes on without it.

        Args:
            messages: What is asked of whom.
            timeout: Seconds.

        Raises:
            TooFewClients: All clients are lost.
            Diverged: A restarted ServerApp asks other things than before.
        """
        exchanges = [self._begin(group) for group in _grouped(list(messages))]
        self._tell()
        until = None if timeout is None else self._clock.now() + timeout
        for exchange in exchanges:
            self._finish(exchange, lambda exchange: self._collector.collect(exchange, until))
            del self._open[exchange.seq]
        return [reply for exchange in exchanges for reply in exchange.take(sorted(exchange.results))]

    def publish_result(self, state: RecordDict) -> None:
        """Write the model that the ServerApp left in `context.state`, as the round after the last begins with it."""
        for arrays in list(state.array_records.values())[:1]:
            self._models.file(self._models.publish(arrays, self._round + 1, "result"))

    def _begin(self, messages: list[Message]) -> Exchange:
        exchange = self._exchange(messages)
        recorded = self._past.of(exchange)
        self._models.recall(recorded.get("instruction", {}).get("contents", ()))
        self._outbox.fill(exchange)
        for name, message in exchange.asked.items():
            message.metadata.__dict__["_message_id"] = exchange.id(name)
        if "instruction" in recorded:
            self._go_on(exchange, recorded)
        else:
            self._instruct(exchange)
        self._open[exchange.seq] = exchange
        self.history.append((exchange.seq, exchange.round))
        return exchange

    def _exchange(self, messages: list[Message]) -> Exchange:
        self._seq += 1
        self._round = _round_of(messages[0], self._round)
        names = {who.node_id: name for name, who in self._enrolment.participants.items()}
        asked = {names[message.metadata.dst_node_id]: message for message in messages}
        kind, group = messages[0].metadata.message_type, messages[0].metadata.group_id
        suffix = suffix_of(kind, self._seq, self._suffixes.setdefault(self._round, set()))
        self._suffixes[self._round].add(suffix)
        folder = self._models.folder(self._round)
        return Exchange(self._box.config.run, self._seq, self._round, kind, group, asked, folder, suffix)

    def _go_on(self, exchange: Exchange, recorded: dict[str, dict[str, Any]]) -> None:
        """Take an exchange as an earlier process left it."""
        self._past.check(exchange, recorded["instruction"])
        self._presence.take()
        exchange.sealed = recorded["instruction"]
        exchange.instruction = exchange.sealed.pop("file", {})
        if "closed" in recorded:
            self._replies.recall(exchange, recorded["closed"]["replies"])

    def _instruct(self, exchange: Exchange) -> None:
        # how the last exchange ended is on record before the next one begins
        self._workers.settle()
        self._past.end()
        self._outbox.instruct(exchange, self._presence.take())
        if not exchange.is_short:
            self._outbox.record(exchange)

    def _tell(self) -> None:
        said = self._said()
        if self._lease is None or not said["asking"]:
            return
        self._lease.tell(said)
        # the lock has them, for who restarts the server, too, until they have a file of their own
        for exchange in self._open.values():
            if not exchange.instruction:
                self._workers.aside(self._outbox.record, exchange)
        # the round after the last needs its folder, too: the model that comes out is put there
        self._workers.aside(self._models.folder, self._round + 1)

    def _check(self) -> None:
        """Raise what makes it vain to go on waiting."""
        if self._lease is not None:
            self._lease.check()
        self._workers.check()

    def _said(self) -> dict[str, Any]:
        """Return what participants are told: what is asked of whom, and whose last update did not count."""
        asking = [exchange.asking for exchange in self._open.values() if not exchange.is_closed]
        return {"asking": asking, "unfit": self._unfit}

    def _finish(self, exchange: Exchange, collect: Callable[[Exchange], None]) -> None:
        """Collect the replies of an exchange, and close it when none is missing."""
        if not exchange.is_closed:
            collect(exchange)
            if not exchange.missing:
                self._close(exchange)

    def _close(self, exchange: Exchange) -> None:
        exchange.is_closed = True
        if self._lease is None:
            return
        # what was asked is on record before the lock says that it is over
        self._workers.settle()
        self._unfit = exchange.unfit
        self._lease.note(self._said())
        more = {
            "lost": sorted(self._enrolment.lost),
            "traffic": self._box.store.traffic.to_dict(),
            "events": self._enrolment.take_events(),
        }
        self._workers.aside(self._outbox.close, exchange, more)


def _grouped(messages: list[Message]) -> list[list[Message]]:
    """Return messages by round and kind, each recipient once in a group."""
    groups: dict[tuple[str, str, int], list[Message]] = {}
    times: dict[tuple[str, str, int], int] = {}
    for message in messages:
        key = (message.metadata.group_id, message.metadata.message_type, message.metadata.dst_node_id)
        times[key] = times.get(key, 0) + 1
        groups.setdefault((key[0], key[1], times[key]), []).append(message)
    return list(groups.values())


def _round_of(message: Message, otherwise: int) -> int:
    """Return the round: strategies tell it to the apps, legacy workflows name the group after it."""
    for config in message.content.config_records.values():
        if isinstance(config.get("server-round"), int):
            return int(config["server-round"])
    group = message.metadata.group_id
    return int(group) if group.isdecimal() else otherwise


def _taken(exchange: Exchange, wanted: set[str]) -> list[Message]:
    return exchange.take([name for name in sorted(exchange.results) if exchange.id(name) in wanted])
