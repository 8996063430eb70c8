"""What a Tab offers after a verb: options, choices, paths in Box and on this machine.

It answers in bounded time and never with an error.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .verbs import BOX, Argument, Verb

if TYPE_CHECKING:
    from .drive import Drive

PATIENCE = 0.8  # seconds that a Tab may take; what comes later is there for the next Tab
FRESH = 30.0  # seconds for which a listing is offered again
MOST = 1000  # names of one folder: what Box gives by one request

_QUOTES = frozenset("'\"")
_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"?|'[^']*'?|[^\s"'\\])+""")


class Words(NamedTuple):
    """A line up to the cursor: the whole words, and the raw piece that is being typed."""

    whole: list[str]
    piece: str


def words(line: str) -> Words:
    """Cut the line up to the cursor into its words, quotes respected; the piece is as typed."""
    found = list(_WORD.finditer(line))
    piece = found.pop()[0] if found and found[-1].end() == len(line) else ""
    return Words([unquoted(match[0]) for match in found], piece)


def unquoted(piece: str) -> str:
    """Return what a word says, even while its closing quote is missing."""
    quote = piece[:1] if piece[:1] in _QUOTES else ""
    inside = piece[1:].removesuffix(quote) if quote else piece
    return inside if quote == "'" else re.sub(r"\\(.)", r"\1", inside)


def argument_at(verb: Verb, before: Sequence[str]) -> Argument | None:
    """Return the argument that the next word would be, or None if the verb takes no more."""
    by_flag = {flag: argument for argument in verb.arguments for flag in argument.flags}
    places = [argument for argument in verb.arguments if not argument.is_option]
    pending: Argument | None = None
    for word in before:
        if pending:
            pending = None
        elif word in by_flag and "action" not in _plain(by_flag[word]):
            pending = by_flag[word]
        elif not word.startswith("-") and places and places[0].options.get("nargs") != "+":
            places = places[1:]
    return pending or (places[0] if places else None)


def _plain(argument: Argument) -> dict[str, object]:
    """Return the argument's options, without `append`, which takes a value as any plain one does."""
    return {name: value for name, value in argument.options.items() if value != "append"}


def options_of(verb: Verb, start: str) -> list[str]:
    """Return the verb's option strings that start so."""
    return [flag for argument in verb.arguments for flag in argument.flags if flag.startswith(start or "-")]


def values_of(argument: Argument, piece: str, box: BoxPaths) -> list[str]:
    """Return what the piece may become as a value of the argument, as it stands in the line."""
    text = unquoted(piece)
    values = [choice for choice in argument.options.get("choices", ()) if choice.startswith(text)]
    if argument.completes in {"local", "both"}:
        values += local_paths(text)
    if argument.completes in {"box", "both"}:
        mark = BOX if text.startswith(BOX) else ""
        values += [mark + path for path in box.starting(text.removeprefix(mark))]
    return [quoted(value, piece) for value in dict.fromkeys(values)]


def local_paths(text: str) -> list[str]:
    """Return the paths on this machine that begin with the text, folders with a slash at their end."""
    folder, slash, start = text.rpartition("/")
    try:
        found = [path for path in Path(folder + slash).expanduser().iterdir() if path.name.startswith(start)]
        shown = (path for path in sorted(found) if start.startswith(".") or not path.name.startswith("."))
        return [folder + slash + path.name + "/" * path.is_dir() for path in islice(shown, MOST)]
    except (OSError, RuntimeError):  # expanduser's word for a home that nobody has
        return []


class BoxPaths:
    """The paths in Box that begin as typed; lists each folder once in a while, in a thread of its own.

    Args:
        drive: Returns the drive to ask, or raises.
        patience: Seconds after which a Tab stops waiting.
    """

    def __init__(self, drive: Callable[[], Drive], patience: float = PATIENCE) -> None:
        self._drive = drive
        self._patience = patience
        self._known: dict[str, tuple[float, Future[list[str]]]] = {}

    def starting(self, text: str) -> list[str]:
        """Return the paths that begin with the text, folders with a slash at their end; empty if none come in time."""
        folder, slash, start = text.rpartition("/")
        listing = self._listing(folder + slash or ".")
        if not wait([listing], self._patience).done or listing.exception():
            return []
        return [folder + slash + name for name in listing.result() if name.casefold().startswith(start.casefold())]

    def _listing(self, folder: str) -> Future[list[str]]:
        now = time.monotonic()
        self._known = {key: known for key, known in self._known.items() if now - known[0] < FRESH}
        if folder not in self._known:
            self._known[folder] = now, self._ask(folder)
        return self._known[folder][1]

    def forget(self) -> None:
        """Ask again at the next Tab, as something has changed."""
        self._known.clear()

    def _ask(self, folder: str) -> Future[list[str]]:
        answer: Future[list[str]] = Future()

        def ask() -> None:
            try:
                items = self._drive().page(folder, limit=MOST).items
                answer.set_result([item.name + "/" * item.is_folder for item in items])
            except BaseException as error:  # noqa: BLE001  a Tab stays silent; the command itself will say what is wrong
                answer.set_exception(error)

        threading.Thread(target=ask, name="jupyter-box completion", daemon=True).start()
        return answer


def quoted(path: str, piece: str) -> str:
    """Return the path as it stands in the line: quoted as the piece was begun, or where it needs to be.

    A folder's quote stays open, so that the next Tab goes on below it.
    """
    quote = piece[:1] if piece[:1] in _QUOTES else '"' if re.search(r"[\s'\"\\]", path) else ""
    return quote + path + (quote if not path.endswith("/") else "")
