"""A real JupyterLab on the emulator, in a real Chromium."""

import os
from pathlib import Path

import pytest
from emulated import drive_of, environment_of
from lab_process import opened, running_lab
from panel import Panel

SOMEONE = "greta.lindqvist@example.com"


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
    with running_lab(tmp_path_factory.mktemp("lab"), environment_of(seeded)) as server:
        yield server


@pytest.fixture
def service(box):
    """A drive on the same account, as another client; `put` makes the folders, too."""
    with drive_of(box) as drive:
        yield drive


@pytest.fixture
def someone_else(box):
    """A drive of another person, who may share folders with us and take them away again."""
    from traitlets.config import Config

    from jupyter_box import connect

    user = next(each["id"] for each in people(box) if each["login"] == SOMEONE)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("BOX_")]:
            patch.delenv(name)
        patch.setenv("BOX_URL", box.url)
        patch.setenv("BOX_DEVELOPER_TOKEN", box.token(user))
        drive = connect(Config(), rate_limit="off")
    with drive:
        yield drive


@pytest.fixture
def us(box):
    """The login that others invite us by."""
    return next(each["login"] for each in people(box) if str(each["id"]) == box.service_account)


def people(box):
    return box.call(lambda store: [dict(row) for row in store.all("SELECT * FROM users")])


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
