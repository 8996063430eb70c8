"""One server for a run: `server.lock`, whose versions are its signs of life and say what participants are asked."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from jupyter_box.errors import Changed, Exists
from jupyter_box.items import Item

from .pace import Clock
from .pulse import Pulse
from .run import LOCK, Run
from .signing import Forged, Signer, unseal
from .state import State

log = logging.getLogger("jupyter_box.federated")

_OWN = {"run", "holder", "beat"}  # what the lock says of itself


class Lease:
    """The right to be the server, kept alive by a thread.

    Args:
        run: The run.
        signer: The server's key.
        state: Where this machine remembers which lease was its own.
        clock: Tells the time.
    """

    def __init__(self, run: Run, signer: Signer, state: State, clock: Clock) -> None:
        self._run, self._signer, self._state, self._clock = run, signer, state, clock
        self._holder = secrets.token_hex(16)
        self._item: Item | None = None
        self._said: dict[str, Any] = {"asking": []}
        self._beat = 0
        self._due = 0.0
        # participants and a second server are more patient than this
        self._every = max(run.config.schedule.heartbeat_frequency, run.config.schedule.heartbeat_timeout / 3)
        self._lock = threading.Lock()
        self._pulse = Pulse("lease", self._renew, self._pause, "The lease was not renewed")

    def take(self, listing: Mapping[str, Item]) -> dict[str, Any] | None:
        """Become the server; what an earlier one has told participants goes on being told.

        Args:
            listing: The run's folder.

        Returns:
            What the earlier server told last, so that there may be work to go on with; None if there was none.

        Raises:
            Exists: Another server has the run.
        """
        there = listing.get(LOCK)
        told = None if there is None else self._wait_until_free(there)
        if there is None:
            self._item = self._create()
            self._due = self._clock.now() + self._every
        else:
            self._item, self._said = there, told or self._said
            self._write()
        self._state.save({**self._state.load(), "holder": self._holder})
        self._pulse.start()
        return told

    def tell(self, said: dict[str, Any]) -> None:
        """Tell participants something at once: in `asking` which instructions are open, and what else there is."""
        self.check()
        with self._lock:
            self._said = said
            self._write()

    def note(self, said: dict[str, Any]) -> None:
        """Tell it with the next sign of life."""
        with self._lock:
            self._said = said

    def check(self) -> None:
        """Raise what went wrong with the lease meanwhile."""
        self._pulse.check()

    def release(self) -> None:
        """End the thread; what was written stays."""
        self._pulse.stop()

    def _pause(self) -> float:
        return max(0.0, self._due - self._clock.now())

    def _renew(self) -> None:
        with self._lock:
            if self._clock.now() >= self._due:
                self._write()

    def _create(self) -> Item:
        try:
            return self._run.store.create(self._run.public, LOCK, self._content())
        except Exists:
            raise _another() from None

    def _write(self) -> None:
        assert self._item is not None
        self._due = self._clock.now() + self._every
        try:
            self._item = self._run.store.replace(self._item, self._content(), if_match=self._item.etag)
        except Changed:
            self._pulse.trouble = _another()
            raise self._pulse.trouble from None

    def _content(self) -> bytes:
        self._beat += 1
        body = {"run": self._run.config.run, "holder": self._holder, "beat": self._beat, **self._said}
        return self._signer.seal(body)

    def _wait_until_free(self, there: Item) -> dict[str, Any]:
        """Return what the lock says once it is our own of an earlier process, or gives no sign of life any more."""
        if not self._run.by_server(there):
            raise Forged(
                f"{LOCK} was written by someone else.", hint="Remove it, and look who can write to the folder."
            )
        body = unseal(self._run.store.read(there), self._run.config.server_key)
        said = {name: value for name, value in body.items() if name not in _OWN}
        if body.get("holder") == self._state.load().get("holder"):
            return said
        wait = 2 * self._every
        log.info("There is a server's lock; looking for %.0f s whether it is alive.", wait)
        self._clock.sleep(wait)
        now = self._run.store.list(self._run.public).get(LOCK)
        if now is None or now.version != there.version:
            raise _another()
        return said


def _another() -> Exists:
    return Exists("Another server has this run.", hint="Stop it first; a run has one server.", code="two_servers")
