"""Writes the reference pages from the code; `--check` only tells which are stale, and exits with 1."""

# ruff: noqa: SLF001  argparse has no public way to list what a parser knows
from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traitlets import HasTraits

    from jupyter_box.cli import Program
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
    note = "" if name == "emulator.md" else NOTE
    return note + "\n".join(PAGES[name]()).rstrip() + "\n"


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
    from jupyter_box.config import BoxConfig
    from jupyter_box.hub.settings import BrokerConfig

    yield "# Settings\n"
    yield "Each is a trait of `BoxConfig`: `c.BoxConfig.NAME = …` in a Jupyter or IPython configuration file, or"
    yield "`connect(NAME=…)`. Where an environment variable is named, it gives the default.\n"
    yield from _traits(BoxConfig)
    yield "## Secrets\n"
    yield "Jupyter prints and logs its settings, so secrets are none. They come from the environment or from files.\n"
    yield from table(("environment", "what it is"), [(code(name), SECRETS[name]) for name in NAMES])

    yield "## The broker\n"
    yield "Traits of `BrokerConfig`, for `jupyter box broker`; Box's credentials and addresses are those above.\n"
    yield from _traits(BrokerConfig)


def _traits(settings: type[HasTraits]) -> Iterator[str]:
    from jupyter_box.config import Setting

    rows = []
    for name, trait in sorted(settings.class_own_traits(config=True).items()):
        env = trait.env if isinstance(trait, Setting) else ""
        rows.append((code(name), code(env), code(trait.default_value), trait.help.removesuffix(f" [{env}]")))
    yield from table(("trait", "environment", "default", "what it is for"), rows)


def errors() -> Iterator[str]:
    """The error tree."""
    from jupyter_box.errors import BoxError
    from jupyter_box.transfer.local import LocalError

    yield "# Errors\n"
    yield "All are `BoxError`s, and in `jupyter_box.errors` but for the last. Each has `message`, `hint` (the way out),"
    yield "`code`, `status` (its HTTP status in the REST face), and where they apply `request_id`,"
    yield "`retry_after` (seconds) and `item_id`.\n"
    rows = []
    for error in [*every_error(), LocalError]:
        also = ", ".join(code(base.__name__) for base in error.__bases__ if base not in (BoxError, Exception))
        rows.append((code(error.__name__), also, str(error.status), code(error.code), _summary(error)))
    yield from table(("class", "also a", "HTTP", "code", "when"), rows)


def every_error() -> list[type[Exception]]:
    """Return the classes of the error tree, its root first."""
    from jupyter_box import errors as module

    return [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, module.BoxError)]


def _summary(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def magics() -> Iterator[str]:
    """Every verb as a magic."""
    yield "# Magics\n"
    yield "`%load_ext jupyter_box` makes them known. `%box_ls?` shows a magic's help, Tab completes paths in Box and"
    yield "here. A magic returns a value that a cell can use: `files = %box_ls /Maintenance`.\n"
    yield from _verb_sections(lambda verb: f"%{'%' if verb.cell else ''}box_{verb.name}")


def commands() -> Iterator[str]:
    """Every verb as a command, the programs beside them, and the exit codes."""
    from jupyter_box.cli import EXIT_CODES, JSON, PROGRAMS

    yield "# Commands\n"
    yield "`jupyter box VERB --help` shows a command's help. `jupyter box -C FOLDER VERB` starts relative paths from"
    yield f"a folder in Box; every verb takes {code(JSON.flags[0])} ({JSON.help}).\n"
    yield from _verb_sections(lambda verb: f"jupyter box {verb.name}")
    for program in PROGRAMS:
        for name, summary, parser in _leaves(f"jupyter box {program.name}", program.help, _parser_of(program)):
            yield f"## {code(name)}\n\n{summary[:1].upper()}{summary[1:].rstrip('.')}.\n"
            yield from table(("argument", "what it is"), _option_rows(parser))
    yield "## Exit codes\n"
    yield "0: done. 1: something failed, of several. 2: the command line is wrong. An error has the code of its class;"
    yield "`doctor` exits with 0 if all is well, 1 with warnings, 2 with failures.\n"
    yield from table(
        ("error", "exit code"), [(code(error.__name__), str(number)) for error, number in EXIT_CODES.items()]
    )


def _parser_of(program: Program) -> argparse.ArgumentParser:
    """Return the parser of a program, which a package keeps in its module `command`."""
    package = importlib.import_module(program.module)
    module = importlib.import_module(f"{program.module}.command") if hasattr(package, "__path__") else package
    return module.parser()


def _leaves(
    name: str, summary: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield name, summary and parser of a command, or of all the commands below it."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield name, summary, parser
    for action in below:
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for word, child in action.choices.items():
            yield from _leaves(f"{name} {word}", helps[word], child)


def _option_rows(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    expand = parser._get_formatter()._expand_help
    return [(_option_words(action), expand(action)) for action in parser._actions if action.dest != "help"]


def _option_words(action: argparse.Action) -> str:
    value = str(action.metavar or "|".join(action.choices or ()) or action.dest.upper())
    if not action.option_strings:
        return code(value)
    return ", ".join(code(flag if action.nargs == 0 else f"{flag} {value}") for flag in action.option_strings)


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


def rest() -> Iterator[str]:
    """Every route of the REST face."""
    from jupyter_box.server.openapi import document

    openapi = document()
    yield "# REST\n"
    yield "The routes are below `<server address>/jupyter-box`; the same as an OpenAPI document is at"
    yield "`jupyter-box/openapi.json`. Login and XSRF are Jupyter's: a browser sends its cookie and `X-XSRFToken`,"
    yield "a program `Authorization: token …`. In a `{path}` slashes stand as they are, and `id:123` is an item by its"
    yield "id. An error is `{code, message, hint, request_id}` with the status of its class ([](errors.md)).\n"
    for path, item in openapi["paths"].items():
        for verb, operation in item.items():
            if verb != "parameters":
                yield from _operation(f"{verb.upper()} {path}", operation)
    yield "## What the answers are\n"
    rows = [
        (code(name), ", ".join(map(code, schema["properties"])) if "properties" in schema else "a list")
        for name, schema in openapi["components"]["schemas"].items()
    ]
    yield from table(("name", "its fields"), rows)


def _operation(name: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"## {code(name)}\n\n{operation['summary']}.\n"
    rows = [(code(each["name"]), each["in"], _schema_words(each)) for each in operation["parameters"]]
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        fields = body["schema"].get("properties", {})
        rows += [(code(name), "body", _schema_words({"schema": schema})) for name, schema in fields.items()]
        rows += [] if fields else [("", "body", code(kind))]
    if rows:
        yield from table(("name", "in", "what it is"), rows)
    answers = [f"{status}{_answer(answer)}" for status, answer in operation["responses"].items() if status != "default"]
    yield f"Answers {'; '.join(answers)}.\n"


def _schema_words(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    words = parameter.get("description") or schema.get("description") or "As in HTTP."
    choices = schema.get("enum")
    return f"{words} One of {', '.join(map(code, choices))}." if choices else words


def _answer(answer: dict[str, Any]) -> str:
    kinds = [
        body["schema"]["$ref"].rpartition("/")[2] if "schema" in body else kind
        for kind, body in answer.get("content", {}).items()
    ]
    return f" with {code(kinds[0])}" if kinds else ""


def emulator() -> Iterator[str]:
    """The page about the emulator as it is, its table anew."""
    from jupyter_box.emulator.routes import table as coverage

    prose, mark, _ = (DOCS / "emulator.md").read_text(encoding="utf-8").partition("<!-- the table below")
    yield prose + mark + " is written by `make reference` -->\n"
    yield coverage()


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "reference/settings.md": settings,
    "reference/magics.md": magics,
    "reference/commands.md": commands,
    "reference/errors.md": errors,
    "reference/rest.md": rest,
    "emulator.md": emulator,
}

if __name__ == "__main__":
    sys.exit(main())
