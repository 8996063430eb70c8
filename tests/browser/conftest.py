"""A real JupyterLab on the emulator, in a real Chromium."""

from pathlib import Path

import pytest
from lab_process import opened, running_lab
from panel import Panel


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


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
