"""The live view of a run in a notebook: rounds, participants, curves, events; it reads the folder alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from jupyter_box.errors import BoxError

if TYPE_CHECKING:
    from .view import FederatedRun

WIDTH, HEIGHT = 420, 120  # pixels of a curve
EVENTS = 8
OVER = {"finished", "ended"}


class RunWidget(ipw.VBox):  # type: ignore[misc]
    """A run as it goes on, looked at again and again by a thread until the run is over or `close` is called.

    Args:
        run: What to show.
        every: Seconds between two looks.
    """

    def __init__(self, run: FederatedRun, *, every: float = 15.0) -> None:
        self._run, self._every = run, every
        self._over = threading.Event()
        self.status: dict[str, Any] = {}
        self.progress = ipw.IntProgress(description="Rounds", min=0)
        self.people, self.curves, self.events, self.note = (ipw.HTML() for _ in range(4))
        super().__init__([self.progress, self.people, self.curves, self.events, self.note])
        self.refresh()
        self._thread = threading.Thread(target=self._watch, name="jupyter-box federated view", daemon=True)
        self._thread.start()

    def refresh(self) -> None:
        """Look at the folder and show what is there; what goes wrong is shown, too."""
        try:
            self.status = self._run.status()
        except BoxError as error:
            self.note.value = f"<p>{escape(str(error))}</p>"
            return
        self._show(self.status)

    def close(self) -> None:
        """End the thread and close the widget."""
        self._over.set()
        super().close()

    def _watch(self) -> None:
        while self.status.get("state") not in OVER and not self._over.wait(self._every):
            self.refresh()

    def _show(self, status: dict[str, Any]) -> None:
        self.progress.max = status["rounds_count"] or max(1, status["rounds"])
        self.progress.value = status["rounds"]
        self.progress.bar_style = {"finished": "success", "ended": "danger"}.get(status["state"], "info")
        self.people.value = _table(status["participants"])
        self.curves.value = "".join(_curve(name, points) for name, points in _series(status["history"]).items())
        self.events.value = "".join(f"<div>{escape(event)}</div>" for event in status["events"][-EVENTS:])
        traffic = status["traffic"]
        self.note.value = escape(
            f"{status['state']} {status['ended']}. Box: {traffic['calls']} calls, {traffic['sent'] / 1e6:.2f} MB sent, "
            f"{traffic['received'] / 1e6:.2f} MB received."
        )


def _table(people: Sequence[dict[str, Any]]) -> str:
    head = "<tr><th>Name</th><th>State</th><th>Last heartbeat</th><th>At work on</th><th>Box calls</th></tr>"
    rows = [
        f"<tr><td>{escape(who['name'])}</td><td>{escape(who['state'])}</td>"
        f"<td>{'' if who['heartbeat'] is None else format(who['heartbeat'], '.0f') + ' s ago'}</td>"
        f"<td>{escape(who.get('doing', ''))}</td><td>{who.get('calls', '')}</td></tr>"
        for who in people
    ]
    return f"<table>{head}{''.join(rows)}</table>"


def _series(history: Sequence[dict[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    series: dict[str, list[tuple[int, float]]] = {}
    for row in history:
        for name, value in row["metrics"].items():
            series.setdefault(f"{row['kind']}: {name}", []).append((row["round"], value))
    return series


def _curve(name: str, points: Sequence[tuple[int, float]]) -> str:
    """Return a metric over the rounds as a small drawing, in the notebook's own colours."""
    low, high = min(y for _, y in points), max(y for _, y in points)
    first, last = points[0][0], points[-1][0]
    spots = " ".join(
        f"{8 + (WIDTH - 16) * (x - first) / max(1, last - first):.1f},"
        f"{HEIGHT - 8 - (HEIGHT - 32) * (y - low) / ((high - low) or 1):.1f}"
        for x, y in points
    )
    label = f"{escape(name)}: {points[-1][1]:.4g}"
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{label}">'
        f'<text x="8" y="14" fill="currentColor" font-size="12">{label}</text>'
        f'<polyline points="{spots}" fill="none" stroke="var(--jp-brand-color1, #1976d2)" stroke-width="2"/></svg>'
    )
