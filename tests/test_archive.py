"""Archives: a folder as one zip, made by Box, or here where Box makes none."""

from __future__ import annotations

import io
import traceback
import zipfile

import pytest

from jupyter_box.errors import NotFound, Unreachable


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


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("..", "_"),
        (".", "_"),
        ("../../up.csv", ".._.._up.csv"),
        ("/etc/passwd", "_etc_passwd"),
        ("a\\..\\b", "a_.._b"),
        ("C:\\boot.ini", "C__boot.ini"),
        ("12:30.csv", "12:30.csv"),
    ],
)
@pytest.mark.parametrize("made", ["here"], indirect=True)
def test_no_entry_leads_out_of_the_folder_it_is_unpacked_into(drive, box, made, name, entry):
    file = drive.write("/logs.csv", "x")
    folder = drive.mkdir("/all")
    drive.move("/logs.csv", "/all")
    box.call(lambda store: store.run("UPDATE items SET name = ? WHERE id = ?", name, int(file.id)))

    assert contents(drive.archive(f"id:{folder.id}")) == {f"all/{entry}": b"x"}


@pytest.mark.parametrize("made", ["here"], indirect=True)
def test_two_names_that_become_one_are_two_entries(drive, box, made):
    drive.mkdir("/all")
    first, second = drive.write("/all/a_b", "1"), drive.write("/all/other", "2")
    box.call(lambda store: store.run("UPDATE items SET name = ? WHERE id = ?", "a/b", int(second.id)))

    assert sorted(contents(drive.archive(f"id:{first.parent_id}")).values()) == [b"1", b"2"]


def test_a_break_in_boxs_zip_tells_nothing_of_its_address(drive, box, logs):
    box.fault("reset_response", "GET .*zip_downloads/.*content", times=None, bytes=10)
    with pytest.raises(Unreachable) as caught:
        contents(drive.archive(logs))
    assert_no_address(caught.value)


def assert_no_address(error):
    told = "".join(traceback.format_exception(error))
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "/content" not in told.replace("_content", "")
    assert "token" not in told
