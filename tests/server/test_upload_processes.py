"""Uploads into a real server process: it is killed in mid-upload and goes on; its memory stays bounded."""

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from running import running_server
from test_streams import Peak

pytestmark = pytest.mark.slow

MB = 1_000_000
PART = 8 * 1024 * 1024
ALLOWED = 100 * MB  # some requests of a part each, what Box's parts need, and the interpreter's own


def begin(server, path, size):
    answer = server.ask("POST", "uploads", json={"path": path, "size": size, "mtime": 1})
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def put(server, upload, offset, data):
    answer = server.ask("PUT", f"uploads/{upload['id']}", params={"offset": offset}, data=data)
    assert answer.status_code == 200, answer.text


def commit(server, upload):
    while (answer := server.ask("POST", f"uploads/{upload['id']}")).status_code == 202:
        pass
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_killed_server_goes_on_where_it_was(box_environment, box, drive, tmp_path):
    place = drive.stat("/").name
    data = random.Random(3).randbytes(50 * MB)
    box.clear()
    with running_server(tmp_path, box_environment) as server:
        upload = begin(server, f"{place}/killed.bin", len(data))
        for offset in range(0, 4 * PART, PART):
            put(server, upload, offset, data[offset : offset + PART])
        until = time.monotonic() + 20
        while not server.ask("GET", f"uploads/{upload['id']}").json()["sent"] and time.monotonic() < until:
            pass
        server.end(signal.SIGKILL)
    with running_server(tmp_path, box_environment) as server:
        again = begin(server, f"{place}/killed.bin", len(data))
        assert (again["id"], again["done"]) == (upload["id"], [[0, 4 * PART]])
        for offset in range(4 * PART, len(data), PART):
            put(server, upload, offset, data[offset : offset + PART])
        commit(server, upload)
    assert drive.read("/killed.bin") == data
    assert box.counts["post_files_upload_sessions"] == 1
    assert list((tmp_path / "JUPYTER_DATA_DIR" / "jupyter-box" / "uploads").iterdir()) == []


def test_memory_stays_bounded_whatever_the_file(box_environment, box, drive, tmp_path):
    place = drive.stat("/").name
    block = random.Random(4).randbytes(PART)
    with running_server(tmp_path, box_environment) as server:
        server.ask("GET", "status")  # imports what is heavy
        upload = begin(server, f"{place}/large.bin", 24 * PART)
        with Peak(server.process.pid) as peak, ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda number: put(server, upload, number * PART, block), range(24)))
            item = commit(server, upload)
    assert item["size"] == 24 * PART
    assert peak.most < ALLOWED
