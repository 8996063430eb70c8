"""Participants' letters, in which they ask to be let in: read as a stranger's, and answered in the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from jupyter_box.errors import Changed, Corrupted, InvalidName, NotFound
from jupyter_box.items import Item

from .config import Participant, check_name
from .exchange import mark
from .run import AUTHENTICATION, Run
from .signing import Forged, Signer, parse, unseal

WELCOME = "Authenticated - Token "
REFUSAL = "Error - Authentication failed. "


class Letters:
    """Reads and answers letters.

    Args:
        run: The run.
        signer: The server's key; None where nobody is to be answered.
        tell: Told why a letter is ignored.
    """

    def __init__(self, run: Run, signer: Signer | None, tell: Callable[[str], None]) -> None:
        self._run, self._signer, self._tell = run, signer, tell
        self._seen: set[str] = set()

    def new(self) -> list[Item]:
        """Return the letters that came since the last time: one listing."""
        return [item for item in self._run.mail(AUTHENTICATION) if mark(item) not in self._seen]

    @contextmanager
    def judging(self, letter: Item) -> Iterator[None]:
        """Ignore a letter if the block finds that it is not as it should be."""
        self._seen.add(mark(letter))
        try:
            yield
        except (Forged, InvalidName, KeyError) as error:
            reason = "it is incomplete" if isinstance(error, KeyError) else error.message
            self._tell(f"{letter.name} is ignored: {reason}.".replace("..", "."))
        except (Changed, Corrupted, NotFound):
            # it was written anew or removed meanwhile: the next look sees what is there then
            self._seen.discard(mark(letter))

    def applicant(self, letter: Item) -> tuple[Participant, bool]:
        """Return who applies, and whether that was answered already, perhaps by an earlier process of ours.

        Raises:
            Forged, InvalidName, KeyError: The letter is not as it should be.
        """
        name = check_name(letter.name.removesuffix(AUTHENTICATION))
        text = self._run.store.read(letter)
        by_us = self._run.by_server(letter) and text.startswith(WELCOME.encode())
        if self._run.by_server(letter) and text.startswith(REFUSAL.encode()):
            raise Forged("it was refused before")
        body = unseal(text.partition(b"\n")[2], self._run.config.server_key) if by_us else parse(text)
        if not by_us:
            body = unseal(text, str(body.get("public_key")))
        if body.get("name") != name or body.get("run") != self._run.config.run:
            raise Forged("it is of another participant or another run")
        user = str(body["box_user"])
        if not by_us and letter.modified_by is not None and letter.modified_by.id != user:
            raise Forged("Box says that another account wrote it")
        return Participant(name, user, str(body["public_key"])), by_us

    def welcome(self, letter: Item, who: Participant) -> None:
        """Answer that someone takes part."""
        assert self._signer is not None
        seal = self._signer.seal({"run": self._run.config.run, **asdict(who)})
        self._answer(letter, f"{WELCOME}{who.box_user}\n".encode() + seal)

    def refuse(self, letter: Item) -> None:
        """Answer that the registration is closed."""
        self._answer(letter, f"{REFUSAL}Registration is closed.\n".encode())

    def _answer(self, letter: Item, text: bytes) -> None:
        self._seen.add(mark(self._run.store.replace(letter, text, if_match=letter.etag)))
