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

WIDTH, HEIGHT = 420, 150  # pixels of a curve
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 26, 22  # and of what is around it
COLOUR = "var(--jp-brand-color1, #1976d2)"
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
        self.title, self.people, self.curves, self.events, self.note = (ipw.HTML() for _ in range(5))
        super().__init__([self.title, self.progress, self.people, self.curves, self.events, self.note])
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
        self.title.value = f"<b>{escape(status['folder'])}</b> {escape(status['ended'] or status['state'])}"
        self.progress.max = status["rounds_count"] or max(1, status["rounds"])
        self.progress.value = status["rounds"]
        self.progress.bar_style = {"finished": "success", "ended": "danger"}.get(status["state"], "info")
        self.people.value = _table(status["participants"])
        self.curves.value = "".join(_curve(name, points) for name, points in _series(status["history"]).items())
        self.events.value = _events(status["events"][-EVENTS:])
        traffic = status["traffic"]
        self.note.value = escape(f"Box, with the server: {traffic['calls']} calls, {_sizes(traffic)}.")


def _table(people: Sequence[dict[str, Any]]) -> str:
    names = ("Name", "State", "Last heartbeat", "At work on", "Box calls", "Bytes")
    head = "".join(f"<th style='text-align:left;padding-right:1em'>{name}</th>" for name in names)
    return f"<table><tr>{head}</tr>{''.join(map(_row, people))}</table>"


def _row(who: dict[str, Any]) -> str:
    age = "" if who["heartbeat"] is None else f"{who['heartbeat']:.0f} s ago"
    sizes = _sizes(who) if "sent" in who else ""
    cells = (who["name"], who["state"], age, who.get("doing", ""), f"{who.get('calls', '')}", sizes)
    faded = " style='opacity:.6'" if who["state"] == "lost" else ""
    return f"<tr{faded}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _sizes(traffic: dict[str, Any]) -> str:
    return f"{traffic['sent'] / 1e6:.2f} MB sent, {traffic['received'] / 1e6:.2f} MB received"


def _events(events: Sequence[str]) -> str:
    return "<div><b>Events</b></div>" + "".join(f"<div>{escape(event)}</div>" for event in events) if events else ""


def _series(history: Sequence[dict[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    series: dict[str, list[tuple[int, float]]] = {}
    for row in history:
        for name, value in row["metrics"].items():
            series.setdefault(f"{row['kind']}: {name}", []).append((row["round"], value))
    return series


def _curve(name: str, points: Sequence[tuple[int, float]]) -> str:
    """Return a metric over the rounds as a small drawing, in the notebook's own colours."""
    rounds, values = [x for x, _ in points], [y for _, y in points]
    spots = [(_between(x, rounds, LEFT, WIDTH - RIGHT), _between(y, values, HEIGHT - BOTTOM, TOP)) for x, y in points]
    label = f"{name}: {values[-1]:.4g}"
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{COLOUR}"/>' for x, y in spots)
    texts = [
        (LEFT, 14, "start", label),
        (LEFT - 8, TOP + 4, "end", f"{max(values):.3g}"),
        (LEFT - 8, HEIGHT - BOTTOM + 4, "end", f"{min(values):.3g}"),
        (LEFT, HEIGHT - 4, "start", f"round {rounds[0]}"),
        (WIDTH - RIGHT, HEIGHT - 4, "end", f"{rounds[-1]}"),
    ]
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(map(_text, texts))}'
        f'<polyline points="{line}" fill="none" stroke="{COLOUR}" stroke-width="2"/>{dots}</svg>'
    )


def _text(text: tuple[float, float, str, str]) -> str:
    x, y, anchor, words = text
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="currentColor" font-size="11">{escape(words)}</text>'


def _between(value: float, values: Sequence[float], start: float, end: float) -> float:
    """Return where a value belongs between two pixels, of which the lowest value has the first."""
    low, high = min(values), max(values)
    return start + (end - start) * (value - low) / ((high - low) or 1)
