"""Takes part in a run: registers, looks what the server asks, sends the answers, until the run is over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_box.drive import Drive
from jupyter_box.errors import BoxError, Changed, Corrupted, Denied, Exists, NotFound
from jupyter_box.items import Item

from . import apps
from .arrival import Arrival
from .config import Participant, check_name
from .exchange import from_reference, to_folder
from .heart import Heart
from .joining import Joining
from .pace import Clock, Pace, seconds_between
from .run import LOCK, Run
from .server import FINISHED
from .signing import Forged, unseal
from .state import State

if TYPE_CHECKING:
    from .working import Worker

log = logging.getLogger("jupyter_box.federated")

SERVER_PATIENCE = 3  # heartbeat timeouts without a sign of the server
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
    apps.check_flower(run.config.versions)
    if not allow(run.config.client_app):
        raise Denied(
            f"{run.config.client_app} may not be run here.", hint=f"--allow {run.config.client_app}", code="not_allowed"
        )
    kept = State.of(run.config.run, name, state)
    with kept.alone(name):
        node = _Node(run, name, kept, clock or Clock())
        try:
            return node.run(app_folder or Path.cwd(), node_config or {})
        except (Denied, NotFound) as error:
            raise _explained(error) from error


class _Node:
    def __init__(self, run: Run, name: str, state: State, clock: Clock) -> None:
        self._run, self._state, self._clock = run, state, clock
        self._me = Participant(name, run.store.drive.me().id, state.signer.public)
        self._joining = Joining(run, self._me, state.signer)
        self._heart = Heart(run, name)
        self._arrival = Arrival(run, clock)
        self._kept: dict[str, Any] = state.load()
        self._answered: Item | None = None
        self._lock_seen: tuple[str | None, float] = (None, clock.now())
        self._pace = Pace(run.config.schedule.poll_interval, run.config.schedule.poll_ceiling, clock)

    def run(self, app_folder: Path, node_config: dict[str, Any]) -> str:
        """Take part until the end."""
        from .working import Worker

        apps.identify(self._run.config.run_number, self._me.node_id)
        app = apps.load(self._run.config.client_app, app_folder)
        if said := self._run.ended(self._run.listing):
            self._joining.is_in(self._run.listing)
            return _ended(said)
        self._joining.register(self._run.listing)
        self._heart.start()
        try:
            kept = str(self._kept.get("context", ""))
            return self._take_part(Worker(self._run, self._me, self._state, node_config, app=app, kept=kept))
        finally:
            self._heart.stop()

    def _take_part(self, worker: Worker) -> str:
        log.info("%s is registered for run %s.", self._me.name, self._run.config.run)
        self._pace.begin("registration")
        if not self._joining.is_in(self._run.listing):
            self._wait()
        while True:
            self._pace.look()
            listing = self._run.store.list(self._run.public)
            if said := self._run.ended(listing):
                return _ended(said)
            task = self._task(listing)
            if task is None:
                self._pace.again()
            else:
                self._pace.end(seconds_between(self._answered, listing[LOCK]))
                began = self._clock.now()
                self._do(task, worker)
                self._pace.begin(str(task["kind"]), busy=self._clock.now() - began)
            self._wait()

    def _wait(self) -> None:
        """Wait until it is time to look again; what stops the heart ends the wait."""
        while True:
            self._heart.check()
            left = self._pace.due - self._clock.now()
            if left <= 0:
                return
            self._clock.sleep(min(left, self._run.config.schedule.heartbeat_frequency))

    def _task(self, listing: dict[str, Item]) -> dict[str, Any] | None:
        """Return the instruction that is open and not done, if there is one."""
        lock = listing.get(LOCK)
        self._watch_server(lock)
        if not self._joining.is_in(listing):
            return None
        self._return_if_lost(listing)
        if lock is None or lock.version == self._kept.get("lock") or not self._run.by_server(lock):
            return None
        said = self._said(lock)
        return None if said is None else self._next(said, lock)

    def _said(self, lock: Item) -> dict[str, Any] | None:
        try:
            return unseal(self._run.store.read(lock), self._run.config.server_key)
        except (Changed, Corrupted, Forged):
            return None  # a new version came meanwhile: the next look sees it

    def _next(self, said: dict[str, Any], lock: Item) -> dict[str, Any] | None:
        """Return the first of what the lock asks of us that is not done."""
        self._hear(said.get("unfit", {}).get(self._me.name))
        done = self._kept.get("done", 0)
        due = [entry for entry in said["asking"] if self._me.name in entry["to"] and entry["seq"] > done]
        task = self._instruction(due[0]) if due else None
        if len(due) == (0 if task is None else 1):
            # saved when that is done: then this version need not be read again
            self._kept["lock"] = lock.version
        return task

    def _hear(self, fault: str | None) -> None:
        """Tell our people that an update of ours did not count."""
        if fault and fault != self._kept.get("fault"):
            log.warning("Our update did not count: %s.", fault)
            self._kept["fault"] = fault

    def _watch_server(self, lock: Item | None) -> None:
        version, since = self._lock_seen
        if lock is not None and lock.version != version:
            self._lock_seen = (lock.version, self._clock.now())
        elif self._clock.now() - since > self._patience(lock):
            raise ServerGone(
                f"The server has given no sign of life for {self._clock.now() - since:.0f} s.",
                hint="Start this again when the server is back: the run goes on.",
            )

    def _patience(self, lock: Item | None) -> float:
        schedule = self._run.config.schedule
        return schedule.registration_timeout if lock is None else SERVER_PATIENCE * schedule.heartbeat_timeout

    def _instruction(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        """Return an instruction, when the models that it names are there; None if they do not come."""
        body: dict[str, Any] | None = entry.get("instruction")
        if body is None:
            body = unseal(self._run.store.read(from_reference(entry["file"])), self._run.config.server_key)
        if body.get("run") != self._run.config.run or body.get("seq") != entry["seq"]:
            raise Forged("The server's instruction is of another run.")
        return body if self._arrival.is_whole(body["contents"][body["to"][self._me.name]["content"]]) else None

    def _return_if_lost(self, listing: dict[str, Item]) -> None:
        note = self._run.lost(listing, self._me.name)
        if note is not None and note.id != self._kept.get("returned"):
            self._joining.come_back(note)
            self._kept["returned"] = note.id

    def _do(self, task: dict[str, Any], worker: Worker) -> None:
        doing = f"round {task['round']}: {task['kind']}"
        log.info("Round %s: %s.", task["round"], task["kind"])
        self._heart.says(doing)
        self._answered = self._send(task, worker.answer(task))
        self._heart.says(f"{doing} is done")
        # who is killed before this does the same again, from what the app remembered before
        self._kept |= {"done": task["seq"], "context": worker.keep()}
        self._state.save(self._kept)

    def _send(self, task: dict[str, Any], data: bytes) -> Item:
        mine = task["to"][self._me.name]
        folder, file = to_folder(mine["folder"]), str(mine["reply"])
        try:
            return self._run.store.create(folder, file, data)
        except Exists:
            return self._sent(folder, file, task) or self._run.store.create_beside(folder, file, data)

    def _sent(self, folder: Item, file: str, task: dict[str, Any]) -> Item | None:
        """Return the file if it is our own answer of before a restart."""
        from . import wire

        there = self._run.store.list(folder).get(file.casefold())
        if there is None or there.modified_by is None or there.modified_by.id != self._me.box_user:
            return None
        try:
            body = wire.verify(self._run.store.read(there), self._me.public_key).body
        except Forged:
            return None
        return there if body.get("seq") == task["seq"] else None


def _ended(said: str) -> str:
    if not said.startswith(FINISHED):
        raise ServerGone(f"The server ended the run: {said}", hint="Its people know more.", code="run_ended")
    return said


def _explained(error: Denied | NotFound) -> BoxError:
    if error.code in {"registration_closed", "name_taken", "not_allowed"}:
        return error
    return Denied(
        "The run's folder cannot be used any more.",
        hint="Ask its owner whether you still work with it; start this again when you do.",
        code="access_lost",
    )
