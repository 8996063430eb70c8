"""Search as Box describes it: bare words mean OR, names match by prefix, contents by stems, new items come late."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

WORD = re.compile(r"[^\W_]+")
PIECE = re.compile(r'"[^"]*"|\S+')
INDEXED_BYTES = 10_000
# Box's guide lists the types whose text is indexed; notebooks and Parquet are not among them
INDEXED = frozenset(
    "c cpp css csv h htm html java js json log m md php py rtf sh sql tsv txt vb xml yaml yml".split()  # noqa: SIM905
)
CONTENT_TYPES = ("name", "description", "file_content", "comments", "tags")


def stem(word: str) -> str:
    """Return the word without the commonest English endings."""
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def stems(text: str) -> tuple[str, ...]:
    """Return the stems of the words of a text."""
    return tuple(stem(word) for word in words(text))


def words(text: str) -> list[str]:
    """Return the words of a text, case ignored."""
    return WORD.findall(text.casefold())


@dataclass(frozen=True)
class Query:
    """A parsed query: any of `groups` must hold, and in it every (phrase, wanted)."""

    groups: tuple[tuple[tuple[tuple[str, ...], bool], ...], ...]

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read words, "phrases" and the operators AND, OR and NOT, which count in capitals only."""
        groups: list[list[tuple[tuple[str, ...], bool]]] = []
        joined, wanted = False, True
        for piece in PIECE.findall(text):
            if piece in ("AND", "OR", "NOT"):
                joined = piece == "AND" or (piece == "NOT" and bool(groups))
                wanted = piece != "NOT"
                continue
            term = (tuple(words(piece)), wanted)
            if term[0] and joined and groups:
                groups[-1].append(term)
            elif term[0]:
                groups.append([term])
            joined, wanted = False, True
        return cls(tuple(tuple(group) for group in groups))


@dataclass(frozen=True)
class Filters:
    """What a hit must be, beside matching; None and empty mean no limit."""

    kind: str | None = None
    extensions: frozenset[str] = frozenset()
    ancestors: frozenset[int] = frozenset()
    owners: frozenset[int] = frozenset()
    updaters: frozenset[int] = frozenset()
    created: tuple[int | None, int | None] = (None, None)
    updated: tuple[int | None, int | None] = (None, None)
    size: tuple[int | None, int | None] = (None, None)
    trashed: bool = False
    content_types: frozenset[str] = field(default_factory=lambda: frozenset(CONTENT_TYPES))


Term = tuple[tuple[str, ...], bool]


class Search:
    """Looks through the drive; contents are remembered by blob once read."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._contents: dict[str, tuple[str, ...]] = {}

    def find(self, text: str, filters: Filters, sees: Callable[[Row], bool], sort: str, ascending: bool) -> list[Row]:
        """Return the items that match and that the caller sees, best or latest first."""
        hunt = Hunt(self, Query.parse(text), filters)
        hits = [(score, row) for row in self._candidates(filters) if (score := hunt.score(row)) and hunt.passes(row)]
        seen = [(score, row) for score, row in hits if sees(row)]
        if sort == "modified_at":
            seen.sort(key=lambda hit: (hit[1]["modified_at"], hit[1]["id"]), reverse=not ascending)
        else:
            seen.sort(key=lambda hit: (-hit[0], -hit[1]["modified_at"], hit[1]["id"]))
        return [row for _, row in seen]

    def _candidates(self, filters: Filters) -> list[Row]:
        sql = (
            "SELECT items.*, versions.blob FROM items LEFT JOIN versions ON versions.id = items.version"
            " WHERE parent IS NOT NULL AND indexed_at <= ?"
        )
        if filters.kind:
            return self.store.all(f"{sql} AND type = ?", self.store.now(), filters.kind)
        return self.store.all(sql, self.store.now())

    def content(self, blob: str) -> tuple[str, ...]:
        """Return the stems of the text that the index knows of some contents."""
        if blob not in self._contents:
            with Path(self.store.blobs.path(blob)).open("rb") as file:
                text = file.read(INDEXED_BYTES).decode("utf-8", "replace")
            self._contents[blob] = stems(text)
        return self._contents[blob]


class Hunt:
    """One search; remembers what it found out about contents and folders, of which many items share a few."""

    def __init__(self, search: Search, query: Query, filters: Filters) -> None:
        self.search = search
        self.store = search.store
        self.query = query
        self.filters = filters
        self._contents: dict[tuple[str, tuple[str, ...]], bool] = {}
        self._lines: dict[int, list[Row]] = {}
        self._commented = {row["file"] for row in self.store.all("SELECT DISTINCT file FROM comments")}

    def score(self, row: Row) -> int:
        """Return how well an item matches; 0 when it does not."""
        return sum(self._group_score(row, group) for group in self.query.groups)

    def _group_score(self, row: Row, group: tuple[Term, ...]) -> int:
        scores = [(self._phrase_score(row, phrase), wanted) for phrase, wanted in group]
        if any(bool(score) != wanted for score, wanted in scores):
            return 0
        return sum(score for score, _ in scores) or 1

    def _phrase_score(self, row: Row, phrase: tuple[str, ...]) -> int:
        kinds, key = self.filters.content_types, row["name_key"]
        if "name" in kinds and phrase[-1] in key and _begins(words(key), phrase):
            return 10
        return 1 if self._in_content(row, phrase) or any(_holds(text, phrase) for text in self._texts(row)) else 0

    def _in_content(self, row: Row, phrase: tuple[str, ...]) -> bool:
        indexed = "file_content" in self.filters.content_types and row["type"] == "file"
        if not indexed or extension(row["name"]) not in INDEXED:
            return False
        known = self._contents.get((row["blob"], phrase))
        if known is None:
            known = self._contents[row["blob"], phrase] = _holds(self.search.content(row["blob"]), phrase)
        return known

    def _texts(self, row: Row) -> Iterator[tuple[str, ...]]:
        kinds = self.filters.content_types
        if "description" in kinds and row["description"]:
            yield stems(row["description"])
        if "tags" in kinds and row["tags"]:
            yield stems(row["tags"])
        if "comments" in kinds and row["id"] in self._commented:
            for comment in self.store.comments.of(row["id"]):
                yield stems(comment["message"])

    def _line(self, row: Row) -> list[Row]:
        if row["parent"] not in self._lines:
            self._lines[row["parent"]] = self.store.items.lineage(row["parent"])
        return self._lines[row["parent"]]

    def passes(self, row: Row) -> bool:
        """Return whether an item is what the filters ask for."""
        filters, above = self.filters, self._line(row)
        trashed = any(each["status"] != "active" for each in [*above, row])
        return (
            trashed == filters.trashed
            and (not filters.extensions or (row["type"] == "file" and extension(row["name"]) in filters.extensions))
            and (not filters.ancestors or any(each["id"] in filters.ancestors for each in above))
            and (not filters.owners or row["owner"] in filters.owners)
            and (not filters.updaters or row["modified_by"] in filters.updaters)
            and _between(row["created_at"], filters.created)
            and _between(row["modified_at"], filters.updated)
            and _between(row["size"], filters.size)
        )


def extension(name: str) -> str:
    """Return a name's extension in lower case, without the dot."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def _between(value: int, limits: tuple[int | None, int | None]) -> bool:
    low, high = limits
    return (low is None or value >= low) and (high is None or value <= high)


def _begins(have: list[str], phrase: tuple[str, ...]) -> bool:
    last = len(phrase) - 1
    for start in range(len(have) - last):
        window = have[start : start + last + 1]
        if tuple(window[:last]) == phrase[:last] and window[last].startswith(phrase[last]):
            return True
    return False


def _holds(have: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    wanted = tuple(stem(word) for word in phrase)
    return any(have[start : start + len(wanted)] == wanted for start in range(len(have) - len(wanted) + 1))
