"""A participant's wait for a model of which it has heard while the server was still writing it."""

from __future__ import annotations

from typing import Any

from jupyter_box.items import Item

from .exchange import to_folder, to_reference
from .pace import Clock, Pace
from .run import Run


class Arrival:
    """Looks for models where the server said that they will be.

    Args:
        run: The run.
        clock: Tells the time.
    """

    def __init__(self, run: Run, clock: Clock) -> None:
        schedule = run.config.schedule
        self._run, self._clock = run, clock
        self._patience = schedule.heartbeat_timeout / 3
        self._pace = Pace(schedule.poll_interval, schedule.poll_ceiling, clock)

    def is_whole(self, content: list[Any]) -> bool:
        """Wait for the models of a content, and note their files in it; returns whether all came.

        Args:
            content: What an instruction has for us. Who waits for long should look meanwhile what has become of the
                server, and come back.
        """
        coming = [value for _, kind, value in content if kind == "arrays" and "file" not in value]
        return all(self._wait_for(value) for value in coming)

    def _wait_for(self, value: dict[str, Any]) -> bool:
        until = self._clock.now() + self._patience
        self._pace.begin("model")
        while self._clock.now() < until:
            self._clock.sleep(max(0.0, min(self._pace.due, until) - self._clock.now()))
            self._pace.look()
            found = self._find(value["coming"])
            if found is not None:
                self._pace.end()
                value["file"] = to_reference(found)
                return True
            self._pace.again()
        return False

    def _find(self, coming: dict[str, Any]) -> Item | None:
        items = self._run.store.list(to_folder(coming["folder"])).values()
        return next((item for item in items if item.sha1 == coming["sha1"]), None)
