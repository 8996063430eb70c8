"""Who takes part: registration, signs of life, loss and return, as the server sees them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict

from jupyter_box.errors import BoxError, Exists
from jupyter_box.items import Item

from .config import Participant
from .letters import Letters
from .pace import Clock, Liveness, Pace
from .run import HEARTBEAT, LOST, PARTICIPANTS, Run
from .signing import Forged, Signer

log = logging.getLogger("jupyter_box.federated")


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
        self._letters = Letters(run, signer, self.tell)
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
        self._liveness.look(self._marks(self._run.mail(HEARTBEAT)))
        for name in self._liveness.overdue():
            self._declare_lost(name, where)

    def _look_at_letters(self) -> None:
        self._next_letters = self._clock.now() + self._patience
        for letter in self._letters.new():
            self._answer_later(letter)

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
            for letter in self._letters.new():
                self._admit(letter)
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
        assert self._signer is not None
        body = {
            "run": self._run.config.run,
            "participants": [asdict(self.participants[name]) for name in sorted(self.participants)],
        }
        try:
            self._run.store.create(self._run.public, PARTICIPANTS, self._signer.seal(body))
        except Exists:
            raise Forged(
                f"Someone else wrote {PARTICIPANTS}.", hint="Remove it, and look who can write to the folder."
            ) from None
        self.tell(f"The run begins with {', '.join(sorted(self.participants))}.")

    def _admit(self, letter: Item) -> None:
        with self._letters.judging(letter):
            who, answered = self._letters.applicant(letter)
            self._check_expected(who)
            if not answered:
                self._letters.welcome(letter, who)
            self.participants[who.name] = who
            self.tell(f"{who.name} is registered.")

    def _answer_later(self, letter: Item) -> None:
        """Answer someone who comes when the registration is closed: a lost client may return, another may not."""
        with self._letters.judging(letter):
            who, answered = self._letters.applicant(letter)
            if answered:
                return
            pinned = self.participants.get(who.name)
            if pinned is None:
                self._letters.refuse(letter)
                self.tell(f"{who.name} came too late.")
            elif pinned != who:
                raise Forged("it is not by who registered under this name")
            else:
                self._letters.welcome(letter, who)
                self._take_back(who.name)

    def _check_expected(self, who: Participant) -> None:
        expected = self._run.config.expected
        if expected and expected.get(who.name) != who.box_user:
            raise Forged("this run does not expect that account under this name")
        if who.name.casefold() in {name.casefold() for name in self.participants} - {who.name.casefold()}:
            raise Forged("the name is taken")

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
