"""The documentation keeps up with the code: nothing public is missing from it, and what it shows is run."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_box.cli import PROGRAMS
from jupyter_box.config import SECRETS, BoxConfig
from jupyter_box.hub.settings import BrokerConfig
from jupyter_box.verbs import verbs

REPO = Path(__file__).parent.parent
DOCS = REPO / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), REPO / "README.md", REPO / "CONTRIBUTING.md"])
PAGES = [page for page in PAGES if "_build" not in page.parts]


def load_generator():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load_generator()


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_says_what_the_code_says(name):
    assert (DOCS / name).read_text(encoding="utf-8") == generate.text_of(name), "stale: run `make reference`"


def documented(page):
    return set(re.findall(r"`([^`\n]+)`", (DOCS / page).read_text(encoding="utf-8")))


def routes_of_the_rest_face():
    from jupyter_box.server.openapi import document

    return [f"{verb.upper()} {path}" for path, of in document()["paths"].items() for verb in set(of) - {"parameters"}]


def routes_of_the_emulator():
    from jupyter_box.emulator.routes import EMULATED

    return [f"{route.method} {route.path}" for route in EMULATED]


PUBLIC = {
    "reference/settings.md": lambda: [
        *BoxConfig.class_own_traits(config=True),
        *BrokerConfig.class_own_traits(config=True),
        *SECRETS,
    ],
    "reference/magics.md": lambda: [f"%{'%' * verb.cell}box_{verb.name}" for verb in verbs()],
    "reference/commands.md": lambda: [f"jupyter box {verb.name}" for verb in verbs()],
    "reference/errors.md": lambda: [error.__name__ for error in generate.every_error()],
    "reference/rest.md": routes_of_the_rest_face,
    "emulator.md": routes_of_the_emulator,
}


@pytest.mark.parametrize("page", PUBLIC)
def test_nothing_public_is_missing(page):
    names = PUBLIC[page]()
    assert names
    assert not set(names) - documented(page)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_program_is_documented(program):
    assert f"## `jupyter box {program.name}" in (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_every_page_is_in_the_contents():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = [str(page.relative_to(DOCS).with_suffix("")) for page in PAGES if DOCS in page.parents]
    assert not [page for page in pages if page != "index" and not re.search(rf"^{page}$", index, re.MULTILINE)]


def messages(page):
    """Return the pieces of the messages that the page's tables quote under `it says`, without what varies."""
    cells = re.findall(
        r"^\| (`.*?`)[^`|]*\|", page.read_text(encoding="utf-8").partition("Elsewhere:")[0], re.MULTILINE
    )
    quoted = [quote for cell in cells for quote in re.findall(r"`([^`]+)`", cell)]
    return [piece.strip() for quote in quoted for piece in quote.split("…") if piece.strip()]


@pytest.mark.parametrize("page", ["admin/troubleshooting.md", "guide/errors.md"])
def test_quoted_messages_are_those_of_the_code(page):
    source = "".join(path.read_text(encoding="utf-8") for path in (REPO / "jupyter_box").rglob("*.py"))
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    assert messages(DOCS / page)
    assert not [piece for piece in messages(DOCS / page) if piece not in source]


def blocks(page):
    """Return a page's fenced examples as IPython cells; a `console` block's commands become one shell script."""
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [as_cell(language, text) for language, text in fences if language in {"console", "ipython", "python"}]


def as_cell(language, text):
    if language != "console":
        return text
    commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return "\n".join(["%%bash", "set -euo pipefail", *commands])


EXECUTED = [page for page in PAGES if blocks(page) and page.parts[-2:] != ("admin", "index.md")]

RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(sys.stdin):
    if not shell.run_cell(cell).success:
        sys.exit("This cell failed:\\n" + cell)
"""


@pytest.fixture
def workplace(tmp_path):
    """The folder that the guide's reader has: machine logs in `data`, and a report."""
    (tmp_path / "data").mkdir()
    for line in (1, 2, 3):
        rows = "".join(f"2026-05-04T{hour:02}:00:00,{70 + line + hour / 10}\n" for hour in range(10))
        (tmp_path / "data" / f"line-{line}.csv").write_text(f"time,temperature\n{rows}")
    (tmp_path / "report.md").write_text("# May\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: str(page.relative_to(REPO)))
def test_what_a_page_shows_works(page, workplace, drive):
    environment = {**os.environ, "BOX_ROOT_FOLDER": drive.status().root.id, "IPYTHONDIR": str(workplace / ".ipython")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(blocks(page)),
        cwd=workplace,
        env=environment,
        text=True,
        capture_output=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
