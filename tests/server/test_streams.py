"""Large bodies: bounded memory, backpressure, and nothing half-written when a client goes away."""

import hashlib
import re
import socket
import threading
import time

import psutil
import pytest

MB = 1_000_000
SIZE = 200 * MB
BLOCK = bytes(range(256)) * 4096
# a few parts of Box's 8 MiB on their way, and what the interpreter needs for them
ALLOWED = 100 * MB


@pytest.fixture
def place(box, drive):
    """Where the drive's root is for the server, whose own is above it."""
    return drive.stat("/").name


class Peak:
    """The most memory that a process has had above what it has now."""

    def __init__(self, pid):
        self.process = psutil.Process(pid)
        self.before = self.process.memory_info().rss
        self.most = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def _watch(self):
        while not self.stop.wait(0.02):
            self.most = max(self.most, self.process.memory_info().rss - self.before)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def blocks(size):
    for start in range(0, size, len(BLOCK)):
        yield BLOCK[: min(len(BLOCK), size - start)]


class Sized:
    """A body with a length, made while it is sent."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __iter__(self):
        return blocks(self.size)


@pytest.mark.slow
def test_a_large_file_goes_through_in_bounded_memory(running, drive, place):
    sha1 = hashlib.sha1()
    for block in blocks(SIZE):
        sha1.update(block)
    spool = set(temporary_files(running.process.pid))
    with Peak(running.process.pid) as sending:
        answer = running.http.put(f"{running.url}jupyter-box/files/{place}/large.bin", data=Sized(SIZE), timeout=100)
    assert (answer.status_code, answer.json()["sha1"]) == (201, sha1.hexdigest())
    assert set(temporary_files(running.process.pid)) == spool
    received = hashlib.sha1()
    url = f"{running.url}jupyter-box/files/{place}/large.bin"
    with Peak(running.process.pid) as fetching, running.http.get(url, stream=True, timeout=100) as answer:
        for block in answer.iter_content(MB):
            received.update(block)
    assert received.hexdigest() == sha1.hexdigest()
    assert sending.most < ALLOWED
    assert fetching.most < ALLOWED


def temporary_files(pid):
    return [file.path for file in psutil.Process(pid).open_files() if "tmp" in file.path and "(deleted)" in file.path]


def test_a_slow_reader_holds_the_download_back_instead_of_filling_the_memory(running, drive, place):
    drive.write("/large.bin", b"".join(blocks(60 * MB)))
    login = f"Host: localhost\r\nAuthorization: token {running.token}"
    request = f"GET /jupyter-box/files/{place}/large.bin HTTP/1.1\r\n{login}\r\n\r\n"
    with connection(running) as client, Peak(running.process.pid) as peak:
        client.sendall(request.encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        listing = running.ask("GET", "items/")
    assert listing.status_code == 200
    assert peak.most < 30 * MB


@pytest.mark.parametrize("size", [5 * MB, 60 * MB], ids=["small", "in parts"])
def test_a_client_that_goes_away_leaves_nothing_in_box(running, drive, place, size):
    login = f"Host: localhost\r\nAuthorization: token {running.token}"
    head = f"PUT /jupyter-box/files/{place}/gone.bin HTTP/1.1\r\n{login}\r\nContent-Length: {size}\r\n\r\n"
    with connection(running) as client:
        client.sendall(head.encode())
        for block in blocks(size // 2):
            client.sendall(block)
    assert eventually(lambda: re.search(rf"PUT \S+{place}/gone.bin: ", running.log))
    assert [item.name for item in drive.list("/")] == []
    assert running.ask("PUT", f"files/{place}/gone.bin", data=b"whole").status_code == 201


def test_an_upload_that_box_refuses_is_answered_although_the_body_still_comes(running, place):
    answer = running.http.put(
        f"{running.url}jupyter-box/files/{place}/no folder/x.bin", data=Sized(30 * MB), timeout=60
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_body_of_unknown_length_arrives_whole(running, drive, place):
    answer = running.http.put(f"{running.url}jupyter-box/files/{place}/chunked.bin", data=blocks(3 * MB), timeout=60)
    assert answer.status_code == 201
    assert drive.stat("/chunked.bin").size == 3 * MB


def connection(running):
    host, _, port = running.url.removeprefix("http://").strip("/").partition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def eventually(condition):
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()
