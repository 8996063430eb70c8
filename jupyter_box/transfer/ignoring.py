"""Which files of a tree take part in a sync: `--include`, `--exclude`, `.boxignore`, in the manner of `.gitignore`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jupyter_box.errors import InvalidName, NotFound

from .local import LocalError, local_errors
from .saving import SUFFIX

IGNORE_FILE = ".boxignore"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern: what it matches, whether it takes back what an earlier one said, whether it is for folders only."""

    expression: re.Pattern[str]
    is_exception: bool
    folders_only: bool

    @classmethod
    def of(cls, text: str) -> Pattern:
        """Return the pattern of a line as in `.gitignore`: `*.tmp`, `/build/`, `data/**/raw`, `!keep.tmp`.

        Raises:
            InvalidName: It is none.
        """
        is_exception, body = text.startswith("!"), text.removeprefix("!")
        anchored = "/" in body.rstrip("/")
        words = _expression(body.strip("/"))
        try:
            expression = re.compile(words if anchored else f"(?:.*/)?{words}")
        except re.error as error:
            hint = "Patterns are those of .gitignore."
            raise InvalidName(f"{text!r} is no pattern: {error.msg}.", hint=hint, code="pattern") from None
        return cls(expression, is_exception, body.endswith("/"))

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Tell whether the pattern speaks of a path relative to the tree's root."""
        return (is_folder or not self.folders_only) and self.expression.fullmatch(path) is not None

    def covers(self, path: str) -> bool:
        """Tell whether the pattern speaks of a file, or of a folder that the file is in."""
        above = (path[:place] for place, char in enumerate(path) if char == "/")
        return self.matches(path, is_folder=False) or any(self.matches(folder, is_folder=True) for folder in above)


@dataclass(frozen=True, slots=True)
class Rules:
    """Decides on each path; the last pattern that matches wins, and what is in an excluded folder is excluded.

    Attributes:
        include: If there are any, one of these must cover a file.
        exclude: What does not take part.
    """

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()

    @classmethod
    def of(cls, root: Path, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Rules:
        """Return the rules of a call and of the tree's `.boxignore`.

        Raises:
            InvalidName: A pattern is none.
            LocalError: The file cannot be read.
        """
        lines = [f"*{SUFFIX}", *_lines(root / IGNORE_FILE), *exclude]
        return cls(tuple(map(Pattern.of, include)), tuple(map(Pattern.of, lines)))

    def allow(self, path: str, *, is_folder: bool) -> bool:
        """Tell whether a file takes part, or whether a folder is looked into."""
        excluded = False
        for pattern in self.exclude:
            if pattern.matches(path, is_folder=is_folder):
                excluded = not pattern.is_exception
        if excluded or is_folder or not self.include:
            return not excluded
        return any(pattern.covers(path) for pattern in self.include)


def _lines(file: Path) -> list[str]:
    try:
        with local_errors(file):
            text = file.read_text(encoding="utf-8")
    except NotFound:
        return []
    except UnicodeDecodeError:
        raise LocalError(f"{file} is not UTF-8.", hint="Save it as UTF-8.", code="not_utf8") from None
    return [line.rstrip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


_WORDS = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _expression(body: str) -> str:
    pieces = re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?|\[!?[^\]/]+\])", body)
    return "".join(_WORDS.get(piece) or _set_or_text(piece) for piece in pieces)


def _set_or_text(piece: str) -> str:
    is_set = piece.startswith("[") and piece.endswith("]") and len(piece) > 2
    return piece.replace("[!", "[^", 1) if is_set else re.escape(piece)
