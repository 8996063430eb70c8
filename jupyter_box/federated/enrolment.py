"""Who takes part: registration, signs of life, loss and return, as the server sees them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from jupyter_box.errors import BoxError, Changed, Corrupted, Exists, InvalidName, NotFound
from jupyter_box.items import Item

from .config import Participant, check_name
from .exchange import mark
from .pace import Clock, Liveness, Pace
from .run import LOST, PARTICIPANTS, Run
from .signing import Forged, Signer, parse, unseal

log = logging.getLogger("jupyter_box.federated")

AUTHENTICATION = "_authentication.txt"
HEARTBEAT = "_heartbeat.txt"
WELCOME = "Authenticated - Token "
REFUSAL = "Error - Authentication failed. "


class TooFewClients(BoxError):  # noqa: N818  a fact, as all of them
    """There are not enough clients to begin or to go on."""

    code = "too_few_clients"


class Enrolment:
    """Lets participants in, and knows who is there.

    Args:
        run: The run.
        signer: The server's key; None where nobody is to be let in.
        clock: Tells the time.
    """

    def __init__(self, run: Run, signer: Signer | None, clock: Clock) -> None:
        self._run, self._clock = run, clock
        self._signer = signer
        self._schedule = run.config.schedule
        self._answered: set[str] = set()
        self._liveness = Liveness(self._schedule.heartbeat_timeout, clock)
        self._next_beats = self._next_letters = 0.0
        self.participants: dict[str, Participant] = {}
        self.lost: dict[str, Item | None] = {}
        self.events: list[str] = []

    def open(self, listing: Mapping[str, Item]) -> None:
        """Register participants until there are enough; at a restart, take those who are registered.

        Args:
            listing: The run's folder.

        Raises:
            TooFewClients: Not enough came in time.
        """
        self.participants = self._run.participants(listing)
        if not self.participants:
            self._register()
            self._close()
        self._liveness.expect(self.participants)
        for name in self.participants:
            note = self._run.lost(listing, name)
            if note is not None:
                self._lose(name, note)
        self._next_letters = self._clock.now() + self._patience

    @property
    def alive(self) -> list[str]:
        """Who is there, by name in order."""
        return sorted(set(self.participants) - set(self.lost))

    @property
    def next_look(self) -> float:
        """When heartbeats or registrations are to be looked at, by our clock."""
        return min(self._beats_due, self._next_letters)

    def seen(self, name: str) -> None:
        """Count something else of a participant as a sign of life."""
        self._liveness.expect([name])

    def look(self, where: str) -> None:
        """Look at heartbeats and registrations, when it is time to.

        Args:
            where: What the note of a loss says, as in `round 3`.
        """
        if self._clock.now() >= self._beats_due:
            self._look_at_beats(where)
        if self._clock.now() >= self._next_letters:
            self._look_at_letters()

    @property
    def _patience(self) -> float:
        """Seconds between two looks at registrations: who was lost and comes back is waited for."""
        return self._schedule.heartbeat_timeout / (3 if self.lost else 1)

    @property
    def _beats_due(self) -> float:
        """When heartbeats must be looked at: not while all have shown otherwise that they are alive."""
        return max(self._next_beats, self._liveness.oldest + self._schedule.heartbeat_timeout / 3)

    def _look_at_beats(self, where: str) -> None:
        self._next_beats = self._clock.now() + self._schedule.heartbeat_timeout / 3
        self._liveness.look(self._marks(self._files(HEARTBEAT)))
        for name in self._liveness.overdue():
            self._declare_lost(name, where)

    def _look_at_letters(self) -> None:
        self._next_letters = self._clock.now() + self._patience
        for item in self._letters():
            self._answer_later(item)

    def tell(self, event: str) -> None:
        """Note something that the run's people will want to know."""
        log.info("%s", event)
        self.events.append(event)

    def take_events(self) -> list[str]:
        """Return what was noted since the last time."""
        events, self.events = self.events, []
        return events

    def _register(self) -> None:
        opened, last, pace = self._clock.now(), self._clock.now(), Pace(self._schedule.poll_interval, 5.0, self._clock)
        while True:
            before = len(self.participants)
            for item in self._letters():
                self._admit(item)
            now, count = self._clock.now(), len(self.participants)
            last = now if count > before else last
            if count >= self._most() or (
                count >= self._schedule.minimum_clients and now - last >= self._schedule.client_wait_time
            ):
                return
            if now - opened > self._schedule.registration_timeout:
                raise TooFewClients(
                    f"{count} of at least {self._schedule.minimum_clients} clients came.",
                    hint="Start them, then the server again.",
                )
            pace.again(news=count > before)
            self._clock.sleep(max(0.0, min(pace.due, last + self._schedule.client_wait_time) - now) or 0.05)

    def _most(self) -> int:
        expected = len(self._run.config.expected) or self._schedule.maximum_clients
        return min(self._schedule.maximum_clients, expected)

    def _close(self) -> None:
        body = {
            "run": self._run.config.run,
            "participants": [asdict(self.participants[name]) for name in sorted(self.participants)],
        }
        try:
            self._run.store.create(self._run.public, PARTICIPANTS, self._sealed(body))
        except Exists:
            raise Forged(
                f"Someone else wrote {PARTICIPANTS}.", hint="Remove it, and look who can write to the folder."
            ) from None
        self.tell(f"The run begins with {', '.join(sorted(self.participants))}.")

    def _admit(self, item: Item) -> None:
        with self._judging(item):
            who, answered = self._applicant(item)
            self._check_expected(who)
            if not answered:
                self._answer(item, self._welcome(who))
            self.participants[who.name] = who
            self.tell(f"{who.name} is registered.")

    def _answer_later(self, item: Item) -> None:
        """Answer someone who comes when the registration is closed: a lost client may return, another may not."""
        with self._judging(item):
            who, answered = self._applicant(item)
            if answered:
                return
            pinned = self.participants.get(who.name)
            if pinned is None:
                self._answer(item, f"{REFUSAL}Registration is closed.\n".encode())
                self.tell(f"{who.name} came too late.")
            elif pinned != who:
                raise Forged("it is not by who registered under this name")
            else:
                self._answer(item, self._welcome(who))
                self._take_back(who.name)

    def _applicant(self, item: Item) -> tuple[Participant, bool]:
        """Return who applies, and whether that was answered already, perhaps by an earlier process of ours."""
        name = check_name(item.name.removesuffix(AUTHENTICATION))
        text = self._run.store.read(item)
        by_us = self._run.by_server(item) and text.startswith(WELCOME.encode())
        if self._run.by_server(item) and text.startswith(REFUSAL.encode()):
            raise Forged("it was refused before")
        body = unseal(text.partition(b"\n")[2], self._run.config.server_key) if by_us else parse(text)
        if not by_us:
            body = unseal(text, str(body.get("public_key")))
        if body.get("name") != name or body.get("run") != self._run.config.run:
            raise Forged("it is of another participant or another run")
        user = str(body["box_user"])
        if not by_us and item.modified_by is not None and item.modified_by.id != user:
            raise Forged("Box says that another account wrote it")
        return Participant(name, user, str(body["public_key"])), by_us

    def _answer(self, item: Item, text: bytes) -> None:
        self._answered.add(mark(self._run.store.replace(item, text, if_match=item.etag)))

    def _check_expected(self, who: Participant) -> None:
        expected = self._run.config.expected
        if expected and expected.get(who.name) != who.box_user:
            raise Forged("this run does not expect that account under this name")
        if who.name.casefold() in {name.casefold() for name in self.participants} - {who.name.casefold()}:
            raise Forged("the name is taken")

    @contextmanager
    def _judging(self, item: Item) -> Iterator[None]:
        self._answered.add(mark(item))
        try:
            yield
        except (Forged, InvalidName, KeyError) as error:
            reason = "it is incomplete" if isinstance(error, KeyError) else error.message
            self.tell(f"{item.name} is ignored: {reason}.".replace("..", "."))
        except (Changed, Corrupted, NotFound):
            # it was written anew or removed meanwhile: the next look sees what is there then
            self._answered.discard(mark(item))

    def _welcome(self, who: Participant) -> bytes:
        seal = self._sealed({"run": self._run.config.run, **asdict(who)})
        return f"{WELCOME}{who.box_user}\n".encode() + seal

    def _sealed(self, body: dict[str, Any]) -> bytes:
        assert self._signer is not None
        return self._signer.seal(body)

    def _files(self, ending: str) -> list[Item]:
        """Return the participants' files of one kind: a listing, or one for each participant of an isolated run."""
        config = self._run.config
        shared = (
            config.folder("heartbeats" if ending == HEARTBEAT else "authentications") if not config.isolated else None
        )
        folders = [shared] if shared else [folder for folder, _ in config.mailboxes()]
        items = (item for folder in folders for item in self._run.store.list(folder).values())
        return [item for item in items if item.name.endswith(ending) and item.is_file]

    def _letters(self) -> list[Item]:
        return [item for item in self._files(AUTHENTICATION) if mark(item) not in self._answered]

    def _marks(self, beats: list[Item]) -> dict[str, str]:
        names = {item.name.removesuffix(HEARTBEAT): item for item in beats}
        return {name: item.version or "" for name, item in names.items() if self._is_own(name, item)}

    def _is_own(self, name: str, item: Item) -> bool:
        who = self.participants.get(name)
        return who is not None and (item.modified_by is None or item.modified_by.id == who.box_user)

    def _declare_lost(self, name: str, where: str) -> None:
        note = self._run.store.create_beside(
            self._run.public, f"{name}{LOST}", f"lost connection on {where}\n".encode()
        )
        self._lose(name, note)
        self.tell(f"{name} is lost: lost connection on {where}.")

    def _lose(self, name: str, note: Item) -> None:
        self.lost[name] = note
        self._liveness.forget(name)
        self._next_letters = min(self._next_letters, self._clock.now() + self._patience)

    def _take_back(self, name: str) -> None:
        note = self.lost.pop(name, None)
        self._liveness.expect([name])
        if note is not None:
            self._run.store.remove(note)
            self.tell(f"{name} is back.")
