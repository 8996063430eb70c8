"""The command line `jupyter box VERB`: the verbs of the table for shells and pipes; it parses, prints and exits.

Exit codes: 0 done; 1 something failed; 2 wrong usage; 3 not configured; 4 not authorised; 5 denied; 6 not found;
7 the name is taken; 8 changed meanwhile; 9 too large; 10 storage full; 11 a name that Box refuses; 12 busy;
13 corrupted; 14 no answer; 130 interrupted. `doctor` has its own: 0 all well, 1 warnings, 2 failures.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from . import errors
from ._usage import Parser
from ._version import __version__
from .bar import waits_told
from .errors import BoxError
from .verbs import Face, arg, problem_of, run, verbs

if TYPE_CHECKING:
    from .drive import Drive

PROG = "jupyter box"
EXIT_CODES: dict[type[BoxError], int] = {
    errors.NotConfigured: 3,
    errors.NotAuthorized: 4,
    errors.Denied: 5,
    errors.NotFound: 6,
    errors.Exists: 7,
    errors.Changed: 8,
    errors.TooLarge: 9,
    errors.QuotaFull: 10,
    errors.InvalidName: 11,
    errors.Busy: 12,
    errors.Corrupted: 13,
    errors.Unreachable: 14,
    errors.Cancelled: 130,
    BoxError: 1,
}
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Program:
    """A command that is a program of its own, imported when it is called.

    Attributes:
        name: As typed after `jupyter box`.
        help: What it does, in one sentence.
        module: Whose `main(argv)` it is; it returns the exit code, or raises a `BoxError` to be worded here.
    """

    name: str
    help: str
    module: str


PROGRAMS: tuple[Program, ...] = (
    Program("demo", "Try it all on a sample drive, without a Box account.", "jupyter_box.demo"),
    Program("emulator", "Serve the Box API on this machine, for tests and demos.", "jupyter_box.emulator"),
    Program("doctor", "Check settings, network, credentials and extensions, and say what to do.", "jupyter_box.doctor"),
    Program("broker", "Hand each user of a JupyterHub a short-lived Box token.", "jupyter_box.hub"),
    Program(
        "kubernetes", "Keep the Secret and the values of a Hub on Kubernetes, and examine it.", "jupyter_box.kubernetes"
    ),
    Program("federate", "Train one model across organisations that share a Box folder.", "jupyter_box.federated"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code.

    Args:
        argv: The arguments after `jupyter box`; those of the process by default.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may have characters that this terminal has not
    program = next((program for program in PROGRAMS if given[:1] == [program.name]), None)
    if program:
        return _in_one_line(lambda: int(importlib.import_module(program.module).main(given[1:]) or 0))
    args = parser().parse_args(given)
    return _in_one_line(lambda: _run(args), as_json=args.json)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    whole = Parser(prog=PROG, description="Box.com storage from the command line.", epilog=_EPILOG)
    whole.add_argument("--version", action="version", version=f"jupyter-box {__version__}")
    whole.add_argument(
        "-C", dest="cwd", metavar="FOLDER", default="/", help="start relative paths from this Box folder"
    )
    commands = whole.add_subparsers(title="commands", metavar="VERB", required=True)
    for verb in verbs():
        below = commands.add_parser(verb.name, help=verb.help, **verb.labels(f"{PROG} {verb.name}"))
        verb.fill(below).add_argument(*JSON.flags, **JSON.options)
    for program in PROGRAMS:
        commands.add_parser(program.name, help=program.help, add_help=False)
    return whole


JSON = arg("--json", action="store_true", help="print the result as JSON")
_EPILOG = "Each verb explains itself: jupyter box VERB --help. Secrets come from the environment or from files only."


def _run(args: argparse.Namespace) -> int:
    face = Face(_standard_input, _address, out=None if args.json else sys.stdout.buffer)
    with waits_told(), ExitStack() as opened:
        return _finish(run(args, lambda: opened.enter_context(_connect(args.cwd)), face), args.json)


def _in_one_line(work: Callable[[], int], *, as_json: bool = False) -> int:
    """Return the work's exit code; word what goes wrong in it as one line, with an exit code by its class."""
    try:
        return work()
    except KeyboardInterrupt as stop:
        told = str(stop) or "Stopped; nothing half-written was kept. The same line starts again."
        return _say(told, INTERRUPTED)
    except BrokenPipeError:
        # the reader, such as `head`, has left; Python would complain once more when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(problem_of(error), as_json)
    except BoxError as error:
        return _fail(error, as_json)


def _connect(folder: str) -> Drive:
    from .config import BoxConfig
    from .drive import Drive

    drive = Drive.connect(BoxConfig())
    if folder != "/":
        drive.cd(folder)
    return drive


def _finish(value: Any, as_json: bool) -> int:
    from . import show

    if as_json:
        print(json.dumps(show.as_json(value), ensure_ascii=False))
    elif value is not None:
        print(show.as_text(value))
    return 1 if show.is_failure(value) else 0


def _fail(error: BoxError, as_json: bool) -> int:
    line = json.dumps(error.to_dict(), ensure_ascii=False) if as_json else " ".join(str(error).split())
    return _say(line, exit_code(error))


def exit_code(error: BoxError) -> int:
    """Return the exit code of an error: that of its class, or of the nearest class above it."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def _say(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code


def _standard_input() -> BinaryIO:
    return sys.stdin.buffer


def _address(drive: Drive, path: str) -> str:
    return drive.stat(path).web_url


if __name__ == "__main__":
    sys.exit(main())
