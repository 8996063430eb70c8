"""The words of conditional and partial HTTP requests (RFC 9110, sections 8.8, 13 and 14), as pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import format_datetime, parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Span:
    """A range of bytes; `end` is exclusive."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes they are."""
        return self.end - self.start

    def of(self, size: int) -> str:
        """Return the `Content-Range` of this span of a file of `size` bytes."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


class UnsatisfiableError(ValueError):
    """The range lies outside the file."""


def requested_span(header: str, size: int) -> Span | None:
    """Return the range that a `Range` header asks for.

    Args:
        header: The header's value, or an empty text.
        size: The file's size in bytes.

    Returns:
        The range, cut at the file's end; None where the whole file is the answer: no header, another unit, several
        ranges at once, or what is no range at all.

    Raises:
        UnsatisfiableError: The file has no such bytes.
    """
    match = re.fullmatch(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", header.strip(), re.ASCII | re.IGNORECASE)
    first, last = match.groups() if match else ("", "")
    if not first and not last:
        return None
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    if start >= size:
        raise UnsatisfiableError(header)
    return Span(start, min(size, int(last) + 1) if first and last else size)


def etag(value: str) -> str:
    """Return the value as a strong entity tag."""
    return '"' + value.replace('"', "") + '"'


def tags(header: str) -> tuple[str, ...]:
    """Return the entity tags of an `If-Match` or `If-None-Match`, in their quotes; `*` stands for itself."""
    return tuple(re.findall(r'(?:W/)?"[^"]*"|\*', header))


def matches(header: str, tag: str, *, weak: bool = False) -> bool:
    """Tell whether an entity tag is among those of a header.

    Args:
        header: The value of `If-Match` or `If-None-Match`.
        tag: The current entity tag, strong.
        weak: Whether a weak tag counts too, as it does for `If-None-Match`.
    """
    named = {each.removeprefix("W/") if weak else each for each in tags(header)}
    return bool({"*", tag} & named)


def date(moment: datetime) -> str:
    """Return a moment as an HTTP date."""
    return format_datetime(moment.astimezone(timezone.utc), usegmt=True)


def changed_since(header: str, moment: datetime) -> bool:
    """Tell whether `moment` is later than an HTTP date; True where that is no date. HTTP dates have whole seconds."""
    try:
        return moment.replace(microsecond=0) > parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return True
