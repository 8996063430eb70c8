"""What Box may answer although our emulator does not: a server that says it word by word, as no emulator of Box can."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jupyter_box.config import BoxConfig
from jupyter_box.drive import Drive
from jupyter_box.errors import Changed, Exists, NotFound, Unreachable
from jupyter_box.items import Item
from jupyter_box.session import Session
from jupyter_box.transfer import Transfers
from jupyter_box.transfer.content import UploadSession
from jupyter_box.transfer.folders import make_folders

from .conftest import THRESHOLD

DATA = bytes(range(256)) * 1000
SHA1 = hashlib.sha1(DATA).hexdigest()
FILE = {"type": "file", "id": "7", "name": "a.bin", "size": len(DATA), "sha1": SHA1, "etag": "0", "parent": {"id": "5"}}
VERSION = {"total_count": 1, "entries": [FILE | {"etag": "1"}]}
FOLDER = {"type": "folder", "id": "5", "name": "five", "path_collection": {"total_count": 0, "entries": []}}


@dataclass
class Reply:
    body: object = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_chunked: bool = False

    @property
    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class OtherBox:
    """A server that answers each "METHOD path" as told; `seen` is what came, `connections` over which lines."""

    def __init__(self) -> None:
        self.routes, self.seen, self.connections = [], [], set()
        box = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                box.seen.append(f"{self.command} {self.path}")
                box.connections.add(self.client_address)
                reply = box.reply(f"{self.command} {self.path}", self.headers, body)
                self.send_response_only(reply.status)
                data = reply.bytes
                length = {"Transfer-Encoding": "chunked"} if reply.is_chunked else {"Content-Length": str(len(data))}
                for name, value in {**length, **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if reply.is_chunked else data)

            do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def on(self, route: str, *replies: object) -> None:
        """Answer requests that match with these replies in turn, the last of them for ever; one may be a function."""
        self.routes.append((re.compile(route), list(replies)))

    def reply(self, line, headers, body) -> Reply:
        for pattern, replies in self.routes:
            if pattern.fullmatch(line):
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
                return reply(headers, body) if callable(reply) else reply
        return Reply({"code": "not_found", "message": line}, 404)


@pytest.fixture
def other(monkeypatch):
    monkeypatch.setenv("BOX_DEVELOPER_TOKEN", "t" * 32)
    box = OtherBox()
    yield box
    box.server.shutdown()
    box.server.server_close()


@pytest.fixture
def transfers(other, tmp_path):
    with Session.connect(BoxConfig(url=other.url, rate_limit="off")) as session:
        yield Transfers(session, threshold=THRESHOLD, range_size=100_000, state_dir=tmp_path / "state")


@pytest.fixture
def drive(other):
    with Drive.connect(BoxConfig(url=other.url, rate_limit="off")) as drive:
        yield drive


def ranged(headers, _body):
    """The bytes themselves, of whichever range, from where they were asked for."""
    first, last = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("Range", f"bytes=0-{len(DATA) - 1}")).groups()
    part = DATA[int(first) : int(last) + 1]
    return Reply(part, 206, {"Content-Range": f"bytes {first}-{last}/{len(DATA)}"})


class TestDownloads:
    ITEM = Item.of(FILE, "/five/a.bin")

    @pytest.mark.parametrize("reply", [ranged, Reply(DATA), Reply(DATA, is_chunked=True)])
    def test_of_a_server_that_redirects_nowhere(self, other, transfers, tmp_path, reply):
        other.on("GET /2.0/files/7/content", reply)
        assert transfers.download_file(self.ITEM, tmp_path / "copy").read_bytes() == DATA

    @pytest.mark.parametrize("location", ["/elsewhere?signature=1", "{url}/elsewhere?signature=1"])
    @pytest.mark.parametrize("status", [302, 303, 307])
    def test_of_a_redirect_to_a_whole_or_a_relative_address(self, other, transfers, tmp_path, location, status):
        other.on("GET /2.0/files/7/content", Reply(b"", status, {"Location": location.format(url=other.url)}))
        other.on(r"GET /elsewhere\?signature=1", Reply(DATA))
        assert transfers.download_file(self.ITEM, tmp_path / "copy").read_bytes() == DATA

    @pytest.mark.parametrize("body", [b"", b"<a href=elsewhere>Moved</a>"])
    def test_one_after_the_other_go_over_one_connection(self, other, transfers, body):
        other.on("GET /2.0/files/7/content", Reply(body, 302, {"Location": "/elsewhere"}))
        other.on("GET /elsewhere", Reply(DATA))
        for _ in range(4):
            with transfers.open(self.ITEM) as download:
                assert download.read() == DATA
        assert len(other.connections) == 1

    @pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}])
    def test_of_a_file_that_is_not_ready(self, other, transfers, tmp_path, headers):
        other.on("GET /2.0/files/7/content", Reply(b"", 202, headers), Reply(DATA))
        assert transfers.download_file(self.ITEM, tmp_path / "copy").read_bytes() == DATA

    def test_of_a_file_whose_sha1_a_listing_does_not_tell(self, other, transfers, tmp_path):
        other.on("GET /2.0/files/7[?].*", Reply(FILE))
        other.on("GET /2.0/files/7/content", Reply(DATA))
        mini = Item.of({"type": "file", "id": "7", "name": "a.bin"}, "/a.bin")
        assert transfers.download_file(mini, tmp_path / "copy").read_bytes() == DATA

    @pytest.mark.parametrize("sent", [DATA + b"more", DATA[:-1]])
    def test_of_other_bytes_without_a_length_are_not_taken_for_the_file(self, other, transfers, sent):
        other.on("GET /2.0/files/7/content", Reply(sent, is_chunked=True), Reply(b"", 416))
        with transfers.open(self.ITEM) as download, pytest.raises(Changed):
            download.read()


def taken_by(conflicts):
    error = {"type": "error", "status": 409, "code": "item_name_in_use", "message": "taken"}
    return Reply(error | ({"context_info": {"conflicts": conflicts}} if conflicts else {}), 409)


class TestNamesThatAreTaken:
    @pytest.mark.parametrize(
        "conflicts", [{"type": "file", "id": "7"}, [{"type": "file", "id": "7"}], None], ids=["object", "list", "none"]
    )
    @pytest.mark.parametrize("size", [10, len(DATA)])
    def test_are_found_whichever_way_box_tells_of_them(self, other, transfers, tmp_path, conflicts, size):
        (tmp_path / "a.bin").write_bytes(DATA[:size])
        here = FILE | {"size": size, "sha1": hashlib.sha1(DATA[:size]).hexdigest()}
        other.on("OPTIONS .*", taken_by(conflicts))
        other.on("POST .*", taken_by(conflicts))
        other.on("GET /2.0/files/7[?].*", Reply(here))
        other.on("GET /2.0/folders/5/items[?].*", Reply({"entries": [here]}))

        report = transfers.place_file(tmp_path / "a.bin", "5", "/five", "a.bin")

        assert [outcome.action for outcome in report.outcomes] == ["skipped"]

    def test_by_a_folder_whose_number_a_file_has_too(self, other, transfers, tmp_path):
        (tmp_path / "a.bin").write_bytes(b"x")
        folder = {"type": "folder", "id": "7", "name": "A.BIN"}
        other.on("OPTIONS .*", taken_by({"type": "folder", "id": "7"}))
        other.on("GET /2.0/files/7[?].*", Reply(FILE | {"parent": {"id": "1"}}))
        other.on("GET /2.0/folders/5/items[?].*", Reply({"entries": [folder]}))
        other.on("GET /2.0/folders/7[?].*", Reply(folder))

        with pytest.raises(Exists, match=r"A folder has the name /five/A\.BIN"):
            transfers.place_file(tmp_path / "a.bin", "5", "/five", "a.bin")


class TestUploadSessions:
    PART = 70_000

    def serve(self, other, endpoints, *commits):
        """An upload session whose answers are as bare as Box allows."""
        self.parts = {}

        def store(headers, body):
            first = int(re.match(r"bytes (\d+)-", headers["Content-Range"])[1])
            assert headers["Digest"].startswith("sha=")
            self.parts[first] = body
            part = {"part_id": f"{first:08X}", "offset": first, "size": len(body)}
            return Reply({"part": part})

        session = {"id": "S1", "part_size": self.PART, **({"session_endpoints": endpoints} if endpoints else {})}
        other.on("POST /api/2.0/files/upload_sessions", Reply(session, 201))
        other.on("PUT (/api/2.0/files/upload_sessions|/there)/S1", store)

        def commit(_headers, body):
            self.committed = json.loads(body)
            return Reply({"entries": [FILE]}, 201)

        other.on("POST (/api/2.0/files/upload_sessions|/there)/S1/commit", *commits, commit)

    @pytest.mark.parametrize("has_endpoints", [False, True])
    def test_go_to_the_addresses_that_box_gives_or_to_the_documented_ones(
        self, other, transfers, tmp_path, has_endpoints
    ):
        there = f"{other.url}/there/S1"
        self.serve(other, {"upload_part": there, "commit": f"{there}/commit"} if has_endpoints else None)
        (tmp_path / "a.bin").write_bytes(DATA)

        assert transfers.upload_file(tmp_path / "a.bin", "5", "a.bin").id == "7"

        assert b"".join(self.parts[offset] for offset in sorted(self.parts)) == DATA
        assert [part["sha1"] for part in self.committed["parts"]] == [
            hashlib.sha1(self.parts[offset]).hexdigest() for offset in sorted(self.parts)
        ]
        assert any("/there/" in line for line in other.seen) is has_endpoints

    @pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}])
    def test_are_committed_until_there_is_a_file(self, other, transfers, tmp_path, headers):
        self.serve(other, None, Reply(b"", 202, headers), Reply(b"", 202, headers))
        (tmp_path / "a.bin").write_bytes(DATA)

        assert transfers.upload_file(tmp_path / "a.bin", "5", "a.bin").sha1 == SHA1
        assert sum(line.endswith("/commit") for line in other.seen) == 3

    def test_of_an_earlier_try_whose_parts_are_told_page_by_page(self, other, transfers):
        parts = [{"part_id": f"{number:08X}", "offset": number * 10, "size": 10} for number in range(5)]
        pages = [Reply({"entries": parts[:3]}), Reply({"entries": parts[3:]}), Reply({"entries": []})]
        other.on("GET /api/2.0/files/upload_sessions/S1/parts[?].*", *pages)
        assert sorted(transfers.content.parts(UploadSession("S1", 10, {}))) == [0, 10, 20, 30, 40]

    def test_that_box_refuses_as_too_small_go_whole(self, other, transfers, tmp_path):
        other.on("POST /api/2.0/files/upload_sessions", Reply({"code": "file_size_too_small"}, 400))
        other.on("POST /api/2.0/files/content", Reply({"entries": [FILE]}, 201))
        (tmp_path / "a.bin").write_bytes(DATA)
        assert transfers.upload_file(tmp_path / "a.bin", "5", "a.bin").id == "7"


def test_a_twin_is_found_whatever_the_length_of_a_page(other, transfers):
    """Box made ours although there is one of the name, on the second page of its folders."""
    folders = [{"type": "folder", "id": str(number), "name": f"{number:02d}"} for number in range(10, 14)]
    other.on("POST /2.0/folders[?].*", Reply(FOLDER | {"id": "90", "name": "13"}, 201))
    pages = [{"limit": 2, "entries": folders[:2]}, {"limit": 2, "entries": folders[2:]}, {"limit": 2, "entries": []}]
    other.on("GET /2.0/folders/5/items[?].*", *map(Reply, pages))
    other.on("DELETE /2.0/folders/90.*", Reply(b"", 204))
    other.on("GET /2.0/folders/13[?].*", Reply(FOLDER | folders[-1]))

    made = make_folders(transfers.content.session, "5", "/five", ["13"])["13"]

    assert (made.item.id, made.is_new) == ("13", False)
    assert any(line.startswith("DELETE /2.0/folders/90") for line in other.seen)


class TestListings:
    def entries(self, count):
        return [{"type": "file", "id": str(number), "name": f"{number:06d}"} for number in range(1, count + 1)]

    def test_of_a_server_that_gives_shorter_pages_than_were_asked_for(self, other, drive):
        entries = self.entries(450)

        def page(line):
            offset = int((re.search(r"offset=(\d+)", line) or [0, 0])[1])
            return Reply(
                {"total_count": 450, "limit": 100, "offset": offset, "entries": entries[offset : offset + 100]}
            )

        other.on("GET /2.0/folders/5[?].*", Reply(FOLDER))
        other.reply = lambda line, headers, body: (
            page(line) if "/items" in line else OtherBox.reply(other, line, headers, body)
        )
        assert [item.id for item in drive.list("id:5")] == [entry["id"] for entry in entries]

    def test_without_a_count_or_a_limit(self, other, drive):
        other.on("GET /2.0/folders/5[?].*", Reply(FOLDER))
        other.on("GET /2.0/folders/5/items.*", Reply({"entries": self.entries(3)}))
        assert [item.id for item in drive.list("id:5")] == ["1", "2", "3"]

    @pytest.mark.parametrize("last", [{"next_marker": None}, {"next_marker": ""}, {}])
    def test_whose_last_marker_is_nothing_of_whichever_kind(self, other, drive, last):
        first = Reply({"entries": self.entries(2), "next_marker": "m"})
        other.on("GET /2.0/folders/5/items[?].*", first, Reply({"entries": self.entries(3)[2:], **last}))
        assert len(drive.entries(Item.of(FOLDER))) == 3

    def test_that_comes_compressed(self, other, drive):
        body = gzip.compress(json.dumps({"total_count": 2, "entries": self.entries(2)}).encode())
        other.on("GET /2.0/folders/5[?].*", Reply(FOLDER))
        other.on("GET /2.0/folders/5/items.*", Reply(body, headers={"Content-Encoding": "gzip"}))
        assert len(list(drive.list("id:5"))) == 2


def test_an_answer_of_success_that_is_none_of_box_is_told_as_such(other, drive):
    other.on("GET /2.0/folders/5[?].*", Reply(b"<html>sign in", headers={"Content-Type": "text/html"}))
    with pytest.raises(Unreachable, match="not Box"):
        drive.stat("id:5")


def test_a_box_without_web_links_says_that_nothing_is_in_the_trash(other, drive):
    other.on(r"GET /2.0/web_links/9.*", Reply({"code": "not_implemented"}, 501))
    with pytest.raises(NotFound, match="not in the trash"):
        drive.purge("9")


def test_an_account_without_favourites_says_so(other, drive):
    other.on(r"GET /2.0/collections.*", Reply({"entries": [], "total_count": 0}))
    with pytest.raises(NotFound, match="no favourites"):
        drive.favourites()


def test_a_write_over_whatever_is_there_says_what_that_is(other, drive):
    """HTTP knows `If-Match: *`; Box's documents only know an etag."""
    seen = []
    other.on("GET /2.0/files/7[?].*", Reply(FILE | {"path_collection": {"total_count": 0, "entries": []}}))
    other.on("POST /api/2.0/files/7/content", lambda headers, _: seen.append(headers["If-Match"]) or Reply(VERSION))
    drive.write("id:7", b"new", if_match="*")
    assert seen == ["0"]
