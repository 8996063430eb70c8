"""The emulator as seen by Box's own SDK: clients of the service account and of other users."""

from __future__ import annotations

import uuid

import pytest
from box_sdk_gen import BoxCCGAuth, BoxClient, CCGConfig
from emulator_clients import Http, client_of, network, put_folder


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
