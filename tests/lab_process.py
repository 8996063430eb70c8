"""JupyterLab with the panel as it is built here, in a process of its own, and pages of it in a browser."""

import contextlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest
import running

# without these, Chromium calls home, and waits for it
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
ROOT = Path(__file__).parents[1]
BUILT = ROOT / "jupyter_box" / "labextension"
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
# the commands are there for a script, and nothing asks the network
OPTIONS = [
    "--LabApp.extension_manager=readonly",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
]
PANEL_TAB = "Box"


def settings_in(folder, **more):
    """Write JupyterLab's settings into a server's home."""
    user = folder / "JUPYTER_CONFIG_DIR" / "lab" / "user-settings"
    for name, values in {"@jupyterlab/apputils-extension/notification": NO_NEWS, **more}.items():
        file = user / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


def installed(folder):
    """Install the panel into a folder; returns what a server's environment needs to find it before any other."""
    # a copy: who builds it anew meanwhile disturbs no test
    shutil.copytree(BUILT, folder / "share" / "labextensions" / "jupyter-box", dirs_exist_ok=True)
    return {"JUPYTER_PATH": str(folder / "share")}


@contextlib.contextmanager
def running_lab(folder, environment, *arguments, settings=None, more=None):
    """Start JupyterLab with the panel as it is built here."""
    extensions = folder / "labextensions"
    # a copy: who builds the panel anew meanwhile disturbs no test
    shutil.copytree(BUILT, extensions / "jupyter-box", dirs_exist_ok=True)
    settings_in(folder, **(settings or {}))
    before = running.EXTENSIONS
    running.EXTENSIONS = {
        "jupyter_box": True,
        "jupyterlab": True,
        "jupyter_lsp": False,
        "notebook_shim": False,
        **(more or {}),
    }
    try:
        with running.running_server(folder, {**environment, **installed(folder)}, *OPTIONS, *arguments) as server:
            server.files = folder
            yield server
    finally:
        running.EXTENSIONS = before


@contextlib.contextmanager
def running_chromium():
    """Start Chromium; skips the test where there is none, or no panel to show."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install -e '.[browser-test]'")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        pytest.skip("there is no Chromium: make browser installs it")
    if not (BUILT / "package.json").exists():
        pytest.skip("the panel is not built: make labextension")
    playwright.expect.set_options(timeout=30_000)
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def fresh_page(chromium, refusals="(?!)", **options):
    """Open an empty page in a fresh profile; an error in it fails the test.

    Args:
        chromium: The browser.
        refusals: What an error that is expected says; as a regular expression.
        options: Of the browser's context.
    """
    options = {"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, **options}
    context = chromium.new_context(**options)
    context.set_default_timeout(30_000)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield page
        assert not [error for error in errors if not re.search(refusals, error)], errors
    finally:
        context.close()


@contextlib.contextmanager
def opened(chromium, lab, **options):
    """Open JupyterLab in a fresh profile, as `fresh_page` does, and show the panel."""
    with fresh_page(chromium, **options) as page:
        show(page, lab)
        yield page


def show(page, lab):
    """Load JupyterLab anew and bring the panel to the front."""
    page.goto(f"{lab.url}lab/workspaces/auto-{os.urandom(4).hex()}?token={lab.token}")
    reveal(page)


def reveal(page):
    """Bring the panel to the front once JupyterLab is there."""
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.locator('li[data-id="jupyter-box-browser"]').click()
    page.wait_for_selector("#jupyter-box-browser:visible")
