"""How a run stands, for a notebook: read from the folder by any member, and never written to."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING, Any

from jupyter_box.config import BoxConfig
from jupyter_box.drive import Drive
from jupyter_box.errors import BoxError
from jupyter_box.items import Item

from .history import Sealed, history
from .run import AUTHENTICATION, HEARTBEAT, LOCK, MAILBOXES, PARTICIPANTS, Run

if TYPE_CHECKING:
    import pandas as pd

    from .widget import RunWidget


class FederatedRun:
    """A federated run to look at.

    Args:
        folder: The run's folder; a path or `id:123`.
        drive: The way to Box; that of the settings by default.
    """

    def __init__(self, folder: str, *, drive: Drive | None = None) -> None:
        self.folder = folder
        self._drive = drive or Drive.connect(BoxConfig())
        self._run = Run.open(self._drive, folder)

    def status(self) -> dict[str, Any]:
        """Return how the run stands, as JSON values.

        Returns:
            `run`, `state` (`waiting`, `registering`, `running`, `finished`, `ended`), `ended` (the server's words),
            `rounds` (done) and `rounds_count` (None where the app does not tell), `participants` (each with `name`,
            `box_user`, `state`, `heartbeat` (the age of the last in seconds, by Box's clock and ours), `doing` and
            what it used of Box), `history` (each exchange with `round`, `kind`, `replies`, `failures` and the weighted
            mean of each metric), `traffic` (`calls`, `sent` and `received` bytes of server and clients) and `events`.

        Raises:
            BoxError: The folder cannot be read.
        """
        listing = self._run.store.list(self._run.public)
        past = history(self._run)
        participants = self._participants(listing)
        server: dict[str, int] = next((sealed.closed["traffic"] for sealed in reversed(past) if sealed.closed), {})
        return {
            "run": self._run.config.run,
            "folder": self.folder,
            **self._state(listing),
            "rounds": len({s.instruction["round"] for s in past if s.closed}),
            "rounds_count": self._run.config.run_config.get("num-server-rounds"),
            "participants": participants,
            "history": [_exchange(sealed) for sealed in past],
            "traffic": {
                key: server.get(key, 0) + sum(who.get(key) or 0 for who in participants)
                for key in ("calls", "sent", "received")
            },
            "events": [event for sealed in past if sealed.closed for event in sealed.closed["events"]],
        }

    def participants(self) -> pd.DataFrame:
        """Return the participants as a table."""
        import pandas as pd

        return pd.DataFrame(self.status()["participants"])

    def history(self) -> pd.DataFrame:
        """Return the exchanges as a table, a column for each metric."""
        import pandas as pd

        return pd.DataFrame([_flat(row) for row in self.status()["history"]])

    def widget(self, *, every: float = 15.0) -> RunWidget:
        """Return a live view for a notebook.

        Args:
            every: Seconds between two looks at the folder.
        """
        from .widget import RunWidget

        return RunWidget(self, every=every)

    def __str__(self) -> str:
        """Return how the run stands, for a terminal."""
        return as_text(self.status())

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def _state(self, listing: dict[str, Item]) -> dict[str, str]:
        if said := self._run.ended(listing):
            return {"state": "finished" if said.startswith("Training finished") else "ended", "ended": said}
        if PARTICIPANTS in listing:
            return {"state": "running", "ended": ""}
        return {"state": "registering" if LOCK in listing else "waiting", "ended": ""}

    def _participants(self, listing: dict[str, Item]) -> list[dict[str, Any]]:
        pinned = self._run.participants(listing)
        beats, letters = self._mail()
        names = sorted({*pinned, *self._run.config.expected, *letters})
        return [self._participant(name, listing, pinned, beats) for name in names]

    def _participant(
        self, name: str, listing: dict[str, Item], pinned: dict[str, Any], beats: dict[str, Item]
    ) -> dict[str, Any]:
        who, beat = pinned.get(name), beats.get(name)
        known = {"name": name, "box_user": who.box_user if who else self._run.config.expected.get(name, "")}
        said = self._said(beat) if beat else {}
        return {**known, "state": self._standing(name, listing, pinned), "heartbeat": _age(beat), **said}

    def _standing(self, name: str, listing: dict[str, Item], pinned: dict[str, Any]) -> str:
        if self._run.lost(listing, name):
            return "lost"
        if name in pinned:
            return "here"
        return "refused" if pinned else "expected"

    def _mail(self) -> tuple[dict[str, Item], set[str]]:
        boxes = {box.id: box for name in MAILBOXES.values() for box in self._run.config.mailboxes(name)}
        items: list[Item] = []
        for folder in boxes.values():
            with suppress(BoxError):  # another participant's own folder, in an isolated run
                items += self._run.store.list(folder).values()
        beats = {item.name.removesuffix(HEARTBEAT): item for item in items if item.name.endswith(HEARTBEAT)}
        letters = {item.name.removesuffix(AUTHENTICATION) for item in items if item.name.endswith(AUTHENTICATION)}
        return beats, letters

    def _said(self, beat: Item) -> dict[str, Any]:
        import json

        try:
            said = json.loads(self._run.store.read(beat).partition(b"\n")[2])
        except (BoxError, ValueError):
            return {}
        wanted = {"doing": str, "calls": int, "sent": int, "received": int}
        return {key: said[key] for key, kind in wanted.items() if isinstance(said.get(key), kind)}


def as_text(status: dict[str, Any]) -> str:
    """Return a status for a terminal."""
    count = status["rounds_count"]
    lines = [
        f"Run {status['run']} in {status['folder']}: {status['state']}. {status['ended']}".rstrip(),
        f"Rounds: {status['rounds']}{f' of {count}' if count else ''}",
    ]
    for who in status["participants"]:
        age = "no heartbeat" if who["heartbeat"] is None else f"heartbeat {who['heartbeat']:.0f} s ago"
        lines.append(f"  {who['name']:<20} {who['state']:<10} {age:<22} {who.get('doing', '')}".rstrip())
    for row in status["history"]:
        metrics = "  ".join(f"{name} {value:.6g}" for name, value in row["metrics"].items())
        bad = f", {row['failures']} failed" if row["failures"] else ""
        lines.append(f"  round {row['round']:<3} {row['kind']:<10} {row['replies']} replies{bad}  {metrics}".rstrip())
    traffic = status["traffic"]
    lines.append(f"Box: {traffic['calls']} calls, {traffic['sent']:,} bytes sent, {traffic['received']:,} received")
    return "\n".join(lines)


def _exchange(sealed: Sealed) -> dict[str, Any]:
    replies = (sealed.closed or {}).get("replies", {})
    good = [entry["metrics"] for entry in replies.values() if "metrics" in entry]
    return {
        "round": sealed.instruction["round"],
        "kind": sealed.instruction["kind"],
        "asked": len(sealed.instruction["to"]),
        "replies": len(good),
        "failures": sum("error" in entry for entry in replies.values()),
        "metrics": _means(good),
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    metrics: dict[str, float] = row["metrics"]
    return {name: value for name, value in row.items() if name != "metrics"} | metrics


def _means(metrics: list[dict[str, Any]]) -> dict[str, float]:
    """Return the mean of each metric, weighted by the examples where all tell them."""
    names = {name for entry in metrics for name, value in entry.items() if isinstance(value, int | float)}
    means = {}
    for name in sorted(names - {"num-examples"}):
        pairs = [(entry[name], entry.get("num-examples", 1)) for entry in metrics if name in entry]
        total = sum(weight for _, weight in pairs)
        if total:
            means[name] = sum(value * weight for value, weight in pairs) / total
    return means


def _age(beat: Item | None) -> float | None:
    if beat is None or beat.modified is None:
        return None
    return max(0.0, (datetime.now(timezone.utc) - beat.modified).total_seconds())
