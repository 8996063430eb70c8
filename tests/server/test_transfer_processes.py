"""Copies by a real server process that ends while they run: the next one says so, and does them again."""

import random
import signal
import time

import pytest
from running import running_server

pytestmark = pytest.mark.slow

MB = 1_000_000
DATA = random.Random(5).randbytes(25 * MB)


def states(server):
    return {state["id"]: state for state in server.ask("GET", "transfers").json()["transfers"]}


def when_over(server, transfer):
    """Wait until a copy has ended; returns how."""
    until = time.monotonic() + 20
    while (state := states(server)[transfer])["phase"] not in {"done", "failed"} and time.monotonic() < until:
        pass
    return state


def begin(server, box, place):
    """Begin a copy, and hold it with some of its parts in Box; returns its id."""
    box.fault("hold", "PUT /files/upload_sessions", name="part", times=None, after=1)
    answer = server.ask("POST", "transfers", json={"kind": "upload", "source": "big.bin", "target": f"/{place}"})
    assert answer.status_code == 202, answer.text
    box.wait_held("part")
    return answer.json()["id"]


@pytest.fixture
def place(drive, tmp_path):
    (tmp_path / "big.bin").write_bytes(DATA)
    return drive.stat("/").name


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_copy_that_the_server_did_not_end_is_told_and_done_again(box_environment, box, drive, place, tmp_path, how):
    with running_server(tmp_path, box_environment) as server:
        transfer = begin(server, box, place)
        server.end(how)
    box.reset_control()
    with running_server(tmp_path, box_environment) as server:
        cut = states(server)[transfer]
        assert (cut["phase"], cut["code"], cut["can_retry"], cut["path"]) == ("failed", "interrupted", True, "big.bin")
        assert server.ask("POST", f"transfers/{transfer}").status_code == 202
        assert when_over(server, transfer)["phase"] == "done"
    assert drive.read("/big.bin") == DATA
    with running_server(tmp_path, box_environment) as server:
        assert states(server) == {}


def test_a_copy_that_was_dismissed_is_not_told_again(box_environment, box, place, tmp_path):
    with running_server(tmp_path, box_environment) as server:
        transfer = begin(server, box, place)
        server.end(signal.SIGKILL)
    for known in ({transfer}, set()):
        with running_server(tmp_path, box_environment) as server:
            assert set(states(server)) == known
            server.ask("DELETE", f"transfers/{transfer}")
            server.end()
