"""fsspec's own suites for file systems, on the emulator."""

from __future__ import annotations

import posixpath

import pytest
from fsspec.tests import abstract

from jupyter_box.filesystem import BoxFileSystem


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture(scope="class")
    def box_folder(self, running_emulator):
        from jupyter_box import connect

        with pytest.MonkeyPatch.context() as patch:
            for name, value in running_emulator.env.items():
                if name != "BOX_JWT_CONFIG_FILE":
                    patch.setenv(name, value)
            patch.setenv("BOX_RATE_LIMIT", "off")
            with connect() as drive:
                yield drive.mkdir(f"/{type(self).__name__}").path

    @pytest.fixture
    def fs(self, box_environment):
        return BoxFileSystem()

    @pytest.fixture
    def fs_path(self, box_folder):
        return box_folder

    @pytest.fixture
    def fs_join(self):
        return posixpath.join

    @pytest.fixture
    def supports_empty_directories(self):
        return True


class TestCopy(abstract.AbstractCopyTests, Fixtures):
    pass


class TestGet(abstract.AbstractGetTests, Fixtures):
    pass


class TestOpen(abstract.AbstractOpenTests, Fixtures):
    pass


class TestPipe(abstract.AbstractPipeTests, Fixtures):
    pass


class TestPut(abstract.AbstractPutTests, Fixtures):
    pass
