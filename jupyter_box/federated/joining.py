"""How a participant is let in: its letter, the server's answer, and its return after it was lost."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from jupyter_box.errors import BoxError, Changed, Corrupted, Denied, Exists
from jupyter_box.items import Item

from . import apps
from .enrolment import AUTHENTICATION, LOST, REFUSAL, WELCOME
from .pace import Clock, Pace
from .run import Participant, Run
from .signing import Signer, parse, unseal

log = logging.getLogger("jupyter_box.federated")

ANSWERED_WITHIN = 5.0  # seconds between two looks for the answer, at most


class ServerGone(BoxError):  # noqa: N818  a fact
    """The server gives no sign of life, or ended the run in trouble."""

    code = "server_gone"


class Joining:
    """Registers a participant.

    Args:
        run: The run.
        me: The participant.
        signer: Its key.
        clock: Tells the time.
    """

    def __init__(self, run: Run, me: Participant, signer: Signer, clock: Clock) -> None:
        self._run, self._me, self._signer, self._clock = run, me, signer, clock
        self._folder, self._file = run.config.authentications(me.name), f"{me.name}{AUTHENTICATION}"

    def register(self, listing: Mapping[str, Item]) -> Item:
        """Ask to be let in; returns the letter.

        Args:
            listing: The run's folder.

        Raises:
            Denied: The name is another's, or the registration is closed.
        """
        try:
            self.check_part(listing)
            return self._run.store.create(self._folder, self._file, self._letter())
        except Denied:
            # the server, too, will tell it where everyone can see it
            self._run.store.create_beside(self._folder, self._file, self._letter())
            raise
        except Exists:
            return self._own_letter(self._run.store.list(self._folder)[self._file.casefold()])

    def wait(self, letter: Item) -> None:
        """Wait until the server has let us in.

        Raises:
            Denied: The registration is closed.
            ServerGone: The server does not answer.
        """
        pace = Pace(self._run.config.schedule.poll_interval, ANSWERED_WITHIN, self._clock)
        until = self._clock.now() + self._run.config.schedule.registration_timeout
        while not self._is_welcome(letter):
            if self._clock.now() > until:
                raise ServerGone("The server has not answered our registration.", hint="Is it running?")
            self._clock.sleep(max(0.0, pace.due - self._clock.now()))
            pace.again()
            letter = self._run.store.list(self._folder)[letter.name.casefold()]

    def lost(self, listing: Mapping[str, Item]) -> Item | None:
        """Return the server's note that we are lost, if there is one."""
        note = listing.get(f"{self._me.name}{LOST}".casefold())
        return note if self._run.by_server(note) else None

    def come_back(self, note: Item) -> None:
        """Ask to be taken back after the server has lost us."""
        log.info("The server had lost us; asking to be taken back.")
        self._run.store.write(self._folder, self._file, self._letter(returns=note.id))

    def check_part(self, listing: Mapping[str, Item]) -> None:
        """Do nothing if we take part, or still may.

        Raises:
            Denied: The registration is closed, or under our name is another.
        """
        pinned = self._run.participants(listing)
        if pinned and self._me.name not in pinned:
            raise self._late()
        if pinned and pinned[self._me.name] != self._me:
            raise Denied(
                f"The name {self._me.name} is taken by another key or Box account.",
                hint="Take another name, or the machine and --state where it registered.",
                code="name_taken",
            )

    def _letter(self, **more: Any) -> bytes:
        body = {"run": self._run.config.run, "name": self._me.name, "box_user": self._me.box_user}
        return self._signer.seal({**body, "public_key": self._me.public_key, "versions": apps.versions(), **more})

    def _own_letter(self, item: Item) -> Item:
        text = self._run.store.read(item)
        body = parse(text.partition(b"\n")[2] if text.startswith(WELCOME.encode()) else text)
        if body.get("public_key") != self._me.public_key:
            raise Denied(f"The name {self._me.name} is taken.", hint="Take another name.", code="name_taken")
        return item

    def _is_welcome(self, item: Item) -> bool:
        if not self._run.by_server(item):
            return False
        try:
            text = self._run.store.read(item)
        except (Changed, Corrupted):
            return False
        if text.startswith(REFUSAL.encode()):
            raise self._late()
        if not text.startswith(WELCOME.encode()):
            return False
        body = unseal(text.partition(b"\n")[2], self._run.config.server_key)
        return body.get("public_key") == self._me.public_key

    def _late(self) -> Denied:
        return Denied(
            f"{self._me.name} came too late: the registration is closed.",
            hint="Ask for the next run.",
            code="registration_closed",
        )
