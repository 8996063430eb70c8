"""Clients of a test's emulator: the environment of one, and a drive beside what is tested."""

import contextlib

import pytest


def environment_of(box):
    """Return the environment of a client of an emulator, by client credentials and without rate limits."""
    return {**by_client_credentials(box.env), "BOX_RATE_LIMIT": "off"}


def by_client_credentials(environment):
    """Return the environment of an app without its credentials for JWT."""
    return {name: value for name, value in environment.items() if name != "BOX_JWT_CONFIG_FILE"}


@contextlib.contextmanager
def drive_of(box):
    """A drive on the whole of the service account, as another client has it."""
    from traitlets.config import Config

    from jupyter_box import connect

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_of(box).items():
            patch.setenv(name, value)
        drive = connect(Config())
    with drive:
        yield drive
