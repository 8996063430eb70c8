"""What a Hub of the tests needs: the proxy, and in Box a folder with one folder for each user."""

import os
import shutil
from pathlib import Path

import pytest
from emulated import drive_of
from local_hub import USERS

TOOLS = Path(__file__).parents[2] / ".tools" / "node_modules" / ".bin"


@pytest.fixture(scope="module")
def proxy():
    found = shutil.which("configurable-http-proxy", path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    if not found:
        pytest.skip("configurable-http-proxy is not there: `make node` installs it")
    pytest.importorskip("jupyterhub", reason="jupyterhub is not there: pip install -e '.[hub]'")
    return found


@pytest.fixture(scope="module")
def service(running_emulator):
    """A drive on the whole of the service account, as its administrator sees it."""
    with drive_of(running_emulator) as drive:
        yield drive


@pytest.fixture(scope="module")
def homes(service):
    """The folder in Box that has one folder for each user."""
    for user in USERS:
        service.mkdir(f"/homes/{user}")
        service.write(f"/homes/{user}/of {user}.txt", user.encode())
    return "/homes"
