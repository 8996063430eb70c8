"""Uploads from a browser in raw parts: in any order, again, after a restart; and nothing half-done stays."""

import asyncio
import hashlib
import json
import random

import pytest

pytestmark = pytest.mark.usefixtures("server")

MB = 1_000_000
SLICE = 3 * MB
BIG = random.Random(7).randbytes(42 * MB)  # in parts to Box
SMALL = b"small" * 1000


def body(answer):
    return json.loads(answer.body)


@pytest.fixture
def backend(server):
    return next(iter(server.extension_manager.extension_apps["jupyter_box"])).backend


@pytest.fixture
def folder(jp_data_dir):
    return jp_data_dir / "jupyter-box" / "uploads"


@pytest.fixture
def begin(ask):
    async def begin(path, data, status=201, **more):
        answer = await ask(
            "POST", "uploads", body={"path": path, "size": len(data), "mtime": 1_700_000_000_000, **more}
        )
        assert answer.code == status, answer.body
        return body(answer)

    return begin


@pytest.fixture
def send(ask):
    async def send(upload, data, ranges=None):
        """Send slices; returns the first answer that is no success, else the last one."""
        ranges = ranges or [(start, min(start + SLICE, len(data))) for start in range(0, len(data), SLICE)]
        for start, end in ranges:
            answer = await ask("PUT", f"uploads/{upload['id']}", body=data[start:end], offset=start)
            if answer.code != 200:
                break
        return answer

    return send


@pytest.fixture
def commit(ask):
    async def commit(upload):
        while (answer := await ask("POST", f"uploads/{upload['id']}")).code == 202:
            pass
        return answer

    return commit


async def test_a_small_file_goes_up_with_its_time(begin, send, commit, drive, folder):
    upload = await begin("logs/new/x.csv", SMALL)
    assert (upload["state"], upload["done"], upload["path"]) == ("pending", [], "/logs/new/x.csv")
    assert body(await send(upload, SMALL)) == {"received": len(SMALL), "size": len(SMALL)}
    answer = await commit(upload)
    assert answer.code == 201
    item = drive.stat("/logs/new/x.csv")
    assert (body(answer)["id"], item.sha1) == (item.id, hashlib.sha1(SMALL).hexdigest())
    assert item.content_modified.timestamp() == 1_700_000_000
    assert list(folder.iterdir()) == []


async def test_a_big_file_arrives_in_any_order_and_goes_to_box_meanwhile(ask, begin, send, commit, drive):
    upload = await begin("big.bin", BIG)
    ranges = [(start, min(start + SLICE, len(BIG))) for start in range(0, len(BIG), SLICE)]
    random.Random(1).shuffle(ranges)
    last = ranges.pop()
    await send(upload, BIG, ranges)
    refused = await ask("POST", f"uploads/{upload['id']}")
    assert (refused.code, body(refused)["code"]) == (409, "incomplete")
    assert str(last[0]) in body(refused)["message"]
    await send(upload, BIG, [last, last])
    assert (await commit(upload)).code == 201
    assert drive.read("/big.bin") == BIG
    assert body(await ask("GET", f"uploads/{upload['id']}"))["sent"] == len(BIG)


async def test_parts_side_by_side(begin, send, commit, drive):
    upload = await begin("big.bin", BIG)
    places = range(0, len(BIG), SLICE)
    await asyncio.gather(*(send(upload, BIG, [(start, min(start + SLICE, len(BIG)))]) for start in places))
    assert (await commit(upload)).code == 201
    assert drive.read("/big.bin") == BIG


async def test_an_empty_file(begin, commit, drive):
    upload = await begin("empty.txt", b"")
    assert (await commit(upload)).code == 201
    assert drive.stat("/empty.txt").size == 0


async def test_a_commit_may_be_repeated(begin, send, commit, drive):
    upload = await begin("x.txt", SMALL)
    await send(upload, SMALL)
    first, second = await commit(upload), await commit(upload)
    assert (first.code, second.code, body(first)) == (201, 201, body(second))
    assert len(drive.versions("/x.txt")) == 1
    assert (await send(upload, SMALL)).code == 200  # a reply was lost


async def test_the_same_file_chosen_again_goes_on(ask, begin, send, commit, drive):
    upload = await begin("x.bin", BIG)
    await send(upload, BIG, [(0, SLICE)])
    again = await begin("x.bin", BIG, status=200)
    assert (again["id"], again["done"]) == (upload["id"], [[0, SLICE]])
    assert [each["id"] for each in body(await ask("GET", "uploads"))["uploads"]] == [upload["id"]]


async def test_it_goes_on_after_the_server_was_restarted(ask, half_sent, send, commit, drive, backend, box):
    box.clear()
    upload = await half_sent()
    restart(backend)
    state = body(await ask("GET", f"uploads/{upload['id']}"))
    assert (state["state"], state["done"]) == ("pending", [[0, 30 * MB]])
    await send(upload, BIG, [(start, min(start + SLICE, len(BIG))) for start in range(30 * MB, len(BIG), SLICE)])
    assert (await commit(upload)).code == 201
    assert drive.read("/x.bin") == BIG
    assert box.counts["post_files_upload_sessions"] == 1
    assert box.counts["put_files_upload_sessions_id"] == -(-len(BIG) // box.control()["part_size"])
    restart(backend)
    assert (await commit(upload)).code == 201
    assert len(drive.versions("/x.bin")) == 1


def restart(backend):
    """What is in memory is gone, what is on the disk is there."""
    old = backend.uploads
    old.close()
    del backend.uploads
    old._pool.shutdown(wait=True)


def sessions(box):
    return box.call(lambda store: store.one("SELECT count(*) AS number FROM sessions")["number"])


@pytest.fixture
def half_sent(ask, begin, send):
    async def begun(upload):
        while not body(await ask("GET", f"uploads/{upload['id']}"))["sent"]:
            pass

    async def half_sent():
        """Begin an upload of which Box has some parts; returns it."""
        upload = await begin("x.bin", BIG)
        await send(upload, BIG, [(start, start + SLICE) for start in range(0, 30 * MB, SLICE)])
        await asyncio.wait_for(begun(upload), 20)
        return upload

    return half_sent


@pytest.mark.parametrize("is_restarted", [False, True], ids=["at once", "after a restart"])
async def test_cancel_leaves_nothing(ask, half_sent, drive, box, folder, backend, is_restarted):
    before = sessions(box)
    upload = await half_sent()
    assert sessions(box) == before + 1
    if is_restarted:
        restart(backend)
    assert (await ask("DELETE", f"uploads/{upload['id']}")).code == 204
    assert sessions(box) == before
    assert list(folder.iterdir()) == []
    assert drive._transfers.pending() == []
    assert not drive.exists("/x.bin")
    for verb in ("GET", "DELETE"):
        assert (await ask(verb, f"uploads/{upload['id']}")).code == 404


CONFLICTS = [("version", "/x.txt", 2), ("rename", "/x (1).txt", 1)]


@pytest.mark.parametrize(("policy", "path", "versions"), CONFLICTS)
async def test_a_name_that_is_taken(begin, send, commit, drive, policy, path, versions):
    drive.write("/x.txt", b"there")
    upload = await begin("x.txt", SMALL, on_conflict=policy)
    assert upload["path"] == path
    await send(upload, SMALL)
    assert (await commit(upload)).code == 201
    assert len(drive.versions(path)) == versions
    assert drive.read(path) == SMALL


async def test_a_name_that_is_taken_is_skipped_or_refused(ask, begin, commit, drive):
    item = drive.write("/x.txt", b"there")
    skipped = await begin("x.txt", SMALL, on_conflict="skip")
    assert (skipped["state"], skipped["done"]) == ("skipped", [[0, len(SMALL)]])
    assert body(await commit(skipped))["id"] == item.id
    wanted = {"path": "x.txt", "size": 3, "on_conflict": "fail"}
    refused = await ask("POST", "uploads", body=wanted)
    assert (refused.code, body(refused)["code"]) == (409, "exists")
    drive.mkdir("/folder")
    assert (await ask("POST", "uploads", body={"path": "folder", "size": 3})).code == 409
    assert drive.read("/x.txt") == b"there"


async def test_equal_content_is_not_sent(begin, commit, drive):
    drive.write("/x.txt", SMALL)
    upload = await begin("x.txt", SMALL, sha1=hashlib.sha1(SMALL).hexdigest())
    assert upload["state"] == "skipped"
    assert (await commit(upload)).code == 201
    assert len(drive.versions("/x.txt")) == 1


async def test_other_bytes_than_announced_do_not_reach_box(begin, send, commit, drive):
    upload = await begin("x.txt", SMALL, sha1="0" * 40)
    await send(upload, SMALL)
    answer = await commit(upload)
    assert (answer.code, body(answer)["code"]) == (502, "corrupted")
    assert not drive.exists("/x.txt")


async def test_two_files_for_one_name_at_once(ask, begin, drive):
    await begin("x.txt", SMALL)
    refused = await ask("POST", "uploads", body={"path": "X.txt", "size": 7})
    assert (refused.code, body(refused)["code"]) == (409, "upload_pending")
    renamed = await begin("x.txt", b"other", on_conflict="rename")
    assert renamed["state"] == "pending"


async def test_a_stale_upload_makes_way_for_another_file(begin, send, commit, drive, backend, monkeypatch):
    old = await begin("x.txt", SMALL)
    monkeypatch.setattr("jupyter_box.server.receiving.IDLE", 0.0)
    new = await begin("x.txt", b"other")
    assert new["id"] != old["id"]
    await send(new, b"other")
    assert (await commit(new)).code == 201
    assert drive.read("/x.txt") == b"other"


async def test_no_upload_waits_while_box_forgets_a_stale_one(begin, half_sent, send, commit, box, backend, monkeypatch):
    await half_sent()
    restart(backend)
    going_on = await begin("y.txt", SMALL)
    monkeypatch.setattr("jupyter_box.server.receiving.IDLE", 0.0)
    box.fault("hold", "DELETE /files/upload_sessions", name="forgetting", times=None)
    other = asyncio.ensure_future(begin("x.bin", b"other"))
    await asyncio.to_thread(box.wait_held, "forgetting")
    await asyncio.wait_for(send(going_on, SMALL), 20)
    assert (await commit(going_on)).code == 201
    assert not other.done()
    box.control(release=True)
    assert (await other)["state"] == "pending"


async def test_someone_else_makes_the_file_meanwhile(begin, send, commit, drive):
    upload = await begin("x.txt", SMALL)
    drive.write("/x.txt", b"theirs")
    await send(upload, SMALL)
    assert (await commit(upload)).code == 201
    assert [drive.read("/x.txt", version=each.id) for each in drive.versions("/x.txt")] == [SMALL, b"theirs"]


async def test_someone_else_trashes_the_file_meanwhile(begin, send, commit, drive):
    drive.write("/x.bin", b"old")
    upload = await begin("x.bin", BIG)
    await send(upload, BIG, [(0, SLICE)])
    drive.remove("/x.bin")
    await send(upload, BIG)
    assert (await commit(upload)).code == 201
    assert drive.read("/x.bin") == BIG


async def test_a_full_quota_is_told_at_once_and_in_mid_upload_and_loses_nothing(begin, send, commit, drive, box, ask):
    used = drive.status().account.space_used
    upload = await begin("x.bin", BIG)
    await send(upload, BIG, [(0, SLICE)])
    box.control(quota=used + 1)
    assert (await ask("POST", "uploads", body={"path": "y.bin", "size": 10 * MB})).code == 507
    answer = await send(upload, BIG)
    answer = answer if answer.code != 200 else await commit(upload)
    assert (answer.code, body(answer)["code"]) == (507, "storage_limit_exceeded"), answer.body
    box.control(quota=None)
    await send(upload, BIG)
    assert (await commit(upload)).code == 201
    assert drive.read("/x.bin") == BIG


async def test_a_token_that_ends_in_mid_upload_is_renewed(begin, send, commit, drive, box):
    upload = await begin("x.bin", BIG)
    await send(upload, BIG, [(start, start + SLICE) for start in range(0, 4 * SLICE, SLICE)])
    box.control(expire_tokens=True)
    await send(upload, BIG)
    assert (await commit(upload)).code == 201
    assert drive.read("/x.bin") == BIG


WRONG = [
    ("POST", "uploads", {}, {"path": "x"}, 400),
    ("POST", "uploads", {}, {"path": "x", "size": -1}, 400),
    ("POST", "uploads", {}, {"path": "../x", "size": 1}, 400),
    ("POST", "uploads", {}, {"path": "a\\b", "size": 1}, 400),
    ("POST", "uploads", {}, {"path": "/", "size": 1}, 409),
    ("POST", "uploads", {}, {"path": "x", "size": 1, "on_conflict": "pray"}, 400),
    ("POST", "uploads", {}, {"path": "x", "size": 1, "sha1": "abc"}, 400),
    ("GET", "uploads/nonsense", {}, None, 404),
    ("PUT", "uploads/nonsense", {"offset": 0}, b"x", 404),
    ("POST", "uploads/nonsense", {}, None, 404),
]


async def test_bad_input_gets_one_line_in_our_form(ask, begin, drive):
    known = (await begin("x.txt", SMALL))["id"]
    rows = [
        ("PUT", f"uploads/{known}", {}, b"x", 400),
        ("PUT", f"uploads/{known}", {"offset": -1}, b"x", 400),
        ("PUT", f"uploads/{known}", {"offset": len(SMALL)}, b"x", 400),
        ("PUT", f"uploads/{known}", {"offset": 1}, SMALL, 400),
        ("PUT", f"uploads/{known}", {"offset": 0}, b"", 400),
        ("PUT", f"uploads/{known}", {"offset": 0}, bytes(8 * 1024 * 1024 + 1), 413),
    ]
    for method, path, query, sent, status in (*WRONG, *rows):
        answer = await ask(method, path, body=sent, **query)
        assert answer.code == status, (method, path, query, answer.body)
        assert set(body(answer)) == {"code", "message", "hint", "request_id"}
    assert list(drive.list("/")) == []


class TestASmallDisk:
    @pytest.fixture
    def box_settings(self, drive):
        return {"root_folder": drive.stat("/").id, "max_upload_folder_size": 10_000}

    async def test_what_the_disk_has_no_room_for_is_refused_with_another_way(self, ask, begin):
        await begin("a.bin", bytes(8000))
        answer = await ask("POST", "uploads", body={"path": "b.bin", "size": 8000})
        assert (answer.code, body(answer)["code"]) == (507, "spool_full")
        assert "2,000" in body(answer)["message"]
        assert "jupyter-box/files/" in body(answer)["hint"]


async def test_a_role_that_may_not_upload_is_told_before_the_first_byte(ask, drive, box_environment, monkeypatch):
    from jupyter_box import connect

    monkeypatch.delenv("BOX_SERVER_URL", raising=False)
    monkeypatch.setenv("BOX_CLIENT_SECRET", box_environment["BOX_CLIENT_SECRET"])
    ada = drive.client.users.create_user("Ada", is_platform_access_only=True)
    with connect(user_id=ada.id, enterprise_id="") as hers:
        hers.mkdir("/read only")
        hers.invite("/read only", drive.account.id, role="viewer")
    with pytest.raises(PermissionError):
        connect().destination("/read only/x.txt", 3)
