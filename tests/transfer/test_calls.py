"""How many calls of Box's API each operation makes: exact budgets, as each call is a round trip and counts for Box."""

from __future__ import annotations

import pytest

from jupyter_box import connect

from .conftest import PART, THRESHOLD, in_thread

COUNT = 12  # small files
OTHER_THAN_CALLS = {"post_oauth2_token", "download"}  # a pre-signed address is none of the API


@pytest.fixture
def place(box, box_environment, monkeypatch):
    """The id and the path of a fresh folder of Box, whose sessions take small files, too."""
    monkeypatch.setenv("BOX_CHUNKED_UPLOAD_THRESHOLD", "20000000")
    with connect() as drive:
        return drive.mkdir(f"/calls-{box.token()[-8:].lower()}/inner")


@pytest.fixture
def calls(box):
    """Run something with a drive that has seen nothing yet, and return its calls by operation."""

    def calls(work):
        with connect() as fresh:
            fresh.client.auth.retrieve_token()
            box.clear()
            work(fresh)
            return {name: count for name, count in box.counts.items() if name not in OTHER_THAN_CALLS}

    return calls


@pytest.fixture
def small(write, workdir):
    for number in range(COUNT):
        write(f"small/{number:02d}.bin", 1000)
    return workdir / "small"


@pytest.fixture
def big(write):
    return write("big.bin", 20_000_000)


def test_one_big_file_up_by_id(calls, place, big):
    assert calls(lambda drive: drive.upload(big, f"id:{place.id}")) == {
        "get_folders_id": 1,
        "post_files_upload_sessions": 1,
        "put_files_upload_sessions_id": 3,
        "post_files_upload_sessions_id_commit": 1,
    }


def test_one_big_file_down_by_id(calls, place, big, workdir):
    with connect() as drive:
        drive.upload(big, place.path)
    assert calls(lambda drive: drive.download(f"id:{place.id}/big.bin", workdir / "copy")) == {
        "get_folders_id": 1,
        "get_folders_id_items": 1,
        "get_files_id": 1,
        "get_files_id_content": 1,
    }
    assert (workdir / "copy").read_bytes() == big.read_bytes()


def test_small_files_up_into_a_new_folder(calls, place, small):
    # the listing is that for a twin of the new folder, which Box makes when two clients ask at once
    assert calls(lambda drive: drive.upload(small, f"id:{place.id}")) == {
        "get_folders_id": 1,
        "post_folders": 1,
        "get_folders_id_items": 1,
        "post_files_content": COUNT,
    }


def test_small_files_up_into_a_folder_that_is_there(calls, place, small):
    with connect() as drive:
        drive.mkdir(f"{place.path}/small")
    assert calls(lambda drive: drive.upload(small, f"id:{place.id}")) == {
        "get_folders_id": 2,
        "post_folders": 1,
        "get_folders_id_items": 1,
        "post_files_content": COUNT,
    }


def test_small_files_down(calls, place, small, workdir):
    with connect() as drive:
        drive.upload(small, place.path)
    assert calls(lambda drive: drive.download(f"id:{place.id}/small", workdir / "copies")) == {
        "get_folders_id": 1,
        "get_folders_id_items": 2,
        "get_files_id_content": COUNT,
    }


@pytest.mark.parametrize(("count", "pages"), [(10, 1), (1000, 1), (5000, 6)])
def test_a_listing(calls, place, box, count, pages):
    # neighbouring pages share an entry, which shows that nothing slipped through between them
    box.fill(place.id, count)
    assert calls(lambda drive: list(drive.list(f"id:{place.id}"))) == {
        "get_folders_id": 1,
        "get_folders_id_items": pages,
    }


@pytest.mark.parametrize(
    ("below", "of_folders"),
    [
        pytest.param("", {"get_folders_id_items": 2}, id="there"),
        # two on the way, the last of them; one after each folder that was made
        pytest.param("/new/deep", {"get_folders_id_items": 5, "post_folders": 2}, id="to be made"),
    ],
)
def test_one_small_file_up_by_path(calls, place, small, below, of_folders):
    assert calls(lambda drive: drive.upload(small / "00.bin", place.path + below)) == {
        "options_files_content": 1,
        "post_files_content": 1,
        **of_folders,
    }


def test_the_same_file_again_costs_no_upload(calls, place, small):
    with connect() as drive:
        drive.upload(small / "00.bin", place.path)
    assert calls(lambda drive: drive.upload(small / "00.bin", f"id:{place.id}")) == {
        "get_folders_id": 1,
        "options_files_content": 1,
        "get_files_id": 1,
    }


def test_a_big_file_that_is_there_costs_no_part(calls, place, big):
    with connect() as drive:
        drive.upload(big, place.path)
    report = []
    assert calls(lambda drive: report.append(drive.upload(big, f"id:{place.id}"))) == {
        "get_folders_id": 1,
        "post_files_upload_sessions": 1,
        "get_files_id": 1,
    }
    assert [outcome.action for outcome in report[0].outcomes] == ["skipped"]


def test_a_folder_just_used_is_not_looked_up_again(box, place, small):
    with connect() as drive:
        drive.upload(small / "00.bin", place.path)
        box.clear()
        drive.upload(small / "01.bin", place.path)
    assert box.counts == {"options_files_content": 1, "post_files_content": 1}


def test_the_folders_of_a_tree_are_made_side_by_side_and_not_listed(box, transfers, folder, write, workdir):
    for name in "abc":
        write(f"tree/{name}/{name}.txt", 10)
    box.clear()
    box.fault("hold", "POST .*/folders$", times=3, name="making")
    result = in_thread(lambda: transfers.upload_tree(workdir / "tree", folder.id, folder.path))
    box.wait_held("making", 3)
    box.release("making")

    assert result().sent == 3
    assert box.counts == {"get_folders_id_items": 2, "post_folders": 3, "post_files_content": 3}


def test_a_part_is_one_call(box, transfers, folder, write):
    path = write("a.bin", 3 * PART)
    assert path.stat().st_size >= THRESHOLD
    box.clear()
    transfers.upload_file(path, folder.id, "a.bin")
    assert box.counts == {
        "post_files_upload_sessions": 1,
        "put_files_upload_sessions_id": 3,
        "post_files_upload_sessions_id_commit": 1,
    }
