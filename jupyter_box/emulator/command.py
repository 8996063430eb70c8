"""`jupyter box emulator`: serve until told to stop, and tell clients how to connect."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_box.emulator.running import Emulator


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    made = _Parser(prog="jupyter box emulator", description="Serve a local imitation of the Box API. It is not Box.")
    made.add_argument("--port", type=port, default=0, help="the API's port on 127.0.0.1 (default: a free one)")
    made.add_argument("--data", type=Path, help="keep the drive in this folder (default: in memory, gone at the end)")
    made.add_argument(
        "--seed", action="store_true", help="fill an empty drive with a sample: logs, notebooks, images, people"
    )
    made.add_argument(
        "--env", type=_file, metavar="FILE", help="write the environment a client needs to FILE as NAME=value lines"
    )
    return made


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message} ({self.prog} --help explains)\n")


def port(text: str) -> int:
    """Return the number of a port.

    Raises:
        ArgumentTypeError: It is none.
    """
    # getaddrinfo would take 99999 for 34463
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; it is a number from 0 to 65535")
    return int(text)


def _file(text: str) -> Path:
    if not Path(text).parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no such folder")
    return Path(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    from jupyter_box.emulator.running import Emulator

    options = parser().parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        box = Emulator(options.data, options.port, options.seed).start()
    except OSError as error:
        why = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
        print(f"The emulator cannot start: {why}. --port and --data choose another place.", file=sys.stderr)
        return 1
    try:
        _tell(box, options.env)
        stop.wait()
    finally:
        box.stop()
    return 0


def _tell(box: Emulator, env: Path | None) -> None:
    from jupyter_box.emulator.pages import WARNING
    from jupyter_box.emulator.running import write_secret

    environment = box.env
    if env is not None:
        write_secret(env, "".join(f"{name}={value}\n" for name, value in environment.items()))
    print(WARNING)
    print(f"Box emulator ready at {box.url}", flush=True)
