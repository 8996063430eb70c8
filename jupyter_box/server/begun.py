"""The copies that have begun and not ended, in a journal, so that the next server can tell what became of them."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_box.events import Progress

from .board import State, Wanted

if TYPE_CHECKING:
    from jupyter_box.transfer.journal import Journal

CUT = "The server stopped before this copy had ended. Retry it: what has arrived is not sent again."


class Begun:
    """The copies of one server; safe to use from many threads, and beside other servers of the same user.

    Args:
        journal: Where they are noted.
        root: The folder that the server shows: a copy's path on this machine starts there.
    """

    def __init__(self, journal: Journal, root: Path) -> None:
        self._journal, self._root = journal, str(root)
        self._claims: dict[str, ExitStack] = {}

    def note(self, id: str, wanted: Wanted) -> None:  # noqa: A002
        """Write down that a copy has begun."""
        from jupyter_box.transfer.journal import Kind, Pending

        if self._is_ours(id):
            kind: Kind = "download" if wanted.kind == "download" else "upload"
            state = asdict(wanted)
            self._journal.put(Pending(id, kind, self._root, wanted.source, wanted.target, 0, state, time.time()))

    def forget(self, id: str) -> None:  # noqa: A002
        """Write down that a copy has ended, or that nobody wants it any more."""
        if claim := self._claims.pop(id, None):
            self._journal.drop(id)
            claim.close()

    def cut(self) -> list[State]:
        """Return the copies of servers that are no more, as failed; they are ours from now on."""
        for pending in self._journal.all(self._root):
            self._is_ours(pending.key)
        # another server may have ended one just before it was ours
        left = [pending for pending in self._journal.all(self._root) if pending.key in self._claims]
        return [_failed(pending.key, Wanted(**pending.state)) for pending in left]

    def close(self) -> None:
        """Leave to the next server what has not ended."""
        for claim in list(self._claims.values()):
            claim.close()

    def _is_ours(self, id: str) -> bool:  # noqa: A002
        if id not in self._claims:
            claim = ExitStack()
            if not claim.enter_context(self._journal.claim(id)):
                return False
            self._claims[id] = claim
        return True


def _failed(id: str, wanted: Wanted) -> State:  # noqa: A002
    return State(id, wanted, Progress(wanted.source, "failed", message=CUT, code="interrupted"))
