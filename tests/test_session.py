"""The policy of every call: retries, waits, limits, redirects, and Box's refusals in our words."""

from __future__ import annotations

import io
import mmap
import socket
import ssl
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from box_sdk_gen import UploadFileAttributes, UploadFileAttributesParentField
from scripted import Answer, Scripted, Stopwatch

from jupyter_box._problems import BY_CODE, BY_STATUS, FAILURES
from jupyter_box.auth import Auth
from jupyter_box.config import BoxConfig, DeveloperToken, Endpoints, RateLimit
from jupyter_box.errors import (
    BoxError,
    Busy,
    Cancelled,
    Changed,
    Corrupted,
    Denied,
    Exists,
    InvalidName,
    NotAuthorized,
    NotFound,
    QuotaFull,
    TooLarge,
    Unreachable,
)
from jupyter_box.session import Session, waiting

OFF = RateLimit(None, None, None)
TOKEN = "canary-t0ken"


def connected(url, *, clock=None, limits=OFF, deadline=600, token=TOKEN):
    where = Endpoints(url, f"{url}/api", f"{url}/api/oauth2")
    return Session(Auth(DeveloperToken(token), where), where, limits, deadline=deadline, clock=clock or Stopwatch())


@pytest.fixture
def clock():
    return Stopwatch()


@pytest.fixture
def session(box, clock):
    with connected(box.url, clock=clock, token=box.token()) as session:
        yield session


def refused(action):
    with pytest.raises(BoxError) as caught:
        action()
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    return caught.value


# Box's codes with the statuses that Box sends them with, and what a caller of ours gets.
CODES = [
    (404, "not_found", NotFound),
    (404, "trashed", NotFound),
    (403, "insufficient_scope", Denied),
    (403, "access_denied_insufficient_permissions", Denied),
    (403, "access_denied_item_locked", Denied),
    (403, "access_from_location_blocked", Denied),
    (403, "forbidden", Denied),
    (403, "forbidden_by_policy", Denied),
    (403, "cannot_make_collaborated_subfolder_private", Denied),
    (403, "terms_of_service_required", Denied),
    (403, "user_email_confirmation_required", Denied),
    (403, "storage_limit_exceeded", QuotaFull),
    (403, "file_size_limit_exceeded", TooLarge),
    (409, "item_name_in_use", Exists),
    (400, "user_already_collaborator", Exists),
    (409, "conflict", Exists),
    (409, "recent_similar_comment", Exists),
    (409, "session_conflict", Exists),
    (409, "range_overlaps_existing_part", Exists),
    (400, "folder_not_empty", Exists),
    (409, "operation_blocked_temporary", Busy),
    (409, "name_temporarily_reserved", Busy),
    (400, "parts_mismatch", Corrupted),
    (429, "rate_limit_exceeded", Busy),
    (429, "user_too_many_concurrent_downloads", Busy),
    (429, "enterprise_too_many_concurrent_downloads", Busy),
    (412, "precondition_failed", Changed),
    (412, "sync_item_precondition_failed", Changed),
    (400, "item_name_invalid", InvalidName),
    (400, "item_name_too_long", InvalidName),
    (400, "bad_digest", Corrupted),
    (400, "digest_mismatch", Corrupted),
    (400, "file_size_too_small", InvalidName),
    (400, "cyclical_folder_structure", InvalidName),
    (410, "session_expired", NotFound),
    (400, "invalid_upload_session_id", NotFound),
    (410, "upload_failed", BoxError),
    (401, "unauthorized", NotAuthorized),
]
STATUSES = {
    400: InvalidName,
    401: NotAuthorized,
    403: Denied,
    404: NotFound,
    405: Denied,
    409: Exists,
    410: NotFound,
    411: InvalidName,
    412: Changed,
    413: TooLarge,
    415: InvalidName,
    416: InvalidName,
    423: Denied,
    429: Busy,
    500: BoxError,
    501: BoxError,
    502: Unreachable,
    503: Busy,
    504: Unreachable,
    507: QuotaFull,
}


def test_every_row_of_the_translation_is_tested():
    assert {code for _, code, _ in CODES} == set(BY_CODE)
    assert set(STATUSES) == set(BY_STATUS)


@pytest.mark.parametrize(("status", "code", "error"), CODES, ids=[code for _, code, _ in CODES])
def test_a_code_of_box_becomes_our_error(status, code, error):
    body = {"type": "error", "status": status, "code": code, "message": "Box says", "request_id": "r7"}
    with Scripted(*[Answer(status, body)] * 200) as server, connected(server.url) as session:
        found = refused(lambda: session.call("PUT", "/files/1", json={}, what="reports/q3.csv"))
    if status != 401:
        assert type(found) is error
        assert found.code == code
        assert found.request_id == "r7"
        assert "reports/q3.csv" in found.message or status in (403, 429)
    assert isinstance(found, error)


@pytest.mark.parametrize(("status", "error"), STATUSES.items())
def test_a_status_without_a_code_becomes_our_error(status, error):
    with Scripted(*[Answer(status, {})] * 200) as server, connected(server.url) as session:
        assert type(refused(lambda: session.call("GET", "/files/1"))) is error


@pytest.mark.parametrize(
    "conflicts", [[{"id": "77", "type": "folder"}], {"id": "77", "type": "file"}], ids=["list", "object"]
)
def test_a_conflict_carries_the_id_of_what_is_there(conflicts):
    body = {"code": "item_name_in_use", "context_info": {"conflicts": conflicts}}
    with Scripted(Answer(409, body)) as server, connected(server.url) as session:
        assert refused(lambda: session.call("POST", "/folders", json={})).item_id == "77"


def test_the_reason_within_a_bad_request_counts():
    body = {"code": "bad_request", "context_info": {"errors": [{"reason": "item_name_too_long", "name": "name"}]}}
    with Scripted(Answer(400, body)) as server, connected(server.url) as session:
        found = refused(lambda: session.call("POST", "/folders", json={}, what="x"))
    assert found.code == "item_name_too_long"


def test_a_page_that_is_not_box_is_told_as_such():
    pages = [Answer(200, html="<html>Sign in to the Wi-Fi</html>"), Answer(403, html="<html>Blocked</html>")]
    with Scripted(*pages) as server, connected(server.url) as session:
        for _ in pages:
            assert refused(lambda: session.call("GET", "/users/me")).code == "not_box"


def date_in(seconds):
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "12"}, 12),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": date_in(30), "Date": date_in(0)}, 30),
        ({"Retry-After": date_in(-9), "Date": date_in(0)}, 0.05),
    ],
    ids=["seconds", "fraction", "date", "date in the past"],
)
@pytest.mark.parametrize("status", [429, 503, 202])
def test_retry_after_is_obeyed(clock, status, headers, wait):
    with (
        Scripted(Answer(status, {}, headers), Answer(200, {"id": "1"})) as server,
        connected(server.url, clock=clock) as session,
    ):
        assert session.call("GET", "/files/1") == {"id": "1"}
    assert clock.waits == pytest.approx([wait], abs=1.1 if wait == 30 else 0.01)


def test_without_retry_after_the_waits_grow(clock):
    with Scripted(*[Answer(500, {})] * 4) as server, connected(server.url, clock=clock) as session:
        session.call("GET", "/files/1")
    assert len(clock.waits) == 4
    assert clock.waits == sorted(clock.waits)
    assert clock.waits[3] == pytest.approx(8 * clock.waits[0])


@pytest.mark.parametrize(
    "answer",
    [
        Answer(202, None, {"Retry-After": "10"}),
        Answer(429, {}, {"Retry-After": "100"}),
        Answer(409, {"code": "operation_blocked_temporary"}),
    ],
    ids=["not ready", "throttled", "blocked"],
)
def test_no_wait_goes_past_the_deadline(clock, answer):
    with Scripted(*[answer] * 100) as server, connected(server.url, clock=clock, deadline=250) as session:
        assert isinstance(refused(lambda: session.call("GET", "/files/1")), Busy)
    assert sum(clock.waits) <= 250
    assert len(clock.waits) > 1


def test_a_call_that_must_not_be_repeated_is_not(clock):
    with Scripted(Answer(503, {}), Answer(200, {})) as server, connected(server.url, clock=clock) as session:
        refused(lambda: session.call("POST", "/folders", json={}, retry=False))
        assert len(server.seen) == 1


@pytest.mark.parametrize("fault", ["reset_request", "lost_reply", "reset_response"])
def test_a_broken_connection_is_tried_again(box, session, fault):
    box.fault(fault, "GET /2.0/folders/0")
    assert session.call("GET", "/folders/0")["id"] == "0"


def test_a_delete_whose_reply_was_lost_counts_as_done(box, session):
    folder = session.call("POST", "/folders", json={"name": "lost", "parent": {"id": "0"}})
    box.fault("lost_reply", f"DELETE /2.0/folders/{folder['id']}")
    assert session.call("DELETE", f"/folders/{folder['id']}") is None
    with pytest.raises(NotFound):
        session.call("GET", f"/folders/{folder['id']}")


def test_a_delete_of_what_is_not_there_fails(session):
    assert isinstance(refused(lambda: session.call("DELETE", "/folders/999999")), NotFound)


def test_who_waits_hears_why():
    heard = []
    with (
        Scripted(Answer(429, {}, {"Retry-After": "12"})) as server,
        connected(server.url) as session,
        waiting(lambda seconds, reason: heard.append((seconds, reason))),
    ):
        session.call("GET", "/files/1")
    assert heard == [(12.0, "Box asks us to wait 12 s")]


def test_a_listener_may_end_the_wait(clock):
    def stop(_seconds, _reason):
        raise Cancelled("Stopped.")

    with (
        Scripted(Answer(429, {}, {"Retry-After": "12"})) as server,
        connected(server.url, clock=clock) as session,
        waiting(stop),
    ):
        assert isinstance(refused(lambda: session.call("GET", "/files/1")), Cancelled)
    assert clock.waits == []


def test_cancelling_ends_a_wait_at_once(box):
    from jupyter_box._network import CLOCK

    cancel, begun = threading.Event(), threading.Event()
    box.fault("rate_limit", "GET /2.0/folders/0", retry_after=100, times=None)
    with connected(box.url, clock=CLOCK, token=box.token()) as session:

        def work():
            with waiting(lambda *_: begun.set(), cancel=cancel):
                return refused(lambda: session.call("GET", "/folders/0"))

        with ThreadPoolExecutor(1) as pool:
            outcome = pool.submit(work)
            assert begun.wait(10)
            cancel.set()
            assert isinstance(outcome.result(10), Cancelled)


def test_cancelled_work_sends_nothing(box, session):
    cancel = threading.Event()
    cancel.set()
    with waiting(cancel=cancel):
        assert isinstance(refused(lambda: session.call("GET", "/folders/0")), Cancelled)
    assert box.counts == {}


def test_no_minute_sees_more_calls_than_the_limit(clock):
    with Scripted() as server, connected(server.url, clock=clock, limits=RateLimit(5, 5, 5)) as session:
        times = []
        for _ in range(13):
            session.call("GET", "/folders/0")
            times.append(clock.now - 1000)
    assert times == [0.0] * 5 + [60.0] * 5 + [120.0] * 3


@pytest.mark.parametrize(
    ("limits", "send"),
    [
        (
            RateLimit(100, 2, 100),
            lambda session, url: session.send("POST", f"{url}/api/2.0/files/content", kind="upload"),
        ),
        (RateLimit(100, 100, 2), lambda session, _: session.call("GET", "/search", params={"query": "x"})),
    ],
    ids=["uploads", "searches"],
)
def test_uploads_and_searches_have_budgets_of_their_own(clock, limits, send):
    with Scripted() as server, connected(server.url, clock=clock, limits=limits) as session:
        for _ in range(3):
            send(session, server.url)
        session.call("GET", "/folders/0")
    assert clock.waits == [60.0]


def test_sessions_of_one_identity_share_their_budget(clock):
    limits = RateLimit(4, 4, 4)
    with Scripted() as server:
        sessions = [connected(server.url, clock=clock, limits=limits) for _ in range(2)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: sessions[n % 2].call("GET", "/folders/0"), range(4)))
        assert clock.waits == []
        sessions[0].call("GET", "/folders/0")
        assert clock.waits == [60.0]
        for session in sessions:
            session.close()


def test_a_used_up_budget_past_the_deadline_is_told(clock):
    with Scripted() as server, connected(server.url, clock=clock, limits=RateLimit(1, 1, 1), deadline=30) as session:
        session.call("GET", "/folders/0")
        found = refused(lambda: session.call("GET", "/folders/0"))
    assert found.code == "own_rate_limit"
    assert found.retry_after == pytest.approx(60)
    assert clock.waits == []


def test_a_redirect_to_another_host_carries_nothing_of_ours():
    with Scripted(Answer(200, {"from": "elsewhere"})) as other:
        away = Answer(302, None, {"Location": f"{other.url}/d/1?signed=yes"})
        with Scripted(away) as server, connected(server.url) as session:
            headers = {"Range": "bytes=0-9", "BoxApi": "shared_link=x&shared_link_password=y", "As-User": "5"}
            response = session.send("GET", f"{server.url}/2.0/files/1/content", headers=headers, kind="download")
            assert response.json() == {"from": "elsewhere"}
            assert server.seen[0][2]["Authorization"] == f"Bearer {TOKEN}"
        (_, _, got, _) = other.seen[0]
    assert got["Range"] == "bytes=0-9"
    assert not {"Authorization", "BoxApi", "As-User"} & set(got)


def test_a_redirect_can_be_left_to_the_caller():
    with (
        Scripted(Answer(302, None, {"Location": "http://elsewhere.invalid/"})) as server,
        connected(server.url) as session,
    ):
        response = session.send("GET", f"{server.url}/2.0/files/1/content", follow=False)
    assert response.headers["Location"] == "http://elsewhere.invalid/"


def test_netrc_is_never_read(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Scripted(Answer(302, None, {"Location": "/again"})) as server, connected(server.url) as session:
        session.send("GET", f"{server.url}/x", authorize=False)
    assert len(server.seen) == 2
    assert not any("Authorization" in headers for _, _, headers, _ in server.seen)


def _mapped(content):
    area = mmap.mmap(-1, len(content))
    area.write(content)
    area.seek(0)
    return area


@pytest.mark.parametrize(
    "body",
    [
        lambda: b"content",
        lambda: memoryview(b"xxcontentxx")[2:9],
        lambda: bytearray(b"content"),
        lambda: _mapped(b"content"),
        lambda: io.BytesIO(b"content"),
        lambda: lambda: io.BytesIO(b"content"),
    ],
    ids=["bytes", "memoryview", "bytearray", "mmap", "stream", "function"],
)
def test_a_body_is_sent_whole_again_after_a_failure(body):
    with Scripted(Answer(500, {}), Answer(429, {}, {"Retry-After": "1"})) as server, connected(server.url) as session:
        session.send("PUT", f"{server.url}/part", data=body(), kind="part")
    assert [sent for _, _, _, sent in server.seen] == [b"content"] * 3


def test_a_stream_is_rewound_to_where_it_stood():
    stream = io.BytesIO(b"skip this: content")
    stream.seek(11)
    with Scripted(Answer(500, {})) as server, connected(server.url) as session:
        session.send("PUT", f"{server.url}/part", data=stream)
    assert [sent for _, _, _, sent in server.seen] == [b"content"] * 2


class OneWay(io.BytesIO):
    """A stream that cannot go back, of a known length."""

    def seekable(self):
        return False

    @property
    def len(self):
        return len(self.getbuffer())


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_body_that_cannot_be_rewound_is_sent_once(status):
    with Scripted(Answer(status, {})) as server, connected(server.url) as session:
        refused(lambda: session.send("PUT", f"{server.url}/part", data=OneWay(b"content")))
    assert [sent for _, _, _, sent in server.seen] == [b"content"]


class Broken(io.BytesIO):
    """A file on a disk that fails."""

    def read(self, size=-1):
        raise PermissionError(13, "Permission denied", "local.csv")


def test_a_file_that_cannot_be_read_is_no_network_failure(clock):
    with (
        Scripted() as server,
        connected(server.url, clock=clock) as session,
        pytest.raises(PermissionError, match=r"local\.csv"),
    ):
        session.send("PUT", f"{server.url}/part", data=Broken(b"content"))
    assert clock.waits == []


def _closed_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def deaf():
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def strange_tls(tmp_path):
    """A TLS server whose certificate nobody vouches for."""
    certificate = tmp_path / "own.pem"
    certificate.write_bytes(_self_signed())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()
        thread = threading.Thread(target=_shake_hands, args=(server, context, stop), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        thread.join(5)


def _shake_hands(server, context, stop):
    while not stop.is_set():
        with suppress(OSError):
            connection, _ = server.accept()
            connection.settimeout(2)
            context.wrap_socket(connection, server_side=True).close()


def _self_signed():
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + certificate.public_bytes(pem)


def no_answer_from(url, **options):
    with connected("http://127.0.0.1:9") as session:
        found = refused(lambda: session.send("GET", url, **options))
    assert isinstance(found, Unreachable)
    assert found.message == FAILURES[found.code].message.format(host=url.split("/")[2])
    return found.code


def test_a_refused_connection_is_told():
    assert no_answer_from(f"http://127.0.0.1:{_closed_port()}/x?signature=canary") == "connection_refused"


def test_an_unknown_host_is_told():
    assert no_answer_from("http://box.invalid/2.0/x") == "host_not_found"


def test_a_server_that_does_not_answer_is_told(deaf):
    assert no_answer_from(f"http://127.0.0.1:{deaf}/x", timeout=0.05, retry=False) == "timeout"


def test_a_strange_certificate_is_told(strange_tls):
    assert no_answer_from(f"https://127.0.0.1:{strange_tls}/x") == "tls_failed"


def test_a_proxy_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://ada:canary@127.0.0.1:{_closed_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert no_answer_from("http://box.invalid/2.0/x") == "proxy_failed"


def test_loopback_goes_through_no_proxy(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{_closed_port()}")
    with Scripted(Answer(200, {"id": "1"})) as server, connected(server.url) as session:
        assert session.call("GET", "/files/1") == {"id": "1"}


def test_connections_are_kept_and_send_at_once():
    with Scripted() as server, connected(server.url) as session:
        for _ in range(2):
            barrier = threading.Barrier(32)

            def call(_, barrier=barrier):
                barrier.wait()
                session.call("GET", "/folders/0")

            with ThreadPoolExecutor(32) as pool:
                list(pool.map(call, range(32)))
        assert len(server.seen) == 64
        assert len(server.connections) <= 32
        response = session.send("GET", f"{server.url}/x", stream=True)
        connection = response.raw.connection.sock
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        response.close()


def test_a_download_can_be_read_into_a_buffer(box, session):
    file = uploaded(session, "raw.bin", b"0123456789" * 1000)
    url = f"{box.url}/2.0/files/{file}/content"
    with session.send("GET", url, headers={"Range": "bytes=10-19"}, stream=True, kind="download") as response:
        buffer = bytearray(10)
        assert response.raw.readinto(buffer) == 10
    assert bytes(buffer) == b"0123456789"


def uploaded(session, name, content):
    attributes = UploadFileAttributes(name, UploadFileAttributesParentField("0"))
    return session.client.uploads.upload_file(attributes, io.BytesIO(content)).entries[0].id


def test_the_sdks_own_calls_have_the_same_policy(box, session):
    box.fault("error", "POST /api/2.0/files/content", status=503)
    box.fault("rate_limit", "GET /2.0/files/", retry_after=3)
    file = uploaded(session, "sdk.txt", b"by the SDK")
    assert session.client.downloads.download_file(file).read() == b"by the SDK"
    assert isinstance(refused(lambda: session.client.files.get_file_by_id("999999")), NotFound)


def test_we_ask_once_who_we_are(box, session):
    assert session.me() == session.me()
    assert session.me()["id"] == box.service_account
    assert box.counts["get_users_me"] == 1


def test_the_clocks_difference_is_known_after_a_call():
    date = format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)
    with Scripted(Answer(200, {"id": "1"}, {"Date": date})) as server, connected(server.url) as session:
        assert session.clock_skew() is None
        session.me()
        assert session.clock_skew() == pytest.approx(3600, abs=3)


def test_a_session_connects_as_the_settings_say(box, box_environment):
    with Session.connect(BoxConfig()) as session:
        assert session.call("GET", "/folders/0", params={"fields": ["id", "name"]})["id"] == "0"
        assert uploaded(session, "first.txt", b"by the upload host")
        assert box.env["BOX_CLIENT_ID"] in session.identity
        assert box.env["BOX_CLIENT_SECRET"] not in session.identity
