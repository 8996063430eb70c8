"""A real JupyterLab on the emulator, in a real Chromium."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest
import running
from panel import Panel

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "jupyter_box" / "labextension"
# without these, Chromium calls home, and waits for it
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
PANEL_TAB = "Box"
DARK = {"theme": "JupyterLab Dark"}


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium, for all tests."""
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


def settings_in(folder, **more):
    """Write JupyterLab's settings into a server's home."""
    user = folder / "JUPYTER_CONFIG_DIR" / "lab" / "user-settings"
    for name, values in {"@jupyterlab/apputils-extension/notification": NO_NEWS, **more}.items():
        file = user / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


@contextlib.contextmanager
def running_lab(folder, environment, *arguments, settings=None, more=None):
    """Start JupyterLab with the panel as it is built here."""
    extensions = folder / "labextensions"
    extensions.mkdir(exist_ok=True)
    (extensions / "jupyter-box").symlink_to(BUILT)
    settings_in(folder, **(settings or {}))
    before = running.EXTENSIONS
    running.EXTENSIONS = {
        "jupyter_box": True,
        "jupyterlab": True,
        "jupyter_lsp": False,
        "notebook_shim": False,
        **(more or {}),
    }
    options = [
        f"--LabServerApp.extra_labextensions_path={[str(extensions)]}",
        "--LabApp.extension_manager=readonly",
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    try:
        with running.running_server(folder, environment, *options, *arguments) as server:
            server.files = folder
            yield server
    finally:
        running.EXTENSIONS = before


@pytest.fixture(scope="module")
def seeded(on_response):
    """An emulator with the sample drive, for one test module."""
    from jupyter_box.emulator import Emulator

    with Emulator(seed=True, on_response=on_response) as emulator:
        yield emulator


@pytest.fixture
def box(seeded):
    seeded.reset_control()
    yield seeded
    seeded.reset_control()


@pytest.fixture(scope="module")
def lab(seeded, tmp_path_factory):
    """JupyterLab on the module's emulator."""
    environment = {name: value for name, value in seeded.env.items() if name != "BOX_JWT_CONFIG_FILE"}
    with running_lab(tmp_path_factory.mktemp("lab"), {**environment, "BOX_RATE_LIMIT": "off"}) as server:
        yield server


@pytest.fixture
def service(box):
    """A drive on the same account, as another client; `put` makes the folders, too."""
    from traitlets.config import Config

    from jupyter_box import connect

    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.env.items():
            if name != "BOX_JWT_CONFIG_FILE":
                patch.setenv(name, value)
        with connect(Config(), rate_limit="off") as drive:
            yield drive


@pytest.fixture
def put(service):
    """Write a file in Box, and the folders that it is in."""

    def put(path, content=b"x"):
        service.mkdir(path.rpartition("/")[0] or "/")
        return service.write(path, content)

    return put


@pytest.fixture
def panel(page):
    return Panel(page)


@pytest.fixture
def page(chromium, lab):
    """A page with the panel open."""
    with opened(chromium, lab) as page:
        yield page


@contextlib.contextmanager
def opened(chromium, lab, **options):
    """Open JupyterLab in a fresh profile and show the panel; an error in the page fails the test."""
    options = {"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, **options}
    context = chromium.new_context(**options)
    context.set_default_timeout(30_000)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        show(page, lab)
        yield page
        assert not errors, errors
    finally:
        context.close()


def show(page, lab):
    """Load JupyterLab anew and bring the panel to the front."""
    page.goto(f"{lab.url}lab/workspaces/auto-{os.urandom(4).hex()}?token={lab.token}")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.locator('li[data-id="jupyter-box-browser"]').click()
    page.wait_for_selector("#jupyter-box-browser:visible")
