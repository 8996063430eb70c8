"""Search as Box describes it: bare words mean OR, names match by prefix, contents by stems, new items come late."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

    def terms(self) -> set[str]:
        """Return all words that may match."""
        return {word for group in self.groups for phrase, wanted in group if wanted for word in phrase}


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


class Search:
    """Looks through the drive; contents are remembered by blob once read."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._contents: dict[str, tuple[str, ...]] = {}

    def find(self, text: str, filters: Filters, sees: Callable[[Row], bool], sort: str, ascending: bool) -> list[Row]:
        """Return the items that match and that the caller sees, best or latest first."""
        query = Query.parse(text)
        scored = [(self._score(row, query, filters), row) for row in self._candidates(filters)]
        hits = [(score, row) for score, row in scored if score and self._passes(row, filters) and sees(row)]
        if sort == "modified_at":
            hits.sort(key=lambda hit: (hit[1]["modified_at"], hit[1]["id"]), reverse=not ascending)
        else:
            hits.sort(key=lambda hit: (-hit[0], -hit[1]["modified_at"], hit[1]["id"]))
        return [row for _, row in hits]

    def _candidates(self, filters: Filters) -> Iterator[Row]:
        sql = "SELECT * FROM items WHERE parent IS NOT NULL AND indexed_at <= ?"
        values: list[Any] = [self.store.now()]
        if filters.kind:
            sql, values = f"{sql} AND type = ?", [*values, filters.kind]
        return iter(self.store.all(sql, *values))

    def _score(self, row: Row, query: Query, filters: Filters) -> int:
        if not query.groups:
            return 1
        return max(self._group_score(row, group, filters) for group in query.groups) and sum(
            self._group_score(row, group, filters) for group in query.groups
        )

    def _group_score(self, row: Row, group: tuple[tuple[tuple[str, ...], bool], ...], filters: Filters) -> int:
        scores = [(self._phrase_score(row, phrase, filters), wanted) for phrase, wanted in group]
        if any(bool(score) != wanted for score, wanted in scores):
            return 0
        return sum(score for score, _ in scores) or 1

    def _phrase_score(self, row: Row, phrase: tuple[str, ...], filters: Filters) -> int:
        if "name" in filters.content_types and _begins(words(row["name"]), phrase):
            return 10
        return 1 if any(_holds(text, phrase) for text in self._texts(row, filters.content_types)) else 0

    def _texts(self, row: Row, kinds: frozenset[str]) -> Iterator[tuple[str, ...]]:
        if "description" in kinds and row["description"]:
            yield tuple(stem(word) for word in words(row["description"]))
        if "tags" in kinds and row["tags"]:
            yield tuple(stem(word) for word in words(row["tags"]))
        if "comments" in kinds and row["type"] == "file":
            for comment in self.store.comments.of(row["id"]):
                yield tuple(stem(word) for word in words(comment["message"]))
        if "file_content" in kinds and row["type"] == "file" and extension(row["name"]) in INDEXED:
            yield self._content(row)

    def _content(self, row: Row) -> tuple[str, ...]:
        blob = self.store.value("SELECT blob FROM versions WHERE id = ?", row["version"])
        if blob not in self._contents:
            with Path(self.store.blobs.path(blob)).open("rb") as file:
                text = file.read(INDEXED_BYTES).decode("utf-8", "replace")
            self._contents[blob] = tuple(stem(word) for word in words(text))
        return self._contents[blob]

    def _passes(self, row: Row, filters: Filters) -> bool:
        line = self.store.items.lineage(row["id"])
        trashed = any(above["status"] != "active" for above in line)
        return (
            trashed == filters.trashed
            and (not filters.extensions or (row["type"] == "file" and extension(row["name"]) in filters.extensions))
            and (not filters.ancestors or any(above["id"] in filters.ancestors for above in line[:-1]))
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
    stems = tuple(stem(word) for word in phrase)
    return any(have[start : start + len(stems)] == stems for start in range(len(have) - len(stems) + 1))
