"""What a transfer did, file by file; shows itself as a line, a table or JSON and leaves the doing to others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

from jupyter_box.errors import BoxError

Action = Literal["sent", "received", "skipped", "renamed", "moved", "deleted", "conflict", "planned", "failed"]
OnConflict = Literal["version", "skip", "rename", "fail"]

# Box documents no Unicode normalisation: what looks like one name may be two
LOOKS_TAKEN = "Another name there looks the same; its accents are other Unicode characters (NFC and NFD)."

_CARRIED = frozenset({"sent", "received", "renamed"})
_LONGEST_TABLE = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        path: Where it is in Box.
        local: Where it is on this machine; empty for a stream.
        action: What was done; `renamed` was sent under another name, `conflict` kept both sides.
        size: Its bytes.
        reason: Why it was skipped, moved, kept twice or removed, and from which side, or why it failed; of a file that
            went over, what a person has to know of it, if anything.
        code: The error's code where it failed.
        item_id: The id of the file in Box, where it is there.
    """

    path: str
    local: str
    action: Action
    size: int = 0
    reason: str = ""
    code: str = ""
    item_id: str | None = None

    @property
    def is_notable(self) -> bool:
        """Whether a person has to know of it: it failed, was kept twice, or went over with something to be told."""
        return self.action in {"failed", "conflict"} or bool(self.action in _CARRIED and self.reason)


@dataclass(frozen=True)
class Report:
    """What became of every file of one run.

    Attributes:
        outcomes: One for each file, in the order in which they ended.
        seconds: How long the run took.
    """

    outcomes: tuple[Outcome, ...] = ()
    seconds: float = 0.0

    @property
    def sent(self) -> int:
        """How many files were carried over, in whichever direction."""
        return sum(1 for outcome in self.outcomes if outcome.action in _CARRIED)

    @property
    def skipped(self) -> int:
        """How many files were left as they are."""
        return self._count("skipped")

    @property
    def failed(self) -> int:
        """How many files could not be carried over."""
        return self._count("failed")

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The files that could not be carried over."""
        return tuple(outcome for outcome in self.outcomes if outcome.action == "failed")

    @property
    def bytes(self) -> int:
        """How many bytes the files carried over have."""
        return sum(outcome.size for outcome in self.outcomes if outcome.action in _CARRIED)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    def raise_for_failures(self) -> None:
        """Do nothing if all went well.

        Raises:
            BoxError: Something failed; it tells how many files and why the first did.
        """
        if self.failures:
            first = self.failures[0]
            count = f"{self.failed} of {len(self.outcomes)} files failed; the first: " if len(self.outcomes) > 1 else ""
            raise BoxError(f"{count}{first.path or first.local}: {first.reason}", code=first.code or None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        counts = {name: getattr(self, name) for name in ("sent", "skipped", "failed", "bytes", "seconds", "ok")}
        return {**counts, "outcomes": [asdict(outcome) for outcome in self.outcomes]}

    def save(self, file: Path) -> None:
        """Write the report to a file, as JSON."""
        file.write_text(json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def __str__(self) -> str:
        """Return the run in one line."""
        received = self._count("received")
        carried = f"{received} received" if received else f"{self.sent} sent"
        others = [f"{self._count(name)} {name}" for name in _OTHERS if self._count(name)]
        if self._count("planned"):
            return f"{', '.join(others)}; nothing was changed"
        return f"{', '.join([carried, *others])}; {in_bytes(self.bytes)} in {self.seconds:.1f} s"

    def __repr__(self) -> str:
        return f"<Report: {self}>"

    def _repr_html_(self) -> str:
        shown = sorted(self.outcomes, key=lambda outcome: _RANKS[outcome.action])[:_LONGEST_TABLE]
        rows = "".join(_row(outcome) for outcome in shown)
        more = len(self.outcomes) - len(shown)
        rest = f"<p>… and {more} more</p>" if more else ""
        head = "<tr><th>Path</th><th>Action</th><th>Size</th><th>Reason</th></tr>"
        return f"<p>{escape(str(self))}</p><table>{head}{rows}</table>{rest}"

    def _count(self, action: str) -> int:
        return sum(1 for outcome in self.outcomes if outcome.action == action)


_OTHERS = ("planned", "skipped", "moved", "deleted", "conflict", "failed")
# what a person looks for stands first
_ORDER: tuple[Action, ...] = (
    "failed",
    "conflict",
    "planned",
    "deleted",
    "moved",
    "renamed",
    "sent",
    "received",
    "skipped",
)
_RANKS = {action: rank for rank, action in enumerate(_ORDER)}


def join_reports(reports: Iterable[Report], seconds: float) -> Report:
    """Return several reports as one."""
    return Report(tuple(outcome for report in reports for outcome in report.outcomes), seconds)


def in_bytes(size: float) -> str:
    """Return a size as a person reads it, in powers of a thousand as Box counts."""
    for unit in ("B", "KB", "MB", "GB"):
        if abs(size) < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _row(outcome: Outcome) -> str:
    cells = (outcome.path or outcome.local, outcome.action, in_bytes(outcome.size), outcome.reason)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
