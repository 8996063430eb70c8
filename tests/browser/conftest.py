"""A real JupyterLab on the emulator, in a real Chromium."""

import os
import shutil
from pathlib import Path

import pytest
from lab_process import BUILT, opened, running_lab
from panel import Panel

# without these, Chromium calls home, and waits for it
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


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
