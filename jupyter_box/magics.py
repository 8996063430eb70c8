"""The magics: the verbs of the table for IPython; parses, runs, completes, and words what went wrong in one line."""

from __future__ import annotations

import argparse
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from . import shared
from .bar import waits_told
from .completion import BoxPaths, argument_at, options_of, values_of, words
from .errors import BoxError, NotAuthorized, NotConfigured
from .verbs import Face, Verb, problem_of, run, verbs

if TYPE_CHECKING:
    from .drive import Drive

PREFIX = "box_"
IDENTIFIER = "jupyter_box"
SHOWN = (
    *(("jupyter_box.items", name) for name in ("Item", "SharedLink", "Collaboration", "Version")),
    ("jupyter_box.drive._status", "Status"),
    ("jupyter_box.transfer.report", "Report"),
)
_LINE = re.compile(rf"\s*(?:[\w, ]+=\s*)?%{{1,2}}{PREFIX}(\w+)\s")
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


def register(shell: Any, browse: Callable[[Drive, str], Any]) -> None:
    """Give an IPython shell the magics, their completion, and the look of their values.

    Args:
        shell: The shell; its configuration may have a `BoxConfig` section.
        browse: Returns a widget that shows a folder of the drive.
    """
    notebook = Notebook(shell, browse)
    shared.offer(notebook)
    for verb in verbs():
        shell.register_magic_function(notebook.magic(verb), "cell" if verb.cell else "line", PREFIX + verb.name)
    _complete_with(shell, notebook)
    _show_values(shell)


class Notebook:
    """One shell's drive, and the magics on it.

    Args:
        shell: The IPython shell.
        browse: Returns a widget that shows a folder of the drive.
    """

    def __init__(self, shell: Any, browse: Callable[[Drive, str], Any]) -> None:
        self._shell = shell
        self._browse = browse
        self._lock = threading.Lock()
        self._connected: Drive | None = None
        self._cwd = "/"
        self._paths = BoxPaths(self.drive)

    def drive(self) -> Drive:
        """Return the shell's drive, connected when it is first asked for.

        Raises:
            NotConfigured: There are no credentials, or only half of them.
        """
        with self._lock:
            if self._connected is None:
                self._connected = self.connect()
            return self._connected

    @property
    def cwd(self) -> str:
        """The folder that relative paths start from; nothing is asked of Box."""
        return self._connected.cwd if self._connected else self._cwd

    def connect(self) -> Drive:
        """Return a new drive of the shell's settings, in the shell's folder."""
        from .config import BoxConfig
        from .drive import Drive

        drive = Drive.connect(BoxConfig(config=self._shell.config))
        if self.cwd != "/":
            drive.cd(self.cwd)
        return drive

    def _disconnect(self) -> None:
        """Let the next magic connect anew: the person mends the settings and tries again."""
        with self._lock:
            if self._connected is not None:
                self._cwd = self._connected.cwd
                self._connected.close()
            self._connected = None

    def magic(self, verb: Verb) -> Callable[..., Any]:
        """Return the magic of a verb, its help as its docstring."""

        def magic(line: str = "", cell: str | None = None) -> Any:
            return self._run(verb, line, cell)

        magic.__name__ = magic.__qualname__ = PREFIX + verb.name
        magic.__doc__ = verb.help
        # IPython asks `getdoc` for `%magic?`, so that no parser is built before someone wants its help
        magic.getdoc = lambda: _parser(verb).format_help()  # type: ignore[attr-defined]
        return magic

    def _run(self, verb: Verb, line: str, cell: str | None) -> Any:
        args = _parse(verb, line)
        if args is None:
            return None
        with _in_one_line(), waits_told():
            try:
                value = run(args, self.drive, Face(lambda: cell or "", self._browse))
            except (NotConfigured, NotAuthorized):
                self._disconnect()
                raise
            if getattr(value, "connected", True) is False:
                self._disconnect()
            return _checked(value)

    def offers(self, line: str) -> tuple[list[str], str] | None:
        """Return what a Tab offers for the line up to the cursor and the piece it replaces; None for others' lines."""
        match = _LINE.match(line)
        verb = match and next((verb for verb in verbs() if verb.name == match[1]), None)
        if not match or not verb:
            return None
        before, piece = words(line[match.end() :])
        if piece.startswith("-"):
            return options_of(verb, piece), piece
        argument = argument_at(verb, before)
        return values_of(argument, piece, self._paths) if argument else [], piece


def _checked(value: Any) -> Any:
    """Return the value, unless it is a report of failures: that is shown and raised, so that a notebook stops there."""
    if getattr(value, "failures", None):
        from IPython.display import display

        display(value)  # type: ignore[no-untyped-call]
        value.raise_for_failures()
    return value


class _Parser(argparse.ArgumentParser):
    """A parser that never ends the process: a mistake is IPython's usage error, and `-h` is only help."""

    def error(self, message: str) -> NoReturn:
        from IPython.core.error import UsageError

        raise UsageError(f"{message} ({self.prog} -h explains)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise _HelpShownError(status, message)


class _HelpShownError(Exception):
    pass


def _parser(verb: Verb) -> _Parser:
    parser: _Parser = verb.parser(f"%{'%' if verb.cell else ''}{PREFIX}{verb.name}", _Parser)
    return parser


def _parse(verb: Verb, line: str) -> argparse.Namespace | None:
    from IPython.utils.process import arg_split  # type: ignore[attr-defined]

    parser = _parser(verb)
    try:
        return parser.parse_args(arg_split(line, posix=True))
    except ValueError as error:
        parser.error(f"{error}: {line.strip()}")
    except _HelpShownError:
        return None


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Word what goes wrong inside as one red line; it stays an exception, so that no notebook runs on past it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise _worded(stop, "Stopped; nothing half-written was kept. The same line starts again.") from None
    except BoxError as error:
        raise _worded(error, f"{type(error).__name__}: {error}") from None
    except OSError as error:
        problem = problem_of(error)
        raise _worded(problem, f"{type(problem).__name__}: {problem}") from None


E = TypeVar("E", bound=BaseException)


def _worded(error: E, line: str) -> E:
    """Return the error, shown by IPython as this line in the place of a traceback."""
    error._render_traceback_ = lambda: [f"{_RED}{line}{_PLAIN}"]  # type: ignore[attr-defined]
    return error


def _complete_with(shell: Any, notebook: Notebook) -> None:
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher(identifier=IDENTIFIER, priority=1000)  # type: ignore[untyped-decorator]
    def box_matcher(context: Any) -> dict[str, Any]:
        offers = notebook.offers(context.text_until_cursor)
        if offers is None:
            return {"completions": []}
        texts, piece = offers
        completions = [SimpleCompletion(text, type="path") for text in texts]
        return {"completions": completions, "matched_fragment": piece, "suppress": bool(texts)}

    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if getattr(one, "matcher_identifier", "") != IDENTIFIER] + [box_matcher]


def _show_values(shell: Any) -> None:
    formatters = shell.display_formatter.formatters
    for name in SHOWN:
        formatters["text/plain"].for_type_by_name(*name, _plain)
        formatters["text/html"].for_type_by_name(*name, _html)


def _plain(value: Any, printer: Any, _cycle: bool) -> None:
    from .show import as_text

    printer.text(as_text(value))


def _html(value: Any) -> str | None:
    from .show import as_html

    return as_html(value)
