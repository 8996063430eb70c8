"""A participant's signs of life: its heartbeat file, a new version of which a thread writes again and again."""

from __future__ import annotations

import json
import logging
import threading
import time

from jupyter_box.errors import BoxError, Denied, NotFound
from jupyter_box.items import Item

from .enrolment import HEARTBEAT
from .run import Run

log = logging.getLogger("jupyter_box.federated")


class Heart:
    """Writes the time as text, and what the participant is at.

    Args:
        run: The run.
        name: The participant.
    """

    def __init__(self, run: Run, name: str) -> None:
        self._run, self._file, self._folder = run, f"{name}{HEARTBEAT}", run.config.heartbeats(name)
        self._item: Item | None = None
        self._doing = "waiting"
        self._over = threading.Event()
        self._trouble: BoxError | None = None
        self._thread = threading.Thread(target=self._beat_on, name="jupyter-box heartbeat", daemon=True)

    def start(self) -> None:
        """Write the first one, and go on in a thread."""
        self._beat()
        self._thread.start()

    def says(self, doing: str) -> None:
        """Take what the next heartbeat says."""
        self._doing = doing

    def check(self) -> None:
        """Raise what made the heart stop."""
        if self._trouble is not None:
            raise self._trouble

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _beat_on(self) -> None:
        while self._trouble is None and not self._over.wait(self._run.config.schedule.heartbeat_frequency):
            self._try_to_beat()

    def _try_to_beat(self) -> None:
        try:
            self._beat()
        except (Denied, NotFound) as error:
            self._trouble = error
        except BoxError as error:
            # one missed beat is no harm; the next may go through
            log.warning("The heartbeat was not written: %s", error)

    def _beat(self) -> None:
        store = self._run.store
        body = json.dumps({"doing": self._doing, **store.traffic.to_dict()})
        text = f"{time.time():.3f}\n{body}\n".encode()
        if self._item is None:
            self._item = store.write(self._folder, self._file, text)
        else:
            self._item = store.replace(self._item, text)
