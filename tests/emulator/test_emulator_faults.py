"""Every fault can be switched on, hits what it should, and goes away."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import nbformat
import pytest
import requests
from box_sdk_gen import UpdateFolderByIdParent
from emulator_clients import Http, client_of, error_of, put_file, put_folder

from jupyter_box.emulator import Emulator


def location(http, file):
    return http("GET", f"/2.0/files/{file.id}/content").headers["Location"]


def test_too_many_requests_with_seconds_and_with_a_date(http, box):
    box.fault("rate_limit", "GET /2.0/users/me", retry_after=7)
    first, second = http("GET", "/2.0/users/me"), http("GET", "/2.0/users/me")
    assert (first.status_code, first.headers["Retry-After"], second.status_code) == (429, "7", 200)
    assert first.json()["code"] == "rate_limit_exceeded"
    box.fault("rate_limit", "users", retry_after=60, as_date=True)
    when = parsedate_to_datetime(http("GET", "/2.0/users/me").headers["Retry-After"]).timestamp()
    assert 50 < when - time.time() < 70


def test_rules_count(http, box):
    box.fault("error", "users/me", status=503, every=2, after=1, times=2)
    codes = [http("GET", "/2.0/users/me").status_code for _ in range(7)]
    assert codes == [200, 200, 503, 200, 503, 200, 200]


def test_rate_limits_can_be_switched_on(box, client):
    box.control(rate_limit="3,2,1")
    http = Http(box, box.token(box.add_user("Busy")))
    assert [http("GET", "/2.0/search?query=x").status_code for _ in range(2)] == [200, 429]
    answer = http("GET", "/2.0/users/me")
    assert answer.status_code == 200 or int(answer.headers["Retry-After"]) <= 60
    assert http("GET", "/2.0/users/me").status_code == 429


def test_an_error_after_the_work_was_done(client, box, folder):
    box.fault("error", "POST /2.0/folders", status=500, applied=True)
    assert error_of(put_folder, client, "made", folder.id) == (500, "internal_server_error")
    assert [item.name for item in client.folders.get_folder_items(folder.id).entries] == ["made"]


def test_a_lost_reply(http, client, box, folder):
    box.fault("lost_reply", "POST /2.0/folders")
    with pytest.raises(requests.ConnectionError):
        http("POST", "/2.0/folders", json={"name": "made", "parent": {"id": folder.id}})
    assert [item.name for item in client.folders.get_folder_items(folder.id).entries] == ["made"]


def test_a_reset_in_an_upload_leaves_nothing(http, client, box, folder):
    box.fault("reset_request", "POST /api/2.0/files/content", bytes=1_000_000)
    attributes = json.dumps({"name": "a", "parent": {"id": folder.id}})
    with pytest.raises(requests.ConnectionError):
        http(
            "POST",
            "/api/2.0/files/content",
            files={"attributes": (None, attributes), "file": ("a", os.urandom(5_000_000))},
        )
    assert client.folders.get_folder_items(folder.id).entries == []
    assert put_file(client, "a", b"x", folder.id).size == 1


@pytest.mark.parametrize("route", ["GET /2.0/users/me", "GET /users/me", "^GET /users", "me$", "users"])
def test_routes_are_named_with_or_without_the_prefix(http, box, route):
    box.fault("error", route, status=502)
    assert [http("GET", "/2.0/users/me").status_code for _ in range(2)] == [502, 200]


@pytest.mark.parametrize("fault", ["reset_response", "truncate"])
def test_a_download_breaks_off(http, client, box, folder, fault):
    file = put_file(client, "a", os.urandom(3_000_000), folder.id)
    box.fault(fault, "GET /d/1/", bytes=1_500_000)
    got = bytearray()

    def read():
        with requests.get(location(http, file), stream=True, timeout=10) as answer:
            for chunk in answer.iter_content(100_000):
                got.extend(chunk)

    with pytest.raises(requests.RequestException):
        read()
    assert len(got) < 3_000_000
    got.clear()
    read()
    assert len(got) == 3_000_000


def test_a_download_is_corrupted(http, client, box, folder):
    content = os.urandom(100_000)
    file = put_file(client, "a", content, folder.id)
    box.fault("corrupt", "GET /d/1/", bytes=50_000)
    bad = requests.get(location(http, file), timeout=10).content
    assert [place for place in range(100_000) if bad[place] != content[place]] == [50_000]


def test_a_wrong_digest_is_told(client, box, folder):
    box.fault("wrong_sha1", "POST /api/2.0/files/content")
    assert put_file(client, "a", b"abc", folder.id).sha_1 == "0" * 40
    assert put_file(client, "b", b"abc", folder.id).sha_1 == hashlib.sha1(b"abc").hexdigest()


def test_a_download_is_not_ready(http, client, box, folder):
    file = put_file(client, "a", b"abc", folder.id)
    box.fault("accepted", f"GET /2.0/files/{file.id}/content", retry_after=2)
    first = http("GET", f"/2.0/files/{file.id}/content")
    assert (first.status_code, first.headers["Retry-After"], first.content) == (202, "2", b"")
    assert http("GET", f"/2.0/files/{file.id}/content").status_code == 302


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"fault": "accepted", "times": 2}, 202),
        ({"fault": "error", "status": 400, "code": "parts_mismatch", "times": 2}, 400),
    ],
)
def test_a_commit_takes_several_attempts(http, client, box, folder, fault, status):
    import base64

    data = os.urandom(20_000_000)
    session = client.chunked_uploads.create_file_upload_session(folder.id, len(data), "big")
    parts = []
    for start in range(0, len(data), session.part_size):
        part = data[start : start + session.part_size]
        digest = f"sha={base64.b64encode(hashlib.sha1(part).digest()).decode()}"
        put = client.chunked_uploads.upload_file_part(
            session.id, io.BytesIO(part), digest, f"bytes {start}-{start + len(part) - 1}/{len(data)}"
        )
        parts.append(put.part.to_dict())
    whole = f"sha={base64.b64encode(hashlib.sha1(data).digest()).decode()}"
    box.control(fault={"route": "/commit", **fault})
    url = f"/api/2.0/files/upload_sessions/{session.id}/commit"
    codes = [http("POST", url, json={"parts": parts}, headers={"Digest": whole}).status_code for _ in range(3)]
    assert codes == [status, status, 201]


def test_a_slow_move_blocks_its_trees(client, box, folder):
    source, target, free = (put_folder(client, name, folder.id) for name in ("source", "target", "free"))
    box.fault("busy", f"PUT /2.0/folders/{source.id}", name="move")
    move = threading.Thread(
        target=client.folders.update_folder_by_id,
        args=(source.id,),
        kwargs={"parent": UpdateFolderByIdParent(id=target.id)},
    )
    move.start()
    box.wait_held("move")
    blocked = (409, "operation_blocked_temporary")
    assert error_of(put_folder, client, "x", source.id) == blocked
    assert error_of(put_folder, client, "x", target.id) == blocked
    assert error_of(client.folders.update_folder_by_id, source.id, name="y") == blocked
    assert put_folder(client, "x", free.id).name == "x"
    box.release("move")
    move.join(10)
    assert client.folders.get_folder_by_id(source.id).parent.id == target.id
    assert put_folder(client, "x", source.id).name == "x"


def test_a_token_is_refused_once(http, box):
    box.fault("unauthorized", "users/me")
    assert [http("GET", "/2.0/users/me").status_code for _ in range(2)] == [401, 200]


def test_requests_can_be_held(http, box, folder):
    box.fault("hold", "GET /2.0/folders", name="list", times=2)
    threads = [threading.Thread(target=http, args=("GET", f"/2.0/folders/{folder.id}/items")) for _ in range(2)]
    for thread in threads:
        thread.start()
    box.wait_held("list", 2)
    assert all(thread.is_alive() for thread in threads)
    box.release("list")
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_latency_and_bandwidth_slow_things_down(http, client, box, folder):
    file = put_file(client, "a", os.urandom(400_000), folder.id)
    url = location(http, file)

    def took(path):
        start = time.monotonic()
        requests.get(path, timeout=20)
        return time.monotonic() - start

    box.control(latency=0.2)
    assert took(url) >= 0.2
    box.control(latency=0, bandwidth=1_000_000)
    assert took(url) >= 0.35


def test_a_slow_line_slows_nobody_else(http, client, box, folder):
    box.control(bandwidth=200_000)
    slow = threading.Thread(target=put_file, args=(client, "slow", os.urandom(400_000), folder.id))
    slow.start()
    other = Http(box, box.token())
    assert all(other("GET", "/2.0/users/me").status_code == 200 for _ in range(5))
    assert slow.is_alive()
    slow.join(10)


def test_counts_and_log_hold_no_secrets(http, box, client, folder):
    box.clear()
    for _ in range(3):
        http("GET", f"/2.0/folders/{folder.id}/items")
    http("GET", f"/2.0/users/me?access_token={box.token()}")
    assert box.counts["get_folders_id_items"] == 3
    assert box.log[-1]["operation"] == "get_users_me"
    text = json.dumps(box.control())
    assert "access_token" not in text
    assert box.env["BOX_CLIENT_SECRET"] not in text


def test_switches_work_over_http(box):
    answer = requests.post(
        f"{box.url}/_control", json={"latency": 0.001, "fault": {"fault": "error", "route": "x"}}, timeout=10
    )
    assert answer.json()["latency"] == 0.001
    assert requests.get(f"{box.url}/_control", timeout=10).json()["faults"][0]["fault"] == "error"
    for bad in ({"nonsense": 1}, {"fault": {"fault": "nonsense"}}, [1]):
        assert requests.post(f"{box.url}/_control", json=bad, timeout=10).status_code == 400


def test_a_browser_is_let_in_and_told_apart(http, box, folder):
    origin = {"Origin": "http://localhost:8888"}
    ask = {**origin, "Access-Control-Request-Method": "OPTIONS", "Access-Control-Request-Headers": "authorization"}
    preflight = requests.options(f"{box.url}/2.0/files/content", headers=ask, timeout=10)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    assert "OPTIONS" in preflight.headers["Access-Control-Allow-Methods"]
    real = http("OPTIONS", "/2.0/files/content", json={"name": "x", "parent": {"id": folder.id}}, headers=origin)
    assert real.json()["upload_url"]
    assert real.headers["Access-Control-Allow-Origin"] == origin["Origin"]


def test_it_says_that_it_is_not_box(box):
    answer = requests.get(box.url, timeout=10)
    assert "This is not Box" in answer.text
    assert "not Box" in answer.headers["Server"]


def test_unknown_switches_are_refused():
    with pytest.raises(ValueError, match="no such switch: latancy"):
        Emulator(latancy=1).start()


def test_a_taken_port_is_an_error(box):
    with pytest.raises(OSError, match="in use"):
        Emulator(port=int(box.url.rpartition(":")[2])).start()


def test_a_folder_is_served_once(tmp_path):
    with Emulator(tmp_path), pytest.raises(OSError, match="another emulator serves"):
        Emulator(tmp_path).start()
    with Emulator(tmp_path) as again:
        assert again.url


def test_the_sample_drive(tmp_path):
    with Emulator(seed=True) as emulator:
        http = Http(emulator, emulator.token())
        root = {item["name"]: item["id"] for item in http("GET", "/2.0/folders/0/items").json()["entries"]}
        assert {"Maintenance", "Quality", "Notebooks", "Inspection images", "Batch records", "Shared by Greta"} <= set(
            root
        )
        assert http("GET", f"/2.0/folders/{root['Batch records']}/items").json()["total_count"] == 2500
        names = {
            item["name"]: item["id"]
            for item in http("GET", f"/2.0/folders/{root['Notebooks']}/items").json()["entries"]
        }
        for key in names.values():
            nbformat.validate(nbformat.reads(http("GET", f"/2.0/files/{key}/content", allow_redirects=True).text, 4))
        big = http("GET", "/2.0/search?query=vibration&file_extensions=f32&fields=size").json()["entries"]
        assert big[0]["size"] > 60_000_000
        assert http("GET", "/2.0/folders/trash/items").json()["total_count"] == 2


def test_an_upload_that_the_client_abandons_leaves_nothing(client, box, folder):
    session = client.chunked_uploads.create_file_upload_session(folder.id, 20_000_000, "x")
    host, port = box.url.removeprefix("http://").split(":")
    lines = [
        f"PUT /api/2.0/files/upload_sessions/{session.id} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {box.token()}",
        "Content-Length: 8388608",
        "Content-Range: bytes 0-8388607/20000000",
        "Digest: sha=YWJj",
    ]
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + b"x" * 100_000)
        deadline = time.monotonic() + 10
        while not box.call(lambda store: store.sessions.writing.get(session.id)):
            assert time.monotonic() < deadline
    while box.call(lambda store: store.sessions.writing.get(session.id)):
        assert time.monotonic() < deadline


def test_sixteen_connections_at_once(box, client, folder):
    from concurrent.futures import ThreadPoolExecutor

    content = os.urandom(300_000)

    def one(number):
        file = put_file(client, f"{number}.bin", content, folder.id)
        return client.downloads.download_file(file.id).read() == content

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(48)))
    assert client.folders.get_folder_items(folder.id).total_count == 48


def test_a_large_tree_goes_at_once(client, box, folder):
    sub = put_folder(client, "sub", folder.id)
    box.fill(sub.id, 20_000)
    client.folders.delete_folder_by_id(sub.id, recursive=True)
    client.trashed_folders.delete_trashed_folder_by_id(sub.id)
    assert box.call(lambda store: store.value("SELECT COUNT(*) FROM items WHERE parent = ?", int(sub.id))) == 0


def test_the_trash_empties_itself(client, box, folder):
    file = put_file(client, "a", b"abc", folder.id)
    client.files.delete_file_by_id(file.id)
    box.control(clock_offset=31 * 86400)
    assert error_of(client_of(box, box.token()).trashed_files.get_trashed_file_by_id, file.id) == (404, "not_found")


def test_a_drive_in_memory_leaves_nothing():
    with Emulator() as emulator:
        folder = emulator.call(lambda store: store.folder)
        assert Path(emulator.env["BOX_JWT_CONFIG_FILE"]).exists()
    assert not folder.exists()


class Command:
    """`jupyter box emulator` as a process."""

    def __init__(self, folder, *more):
        self.env_file = folder / "box.env"
        code = "import sys; from jupyter_box.emulator import main; sys.exit(main(sys.argv[1:]))"
        arguments = [sys.executable, "-c", code, "--data", str(folder / "data"), "--env", str(self.env_file), *more]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        self.said = [self.process.stdout.readline(), self.process.stdout.readline()]
        self.env = dict(line.split("=", 1) for line in self.env_file.read_text().splitlines())

    def token(self):
        form = {
            "grant_type": "client_credentials",
            "client_id": self.env["BOX_CLIENT_ID"],
            "client_secret": self.env["BOX_CLIENT_SECRET"],
            "box_subject_type": "enterprise",
            "box_subject_id": self.env["BOX_ENTERPRISE_ID"],
        }
        return requests.post(f"{self.env['BOX_URL']}/api/oauth2/token", data=form, timeout=10).json()["access_token"]

    def http(self, method, path, **options):
        headers = {"Authorization": f"Bearer {self.token()}"}
        return requests.request(method, self.env["BOX_URL"] + path, headers=headers, timeout=10, **options)

    def end(self, number):
        self.process.send_signal(number)
        code = self.process.wait(10)
        self.process.stdout.close()
        return code


def test_the_command_survives_a_kill(tmp_path):
    first = Command(tmp_path)
    try:
        assert "not Box" in first.said[0]
        assert first.env["BOX_URL"] in first.said[1]
        for secret in (first.env_file, Path(first.env["BOX_JWT_CONFIG_FILE"])):
            assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        attributes = json.dumps({"name": "kept", "parent": {"id": "0"}})
        first.http("POST", "/api/2.0/files/content", files={"attributes": (None, attributes), "file": ("x", b"abc")})
    finally:
        first.end(signal.SIGKILL)
    second = Command(tmp_path, "--port", first.env["BOX_URL"].rpartition(":")[2])
    try:
        assert second.env == first.env
        kept = second.http("GET", "/2.0/folders/0/items").json()["entries"]
        assert [item["name"] for item in kept] == ["kept"]
        assert second.http("GET", f"/2.0/files/{kept[0]['id']}/content").content == b"abc"
    finally:
        assert second.end(signal.SIGTERM) == 0
