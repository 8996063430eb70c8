"""The emulator as seen by Box's own SDK: clients of the service account and of other users."""

from __future__ import annotations

import uuid

import pytest
from box_sdk_gen import BoxCCGAuth, BoxClient, CCGConfig
from emulator_clients import Http, client_of, network, put_folder

from jupyter_box.emulator import Emulator


@pytest.fixture(scope="session")
def driven():
    """The operations that a test has driven so far."""
    return set()


@pytest.fixture(scope="module")
def running_emulator(on_response, driven):
    """An emulator for one test module, which notes what is driven."""

    def note(operation, method, status, body):
        driven.add(operation)
        if on_response is not None:
            on_response(operation, method, status, body)

    with Emulator(on_response=note) as emulator:
        yield emulator


@pytest.fixture
def client(box):
    """The service account's client."""
    env = box.env
    config = CCGConfig(env["BOX_CLIENT_ID"], env["BOX_CLIENT_SECRET"], enterprise_id=env["BOX_ENTERPRISE_ID"])
    return BoxClient(auth=BoxCCGAuth(config), network_session=network(box))


@pytest.fixture
def http(box):
    """The service account over plain HTTP."""
    made = Http(box, box.token())
    yield made
    made.session.close()


@pytest.fixture
def folder(client):
    """A fresh folder of the service account."""
    return put_folder(client, f"test-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def someone(box):
    """Another managed user: id and client."""
    user = box.add_user("Some One")
    return user, client_of(box, box.token(user))
