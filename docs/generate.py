"""Writes the reference pages from the code; `--check` only tells which are stale, and exits with 1."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_box.verbs import Argument, Verb

DOCS = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py (`make reference`); change the code instead. -->\n\n"

SECRETS = {
    "BOX_CLIENT_SECRET": "The client secret of the Box app; or `BOX_CLIENT_SECRET_FILE`.",
    "BOX_JWT_CONFIG": "The JSON of server authentication with JWT, whole; or `BOX_JWT_CONFIG_FILE`.",
    "BOX_DEVELOPER_TOKEN": "A developer token; or `BOX_DEVELOPER_TOKEN_FILE`.",
}


def main(argv: list[str] | None = None) -> int:
    """Write the pages, or with `--check` name the stale ones; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name the stale pages")
    check = parser.parse_args(argv).check
    texts = {name: text_of(name) for name in PAGES}
    stale = [name for name, text in texts.items() if not _is_current(DOCS / name, text)]
    if check:
        sys.stderr.writelines(f"docs/{name} is stale: run `make reference`.\n" for name in stale)
        return bool(stale)
    for name in stale:
        (DOCS / name).write_text(texts[name], encoding="utf-8")
    return 0


def text_of(name: str) -> str:
    """Return what the generated page of this path below docs/ is to say."""
    return NOTE + "\n".join(PAGES[name]()).rstrip() + "\n"


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield a Markdown table."""
    yield _row(head)
    yield "|" + "---|" * len(head)
    yield from map(_row, rows)
    yield ""


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def code(text: object) -> str:
    """Return the text as code; nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def settings() -> Iterator[str]:
    """Every trait of BoxConfig, and the secrets, which are no traits."""
    from jupyter_box.config import SECRETS as NAMES
    from jupyter_box.config import BoxConfig, Setting

    yield "# Settings\n"
    yield "Each is a trait of `BoxConfig`: `c.BoxConfig.NAME = …` in a Jupyter or IPython configuration file, or"
    yield "`connect(NAME=…)`. Where an environment variable is named, it gives the default.\n"
    rows = []
    for name, trait in sorted(BoxConfig.class_own_traits(config=True).items()):
        env = trait.env if isinstance(trait, Setting) else ""
        rows.append((code(name), code(env), code(trait.default_value), trait.help.removesuffix(f" [{env}]")))
    yield from table(("trait", "environment", "default", "what it is for"), rows)
    yield "## Secrets\n"
    yield "Jupyter prints and logs its settings, so secrets are none. They come from the environment or from files.\n"
    yield from table(("environment", "what it is"), [(code(name), SECRETS[name]) for name in NAMES])


def errors() -> Iterator[str]:
    """The error tree."""
    from jupyter_box.errors import BoxError

    yield "# Errors\n"
    yield "All are in `jupyter_box.errors` and are `BoxError`s. Each has `message`, `hint` (the way out), `code`,"
    yield "`status` (its HTTP status in the REST face), and where they apply `request_id`, `retry_after` (seconds)"
    yield "and `item_id`.\n"
    rows = []
    for error in [BoxError, *BoxError.__subclasses__()]:
        also = ", ".join(code(base.__name__) for base in error.__bases__ if base not in (BoxError, Exception))
        rows.append((code(error.__name__), also, str(error.status), code(error.code), _summary(error)))
    yield from table(("class", "also a", "HTTP", "code", "when"), rows)


def _summary(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def magics() -> Iterator[str]:
    """Every verb as a magic."""
    yield "# Magics\n"
    yield "`%load_ext jupyter_box` makes them known. `%box_ls?` shows a magic's help, Tab completes paths in Box and"
    yield "here. A magic returns a value that a cell can use: `files = %box_ls /Maintenance`.\n"
    yield from _verb_sections(lambda verb: f"%{'%' if verb.cell else ''}box_{verb.name}")


def commands() -> Iterator[str]:
    """Every verb as a command."""
    yield "# Commands\n"
    yield "`jupyter box VERB --help` shows a command's help. The exit code is 0 when all went well, 1 when Box or this"
    yield "machine refused something, 2 when the command line is wrong.\n"
    yield from _verb_sections(lambda verb: f"jupyter box {verb.name}")


def _verb_sections(called: Callable[[Verb], str]) -> Iterator[str]:
    from jupyter_box.verbs import verbs

    for verb in verbs():
        yield f"## {code(called(verb))}\n"
        yield f"{verb.help}\n"
        if verb.arguments:
            yield from table(("argument", "what it is"), [_argument_row(argument) for argument in verb.arguments])
        if verb.examples:
            yield "\n".join(["```text", *(f"{called(verb)} {example}" for example in verb.examples), "```"]) + "\n"


def _argument_row(argument: Argument) -> tuple[str, str]:
    value = argument.options.get("metavar") or "|".join(argument.options.get("choices", ()))
    if not argument.is_option:
        return code(value or argument.flags[0]), argument.help
    if "action" in argument.options and argument.options["action"] != "append":
        value = ""
    negation = argument.options.get("action") is argparse.BooleanOptionalAction
    flags = [*argument.flags, *(f"--no-{flag[2:]}" for flag in argument.flags if negation)]
    return ", ".join(code(f"{flag} {value}".strip()) for flag in flags), argument.help


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "reference/settings.md": settings,
    "reference/magics.md": magics,
    "reference/commands.md": commands,
    "reference/errors.md": errors,
}

if __name__ == "__main__":
    sys.exit(main())
