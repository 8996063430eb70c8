"""Contents in and out: direct uploads, versions, upload sessions, downloads, zips."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import socket
import zipfile

import pytest
import requests
from box_sdk_gen import (
    BoxAPIError,
    CreateZipDownloadItems,
    CreateZipDownloadItemsTypeField,
    PreflightFileUploadCheckParent,
    PromoteFileVersionType,
    UploadFileVersionAttributes,
)
from emulator_clients import client_of, error_of, invite, put_file, put_folder

SESSION_SIZE = 20_000_000


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def digest(data):
    return f"sha={base64.b64encode(hashlib.sha1(data).digest()).decode()}"


def replace(client, file, content, **options):
    return client.uploads.upload_file_version(
        file.id, UploadFileVersionAttributes(name=file.name), io.BytesIO(content), **options
    ).entries[0]


def read(client, file, **options):
    return client.downloads.download_file(file.id, **options).read()


@pytest.fixture(scope="module")
def data():
    return os.urandom(SESSION_SIZE + 12_345)


class Session:
    """An upload session over plain HTTP."""

    def __init__(self, http, folder, data, name="big.bin"):
        self.http, self.data = http, data
        body = {"folder_id": folder.id, "file_size": len(data), "file_name": name}
        self.shape = http("POST", "/api/2.0/files/upload_sessions", json=body).json()
        self.url = f"/api/2.0/files/upload_sessions/{self.shape['id']}"

    def put(self, number, content=None, digest_header=None, content_range=None):
        start = number * self.shape["part_size"]
        part = self.data[start : start + self.shape["part_size"]] if content is None else content
        headers = {
            "Content-Range": content_range or f"bytes {start}-{start + len(part) - 1}/{len(self.data)}",
            "Digest": digest_header or digest(part),
        }
        return self.http("PUT", self.url, data=part, headers=headers)

    def put_all(self):
        return [self.put(number).json()["part"] for number in range(self.shape["total_parts"])]

    def commit(self, parts, whole=None, **attributes):
        body = {"parts": parts, "attributes": attributes}
        return self.http("POST", f"{self.url}/commit", json=body, headers={"Digest": digest(whole or self.data)})


@pytest.mark.parametrize("size", [0, 1, 65_535, 1 << 20, (1 << 20) + 7, 3_000_000])
def test_what_went_up_comes_down(client, folder, size):
    content = os.urandom(size)
    file = put_file(client, "a.bin", content, folder.id)
    assert (file.size, file.sha_1) == (size, sha1(content))
    assert read(client, file) == content


@pytest.mark.parametrize("part_name", ["file", "contents", "whatever"])
def test_the_file_part_may_have_any_name(http, folder, part_name):
    attributes = json.dumps({"name": "a.txt", "parent": {"id": folder.id}})
    files = {"attributes": (None, attributes), part_name: ("a.txt", b"\r\n--abc\r\n")}
    answer = http("POST", "/api/2.0/files/content", files=files)
    assert answer.json()["entries"][0]["sha1"] == sha1(b"\r\n--abc\r\n")


def test_attributes_must_come_first(http, folder, box):
    attributes = json.dumps({"name": "a.txt", "parent": {"id": folder.id}})
    answer = http("POST", "/api/2.0/files/content", files=[("file", ("a", b"x")), ("attributes", (None, attributes))])
    assert (answer.status_code, answer.json()["code"]) == (400, "metadata_after_file_contents")


@pytest.mark.parametrize(
    ("files", "headers"),
    [
        pytest.param({"attributes": (None, "{}")}, {}, id="no file"),
        pytest.param({"file": ("a", b"x")}, {}, id="no attributes"),
        pytest.param({"attributes": (None, "{"), "file": ("a", b"x")}, {}, id="no JSON"),
        pytest.param({"attributes": (None, '{"name": "a"}'), "file": ("a", b"x")}, {}, id="no parent"),
    ],
)
def test_bad_forms_are_refused_and_leave_nothing(http, box, files, headers):
    assert http("POST", "/api/2.0/files/content", files=files, headers=headers).status_code == 400
    kept = box.call(
        lambda store: {row[0] for row in store.all("SELECT blob FROM versions UNION SELECT blob FROM sessions")}
    )
    on_disk = {path.name for path in box.call(lambda store: store.blobs.folder).glob("??/*")}
    assert on_disk <= kept


def test_the_digest_header_is_checked(client, folder):
    from box_sdk_gen import UploadFileAttributes, UploadFileAttributesParentField

    attributes = UploadFileAttributes(name="a.txt", parent=UploadFileAttributesParentField(id=folder.id))
    call = client.uploads.upload_file
    assert error_of(call, attributes, io.BytesIO(b"abc"), content_md_5=sha1(b"abd")) == (400, "bad_digest")
    assert call(attributes, io.BytesIO(b"abc"), content_md_5=sha1(b"abc")).entries[0].size == 3


def test_content_times_are_kept(http, folder):
    attributes = {"name": "a", "parent": {"id": folder.id}, "content_modified_at": "2020-02-03T04:05:06Z"}
    answer = http(
        "POST", "/api/2.0/files/content", files={"attributes": (None, json.dumps(attributes)), "file": ("a", b"")}
    )
    assert answer.json()["entries"][0]["content_modified_at"] == "2020-02-02T20:05:06-08:00"


def test_a_chunked_body_is_taken(http, folder):
    boundary = b"xyz"
    head = (
        b'--xyz\r\nContent-Disposition: form-data; name="attributes"\r\n\r\n'
        + json.dumps({"name": "c", "parent": {"id": folder.id}}).encode()
    )
    pieces = [
        head,
        b'\r\n--xyz\r\nContent-Disposition: form-data; name="file"; filename="c"\r\n\r\n',
        b"abc",
        b"\r\n--x",
        b"yz--\r\n",
    ]
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
    answer = http("POST", "/api/2.0/files/content", data=iter(pieces), headers=headers)
    assert answer.json()["entries"][0]["sha1"] == sha1(b"abc")


def test_a_new_version_keeps_the_old_one(client, folder):
    file = put_file(client, "a.txt", b"one", folder.id)
    newer = replace(client, file, b"two!")
    assert (newer.id, newer.size, int(newer.etag) > int(file.etag)) == (file.id, 4, True)
    past = client.file_versions.get_file_versions(file.id)
    assert [(entry.sha_1, entry.version_number) for entry in past.entries] == [(sha1(b"one"), "1")]
    assert read(client, file, version=past.entries[0].id) == b"one"
    assert client.file_versions.get_file_version_by_id(file.id, past.entries[0].id).size == 3


def test_if_match_guards_a_new_version(client, folder):
    file = put_file(client, "a.txt", b"one", folder.id)
    replace(client, file, b"two", if_match=file.etag)
    with pytest.raises(BoxAPIError) as error:
        replace(client, file, b"three", if_match=file.etag)
    assert error.value.response_info.status_code == 412
    assert read(client, file) == b"two"


def test_promote_delete_and_undelete_a_version(client, http, folder):
    file = put_file(client, "a.txt", b"one", folder.id)
    replace(client, file, b"two")
    old = client.file_versions.get_file_versions(file.id).entries[0]
    promoted = client.file_versions.promote_file_version(file.id, id=old.id, type=PromoteFileVersionType.FILE_VERSION)
    assert promoted.id != old.id
    assert read(client, file) == b"one"
    assert client.file_versions.get_file_versions(file.id).total_count == 2
    client.file_versions.delete_file_version_by_id(file.id, old.id)
    assert client.file_versions.get_file_version_by_id(file.id, old.id).trashed_at is not None
    assert error_of(read, client, file, version=old.id) == (404, "trashed")
    restored = http("PUT", f"/2.0/files/{file.id}/versions/{old.id}", json={"trashed_at": None})
    assert restored.json()["trashed_at"] is None


def test_the_oldest_versions_go_after_the_limit(client, box, folder):
    box.control(max_versions=2)
    file = put_file(client, "a.txt", b"0", folder.id)
    for number in range(1, 5):
        replace(client, file, str(number).encode())
    assert [entry.sha_1 for entry in client.file_versions.get_file_versions(file.id).entries] == [
        sha1(b"3"),
        sha1(b"2"),
    ]


def test_preflight_tells_before_anything_is_sent(client, http, folder):
    parent = PreflightFileUploadCheckParent(id=folder.id)
    ticket = client.uploads.preflight_file_upload_check(name="new.txt", size=10, parent=parent)
    assert ticket.upload_url.startswith("http")
    file = put_file(client, "new.txt", b"abc", folder.id)
    assert error_of(client.uploads.preflight_file_upload_check, name="NEW.txt", parent=parent) == (
        409,
        "item_name_in_use",
    )
    body = {"name": "new.txt", "parent": {"id": folder.id}}
    assert http("OPTIONS", "/2.0/files/content/", json=body).json()["context_info"]["conflicts"]["id"] == file.id
    assert http("OPTIONS", f"/2.0/files/{file.id}/content", json={"size": 5}).status_code == 200


def test_quota_and_size_are_limits(client, box, folder):
    box.control(max_file_size=10)
    assert error_of(put_file, client, "a", b"x" * 11, folder.id) == (403, "file_size_limit_exceeded")
    box.control(max_file_size=10**9, quota=5)
    assert error_of(put_file, client, "a", b"x" * 11, folder.id) == (403, "storage_limit_exceeded")


def test_the_sdk_uploads_a_big_file_and_a_big_version(client, folder, data):
    file = client.chunked_uploads.upload_big_file(io.BytesIO(data), "big.bin", len(data), folder.id)
    assert (file.size, file.sha_1) == (len(data), sha1(data))
    other = data[::-1]
    newer = client.chunked_uploads.upload_big_file_version(file.id, io.BytesIO(other), len(other))
    assert newer.sha_1 == sha1(other)


def test_a_session_takes_parts_in_any_order(http, client, folder, data):
    session = Session(http, folder, data)
    count = session.shape["total_parts"]
    for number in reversed(range(count)):
        assert session.put(number).status_code == 200
    listed = http("GET", f"{session.url}/parts").json()
    assert listed["total_count"] == count
    assert http("GET", session.url).json()["num_parts_processed"] == count
    made = session.commit(listed["entries"], content_modified_at="2020-01-01T00:00:00Z", description="d")
    assert made.status_code == 201
    file = made.json()["entries"][0]
    assert (file["sha1"], file["description"]) == (sha1(data), "d")
    assert session.commit(listed["entries"]).json()["entries"][0]["id"] == file["id"]


def test_parts_are_immutable(http, folder, data):
    session = Session(http, folder, data)
    session.put(0)
    again = session.put(0)
    assert (again.status_code, again.json()["code"]) == (409, "range_overlaps_existing_part")


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        pytest.param({"digest_header": digest(b"other")}, 400, "digest_mismatch", id="wrong digest"),
        pytest.param({"digest_header": "nonsense"}, 400, "bad_digest", id="no digest"),
        pytest.param({"content_range": "bytes 5-9/20"}, 416, "range_not_satisfiable", id="wrong range"),
        pytest.param({"content_range": "nonsense"}, 416, "range_not_satisfiable", id="no range"),
        pytest.param(
            {"content": b"short", "content_range": f"bytes 0-8388607/{SESSION_SIZE + 12_345}"},
            400,
            "bad_request",
            id="short body",
        ),
    ],
)
def test_bad_parts_are_refused_and_can_be_sent_again(http, folder, data, options, status, code):
    session = Session(http, folder, data)
    answer = session.put(0, **options)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert session.put(0).status_code == 200


def test_a_commit_is_checked(http, folder, data):
    session = Session(http, folder, data)
    parts = [session.put(number).json()["part"] for number in range(session.shape["total_parts"] - 1)]
    assert session.commit(parts).json()["code"] == "parts_mismatch"
    parts.append(session.put(len(parts)).json()["part"])
    assert session.commit(parts, whole=b"other").json()["code"] == "bad_digest"
    assert session.commit(parts[:-1]).json()["code"] == "parts_mismatch"
    assert session.commit(parts).status_code == 201


def test_sessions_are_checked_when_opened(http, client, folder):
    url = "/api/2.0/files/upload_sessions"
    good = {"folder_id": folder.id, "file_size": SESSION_SIZE, "file_name": "x"}
    for change, code in [
        ({"file_size": SESSION_SIZE - 1}, "file_size_too_small"),
        ({"file_size": None}, "missing_file_size"),
        ({"file_name": None}, "missing_file_name"),
        ({"folder_id": None}, "missing_destination"),
        ({"file_name": "a/b"}, "item_name_invalid"),
    ]:
        assert http("POST", url, json=good | change).json()["code"] == code
    put_file(client, "x", b"", folder.id)
    assert http("POST", url, json=good).json()["code"] == "item_name_in_use"


def test_a_session_can_be_aborted(client, folder):
    session = client.chunked_uploads.create_file_upload_session(folder.id, SESSION_SIZE, "x")
    client.chunked_uploads.delete_file_upload_session_by_id(session.id)
    assert error_of(client.chunked_uploads.get_file_upload_session_by_id, session.id) == (
        400,
        "invalid_upload_session_id",
    )


def test_a_session_expires_and_belongs_to_one_user(client, box, folder, someone):
    session = client.chunked_uploads.create_file_upload_session(folder.id, SESSION_SIZE, "x")
    assert error_of(someone[1].chunked_uploads.get_file_upload_session_by_id, session.id) == (403, "forbidden")
    box.control(session_lifetime=0)
    session = client.chunked_uploads.create_file_upload_session(folder.id, SESSION_SIZE, "y")
    assert error_of(client.chunked_uploads.get_file_upload_session_by_id, session.id) == (410, "session_expired")


def test_part_size_is_the_servers(box, http, folder, data):
    box.control(part_size=5_000_000)
    session = Session(http, folder, data)
    assert (session.shape["part_size"], session.shape["total_parts"]) == (5_000_000, 5)
    assert session.commit(session.put_all()).status_code == 201


def test_plan_names_what_is_missing(http, folder, data):
    session = Session(http, folder, data)
    size = session.shape["part_size"]
    part = {"offset": 0, "size": size, "sha512": hashlib.sha512(data[:size]).hexdigest()}
    assert http("POST", f"{session.url}/plan", json={"parts": [part]}).json()["misses"] == [part]


def test_a_download_is_redirected_to_another_port_without_credentials(http, box, client, folder):
    file = put_file(client, "a.txt", b"0123456789", folder.id)
    location = http("GET", f"/2.0/files/{file.id}/content").headers["Location"]
    assert not location.startswith(box.url)
    assert requests.get(location, timeout=10).content == b"0123456789"
    assert requests.get(location.replace("/download?", "x/download?"), timeout=10).status_code == 404
    box.control(clock_offset=1000)
    assert requests.get(location, timeout=10).status_code == 403


@pytest.mark.parametrize(
    ("header", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=8-100", 206, b"89"),
        ("bytes=10-", 416, b""),
        ("nonsense", 200, b"0123456789"),
    ],
)
def test_ranges(http, client, folder, header, status, content):
    file = put_file(client, "a.txt", b"0123456789", folder.id)
    location = http("GET", f"/2.0/files/{file.id}/content").headers["Location"]
    answer = requests.get(location, headers={"Range": header}, timeout=10)
    assert (answer.status_code, answer.content) == (status, content)
    assert requests.head(location, timeout=10).headers["Content-Length"] == "10"


def test_a_browser_downloads_with_the_token_in_the_address(box, client, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    url = f"{box.url}/2.0/files/{file.id}/content?access_token={box.token()}"
    assert requests.get(url, timeout=10).content == b"abc"
    assert "access_token" not in json.dumps(box.log)


def test_a_zip_holds_what_was_asked_for(client, folder):
    inner = put_folder(client, "inner", folder.id)
    put_file(client, "a.txt", b"abc", inner.id)
    file = put_file(client, "b.txt", b"bcd", folder.id)
    kinds = CreateZipDownloadItemsTypeField
    items = [
        CreateZipDownloadItems(type=kinds.FOLDER, id=inner.id),
        CreateZipDownloadItems(type=kinds.FILE, id=file.id),
    ]
    zipped = client.zip_downloads.create_zip_download(items, download_file_name="all")
    assert error_of(client.zip_downloads.get_zip_download_status, zipped.status_url)[0] == 404
    content = client.zip_downloads.get_zip_download_content(zipped.download_url).read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "inner/": b"",
            "inner/a.txt": b"abc",
            "b.txt": b"bcd",
        }
    status = client.zip_downloads.get_zip_download_status(zipped.status_url)
    assert (status.state.value, status.total_file_count, status.downloaded_file_count) == ("succeeded", 2, 2)
    assert requests.get(zipped.download_url, timeout=10).status_code == 404


def test_zips_have_limits_and_name_conflicts(http, client, folder):
    root = {"items": [{"type": "folder", "id": "0"}]}
    assert http("POST", "/2.0/zip_downloads", json=root).status_code == 400
    first, second = put_folder(client, "one", folder.id), put_folder(client, "two", folder.id)
    items = [{"type": "file", "id": put_file(client, "same.txt", b"x", parent.id).id} for parent in (first, second)]
    answer = http("POST", "/2.0/zip_downloads", json={"items": items}).json()
    assert [entry["download_name"] for entry in answer["name_conflicts"][0]] == ["same.txt", "same (1).txt"]


def zip_of(client, folder, content):
    file = put_file(client, "in-a-zip.bin", content, folder.id)
    return [CreateZipDownloadItems(type=CreateZipDownloadItemsTypeField.FILE, id=file.id)]


def test_so_many_zips_come_at_once(client, someone, box, folder):
    items = zip_of(client, folder, bytes(16 << 20))
    others = [client_of(box, box.token(user)) for user in (someone[0], box.add_user("Another"))]
    for other in others:
        invite(client, folder.id, "viewer", other.users.get_user_me().id)

    def fetch(asker):
        url = asker.zip_downloads.create_zip_download(items).download_url
        return requests.get(url, stream=True, timeout=10)

    answers = [fetch(client) for _ in range(5)]
    assert code_of(fetch(client)) == (429, "user_too_many_concurrent_downloads")
    answers += [fetch(others[0]) for _ in range(5)]
    assert code_of(fetch(others[1])) == (429, "enterprise_too_many_concurrent_downloads")
    assert all(len(answer.content) > 16 << 20 for answer in answers)
    assert len(fetch(client).content) > 16 << 20


def code_of(answer):
    return answer.status_code, answer.json()["code"]


def test_a_zip_that_is_too_large_is_refused(client, box, folder):
    items = zip_of(client, folder, b"x" * 1000)
    box.control(max_file_size=999)
    assert error_of(client.zip_downloads.create_zip_download, items) == (
        400,
        "zip_download_pre_compressed_bytes_exceeded_limit",
    )


def test_a_session_wants_a_folder_that_is_there(client):
    create = client.chunked_uploads.create_file_upload_session
    assert error_of(create, "999", 30_000_000, "x.bin") == (404, "invalid_parameter")


def test_a_zip_that_breaks_off_has_failed(client, box, folder):
    made = client.zip_downloads.create_zip_download(zip_of(client, folder, b"x" * 1000))
    box.fault("truncate", "GET .*zip_downloads", bytes=100)
    with pytest.raises(requests.RequestException):
        requests.get(made.download_url, timeout=10)
    assert client.zip_downloads.get_zip_download_status(made.status_url).state.value == "failed"


def test_expect_100_continue_is_answered(box, folder):
    host, port = box.url.removeprefix("http://").split(":")
    body = json.dumps({"name": "expected", "parent": {"id": folder.id}}).encode()
    lines = [
        "POST /2.0/folders HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {box.token()}",
        f"Content-Length: {len(body)}",
        "Expect: 100-continue",
    ]
    head = "\r\n".join(lines) + "\r\n\r\n"
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 201")
