"""Fixtures that all suites share: a running emulator, a drive on it, and which suites a plain `pytest` leaves out."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest
from emulated import environment_of

TESTS = Path(__file__).parent
SLOW_SUITES = ("hub", "browser", "slow", "live")
# Suites that need a browser, a Hub or packages of their own, or take more than a few seconds as a whole.
SLOW_FOLDERS = ("browser", "emulator", "federated", "filesystem", "helm", "hub", "hub_broker", "server", "transfer")


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run the suites that need Node, a browser or minutes, too")


def pytest_ignore_collect(collection_path, config):
    """A plain `pytest` does not even read the slow folders: what they import may not be installed."""
    if _is_plain(config) and collection_path.parent == TESTS and collection_path.name in SLOW_FOLDERS:
        return True
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Leave the slow suites out of a plain `pytest`; `--all`, `-m` or naming a test asks for them."""
    # playwright keeps an event loop in this thread, which the tests of asynchronous code cannot have: it comes last
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    if config.getoption("-m") or any("::" in str(arg) for arg in config.args):
        return
    left_out = {"live"} if config.getoption("--all") else set(SLOW_SUITES)
    slow = [item for item in items if left_out & {mark.name for mark in item.iter_markers()}]
    if slow:
        items[:] = [item for item in items if item not in slow]
        config.hook.pytest_deselected(items=slow)


def _is_plain(config):
    named = {Path(config.invocation_params.dir, arg).resolve() for arg in config.args}
    return named <= {TESTS, TESTS.parent} and not config.getoption("--all") and not config.getoption("-m")


@pytest.fixture(scope="session", autouse=True)
def _data_of_the_tests_own(tmp_path_factory):
    """The journal of transfers and all else that Jupyter keeps for a user: this run's, not that of who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DATA_DIR", str(tmp_path_factory.mktemp("jupyter-data")))
        yield


@pytest.fixture(autouse=True)
def _no_box_in_the_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("BOX_", "JUPYTERHUB_")) and name != "BOX_OPENAPI"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def on_response():
    """The check of every emulator response against Box's published API, where `BOX_OPENAPI` names that file."""
    if not os.environ.get("BOX_OPENAPI"):
        yield None
        return
    from openapi_check import Checker

    checker = Checker(Path(os.environ["BOX_OPENAPI"]))
    yield checker
    assert not checker.violations, "\n".join(checker.violations[:20])


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium, for all tests: playwright takes one at a time."""
    from lab_process import running_chromium

    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def running_emulator(on_response):
    """An emulator for one test module."""
    from jupyter_box.emulator import Emulator

    with Emulator(on_response=on_response) as emulator:
        yield emulator


@pytest.fixture
def box(running_emulator):
    """The module's emulator with all faults off, before and after."""
    running_emulator.reset_control()
    yield running_emulator
    running_emulator.reset_control()


@pytest.fixture
def box_environment(box, monkeypatch):
    """The environment of a client of `box`, by client credentials and without rate limits; returns it."""
    environment = environment_of(box)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def drive(box_environment):
    """A drive whose root is a fresh folder of the service account."""
    from jupyter_box import connect

    name = f"test-{uuid.uuid4().hex[:8]}"
    with connect() as whole:
        folder = whole.mkdir(f"/{name}")
    with connect(root_folder=folder.id) as drive:
        yield drive
