"""Who takes part: registration, signs of life, loss and return, as the server sees them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from jupyter_box.errors import BoxError, Changed, Corrupted, Exists, NotFound
from jupyter_box.items import Item

from .pace import Clock, Liveness, Pace
from .run import PARTICIPANTS, Participant, Run
from .signing import Forged, Signer, parse, unseal

log = logging.getLogger("jupyter_box.federated")

AUTHENTICATION = "_authentication.txt"
HEARTBEAT = "_heartbeat.txt"
LOST = ".lost_connection"
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
        self._next_look = 0.0
        self.participants: dict[str, Participant] = {}
        self.lost: dict[str, Item | None] = {}
        self.events: list[str] = []

    def open(self, listing: dict[str, Item]) -> None:
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
            item = listing.get(f"{name}{LOST}".casefold())
            if item is not None and self._run.by_server(item):
                self._lose(name, item)
        self._next_look = self._clock.now() + self._schedule.heartbeat_timeout / 3

    @property
    def alive(self) -> list[str]:
        """Who is there, by name in order."""
        return sorted(set(self.participants) - set(self.lost))

    @property
    def next_look(self) -> float:
        """When heartbeats are to be looked at, by our clock."""
        return self._next_look

    def seen(self, name: str) -> None:
        """Count something else of a participant as a sign of life."""
        self._liveness.expect([name])

    def look(self, where: str, *, at_once: bool = False) -> None:
        """Look at heartbeats and registrations, when it is time to.

        Args:
            where: What the note of a loss says, as in `round 3`.
            at_once: Whether to look in any case.
        """
        if not at_once and self._clock.now() < self._next_look:
            return
        self._next_look = self._clock.now() + self._schedule.heartbeat_timeout / 3
        listings = self._listings()
        self._liveness.look(self._marks(listings))
        for name in self._liveness.overdue():
            self._declare_lost(name, where)
        for item in self._letters(listings):
            self._answer_later(item)

    def tell(self, event: str) -> None:
        """Note something that the run's people will want to know."""
        log.info("%s", event)
        self.events.append(event)

    def _register(self) -> None:
        opened, last, pace = self._clock.now(), self._clock.now(), Pace(self._schedule.poll_interval, 5.0, self._clock)
        while True:
            before = len(self.participants)
            for item in self._letters(self._listings()):
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
        name = item.name.removesuffix(AUTHENTICATION)
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
        self._answered.add(_mark(self._run.store.replace(item, text, if_match=item.etag)))

    def _check_expected(self, who: Participant) -> None:
        expected = self._run.config.expected
        if expected and expected.get(who.name) != who.box_user:
            raise Forged("this run does not expect that account under this name")
        if who.name.casefold() in {name.casefold() for name in self.participants} - {who.name.casefold()}:
            raise Forged("the name is taken")

    @contextmanager
    def _judging(self, item: Item) -> Iterator[None]:
        self._answered.add(_mark(item))
        try:
            yield
        except (Forged, KeyError) as error:
            reason = error.message if isinstance(error, Forged) else "it is incomplete"
            self.tell(f"{item.name} is ignored: {reason}.".replace("..", "."))
        except (Changed, Corrupted, NotFound):
            # it was written anew or removed meanwhile: the next look sees what is there then
            self._answered.discard(_mark(item))

    def _welcome(self, who: Participant) -> bytes:
        seal = self._sealed({"run": self._run.config.run, **asdict(who)})
        return f"{WELCOME}{who.box_user}\n".encode() + seal

    def _sealed(self, body: dict[str, Any]) -> bytes:
        assert self._signer is not None
        return self._signer.seal(body)

    def _listings(self) -> list[Item]:
        if self._run.config.isolated:
            folders = [folder for folder, _ in self._run.config.mailboxes()]
        else:
            folders = [self._run.config.folder("authentications"), self._run.config.folder("heartbeats")]
        return [item for folder in folders for item in self._run.store.list(folder).values()]

    def _letters(self, listings: list[Item]) -> list[Item]:
        letters = [item for item in listings if item.name.endswith(AUTHENTICATION) and item.is_file]
        return [item for item in letters if _mark(item) not in self._answered]

    def _marks(self, listings: list[Item]) -> dict[str, str]:
        beats = [item for item in listings if item.name.endswith(HEARTBEAT)]
        return {
            item.name.removesuffix(HEARTBEAT): item.version or ""
            for item in beats
            if self._is_own(item.name.removesuffix(HEARTBEAT), item)
        }

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

    def _take_back(self, name: str) -> None:
        note = self.lost.pop(name, None)
        self._liveness.expect([name])
        if note is not None:
            self._run.store.remove(note)
            self.tell(f"{name} is back.")


def _mark(item: Item) -> str:
    return f"{item.id}/{item.version}"
