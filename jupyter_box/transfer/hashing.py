"""SHA-1, Box's hash of all content: of one go, and of a whole whose pieces come or go side by side."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

Piece = tuple[int, int]  # the first byte, and the byte after the last


def new_sha1() -> hashlib._Hash:
    """Return an empty SHA-1, Box's content hash."""
    return hashlib.sha1(usedforsecurity=False)


def pieces_of(size: int, step: int) -> list[Piece]:
    """Return the pieces that so many bytes have, all but the last of them `step` bytes long."""
    return [(start, min(start + step, size)) for start in range(0, size, step)]


class InOrder:
    """The SHA-1 of a whole, taken by a thread of its own: piece after piece, each as soon as it is ready.

    Args:
        pieces: All pieces, in their order.
        blocks: Returns the bytes of a piece.
        ready: Where the pieces begin that are ready from the first.
    """

    look_every: float | None = None  # seconds between two calls of `look` while it waits

    def __init__(
        self,
        pieces: Sequence[Piece],
        blocks: Callable[[int, int], Iterable[bytes | memoryview]],
        ready: Iterable[int] = (),
    ) -> None:
        self.ready = set(ready)
        self._pieces, self._blocks = pieces, blocks
        self._changed = threading.Condition()
        self._stopped = False
        self._digest = new_sha1()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, name="box-sha1", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def add(self, start: int) -> None:
        """Take in that the piece which begins there is ready."""
        with self._changed:
            self.ready.add(start)
            self._changed.notify()

    def sha1(self) -> str:
        """Return the SHA-1 of the whole, once all pieces are ready.

        Raises:
            BaseException: What the bytes could not be read for.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._digest.hexdigest()

    def look(self) -> None:
        """Do nothing; for those that want to know now and then what is ready."""

    def _follow(self) -> None:
        try:
            for start, end in self._pieces:
                if not self._wait_for(start):
                    return
                for block in self._blocks(start, end):
                    self._digest.update(block)
        except BaseException as error:  # noqa: BLE001  raised where the SHA-1 is asked for
            self._error = error

    def _wait_for(self, start: int) -> bool:
        self.look()
        with self._changed:
            while not self._stopped and start not in self.ready:
                self._changed.wait(self.look_every)
                self.look()
            return not self._stopped
