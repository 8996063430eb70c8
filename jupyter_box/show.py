"""How the things of Box look to a person: one sheet of cells for each, as text for a terminal or HTML for a notebook.

Nothing here asks Box, and nothing here says what went wrong.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from .drive import PendingUpload, Status
from .items import Account, Collaboration, Item, Lock, SharedLink, User, Version, plain
from .transfer.report import Outcome, Report, in_bytes

T = TypeVar("T")
MOST_ROWS = 1000  # of a table: a saved notebook keeps what was shown


class Cell(NamedTuple):
    """One cell: its text, where it leads, and whether it is a number."""

    text: str
    url: str = ""
    right: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is shown: rows of cells below their heads, and a sentence about them."""

    rows: Sequence[Sequence[Cell]]
    heads: Sequence[str] = ()
    note: str = ""


Column = tuple[str, Callable[[Any], Cell]]


class Table(list[T], Generic[T]):
    """A list that shows itself as a table.

    Args:
        rows: What it holds.
        columns: The head of each column, and what makes its cell of a row.
        note: One sentence about the whole.
    """

    def __init__(self, rows: Iterable[T], columns: Sequence[Column], note: str = "") -> None:
        super().__init__(rows)
        self.columns = columns
        self.note = note

    def sheet(self) -> Sheet:
        """Return what is shown of it."""
        columns = [[Cell(head), *(cell(row) for row in self[:MOST_ROWS])] for head, cell in self.columns]
        heads, *rows = zip(*(column for column in columns if any(cell.text for cell in column)), strict=True)
        more = f"{len(self) - MOST_ROWS:,} more are not shown." if len(self) > MOST_ROWS else ""
        note = " ".join(part for part in (self.note, more) if part)
        return Sheet(rows, [head.text for head in heads], note or ("" if self else "Nothing here."))

    def __repr__(self) -> str:
        return text(self.sheet())

    def _repr_html_(self) -> str:
        return html(self.sheet())


def item_table(items: Iterable[Item], *, note: str = "", by: Literal["name", "path"] = "name") -> Table[Item]:
    """Return items as a table; `by` tells whether their names say enough or their paths are needed."""
    return Table(items, [_BY[by], *_ITEM_COLUMNS], note)


def version_table(versions: Iterable[Version]) -> Table[Version]:
    """Return the versions of a file as a table."""
    return Table(versions, _VERSION_COLUMNS)


def collaboration_table(collaborations: Iterable[Collaboration]) -> Table[Collaboration]:
    """Return who works with an item as a table."""
    return Table(collaborations, _COLLABORATION_COLUMNS)


def upload_table(uploads: Iterable[PendingUpload], note: str = "") -> Table[PendingUpload]:
    """Return uploads that were begun and not ended as a table."""
    return Table(uploads, _UPLOAD_COLUMNS, note)


def text_table(texts: Iterable[str], head: str) -> Table[str]:
    """Return texts as a table of one column."""
    return Table(texts, [(head, Cell)])


def sheet_of(value: Any) -> Sheet | None:
    """Return how a value of the drive is shown, or None where Python's own way does."""
    if isinstance(value, Table):
        return value.sheet()
    card = next((card for kind, card in _CARDS.items() if isinstance(value, kind)), None)
    return card and Sheet([[Cell(label), cell] for label, cell in card(value) if cell.text])


def as_text(value: Any) -> str:
    """Return a value as a terminal shows it."""
    sheet = sheet_of(value)
    if sheet:
        return text(sheet)
    return report_text(value) if isinstance(value, Report) else str(value)


def as_html(value: Any) -> str | None:
    """Return a value as a notebook shows it, or None where its text does."""
    if isinstance(value, Report):
        return value._repr_html_()
    sheet = sheet_of(value)
    return html(sheet) if sheet else None


def as_json(value: Any) -> Any:
    """Return a value as JSON's dicts, lists, texts and numbers."""
    if isinstance(value, bytes):
        from base64 import b64encode

        return {"base64": b64encode(value).decode("ascii")}
    if isinstance(value, Table):
        return [as_json(row) for row in value]
    return value.to_dict() if hasattr(value, "to_dict") else plain(value)


def is_failure(value: Any) -> bool:
    """Tell whether a value says that something went wrong: a run with failures, or no connection."""
    return bool(getattr(value, "failures", ())) or getattr(value, "connected", True) is False


def report_text(report: Report) -> str:
    """Return what a run did, or would do, in a line; with lines for what a person has to know beside it."""
    planned = [one for one in report.outcomes if one.action == "planned"]
    plan = text(Table(planned, _PLAN_COLUMNS).sheet()).splitlines() if planned else []
    notable = [one for one in report.outcomes if one.is_notable]
    told = [f"{one.action}: {_clean(one.path or one.local)}: {_clean(one.reason)}" for one in notable]
    return "\n".join([*plan, str(report), *told, *_skipped(report)])


def _skipped(report: Report) -> Iterator[str]:
    """Yield a line for each reason for which files were skipped."""
    reasons: dict[str, list[Outcome]] = {}
    for one in report.outcomes:
        if one.action == "skipped":
            reasons.setdefault(one.reason, []).append(one)
    for reason, found in reasons.items():
        which = f"{len(found)} files" if len(found) > 1 else _clean(found[0].path or found[0].local)
        yield f"skipped: {which}: {_clean(reason)}"


def text(sheet: Sheet) -> str:
    """Return the sheet as aligned lines."""
    rows = [[Cell(head) for head in sheet.heads]] if sheet.heads and sheet.rows else []
    rows += [[cell._replace(text=_clean(cell.text)) for cell in row] for row in sheet.rows]
    widths = [max(_width(cell.text) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(_pad, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, sheet.note] if sheet.note else lines)


def html(sheet: Sheet) -> str:
    """Return the sheet as an HTML table; Jupyter's own style gives it its colours, light or dark."""
    heads = "".join(f'<th scope="col" style="text-align:left">{escape(head)}</th>' for head in sheet.heads)
    rows = "".join("<tr>" + "".join(map(_html_cell, row)) + "</tr>" for row in sheet.rows)
    table = f"<table>{f'<thead><tr>{heads}</tr></thead>' if heads else ''}<tbody>{rows}</tbody></table>"
    return (table if sheet.rows else "") + (f"<p>{escape(sheet.note)}</p>" if sheet.note else "")


def size(number: int | None) -> str:
    """Return bytes as a person reads them; empty where Box does not tell."""
    return "" if number is None else in_bytes(number)


def when(moment: datetime | None) -> str:
    """Return a moment in local time, to the minute; empty for none."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""


def _html_cell(cell: Cell) -> str:
    inside = escape(cell.text)
    # a web link's address is whatever its maker typed: javascript: must not become a link of ours
    if cell.url.startswith(("https://", "http://")):
        inside = f'<a href="{escape(cell.url)}" target="_blank" rel="noopener noreferrer">{inside}</a>'
    return f'<td style="text-align:{"right" if cell.right else "left"}">{inside}</td>'


def _clean(string: str) -> str:
    """Return the text without what would steer a terminal: anybody may have named a file in Box."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(char)[0] == "C" else char for char in string)


def _width(string: str) -> int:
    return sum((unicodedata.east_asian_width(char) in "WF") + (not unicodedata.combining(char)) for char in string)


def _pad(cell: Cell, width: int) -> str:
    space = " " * (width - _width(cell.text))
    return space + cell.text if cell.right else cell.text + space


def _name(item: Item) -> Cell:
    return Cell(item.name + "/" * item.is_folder, item.web_url)


def _path(item: Item) -> Cell:
    return Cell((item.path or item.name) + "/" * (item.is_folder and item.path != "/"), item.web_url)


def _size(item: Item | Version | PendingUpload) -> Cell:
    return Cell(size(item.size), right=True)


def _marks(item: Item) -> Cell:
    marks = {
        "link": item.type == "web_link",
        "shared": item.shared_link is not None,
        "collaborators": item.has_collaborations,
        "locked": item.lock is not None,
    }
    return Cell(", ".join(name for name, given in marks.items() if given))


def _user(user: User | None) -> str:
    return (user.name or user.login or user.id) if user else ""


_BY: dict[str, Column] = {"name": ("Name", _name), "path": ("Path", _path)}
_ITEM_COLUMNS: list[Column] = [
    ("Size", _size),
    ("Modified", lambda item: Cell(when(item.content_modified or item.modified))),
    ("Owner", lambda item: Cell(_user(item.owner))),
    ("", _marks),
    ("Id", lambda item: Cell(f"id:{item.id}")),
]
_VERSION_COLUMNS: list[Column] = [
    ("Version", lambda version: Cell(version.id)),
    ("", lambda version: Cell("current" if version.current else "")),
    ("Size", _size),
    ("Created", lambda version: Cell(when(version.created))),
    ("By", lambda version: Cell(_user(version.modified_by))),
    ("SHA-1", lambda version: Cell(version.sha1 or "")),
]
_COLLABORATION_COLUMNS: list[Column] = [
    ("Who", lambda one: Cell(_user(one.who) or one.invited)),
    ("Login", lambda one: Cell((one.who.login if one.who else "") or one.invited)),
    ("Role", lambda one: Cell(one.role)),
    ("Kind", lambda one: Cell(one.kind)),
    ("Status", lambda one: Cell(one.status)),
    ("Expires", lambda one: Cell(when(one.expires))),
    ("Id", lambda one: Cell(one.id)),
]
_UPLOAD_COLUMNS: list[Column] = [
    ("Id", lambda one: Cell(one.id[:8])),
    ("File", lambda one: Cell(one.local)),
    ("Size", _size),
    ("Done", lambda one: Cell(f"{100 * one.done // max(1, one.size)} %", right=True)),
    ("Since", lambda one: Cell(when(one.since))),
    ("State", lambda one: Cell(one.state)),
]
_PLAN_COLUMNS: list[Column] = [
    ("Plan", lambda one: Cell(one.reason)),
    ("Size", lambda one: Cell(size(one.size) if one.size else "", right=True)),
    ("Path", lambda one: Cell(one.path)),
]

Card = Iterable[tuple[str, Cell]]


def _item_card(item: Item) -> Card:
    yield "Path", _path(item)
    yield "Type", Cell(item.type.replace("_", " "))
    yield "Size", Cell(size(item.size))
    yield "Modified", Cell(f"{when(item.content_modified or item.modified)} {_by(item.modified_by)}".strip())
    yield "Owner", Cell(_user(item.owner))
    yield "Description", Cell(item.description)
    yield (
        "Shared link",
        Cell(item.shared_link.url if item.shared_link else "", item.shared_link.url if item.shared_link else ""),
    )
    yield "Lock", Cell(_lock(item.lock))
    yield "SHA-1", Cell(item.sha1 or "")
    yield "Id", Cell(f"id:{item.id}")
    yield "In Box", Cell(item.web_url, item.web_url)


def _by(user: User | None) -> str:
    return f"by {_user(user)}" if user else ""


def _lock(lock: Lock | None) -> str:
    if lock is None:
        return ""
    until = f" until {when(lock.expires)}" if lock.expires else ""
    return f"{_by(lock.owner)}{until}{', download prevented' if lock.prevents_download else ''}".strip() or "locked"


def _link_card(link: SharedLink) -> Card:
    yield "Shared link", Cell(link.url, link.url)
    yield "Download", Cell(link.download_url, link.download_url)
    yield "Access", Cell(link.effective_access or link.access)
    yield "Password", Cell("yes" if link.has_password else "no")
    yield "Expires", Cell(when(link.expires) or "never")
    yield "May download", Cell("yes" if link.can_download else "no")


def _collaboration_card(one: Collaboration) -> Card:
    return [(head, cell(one)) for head, cell in _COLLABORATION_COLUMNS]


def _version_card(version: Version) -> Card:
    return [(head or "State", cell(version)) for head, cell in _VERSION_COLUMNS]


def space(account: Account) -> str:
    """Return how full the storage is, in words."""
    if account.space_amount < 0:
        return f"{in_bytes(account.space_used)} used, no limit"
    return f"{in_bytes(account.space_used)} of {in_bytes(account.space_amount)} used"


def _status_card(status: Status) -> Card:
    yield "Connected", Cell("yes" if status.connected else "no")
    yield "Why", Cell(status.message)
    yield "What to do", Cell(status.hint)
    yield "Warning", Cell(status.warning)
    yield "Signed in by", Cell(status.mode.replace("_", " "))
    if status.account:
        yield "As", Cell(f"{status.account.name} ({status.account.login})")
        yield "Enterprise", Cell(status.account.enterprise_name)
        yield "Space", Cell(space(status.account))
    if status.root:
        yield "Root", Cell(f"{status.root.name} (id:{status.root.id})", status.root.web_url)
    yield "Versions", Cell(", ".join(f"{name} {number}" for name, number in status.versions.items()))


_CARDS: dict[type, Callable[[Any], Card]] = {
    Status: _status_card,
    Item: _item_card,
    SharedLink: _link_card,
    Collaboration: _collaboration_card,
    Version: _version_card,
}
