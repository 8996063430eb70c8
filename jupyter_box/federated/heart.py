"""A participant's signs of life: its heartbeat file, a new version of which a thread writes again and again."""

from __future__ import annotations

import json
import time

from jupyter_box.errors import Denied, NotFound
from jupyter_box.items import Item

from .pulse import Pulse
from .run import HEARTBEAT, Run


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
        every = run.config.schedule.heartbeat_frequency
        self._pulse = Pulse("heartbeat", self._beat_again, lambda: every, "The heartbeat was not written")

    def start(self) -> None:
        """Write the first one, and go on in a thread."""
        self._beat()
        self._pulse.start()

    def says(self, doing: str) -> None:
        """Take what the next heartbeat says."""
        self._doing = doing

    def check(self) -> None:
        """Raise what made the heart stop."""
        self._pulse.check()

    def stop(self) -> None:
        """End the thread."""
        self._pulse.stop()

    def _beat_again(self) -> None:
        try:
            self._beat()
        except (Denied, NotFound) as error:
            self._pulse.trouble = error

    def _beat(self) -> None:
        store = self._run.store
        body = json.dumps({"doing": self._doing, **store.traffic.to_dict()})
        text = f"{time.time():.3f}\n{body}\n".encode()
        if self._item is None:
            self._item = store.write(self._folder, self._file, text)
        else:
            self._item = store.replace(self._item, text)
