"""A thread that gives signs of life; what they are, and when one is due, is for the heart and the lease to say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from jupyter_box.errors import BoxError

log = logging.getLogger("jupyter_box.federated")


class Pulse:
    """Gives a sign of life again and again, until it is stopped or there is trouble.

    Args:
        name: The thread's.
        beat: Gives one; it sets `trouble` where another would be in vain.
        pause: Returns the seconds until the next.
        missed: What the log says of one that failed.

    Attributes:
        trouble: What ended it; None as long as it goes on.
    """

    def __init__(self, name: str, beat: Callable[[], None], pause: Callable[[], float], missed: str) -> None:
        self._beat, self._pause, self._missed = beat, pause, missed
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=f"jupyter-box {name}", daemon=True)
        self.trouble: BoxError | None = None

    def start(self) -> None:
        """Begin; the first sign comes after a pause."""
        self._thread.start()

    def check(self) -> None:
        """Raise the trouble, if there is any."""
        if self.trouble is not None:
            raise self.trouble

    def stop(self) -> None:
        """End the thread, if it was begun."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _go_on(self) -> None:
        while self.trouble is None and not self._over.wait(self._pause()):
            self._try_to_beat()

    def _try_to_beat(self) -> None:
        try:
            self._beat()
        except BoxError as error:
            # one missed sign of life is no harm; the next may go through
            log.warning("%s: %s", self._missed, error)
