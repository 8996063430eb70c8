import asyncio
import json

import pytest
from tornado.httpclient import AsyncHTTPClient

DATA = bytes(range(256)) * 40

pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture
def file(drive):
    drive.mkdir("/logs")
    return drive.write("/logs/line 1.csv", DATA)


async def test_get_gives_the_bytes_with_type_size_and_tag(ask, file):
    answer = await ask("GET", "files/logs/line 1.csv")
    assert answer.body == DATA
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["ETag"] == f'"{file.etag}"'
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "Content-Disposition" not in answer.headers


async def test_head_says_the_same_without_the_bytes(ask, file):
    get, head = await ask("GET", "files/logs/line 1.csv"), await ask("HEAD", "files/logs/line 1.csv")
    assert head.body == b""
    for name in ("Content-Length", "ETag", "Content-Type", "Last-Modified", "Accept-Ranges"):
        assert head.headers[name] == get.headers[name]


async def test_the_bytes_are_of_the_version_that_the_tag_is_of(ask, drive, file, box):
    box.fault("hold", r"GET /files/\d+/content", name="bytes")
    asked = asyncio.ensure_future(ask("GET", "files/logs/line 1.csv"))
    await asyncio.to_thread(box.wait_held, "bytes")
    await asyncio.to_thread(drive.write, "/logs/line 1.csv", DATA[::-1])
    box.control(release=True)
    answer = await asked
    assert (answer.body, answer.headers["ETag"]) == (DATA, f'"{file.etag}"')


RANGES = [
    ("bytes=0-9", 206, slice(0, 10), "bytes 0-9/10240"),
    ("bytes=10230-", 206, slice(10230, None), "bytes 10230-10239/10240"),
    ("bytes=-5", 206, slice(-5, None), "bytes 10235-10239/10240"),
    ("bytes=0-99999", 206, slice(None), "bytes 0-10239/10240"),
    ("bytes=1-2,5-6", 200, slice(None), None),
    ("bytes=nonsense", 200, slice(None), None),
]


@pytest.mark.parametrize(("header", "status", "part", "place"), RANGES, ids=[row[0] for row in RANGES])
async def test_get_gives_the_range_asked_for(ask, file, header, status, part, place):
    answer = await ask("GET", "files/logs/line 1.csv", headers={"Range": header})
    assert (answer.code, answer.body, answer.headers.get("Content-Range")) == (status, DATA[part], place)


async def test_a_range_outside_the_file_is_refused_with_its_size(ask, file):
    answer = await ask("GET", "files/logs/line 1.csv", headers={"Range": "bytes=10240-"})
    assert answer.code == 416
    assert answer.headers["Content-Range"] == "bytes */10240"
    assert json.loads(answer.body)["message"] == "/logs/line 1.csv has 10240 bytes, none of them in the range."


async def test_a_range_of_absurd_length_is_none(ask, file):
    for header in (f"bytes=0-{'9' * 5000}", f"bytes={'9' * 5000}-"):
        assert (await ask("GET", "files/logs/line 1.csv", headers={"Range": header})).code == 200


async def test_head_knows_no_range(ask, file):
    answer = await ask("HEAD", "files/logs/line 1.csv", headers={"Range": "bytes=0-9"})
    assert (answer.code, answer.headers["Content-Length"]) == (200, str(len(DATA)))


@pytest.mark.parametrize("verb", ["GET", "HEAD"])
async def test_what_is_another_version_by_now_is_not_sent(ask, file, verb):
    answer = await ask(verb, "files/logs/line 1.csv", headers={"If-Match": '"another"', "Range": "bytes=0-9"})
    assert answer.code == 412
    assert (await ask(verb, "files/logs/line 1.csv", headers={"If-Match": f'"{file.etag}"'})).code == 200


async def test_if_range_gives_all_of_a_changed_file(ask, file):
    headers = {"Range": "bytes=0-9", "If-Range": '"another"'}
    assert (await ask("GET", "files/logs/line 1.csv", headers=headers)).body == DATA
    headers["If-Range"] = f'"{file.etag}"'
    assert (await ask("GET", "files/logs/line 1.csv", headers=headers)).code == 206


async def test_what_the_client_has_already_is_not_sent(ask, file):
    first = await ask("GET", "files/logs/line 1.csv")
    for headers in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-None-Match": f'"x", W/{first.headers["ETag"]}'},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        answer = await ask("GET", "files/logs/line 1.csv", headers=headers)
        assert (answer.code, answer.body) == (304, b"")
    assert (await ask("GET", "files/logs/line 1.csv", headers={"If-None-Match": '"x"'})).code == 200


async def test_an_empty_file_comes_and_goes(ask, drive):
    assert (await ask("PUT", "files/empty.txt")).code == 201
    answer = await ask("GET", "files/empty.txt")
    assert (answer.code, answer.body) == (200, b"")


async def test_download_names_the_file_whatever_its_name(ask, drive):
    drive.write('/50% größer; "neu".txt', b"x")
    answer = await ask("GET", 'files/50% größer; "neu".txt', download="1")
    expected = "attachment; filename*=UTF-8''50%25%20gr%C3%B6%C3%9Fer%3B%20%22neu%22.txt"
    assert answer.headers["Content-Disposition"] == expected


async def test_a_past_version_comes_with_its_own_size_and_tag(ask, drive, file):
    drive.write("/logs/line 1.csv", b"new")
    past = next(version for version in drive.versions("/logs/line 1.csv") if not version.current)
    answer = await ask("GET", "files/logs/line 1.csv", version=past.id)
    assert answer.body == DATA
    assert answer.headers["ETag"] != (await ask("GET", "files/logs/line 1.csv")).headers["ETag"]
    assert (await ask("GET", "files/logs/line 1.csv", version="999999999")).code == 404


async def test_redirect_leads_to_an_address_that_needs_no_token(ask, file):
    answer = await ask("GET", "files/logs/line 1.csv", redirect="1")
    assert answer.code == 302
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await AsyncHTTPClient().fetch(answer.headers["Location"])).body == DATA


async def test_put_makes_a_file_and_then_a_version(ask, drive):
    first = await ask("PUT", "files/new.bin", body=DATA)
    assert first.code == 201
    assert first.headers["ETag"] == f'"{drive.stat("/new.bin").etag}"'
    second = await ask("PUT", "files/new.bin", body=b"second")
    assert (second.code, json.loads(second.body)["size"]) == (200, 6)
    assert drive.read("/new.bin") == b"second"
    assert len(drive.versions("/new.bin")) == 2


async def test_put_keeps_to_if_match(ask, drive, file):
    answer = await ask("PUT", "files/logs/line 1.csv", body=b"mine", headers={"If-Match": '"999"'})
    assert (answer.code, json.loads(answer.body)["code"]) == (412, "changed")
    assert drive.read("/logs/line 1.csv") == DATA
    answer = await ask("PUT", "files/logs/line 1.csv", body=b"mine", headers={"If-Match": f'"{file.etag}"'})
    assert (answer.code, drive.read("/logs/line 1.csv")) == (200, b"mine")
    assert (await ask("PUT", "files/not there.csv", body=b"", headers={"If-Match": "*"})).code == 412


async def test_put_keeps_what_is_there_if_asked_to(ask, drive, file):
    answer = await ask("PUT", "files/logs/line 1.csv", body=b"mine", headers={"If-None-Match": "*"})
    assert answer.code == 412
    assert drive.read("/logs/line 1.csv") == DATA


@pytest.mark.parametrize("size", [1000, 21_000_000], ids=["small", "in parts"])
async def test_of_many_that_must_be_new_one_is_written(ask, drive, box, size):
    contents = [bytes([number]) * size for number in range(4)]
    puts = [ask("PUT", "files/race.bin", body=each, headers={"If-None-Match": "*"}) for each in contents]
    answers = await asyncio.gather(*puts)
    assert sorted(answer.code for answer in answers) == [201, 412, 412, 412]
    written = next(content for content, answer in zip(contents, answers, strict=True) if answer.code == 201)
    assert drive.read("/race.bin") == written
    assert len(drive.versions("/race.bin")) == 1
    refused = json.loads(next(answer for answer in answers if answer.code == 412).body)
    assert (refused["code"], refused["message"]) == ("exists", "/race.bin is there already.")


REFUSED = [
    ("files/logs", 409, "a folder has the name"),
    ("files/", 400, "no name"),
    ("files/no folder/x.txt", 404, "no such folder"),
    ("files/../x.txt", 400, "above the root"),
    (f"files/{'n' * 300}", 400, "too long"),
    ("files/a\\b", 400, "backslash"),
]


@pytest.mark.parametrize(("path", "status", "why"), REFUSED, ids=[row[2] for row in REFUSED])
async def test_put_refuses_what_box_would_not_take(ask, drive, file, path, status, why):
    answer = await ask("PUT", path, body=b"x" * 100_000)
    assert answer.code == status, answer.body
    assert set(json.loads(answer.body)) == {"code", "message", "hint", "request_id"}


async def test_a_part_of_a_file_is_refused(ask, drive):
    answer = await ask("PUT", "files/x", body=b"abc", headers={"Content-Range": "bytes 0-2/9"})
    assert answer.code == 400
    assert not drive.exists("/x")


async def test_a_folder_has_no_bytes_but_an_archive(ask, file):
    import io
    import zipfile

    answer = await ask("GET", "files/logs")
    assert (answer.code, json.loads(answer.body)["code"]) == (400, "not_a_file")
    answer = await ask("GET", "archive/logs")
    assert answer.headers["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.body))
    assert archive.read("logs/line 1.csv") == DATA
