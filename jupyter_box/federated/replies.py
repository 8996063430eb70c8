"""Replies as they come in: found by one listing, read side by side, and judged before anything of them is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from datetime import datetime, timezone
from typing import Any

from flwr.app import Error, Message

from jupyter_box.errors import Changed, Corrupted, NotFound
from jupyter_box.items import Item

from . import apps, records, wire
from .config import Participant
from .enrolment import Enrolment
from .exchange import Exchange, from_reference, mark, to_reference
from .models import Model
from .run import Run
from .signing import Forged
from .workers import Workers

# Flower's older apps return a model under another name, or none where secure aggregation masks it
RENAMED = {"fitins.parameters": "fitres.parameters"}


class UnfitError(Exception):
    """A participant's own update that cannot count."""


class Replies:
    """Reads what participants answer.

    Args:
        run: The run.
        enrolment: Who takes part.
        models: The models that were sent, by digest.
        workers: Read side by side.
    """

    def __init__(self, run: Run, enrolment: Enrolment, models: Mapping[str, Model], workers: Workers) -> None:
        self._run, self._enrolment, self._models, self._workers = run, enrolment, models, workers

    def look(self, exchange: Exchange) -> bool:
        """Begin to read what is new in the folder; returns whether there was anything."""
        found = [(name, item) for name, item in self._candidates(exchange) if mark(item) not in exchange.seen]
        exchange.latest = max((item for _, item in found), key=_time, default=exchange.latest)
        for name, item in found:
            exchange.seen.add(mark(item))
            exchange.reads[self._workers.begin(self._judge, exchange, name, item)] = (name, item)
        return bool(found)

    def take(self, exchange: Exchange, seconds: float | None = None) -> None:
        """Take replies that have been read; waits for one, but no longer than so many seconds."""
        done, _ = wait(exchange.reads, seconds, FIRST_COMPLETED)
        for future in done:
            (name, listed), (item, judged) = exchange.reads.pop(future), future.result()
            if item.version != listed.version:
                self._ignore(exchange, listed, f"it was put over {name}'s own version")
            self._take(exchange, name, item, judged)

    def recall(self, exchange: Exchange, replies: dict[str, dict[str, Any]]) -> None:
        """Take the replies of an exchange as they were recorded when it was closed."""
        judged = self._workers.each(lambda name: self._recorded(exchange, name, replies[name]), exchange.to)
        exchange.results.update(zip(exchange.to, judged, strict=True))
        exchange.records.update(replies)
        exchange.is_closed = True

    def fail(self, exchange: Exchange, names: Iterable[str], reason: str) -> None:
        """Put an error in the place of the replies of some; the reason is told with their names before it."""
        for name in names:
            error = {"code": apps.GONE, "reason": f"{name} {reason}"}
            exchange.results[name] = _error(error, exchange.asked[name])
            exchange.records[name] = {"error": error}

    def _candidates(self, exchange: Exchange) -> list[tuple[str, Item]]:
        missing = exchange.missing
        folders = {
            folder.id: folder for folder, _ in (exchange.reply_place(self._run.config, name) for name in missing)
        }
        listings = self._workers.each(self._run.store.list, folders.values())
        items = [item for listing in listings for _, item in sorted(listing.items())]
        return [
            (name, item) for name in missing for item in items if exchange.is_reply(self._run.config, name, item.name)
        ]

    def _judge(self, exchange: Exchange, name: str, item: Item) -> tuple[Item, Message | Forged | UnfitError]:
        """Return which version of a file was read, and the reply in it, why it cannot count, or why it is none."""
        who = self._enrolment.participants[name]
        try:
            item = self._own(item, who)
            return item, self._read(exchange, who, item)
        except (Forged, UnfitError) as error:
            return item, error
        except (Corrupted, Changed, NotFound) as error:
            return item, Forged(error.message)

    def _own(self, item: Item, who: Participant) -> Item:
        """Return the participant's own version of a file: any member can put another over it.

        Raises:
            Forged: There is none.
        """
        if item.modified_by is None or item.modified_by.id == who.box_user:
            return item
        own = self._run.store.version_by(item, who.box_user)
        if own is None:
            raise Forged(f"Box says that {item.modified_by.name or item.modified_by.id} wrote it")
        return own

    def _read(self, exchange: Exchange, who: Participant, item: Item) -> Message:
        if exchange.limit is not None and (item.size or 0) > exchange.limit:
            raise UnfitError(f"it has {item.size:,} bytes, more than {exchange.limit:,}")
        data = self._run.store.read_version(item)
        header = wire.verify(data, who.public_key)
        asked = exchange.asked[who.name]
        _check_answers(header.body, exchange, who.name)
        if header.body.get("error") is not None:
            return _error(_told(header.body["error"]), asked)
        self._check_arrays(header, exchange, who.name)
        tensors = wire.load(data)
        content = records.from_json(
            header.body.get("records"), lambda spec: records.join(spec["arrays"], tensors), tensors
        )
        fault = records.fault_of(content, is_train=exchange.is_training)
        if fault:
            raise UnfitError(fault)
        return Message(content, reply_to=asked)

    def _check_arrays(self, header: wire.Header, exchange: Exchange, name: str) -> None:
        """Compare the header of an update with the models that were sent; nothing is loaded for that."""
        if not (self._run.config.check_shapes and exchange.is_training):
            return
        found = _arrays_of(header.body)
        for record, digest in exchange.models(name).items():
            want, spec = self._models[digest].shapes, found.get(RENAMED.get(record, record))
            if spec is None:
                raise UnfitError(f"it has no arrays {RENAMED.get(record, record)!r}")
            is_masked = record in RENAMED and not spec
            have = records.shapes(spec, header.tensors)
            if want and not is_masked and want != have:
                raise UnfitError(_difference(want, have))

    def _take(self, exchange: Exchange, name: str, item: Item, judged: Message | Forged | UnfitError) -> None:
        if isinstance(judged, Forged):
            self._ignore(exchange, item, judged.message.rstrip("."))
        elif name not in exchange.records:
            self._enrolment.seen(name)
            reply = self._error_of(exchange, name, judged) if isinstance(judged, UnfitError) else judged
            exchange.results[name] = reply
            exchange.records[name] = _record(reply, item)
            if reply.has_error():
                self._enrolment.tell(f"Round {exchange.round}: {reply.error.reason}")

    def _error_of(self, exchange: Exchange, name: str, unfit: UnfitError) -> Message:
        exchange.unfit[name] = f"round {exchange.round}: {unfit}"
        error = {"code": apps.FAILED, "reason": f"{name}'s update does not count: {unfit}"}
        return _error(error, exchange.asked[name])

    def _ignore(self, exchange: Exchange, item: Item, reason: str) -> None:
        by = (item.modified_by.name or item.modified_by.id) if item.modified_by else ""
        exchange.ignored.append({"file": item.name, "by": by, "reason": reason})
        self._enrolment.tell(f"{item.name} by {by} is ignored: {reason}.")

    def _recorded(self, exchange: Exchange, name: str, entry: dict[str, Any]) -> Message:
        if "error" in entry:
            return _error(entry["error"], exchange.asked[name])
        who = self._enrolment.participants[name]
        return self._read(exchange, who, from_reference(entry["file"], who.box_user))


def _time(item: Item) -> datetime:
    return item.modified or datetime.min.replace(tzinfo=timezone.utc)


def _check_answers(body: dict[str, Any], exchange: Exchange, name: str) -> None:
    expected = {"run": exchange.run, "seq": exchange.seq, "from": name, "to": exchange.id(name)}
    if {key: body.get(key) for key in expected} != expected:
        raise Forged("It answers another question.")


def _told(error: Any) -> dict[str, Any]:
    """Return an error of a participant's app, as it tells it."""
    try:
        return {"code": int(error["code"]), "reason": str(error["reason"])}
    except (KeyError, TypeError, ValueError):
        raise Forged("Its error cannot be read.") from None


def _arrays_of(body: dict[str, Any]) -> dict[str, list[list[Any]]]:
    """Return the lists of an update's arrays by their records' names."""
    try:
        return {record: value["arrays"] for record, kind, value in body["records"] if kind == "arrays"}
    except (KeyError, TypeError, ValueError):
        raise Forged("Its records cannot be read.") from None


def _error(error: dict[str, Any], asked: Message) -> Message:
    return Message(Error(int(error["code"]), str(error["reason"])), reply_to=asked)


def _record(message: Message, item: Item) -> dict[str, Any]:
    entry: dict[str, Any] = {"file": to_reference(item)}
    if message.has_error():
        return entry | {"error": {"code": message.error.code, "reason": message.error.reason}}
    return entry | {"metrics": records.metrics_of(message.content)}


def _difference(want: records.Shapes, have: records.Shapes) -> str:
    if set(want) != set(have):
        return f"its arrays are {', '.join(sorted(have)) or 'none'}, not {', '.join(sorted(want))}"
    key = next(key for key in want if want[key] != have[key])
    return f"{key} is {_shown(have[key])}, not {_shown(want[key])}"


def _shown(shape: tuple[str, list[int], str, list[int]]) -> str:
    dtype, size, stored, stored_size = shape
    return f"{dtype or stored} {size if dtype else stored_size}"
