"""Runs a ClientApp for a run's folder: registers, shows that it is alive, answers what the server asks."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_box.drive import Drive
from jupyter_box.errors import BoxError, Changed, Corrupted, Denied, Exists, InvalidName, NotFound
from jupyter_box.items import Item

from . import apps
from .enrolment import AUTHENTICATION, HEARTBEAT, LOST, REFUSAL, WELCOME
from .exchange import from_reference, to_folder
from .pace import Clock, Pace
from .run import ENDED, LOCK, Participant, Run, check_name, who_am_i
from .server import FINISHED
from .signing import Forged, parse, unseal
from .state import State
from .store import Store

log = logging.getLogger("jupyter_box.federated")

SERVER_PATIENCE = 3  # heartbeat timeouts without a sign of the server
KEPT_MODELS = 2  # the one that is trained and the one that is evaluated
Allow = Callable[[str], bool]


class ServerGone(BoxError):  # noqa: N818  a fact
    """The server gives no sign of life, or ended the run in trouble."""

    code = "server_gone"


def join(
    drive: Drive,
    folder: str,
    name: str,
    *,
    allow: Allow,
    node_config: dict[str, Any] | None = None,
    state: Path | None = None,
    app_folder: Path | None = None,
    clock: Clock | None = None,
) -> str:
    """Take part in a run until it ends; one that was killed or lost may be started again.

    Args:
        drive: The way to Box, as the participant.
        folder: The run's folder, or the server's in an isolated run.
        name: The participant's name in the run.
        allow: Told the ClientApp's reference; says whether it may be run here.
        node_config: What the ClientApp reads as `context.node_config`.
        state: Where states are kept on this machine.
        app_folder: Where the ClientApp's module may be; the current folder by default.
        clock: Tells the time.

    Returns:
        How the run ended, in the server's words.

    Raises:
        Denied: The registration is closed, the name is not ours, or the app is not allowed.
        ServerGone: The server gives no sign of life, or the run ended in trouble.
    """
    apps.require_extra()
    check_name(name)
    run = Run.open(drive, folder)
    if not allow(run.config.client_app):
        raise Denied(
            f"{run.config.client_app} may not be run here.", hint=f"--allow {run.config.client_app}", code="not_allowed"
        )
    kept = State.of(run.config.run, name, state)
    with kept.alone(name):
        node = _Node(
            run, name, kept, app_folder=app_folder or Path.cwd(), clock=clock or Clock(), node_config=node_config or {}
        )
        try:
            return node.run()
        except (Denied, NotFound) as error:
            raise _explained(error) from error


class _Node:
    def __init__(
        self, run: Run, name: str, state: State, *, app_folder: Path, clock: Clock, node_config: dict[str, Any]
    ) -> None:
        self._run, self._state, self._clock, self._app_folder = run, state, clock, app_folder
        self._signer = state.signer
        self._me = Participant(name, who_am_i(run.store.drive), self._signer.public)
        self._node_config = node_config
        self._kept: dict[str, Any] = state.load()
        self._models: OrderedDict[str, Any] = OrderedDict()
        self._lock_seen: tuple[str | None, float] = (None, clock.now())
        self._pace = Pace(run.config.schedule.poll_interval, run.config.schedule.poll_ceiling, clock)

    def run(self) -> str:
        """Take part until the end."""
        self._check_versions()
        apps.identify(self._run.config.run_number, self._me.node_id)
        self._app = apps.load(self._run.config.client_app, self._app_folder)
        listing = self._run.store.list(self._run.public)
        if ENDED in listing:
            return self._ended(listing[ENDED])
        heart = _Heart(self._run, self._me.name)
        try:
            self._register(listing, heart)
            return self._take_part(heart)
        finally:
            heart.stop()

    # registration

    def _register(self, listing: dict[str, Item], heart: _Heart) -> None:
        folder, file = self._run.config.authentications(self._me.name), f"{self._me.name}{AUTHENTICATION}"
        self._check_membership(listing, folder, file)
        try:
            item = self._run.store.create(folder, file, self._letter())
        except Exists:
            item = self._own_letter(self._run.store.list(folder)[file.casefold()])
        heart.start()
        self._wait_for_answer(folder, item)

    def _check_membership(self, listing: dict[str, Item], folder: Item, file: str) -> None:
        pinned = self._run.participants(listing)
        if not pinned or pinned.get(self._me.name) == self._me:
            return
        if self._me.name in pinned:
            raise Denied(
                f"The name {self._me.name} is taken by another key or Box account.",
                hint="Take another name, or the machine and --state where it registered.",
                code="name_taken",
            )
        # the server, too, will tell it where everyone can see it
        self._run.store.create_beside(folder, file, self._letter())
        raise _late(self._me.name)

    def _letter(self, **more: Any) -> bytes:
        body = {"run": self._run.config.run, "name": self._me.name, "box_user": self._me.box_user}
        return self._signer.seal({**body, "public_key": self._me.public_key, "versions": apps.versions(), **more})

    def _own_letter(self, item: Item) -> Item:
        text = self._run.store.read(item)
        body = parse(text.partition(b"\n")[2] if text.startswith(WELCOME.encode()) else text)
        if body.get("public_key") != self._me.public_key:
            raise Denied(f"The name {self._me.name} is taken.", hint="Take another name.", code="name_taken")
        return item

    def _wait_for_answer(self, folder: Item, item: Item) -> None:
        pace = Pace(self._run.config.schedule.poll_interval, 5.0, self._clock)
        until = self._clock.now() + self._run.config.schedule.registration_timeout
        while not self._is_answered(item):
            if self._clock.now() > until:
                raise ServerGone("The server has not answered our registration.", hint="Is it running?")
            self._clock.sleep(max(0.0, pace.due - self._clock.now()))
            pace.again()
            item = self._run.store.list(folder)[item.name.casefold()]

    def _is_answered(self, item: Item) -> bool:
        if not self._run.by_server(item):
            return False
        try:
            text = self._run.store.read(item)
        except (Changed, Corrupted):
            return False
        if text.startswith(REFUSAL.encode()):
            raise _late(self._me.name)
        if not text.startswith(WELCOME.encode()):
            return False
        body = unseal(text.partition(b"\n")[2], self._run.config.server_key)
        return body.get("public_key") == self._me.public_key

    # the run

    def _take_part(self, heart: _Heart) -> str:
        log.info("%s takes part in run %s.", self._me.name, self._run.config.run)
        self._pace.begin("start")
        while True:
            heart.check()
            listing = self._run.store.list(self._run.public)
            if self._run.by_server(listing.get(ENDED)):
                return self._ended(listing[ENDED])
            self._return_if_lost(listing)
            task = self._task(listing)
            if task is None:
                self._pace.again()
                self._clock.sleep(max(0.0, self._pace.due - self._clock.now()))
                continue
            self._pace.end()
            self._do(task, heart)
            self._pace.begin(str(task["kind"]))
            self._clock.sleep(max(0.0, self._pace.due - self._clock.now()))

    def _task(self, listing: dict[str, Item]) -> dict[str, Any] | None:
        """Return the instruction that is open and not done, if there is one."""
        lock = listing.get(LOCK)
        self._watch_server(lock)
        if lock is None or lock.version == self._kept.get("lock") or not self._run.by_server(lock):
            return None
        try:
            asked = unseal(self._run.store.read(lock), self._run.config.server_key)["asking"]
        except (Changed, Corrupted, Forged):
            return None  # a new version came meanwhile: the next look sees it
        due = [entry for entry in asked if self._me.name in entry["to"] and entry["seq"] > self._kept.get("done", 0)]
        if not due:
            self._kept["lock"] = lock.version
            return None
        return self._instruction(due[0])

    def _watch_server(self, lock: Item | None) -> None:
        version, since = self._lock_seen
        if lock is not None and lock.version != version:
            self._lock_seen = (lock.version, self._clock.now())
        elif self._clock.now() - since > SERVER_PATIENCE * self._run.config.schedule.heartbeat_timeout:
            raise ServerGone(
                f"The server has given no sign of life for {self._clock.now() - since:.0f} s.",
                hint="Start this again when the server is back: the run goes on.",
            )

    def _instruction(self, entry: dict[str, Any]) -> dict[str, Any]:
        body = unseal(self._run.store.read(from_reference(entry["file"])), self._run.config.server_key)
        if body.get("run") != self._run.config.run or body.get("seq") != entry["seq"]:
            raise Forged("The server's instruction is of another run.")
        return body

    def _return_if_lost(self, listing: dict[str, Item]) -> None:
        note = listing.get(f"{self._me.name}{LOST}".casefold())
        if note is None or not self._run.by_server(note) or note.id == self._kept.get("returned"):
            return
        log.info("The server had lost us; asking to be taken back.")
        folder, file = self._run.config.authentications(self._me.name), f"{self._me.name}{AUTHENTICATION}"
        self._run.store.write(folder, file, self._letter(returns=note.id))
        self._kept["returned"] = note.id

    def _do(self, task: dict[str, Any], heart: _Heart) -> None:
        mine = task["to"][self._me.name]
        log.info("Round %s: %s.", task["round"], task["kind"])
        heart.says(f"round {task['round']}: {task['kind']}")
        data = self._answer(task, mine)
        self._send(to_folder(mine["folder"]), str(mine["reply"]), data, task)
        heart.says(f"round {task['round']}: {task['kind']} is done")
        self._kept["done"] = task["seq"]
        self._state.save(self._kept)

    def _send(self, folder: Item, file: str, data: bytes, task: dict[str, Any]) -> None:
        from . import wire

        try:
            self._run.store.create(folder, file, data)
        except Exists:
            there = self._run.store.list(folder).get(file.casefold())
            if there is not None and there.modified_by and there.modified_by.id == self._me.box_user:
                try:
                    if wire.verify(self._run.store.read(there), self._me.public_key).body.get("seq") == task["seq"]:
                        return  # our own of before a restart
                except Forged:
                    pass
            self._run.store.create_beside(folder, file, data)

    def _answer(self, task: dict[str, Any], mine: dict[str, Any]) -> bytes:
        from flwr.app import Message, Metadata

        from . import records, wire

        metadata = Metadata(
            run_id=self._run.config.run_number,
            message_id=str(mine["id"]),
            src_node_id=apps.SERVER_NODE,
            dst_node_id=self._me.node_id,
            reply_to_message_id="",
            group_id=str(task["group"]),
            created_at=time.time(),
            ttl=1e9,
            message_type=str(task["kind"]),
        )
        content = records.from_json(task["contents"][mine["content"]], self._arrays)
        reply = self._call(Message(content=content, metadata=metadata))
        body = {"run": self._run.config.run, "seq": task["seq"], "from": self._me.name, "to": str(mine["id"])}
        if reply.has_error():
            return wire.pack(
                {**body, "error": {"code": reply.error.code, "reason": reply.error.reason}}, {}, self._signer
            )
        tensors: records.Arrays = {}
        entries = records.to_json(reply.content, lambda name, arrays: _take_apart(name, arrays, tensors))
        return wire.pack({**body, "records": entries}, tensors, self._signer)

    def _call(self, message: Any) -> Any:
        from flwr.app import Error, Message

        context = self._context()
        try:
            reply = self._app(message=message, context=context)
        except Exception as error:
            log.exception("The ClientApp failed; the server is told so.")
            return Message(Error(2, f"{self._me.name}: {type(error).__name__}: {error}"), reply_to=message)
        self._keep_context(context)
        return reply

    def _context(self) -> Any:
        from flwr.app import Context, RecordDict
        from flwr.common.serde import context_from_proto
        from flwr.proto.message_pb2 import Context as ContextProto

        kept = self._state.load_bytes("context")
        if kept is not None:
            return context_from_proto(ContextProto.FromString(kept))
        config = self._run.config
        return Context(config.run_number, self._me.node_id, self._node_config, RecordDict(), dict(config.run_config))

    def _keep_context(self, context: Any) -> None:
        from flwr.common.serde import context_to_proto

        self._state.save_bytes("context", context_to_proto(context).SerializeToString())

    def _arrays(self, value: dict[str, Any]) -> Any:
        """Return a model that the server sent, from memory where it is the one of before."""
        from flwr.app import ArrayRecord

        from . import records, wire

        digest = value["digest"]
        if digest not in self._models:
            data = self._run.store.read(from_reference(value["file"]))
            header = wire.verify(data, self._run.config.server_key)
            if wire.digest_of(data, header.size).hex() != digest:
                raise Forged("The server's model is not the one that its instruction names.")
            while len(self._models) >= KEPT_MODELS:
                self._models.popitem(last=False)
            self._models[digest] = records.join(header.body["arrays"], wire.load(data))
        return ArrayRecord(OrderedDict(self._models[digest]))  # the app may change its own

    def _ended(self, item: Item) -> str:
        text = self._run.store.read(item).decode("utf-8", "replace").strip()
        first = text.splitlines()[0] if text else "The run is over."
        if not first.startswith(FINISHED):
            raise ServerGone(f"The server ended the run: {first}", hint="Its people know more.", code="run_ended")
        return first

    def _check_versions(self) -> None:
        here, there = apps.versions()["flwr"], self._run.config.versions.get("flwr", "")
        if there and there != here:
            raise InvalidName(
                f"The run uses Flower {there}, and here is {here}.",
                hint=f"pip install 'flwr=={there}'",
                code="other_flower",
            )


class _Heart:
    """Writes the heartbeat file in a thread: the time as text, and what we are at."""

    def __init__(self, run: Run, name: str) -> None:
        self._run, self._file, self._folder = run, f"{name}{HEARTBEAT}", run.config.heartbeats(name)
        self._item: Item | None = None
        self._doing = "waiting"
        self._over = threading.Event()
        self._trouble: BoxError | None = None
        self._thread = threading.Thread(target=self._beat_on, name="jupyter-box heartbeat", daemon=True)

    def start(self) -> None:
        """Write the first one, and go on in a thread."""
        self._beat()
        self._thread.start()

    def says(self, doing: str) -> None:
        """Take what the next heartbeat says."""
        self._doing = doing

    def check(self) -> None:
        """Raise what made the heart stop."""
        if self._trouble is not None:
            raise self._trouble

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _beat_on(self) -> None:
        while self._trouble is None and not self._over.wait(self._run.config.schedule.heartbeat_frequency):
            self._try_to_beat()

    def _try_to_beat(self) -> None:
        try:
            self._beat()
        except (Denied, NotFound) as error:
            self._trouble = error
        except BoxError as error:
            # one missed beat is no harm; the next may go through
            log.warning("The heartbeat was not written: %s", error)

    def _beat(self) -> None:
        store: Store = self._run.store
        body = json.dumps({"doing": self._doing, **store.traffic.to_dict()})
        text = f"{time.time():.3f}\n{body}\n".encode()
        if self._item is None:
            self._item = store.write(self._folder, self._file, text)
        else:
            self._item = store.replace(self._item, text)


def _take_apart(name: str, arrays: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    from . import records

    spec, parts = records.split(f"{name}/", arrays)
    tensors.update(parts)
    return {"arrays": spec}


def _late(name: str) -> Denied:
    return Denied(
        f"{name} came too late: the registration is closed.", hint="Ask for the next run.", code="registration_closed"
    )


def _explained(error: Denied | NotFound) -> BoxError:
    if error.code in {"registration_closed", "name_taken", "not_allowed"}:
        return error
    return Denied(
        "The run's folder cannot be used any more.",
        hint="Ask its owner whether you still work with it; start this again when you do.",
        code="access_lost",
    )
