"""Archives: a folder as one zip, made by Box, or here where Box makes none."""

from __future__ import annotations

import io
import zipfile

import pytest

from jupyter_box.errors import NotFound


def contents(blocks):
    with zipfile.ZipFile(io.BytesIO(b"".join(blocks))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture
def logs(drive):
    drive.mkdir("/logs/2026")
    drive.write("/logs/a.csv", "a" * 1000)
    drive.write("/logs/2026/ü.csv", "b")
    return "/logs"


@pytest.fixture(params=["by Box", "here"])
def made(request, box):
    """Where the zip is made: Box's refusal leaves it to us."""
    if request.param == "here":
        box.fault("error", "POST .*/zip_downloads", times=None, status=400, code="bad_request")
    return request.param


def test_a_folder_comes_as_a_zip(drive, logs, made):
    assert contents(drive.archive(logs)) == {"logs/a.csv": b"a" * 1000, "logs/2026/ü.csv": b"b"}


def test_a_file_comes_as_a_zip(drive, logs, made):
    assert contents(drive.archive("/logs/a.csv")) == {"a.csv": b"a" * 1000}


def test_an_empty_folder_is_an_empty_zip(drive, made):
    drive.mkdir("/empty")
    assert contents(drive.archive("/empty")) == {}


def test_box_makes_the_zip_where_it_can(drive, logs, box):
    box.clear()
    contents(drive.archive(logs))
    assert box.counts.get("post_zip_downloads") == 1
    assert "get_files_id_content" not in box.counts


def test_what_is_not_there_is_refused_before_the_first_byte(drive):
    with pytest.raises(NotFound):
        drive.archive("/nothing")
