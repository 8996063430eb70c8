"""A real Jupyter server in this process, with the extension on the emulator, and a way to ask it."""

import json

import pytest
from emulated import environment_of
from pytest_jupyter.jupyter_server import *  # noqa: F403  its fixtures
from running import running_server
from tornado.httpclient import HTTPClientError

TOKEN = "a-token-of-this-test"


@pytest.fixture
def box_settings(drive):
    """The settings of the extension; by default the drive's root is that of the fixture `drive`."""
    return {"root_folder": drive.stat("/").id}


@pytest.fixture
def jp_server_config(box_settings):
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_box": True}},
        "IdentityProvider": {"token": TOKEN},
        "BoxConfig": box_settings,
    }


@pytest.fixture
def server(jp_serverapp):
    """The server."""
    return jp_serverapp


@pytest.fixture(scope="module")
def running(running_emulator, tmp_path_factory):
    """A server in a process of its own, for one test module; its drive's root is the account's."""
    with running_server(tmp_path_factory.mktemp("server"), environment_of(running_emulator)) as server:
        server.ask("GET", "status")  # imports what is heavy
        yield server


@pytest.fixture
def ask(jp_fetch):
    """Ask the REST face: `await ask("GET", "items/a b", limit=1)`; returns the response, also that of an error."""

    async def ask(method, path, body=None, headers=None, **params):
        if method in {"PUT", "POST", "PATCH"} and body is None:
            body = b""
        if isinstance(body, dict):
            body = json.dumps(body)
        try:
            return await jp_fetch(
                "jupyter-box", path, method=method, body=body, headers=headers, params=params, follow_redirects=False
            )
        except HTTPClientError as error:
            if error.response is None:
                raise
            return error.response

    return ask
