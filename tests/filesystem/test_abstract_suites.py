"""fsspec's own suites for file systems, on the emulator."""

from __future__ import annotations

import posixpath

import pytest
from fsspec.tests import abstract

from jupyter_box.filesystem import BoxFileSystem


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs(self, box_environment):
        return BoxFileSystem()

    @pytest.fixture
    def fs_path(self):
        return f"/{type(self).__name__}"

    @pytest.fixture
    def fs_join(self):
        return posixpath.join

    @pytest.fixture
    def supports_empty_directories(self):
        return True


@pytest.mark.slow
class TestCopy(abstract.AbstractCopyTests, Fixtures):
    pass


@pytest.mark.slow
class TestGet(abstract.AbstractGetTests, Fixtures):
    pass


class TestOpen(abstract.AbstractOpenTests, Fixtures):
    pass


class TestPipe(abstract.AbstractPipeTests, Fixtures):
    pass


@pytest.mark.slow
class TestPut(abstract.AbstractPutTests, Fixtures):
    pass
