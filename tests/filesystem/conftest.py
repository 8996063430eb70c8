"""Fixtures: a file system on the emulator, whose root is a fresh folder."""

from __future__ import annotations

import pytest

from jupyter_box.filesystem import BoxFileSystem


@pytest.fixture(autouse=True)
def _anew():
    BoxFileSystem.clear_instance_cache()
    yield
    BoxFileSystem.clear_instance_cache()


@pytest.fixture
def root(drive):
    """The id of the folder that is the root."""
    return drive.status().root.id


@pytest.fixture
def fs(root, monkeypatch):
    """The file system of the environment, without options."""
    monkeypatch.setenv("BOX_ROOT_FOLDER", root)
    return BoxFileSystem()
