"""How the command line tells of wrong usage: in one line, as of every other error; it knows no command itself."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line that names the help; the parsers of its commands are of its kind too."""

    def error(self, message: str) -> NoReturn:
        """End the process with exit code 2 and the message in one line."""
        self.exit(2, f"{message} ({self.prog} --help explains)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return what argparse does, but take no unknown arguments: else only the parser of the whole would tell."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self.unknown(unknown))
        return parsed, unknown

    def unknown(self, words: Sequence[str]) -> str:
        """Return the complaint about words that mean nothing here."""
        return f"unrecognized arguments: {' '.join(words)}"
