"""A real Jupyter server in this process, with the extension on the emulator, and a way to ask it."""

import json

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403  its fixtures
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
