"""Flower's Grid over a Box folder: a ServerApp sends and receives as always, and what it asked is resumed by replay."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from flwr.app import ArrayRecord, Error, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run as FlowerRun

from jupyter_box.errors import BoxError, Changed, Corrupted, NotFound
from jupyter_box.items import Item

from . import records, wire
from .enrolment import Enrolment, TooFewClients
from .exchange import (
    Exchange,
    digest_of,
    folder_reference,
    from_reference,
    suffix_of,
    to_reference,
)
from .history import sealed_in
from .pace import Clock, Pace
from .run import Participant, Run
from .signing import Forged, Signer

log = logging.getLogger("jupyter_box.federated")

READERS = 8  # replies read at once
HEAD = 1 << 20  # a larger reply's header is looked at before the rest is read
FAILED = 2  # Flower's ErrorCode.CLIENT_APP_RAISED_EXCEPTION
GONE = 5  # Flower's ErrorCode.NODE_UNAVAILABLE
ALLOWANCE = 1 << 20  # bytes that a reply may have beside its arrays


class Diverged(BoxError):  # noqa: N818  a fact
    """A restarted server asks other things than it asked before."""

    code = "replay_diverged"


class ReplayEnded(BoxError):  # noqa: N818  a fact
    """A replay has come to what was not recorded."""

    code = "replay_ended"


class Asks(Protocol):
    """Tells participants which instructions are open, and whether we still may."""

    def ask(self, asking: list[dict[str, Any]]) -> None:
        """Tell which instructions are open, at once."""

    def note(self, asking: list[dict[str, Any]]) -> None:
        """Tell which instructions are open, with the next sign of life."""

    def check(self) -> None:
        """Raise if we are no longer the server."""


class BoxGrid(Grid):  # type: ignore[misc]  # Flower is an extra, which type checks go without
    """The way between a ServerApp and its participants.

    Args:
        run: The run.
        signer: The server's key; None for a replay alone, which writes nothing.
        enrolment: Who takes part.
        lease: Tells participants what is asked.
        clock: Tells the time.
        resumes: Whether an earlier process may have left exchanges to go on with.
    """

    def __init__(
        self,
        run: Run,
        signer: Signer | None,
        enrolment: Enrolment,
        lease: Asks | None,
        clock: Clock,
        *,
        resumes: bool = False,
    ) -> None:
        self._box, self._signer, self._enrolment, self._lease, self._clock = run, signer, enrolment, lease, clock
        self._replays = resumes
        self._flower_run = FlowerRun.create_empty(run.config.run_number)
        self._seq, self._round = 0, 1
        self._open: dict[int, Exchange] = {}
        self._messages: dict[str, Message] = {}
        self._blobs: dict[str, Item] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._suffixes: dict[int, set[str]] = {}
        self._snapshots: list[list[Any]] = []
        self._recorded: list[list[Any]] = []
        self._polls = Pace(run.config.schedule.poll_interval, run.config.schedule.poll_ceiling, clock)
        self._waiting_since: float | None = None
        self.history: list[Exchange] = []

    # Flower's interface

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
        names = self._recorded_snapshot()
        if names is None:
            names = self._present()
            self._note_snapshot(names)
        return [self._enrolment.participants[name].node_id for name in names]

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Send messages; those of one round and kind go out in one file."""
        sent = list(messages)
        for group in _grouped(sent):
            self._begin(group)
        self._tell_open()
        return [message.metadata.message_id for message in sent]

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Return the replies that are in, in the order of the participants' names."""
        wanted = set(message_ids)
        for exchange in self._open.values():
            self._look_once(exchange)
        replies = [reply for exchange in list(self._open.values()) for reply in self._hand_over(exchange, wanted)]
        self._open = {
            seq: exchange for seq, exchange in self._open.items() if not exchange.is_closed or exchange.results
        }
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
        self._tell_open()
        until = None if timeout is None else self._clock.now() + timeout
        for exchange in exchanges:
            self._collect(exchange, until)
            del self._open[exchange.seq]
        return [reply for exchange in exchanges for reply in self._hand_over(exchange)]

    def publish_result(self, state: RecordDict) -> None:
        """Write the model that the ServerApp left in `context.state`, as the round after the last begins with it."""
        for arrays in list(state.array_records.values())[:1]:
            self._publish(arrays, "result", [])

    # sending

    def _begin(self, messages: list[Message]) -> Exchange:
        self._seq += 1
        self._waiting_since = None
        kind, group = messages[0].metadata.message_type, messages[0].metadata.group_id
        self._round = _round_of(messages[0], self._round)
        folder = self._folder(self._round)
        names = {who.node_id: name for name, who in self._enrolment.participants.items()}
        by_name = {names[message.metadata.dst_node_id]: message for message in messages}
        suffix = suffix_of(kind, self._seq, self._suffixes.setdefault(self._round, set()))
        self._suffixes[self._round].add(suffix)
        exchange = Exchange(self._seq, self._round, kind, tuple(sorted(by_name)), "", folder, suffix)
        recorded = self._recorded_files(exchange)
        contents, indices, exchange.largest = self._contents(by_name, kind)
        exchange.digest = digest_of(kind, group, [_undressed(content) for content in contents], indices)
        for name, message in by_name.items():
            message.metadata.__dict__["_message_id"] = self._id(exchange, name)
            self._messages[self._id(exchange, name)] = message
        if "instruction" in recorded:
            self._go_on(exchange, recorded)
        else:
            self._instruct(exchange, group, contents, indices)
        self._open[exchange.seq] = exchange
        self.history.append(exchange)

        return exchange

    def _contents(self, messages: dict[str, Message], kind: str) -> tuple[list[Any], dict[str, int], int]:
        """Return the different contents, which of them each gets, and the bytes of the largest's arrays."""
        contents: list[Any] = []
        known: dict[int, int] = {}
        to: dict[str, int] = {}
        sizes = [0]
        for name in sorted(messages):
            content = messages[name].content
            if id(content) not in known:
                known[id(content)] = len(contents)
                contents.append(records.to_json(content, lambda _, arrays: self._publish(arrays, kind, sizes)))
            to[name] = known[id(content)]
        return contents, to, max(sizes)

    def _publish(self, arrays: ArrayRecord, kind: str, sizes: list[int]) -> dict[str, Any]:
        spec, tensors = records.split("", arrays)
        body = {"run": self._box.config.run, "what": "arrays", "arrays": spec}
        sizes.append(sum(tensor.nbytes for tensor in tensors.values()))
        digest = wire.digest_unsigned(body, tensors).hex()
        if digest not in self._blobs and self._signer is not None:
            self._blobs[digest] = self._place(digest, wire.pack(body, tensors, self._signer), kind)
        return {"digest": digest, **({"file": to_reference(self._blobs[digest])} if digest in self._blobs else {})}

    def _place(self, digest: str, data: bytes, kind: str) -> Item:
        """Write arrays where the document has them: an aggregate is in the folder of the round that begins with it."""
        folder = self._folder(self._round if kind == "train" else self._round + 1)
        name = "server.safetensors"
        if self._names.setdefault((folder.id, name), digest) != digest:
            folder = self._folder(self._round)
            name = f"server.{self._seq}.{digest[:12]}.safetensors"
        return self._box.store.create_beside(folder, name, data)

    def _instruct(self, exchange: Exchange, group: str, contents: list[Any], to: dict[str, int]) -> None:
        if self._signer is None:
            raise ReplayEnded(f"Exchange {exchange.seq} was not recorded.")
        self._replays = False
        places = {name: exchange.reply_place(self._box.config, name) for name in exchange.to}
        body = {
            "run": self._box.config.run,
            "seq": exchange.seq,
            "round": exchange.round,
            "kind": exchange.kind,
            "group": group,
            "digest": exchange.digest,
            "present": self._snapshots,
            "contents": contents,
            "to": {
                name: {
                    "id": self._id(exchange, name),
                    "content": to[name],
                    "folder": folder_reference(folder),
                    "reply": file,
                }
                for name, (folder, file) in places.items()
            },
        }
        self._snapshots = []
        item = self._box.store.create_beside(exchange.folder, f"{exchange.stem}.json", self._signer.seal(body))
        exchange.instruction = to_reference(item)

    def _tell_open(self) -> None:
        if self._lease is not None and any(not exchange.is_closed for exchange in self._open.values()):
            self._lease.ask(self._asking())

    def _asking(self) -> list[dict[str, Any]]:
        pending = [exchange for exchange in self._open.values() if not exchange.is_closed]
        return [{"seq": e.seq, "to": list(e.to), "file": e.instruction} for e in pending]

    # receiving

    def _collect(self, exchange: Exchange, until: float | None) -> None:
        if exchange.is_closed:
            return
        self._polls.begin(exchange.kind)
        while True:
            if self._lease is not None:
                self._lease.check()
            self._drop_lost(exchange)
            if not exchange.missing:
                break
            now = self._clock.now()
            if until is not None and now >= until:
                self._give_up(exchange)
                break
            if now >= self._polls.due:
                self._polls.again(news=self._look(exchange))
                continue
            self._enrolment.look(f"round {exchange.round}")
            wake = min(self._polls.due, self._enrolment.next_look, *([until] if until is not None else []))
            self._clock.sleep(max(0.0, wake - self._clock.now()))
        self._polls.end()
        self._close(exchange)

    def _look_once(self, exchange: Exchange) -> None:
        if exchange.is_closed:
            return
        self._look(exchange)
        self._enrolment.look(f"round {exchange.round}")
        self._drop_lost(exchange)
        if not exchange.missing:
            self._close(exchange)

    def _hand_over(self, exchange: Exchange, wanted: set[str] | None = None) -> list[Message]:
        """Return the replies that are in, of those that are wanted; they are not kept here any longer."""
        ids = {name: self._id(exchange, name) for name in sorted(exchange.results)}
        names = [name for name, id_ in ids.items() if wanted is None or id_ in wanted]
        for name in names:
            del self._messages[ids[name]]
        return [exchange.results.pop(name) for name in names]

    def _look(self, exchange: Exchange) -> bool:
        """Read what is new in the folder; returns whether a reply came."""
        found = [(name, item) for name, item in self._candidates(exchange) if _mark(item) not in exchange.seen]
        exchange.seen |= {_mark(item) for _, item in found}
        with ThreadPoolExecutor(READERS, "jupyter-box replies") as pool:
            for (name, item), judged in zip(
                found, pool.map(lambda pair: self._judge(exchange, *pair), found), strict=True
            ):
                self._take(exchange, name, item, judged)
        return bool(found)

    def _candidates(self, exchange: Exchange) -> Iterator[tuple[str, Item]]:
        places = (exchange.reply_place(self._box.config, name)[0] for name in exchange.missing)
        folders = {folder.id: folder for folder in places}
        for folder in folders.values():
            items = sorted(self._box.store.list(folder).values(), key=lambda item: item.name)
            for name in exchange.missing:
                yield from ((name, item) for item in items if exchange.is_reply(self._box.config, name, item.name))

    def _judge(self, exchange: Exchange, name: str, item: Item) -> Message | Forged:
        """Return the reply of a file, an error reply where it cannot count, or why it is no reply at all."""
        who, asked = self._enrolment.participants[name], self._messages[self._id(exchange, name)]
        if item.modified_by is not None and item.modified_by.id != who.box_user:
            return Forged(f"Box says that {item.modified_by.name or item.modified_by.id} wrote it")
        try:
            return self._read_reply(exchange, who, asked, item)
        except UnfitError as unfit:
            return Message(Error(FAILED, f"{name}'s update does not count: {unfit}"), reply_to=asked)
        except (Forged, Corrupted, Changed, NotFound) as error:
            return error if isinstance(error, Forged) else Forged(error.message)

    def _read_reply(self, exchange: Exchange, who: Participant, asked: Message, item: Item) -> Message:
        limit = 2 * exchange.largest + ALLOWANCE if self._box.config.check_shapes and exchange.largest else None
        if limit is not None and (item.size or 0) > limit:
            raise UnfitError(f"it has {item.size:,} bytes, more than {limit:,}")
        if (item.size or 0) > HEAD:
            self._check_arrays(wire.read_header(self._box.store.head(item, HEAD)), asked)
        data = self._box.store.read(item)
        header = wire.verify(data, who.public_key)
        self._check_arrays(header, asked)
        body = header.body
        expected = {
            "run": self._box.config.run,
            "seq": exchange.seq,
            "from": who.name,
            "to": self._id(exchange, who.name),
        }
        if {key: body.get(key) for key in expected} != expected:
            raise Forged("It answers another question.")
        if body.get("error") is not None:
            return Message(Error(int(body["error"]["code"]), str(body["error"]["reason"])), reply_to=asked)
        tensors = wire.load(data)
        content = records.from_json(body["records"], lambda spec: records.join(spec["arrays"], tensors))
        fault = records.fault_of(content, is_train=exchange.kind.startswith("train"))
        if fault:
            raise UnfitError(fault)
        return Message(content, reply_to=asked)

    def _check_arrays(self, header: wire.Header, asked: Message) -> None:
        if not self._box.config.check_shapes:
            return
        for name, kind, value in header.body.get("records") or ():
            model = asked.content.array_records.get(name)
            if kind == "arrays" and model is not None and len(model):
                want = {key: (array.dtype, list(array.shape)) for key, array in model.items()}
                have = {key: (dtype, shape) for key, _, _, dtype, shape, _ in value["arrays"]}
                if want != have:
                    raise UnfitError(_difference(want, have))

    def _take(self, exchange: Exchange, name: str, item: Item, judged: Message | Forged) -> None:
        if isinstance(judged, Forged):
            by = (item.modified_by.name or item.modified_by.id) if item.modified_by else ""
            exchange.ignored.append({"file": item.name, "by": by, "reason": judged.message.rstrip(".")})
            self._enrolment.tell(f"{item.name} by {by} is ignored: {judged.message.rstrip('.')}.")
        elif name not in exchange.records:
            self._enrolment.seen(name)
            exchange.results[name] = judged
            exchange.records[name] = self._record(judged, item)
            if judged.has_error():
                self._enrolment.tell(f"{name}, round {exchange.round}: {judged.error.reason}")

    def _record(self, message: Message, item: Item) -> dict[str, Any]:
        entry: dict[str, Any] = {"file": to_reference(item)}
        if message.has_error():
            return entry | {"error": {"code": message.error.code, "reason": message.error.reason}}
        return entry | {"metrics": records.metrics_of(message.content)}

    def _drop_lost(self, exchange: Exchange) -> None:
        for name in exchange.missing:
            if name in self._enrolment.lost:
                self._fail(exchange, name, f"{name} lost connection on round {exchange.round}")

    def _give_up(self, exchange: Exchange) -> None:
        for name in exchange.missing:
            self._fail(exchange, name, f"{name} did not answer in time in round {exchange.round}")

    def _fail(self, exchange: Exchange, name: str, reason: str) -> None:
        asked = self._messages[self._id(exchange, name)]
        exchange.results[name] = Message(Error(GONE, reason), reply_to=asked)
        exchange.records[name] = {"error": {"code": GONE, "reason": reason}}

    def _close(self, exchange: Exchange) -> None:
        exchange.is_closed = True
        if self._lease is not None:
            self._lease.note(self._asking())
        if self._signer is None:
            return
        body = {
            "run": self._box.config.run,
            "seq": exchange.seq,
            "round": exchange.round,
            "kind": exchange.kind,
            "digest": exchange.digest,
            "replies": {name: exchange.records[name] for name in exchange.to},
            "ignored": exchange.ignored,
            "lost": sorted(self._enrolment.lost),
            "traffic": self._box.store.traffic.to_dict(),
            "events": self._enrolment.events,
        }
        self._enrolment.events = []
        self._box.store.create_beside(exchange.folder, f"{exchange.stem}.closed.json", self._signer.seal(body))

    # replay

    def _recorded_files(self, exchange: Exchange) -> dict[str, dict[str, Any]]:
        """Return what an earlier process wrote of this exchange: its instruction, and its end if it came to that."""
        if not self._replays:
            return {}
        found = self._sealed(exchange.seq, exchange.folder)
        for content in found.get("instruction", {}).get("contents", ()):
            for _, kind, value in content:
                if kind == "arrays":
                    self._blobs[value["digest"]] = from_reference(value["file"])
        return found

    def _sealed(self, seq: int, folder: Item) -> dict[str, dict[str, Any]]:
        """Return our own instruction and end of an exchange, past what others put under their names."""
        found: dict[str, dict[str, Any]] = {}
        for _, which, body, _ in sealed_in(self._box, self._box.store.list(folder), seq):
            found.setdefault(which, body)
        return found

    def _go_on(self, exchange: Exchange, recorded: dict[str, dict[str, Any]]) -> None:
        """Take an exchange as an earlier process left it."""
        if recorded["instruction"]["digest"] != exchange.digest:
            raise Diverged(
                f"Exchange {exchange.seq} of the restarted ServerApp differs from what was sent.",
                hint="A ServerApp that is resumed must compute the same again: seed what is random from the run.",
            )
        exchange.instruction = recorded["instruction"]["file"]
        self._recorded = []
        if "closed" in recorded:
            self._replay(exchange, recorded["closed"]["replies"])

    def _replay(self, exchange: Exchange, replies: dict[str, dict[str, Any]]) -> None:
        with ThreadPoolExecutor(READERS, "jupyter-box replies") as pool:
            judged = list(pool.map(lambda name: self._recorded_reply(exchange, name, replies[name]), exchange.to))
        exchange.results.update(zip(exchange.to, judged, strict=True))
        exchange.records.update(replies)
        exchange.is_closed = exchange.is_recorded = True

    def _recorded_reply(self, exchange: Exchange, name: str, entry: dict[str, Any]) -> Message:
        who, asked = self._enrolment.participants[name], self._messages[self._id(exchange, name)]
        if "error" in entry:
            return Message(Error(int(entry["error"]["code"]), str(entry["error"]["reason"])), reply_to=asked)
        return self._read_reply(exchange, who, asked, from_reference(entry["file"], who.box_user))

    # who is there

    def _recorded_snapshot(self) -> list[str] | None:
        if not self._replays:
            return None
        if not self._recorded:
            self._recorded = self._snapshots_of_next()
        if not self._recorded:
            return None
        names: list[str] = self._recorded[0][0]
        self._recorded[0][1] -= 1
        if not self._recorded[0][1]:
            self._recorded.pop(0)
        return names

    def _snapshots_of_next(self) -> list[list[Any]]:
        """Return who was there when the next exchange was prepared, as its instruction tells; nothing without one."""
        rounds = self._box.store.list(self._box.config.folder("rounds"))
        for number in (self._round, self._round + 1):
            folder = rounds.get(f"{number:02}")
            found = self._sealed(self._seq + 1, folder) if folder is not None else {}
            if "instruction" in found:
                return [list(entry) for entry in found["instruction"]["present"]]
        return []

    def _present(self) -> list[str]:
        """Return who is there; raises when it has been too few for too long."""
        self._enrolment.look(f"round {self._round}")
        alive, now = self._enrolment.alive, self._clock.now()
        asked_again = bool(self._snapshots) and self._snapshots[-1][0] == alive
        enough = len(alive) >= self._box.config.schedule.minimum_clients
        if enough and not (asked_again and self._snapshots[-1][1] >= 3):
            self._waiting_since = None
            return alive
        self._waiting_since = now if self._waiting_since is None else self._waiting_since
        if now - self._waiting_since > 2 * self._box.config.schedule.heartbeat_timeout:
            raise _too_few(alive)
        return alive

    def _note_snapshot(self, names: list[str]) -> None:
        if self._snapshots and self._snapshots[-1][0] == names:
            self._snapshots[-1][1] += 1
        else:
            self._snapshots.append([names, 1])

    # names

    def _id(self, exchange: Exchange, name: str) -> str:
        return f"{self._box.config.run}-{exchange.seq:06}-{name}"

    def _folder(self, number: int) -> Item:
        rounds, name = self._box.config.folder("rounds"), f"{number:02}"
        if self._signer is not None:
            return self._box.store.below(rounds, name)
        folder = self._box.store.list(rounds).get(name)
        if folder is None:
            raise ReplayEnded(f"Round {number} was not recorded.")
        return folder


class UnfitError(Exception):
    """A participant's own update that cannot count."""


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


def _undressed(content: list[Any]) -> list[Any]:
    """Return a content without where its arrays are, which a restart may change."""
    return [[name, kind, {"digest": value["digest"]} if kind == "arrays" else value] for name, kind, value in content]


def _difference(want: dict[str, Any], have: dict[str, Any]) -> str:
    if set(want) != set(have):
        return f"its arrays are {', '.join(sorted(have)) or 'none'}, not {', '.join(sorted(want))}"
    key = next(key for key in want if want[key] != have[key])
    return f"{key} is {have[key][0]} {have[key][1]}, not {want[key][0]} {want[key][1]}"


def _too_few(alive: list[str]) -> TooFewClients:
    if not alive:
        return TooFewClients("All clients lost.", hint="Start the clients, then the server again: it goes on here.")
    return TooFewClients(
        f"Only {', '.join(alive)} are left, and the run needs more.",
        hint="Start the others, then the server again: it goes on here.",
    )


def _mark(item: Item) -> str:
    return f"{item.id}/{item.version}"
