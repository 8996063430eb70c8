"""How a participant is let in: its letter, who the server says takes part, and its return after it was lost."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from jupyter_box.errors import Denied, Exists
from jupyter_box.items import Item

from . import apps
from .config import Participant
from .letters import WELCOME
from .run import AUTHENTICATION, Run
from .signing import Signer, parse

log = logging.getLogger("jupyter_box.federated")


class Joining:
    """Registers a participant.

    Args:
        run: The run.
        me: The participant.
        signer: Its key.
    """

    def __init__(self, run: Run, me: Participant, signer: Signer) -> None:
        self._run, self._me, self._signer = run, me, signer
        self._is_in = False
        self._folder, self._file = run.config.authentications(me.name), f"{me.name}{AUTHENTICATION}"

    def register(self, listing: Mapping[str, Item]) -> None:
        """Ask to be let in, unless we are in.

        Args:
            listing: The run's folder.

        Raises:
            Denied: The name is another's, or the registration is closed.
        """
        try:
            if not self.is_in(listing):
                self._run.store.create(self._folder, self._file, self._letter())
        except Denied:
            # the server, too, will tell it where everyone can see it
            self._run.store.create_beside(self._folder, self._file, self._letter())
            raise
        except Exists:
            self._check_own(self._run.store.list(self._folder)[self._file.casefold()])

    def come_back(self, note: Item) -> None:
        """Ask to be taken back after the server has lost us."""
        log.info("The server had lost us; asking to be taken back.")
        self._run.store.write(self._folder, self._file, self._letter(returns=note.id))

    def is_in(self, listing: Mapping[str, Item]) -> bool:
        """Tell whether we take part; not before the registration is closed, when the server says who does.

        Raises:
            Denied: We do not, or under our name is another.
        """
        if not self._is_in:
            self._is_in = self._finds_us(self._run.participants(listing))
        return self._is_in

    def _finds_us(self, pinned: Mapping[str, Participant]) -> bool:
        if not pinned:
            return False
        if self._me.name not in pinned:
            raise Denied(
                f"{self._me.name} came too late: the registration is closed.",
                hint="Ask for the next run.",
                code="registration_closed",
            )
        if pinned[self._me.name] != self._me:
            raise Denied(
                f"The name {self._me.name} is taken by another key or Box account.",
                hint="Take another name, or the machine and --state where it registered.",
                code="name_taken",
            )
        return True

    def _letter(self, **more: Any) -> bytes:
        body = {"run": self._run.config.run, "name": self._me.name, "box_user": self._me.box_user}
        return self._signer.seal({**body, "public_key": self._me.public_key, "versions": apps.versions(), **more})

    def _check_own(self, letter: Item) -> None:
        """Do nothing if a letter under our name is ours, of before."""
        text = self._run.store.read(letter)
        body = parse(text.partition(b"\n")[2] if text.startswith(WELCOME.encode()) else text)
        if body.get("public_key") != self._me.public_key:
            raise Denied(f"The name {self._me.name} is taken.", hint="Take another name.", code="name_taken")
