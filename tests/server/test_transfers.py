"""Copies between the server's disk and Box: progress, events, cancel, and never outside of the server's folder."""

import asyncio
import json
import threading

import pytest

pytestmark = pytest.mark.usefixtures("server")

MB = 1_000_000
ENDED = {"done", "skipped", "failed", "cancelled"}


def body(answer):
    return json.loads(answer.body)


@pytest.fixture
def disk(jp_root_dir):
    (jp_root_dir / "data" / "deep").mkdir(parents=True)
    (jp_root_dir / "data" / "a.csv").write_bytes(b"a" * 1000)
    (jp_root_dir / "data" / "deep" / "b.csv").write_bytes(b"b" * 1000)
    return jp_root_dir


@pytest.fixture
def start(ask):
    async def start(kind, source, target, **more):
        answer = await ask("POST", "transfers", body={"kind": kind, "source": source, "target": target, **more})
        assert answer.code == 202, answer.body
        return body(answer)

    return start


@pytest.fixture
def events(ask, http_server_client, jp_base_url, jp_auth_header):
    """Yield the events of a stream until it has told how one copy ended."""

    async def events(transfer, seconds=20):
        seen, rest = [], [b""]
        ended = asyncio.Event()

        def take(chunk):
            *whole, rest[0] = (rest[0] + chunk).split(b"\n\n")
            for text in whole:
                if text.startswith(b"data: "):
                    seen.append(json.loads(text[6:]))
                    if seen[-1]["id"] == transfer["id"] and seen[-1]["phase"] in ENDED:
                        ended.set()

        stream = asyncio.ensure_future(
            http_server_client.fetch(
                f"{jp_base_url}jupyter-box/transfers/events?seconds={seconds}",
                headers=jp_auth_header, streaming_callback=take, request_timeout=seconds + 5,
            )
        )  # fmt: skip
        await asyncio.wait({stream, asyncio.ensure_future(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
        stream.cancel()
        return [event for event in seen if event["id"] == transfer["id"]]

    return events


async def test_a_folder_goes_to_box_and_comes_back(start, events, drive, disk):
    sent = await events(await start("upload", "data", "/from disk"))
    assert sent[-1]["phase"] == "done", sent[-1]
    assert {
        "id",
        "kind",
        "path",
        "phase",
        "done",
        "total",
        "files_done",
        "files_total",
        "rate",
        "message",
        "code",
    } <= set(sent[-1])
    assert (sent[-1]["files_done"], sent[-1]["done"]) == (2, 2000)
    assert drive.read("/from disk/data/deep/b.csv") == b"b" * 1000
    received = await events(await start("download", "/from disk/data", "back"))
    assert received[-1]["phase"] == "done", received[-1]
    assert (disk / "back" / "data" / "deep" / "b.csv").read_bytes() == b"b" * 1000


async def test_a_file_goes_both_ways_into_the_folder_named(start, events, drive, disk):
    assert (await events(await start("upload", "/data/a.csv", "")))[-1]["phase"] == "done"
    assert drive.read("/a.csv") == b"a" * 1000
    assert (await events(await start("download", "a.csv", "new folder")))[-1]["phase"] == "done"
    assert (disk / "new folder" / "a.csv").read_bytes() == b"a" * 1000


async def test_what_is_unchanged_is_skipped(start, events, drive, disk):
    drive.write("/a.csv", b"a" * 1000)
    skipped = (await events(await start("upload", "data/a.csv", "/")))[-1]
    assert (skipped["phase"], skipped["message"]) == ("skipped", "It is the same in Box.")


async def test_a_local_file_is_kept_unless_it_may_be_replaced(start, events, drive, disk):
    drive.write("/a.csv", b"new")
    kept = (await events(await start("download", "/a.csv", "data")))[-1]
    assert (kept["phase"], kept["code"]) == ("failed", "local_exists")
    assert (disk / "data" / "a.csv").read_bytes() == b"a" * 1000
    assert (await events(await start("download", "/a.csv", "data", overwrite=True)))[-1]["phase"] == "done"
    assert (disk / "data" / "a.csv").read_bytes() == b"new"


async def test_cancel_ends_a_copy_and_leaves_nothing(ask, start, events, drive, disk, box):
    (disk / "big.bin").write_bytes(bytes(30 * MB))
    box.fault("hold", "PUT /files/upload_sessions", name="part")
    transfer = await start("upload", "big.bin", "/")
    watched = asyncio.ensure_future(events(transfer))
    assert (await ask("DELETE", f"transfers/{transfer['id']}")).code == 204
    box.control(release=True)
    assert (await watched)[-1]["phase"] == "cancelled"
    assert not drive.exists("/big.bin")
    assert body(await ask("GET", f"transfers/{transfer['id']}"))["phase"] == "cancelled"
    assert (await ask("DELETE", f"transfers/{transfer['id']}")).code == 204
    assert (await ask("GET", f"transfers/{transfer['id']}")).code == 404


async def test_a_failure_ends_the_stream_with_its_message(start, events, drive, disk, box):
    box.control(quota=1)
    failed = (await events(await start("upload", "data/a.csv", "/")))[-1]
    assert (failed["phase"], failed["code"]) == ("failed", "storage_limit_exceeded")
    assert failed["message"]


async def test_a_reconnected_stream_tells_the_current_state_first(ask, start, events, drive, disk):
    transfer = await start("upload", "data", "/")
    await events(transfer)
    assert [event["phase"] for event in await events(transfer)] == ["done"]
    assert [each["phase"] for each in body(await ask("GET", "transfers"))["transfers"]] == ["done"]
    ended = await ask("GET", "transfers/events", seconds=0)
    assert ended.headers["Content-Type"] == "text/event-stream"
    assert b'"phase": "done"' in ended.body


async def test_the_stream_is_no_activity_of_a_user(ask, server):
    server.web_app.settings.pop("api_last_activity", None)
    await ask("GET", "transfers/events", seconds=0)
    assert "api_last_activity" not in server.web_app.settings


async def test_a_silent_stream_has_a_heartbeat(ask, monkeypatch):
    monkeypatch.setattr("jupyter_box.server.streams.HEARTBEAT", 0.1)
    answer = await ask("GET", "transfers/events", seconds=1)
    assert answer.body.count(b": alive") > 3


async def test_nothing_outside_of_the_servers_folder_is_reached(ask, drive, disk, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("x")
    (disk / "data" / "link").symlink_to(secret)
    (disk / "inner").symlink_to(disk / "data" / "deep")
    drive.write("/a.csv", b"x")
    for kind, source, target in [
        ("upload", "../secret", "/"),
        ("upload", str(secret), "/"),
        ("upload", "data/link/key", "/"),
        ("upload", "data", "/"),
        ("download", "/a.csv", ".."),
        ("download", "/a.csv", "data/link"),
    ]:
        answer = await ask("POST", "transfers", body={"kind": kind, "source": source, "target": target})
        assert (answer.code, body(answer)["code"]) in {(403, "outside"), (404, "local_not_found")}, (source, target)
    assert (await ask("POST", "transfers", body={"kind": "upload", "source": "inner", "target": "/"})).code == 202
    assert list(secret.iterdir()) == [secret / "key"]


async def test_a_folder_does_not_follow_a_link_of_its_name_out_of_the_servers_folder(ask, drive, disk, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (disk / "data" / "logs").symlink_to(outside)
    drive.mkdir("/logs")
    drive.write("/logs/a.csv", b"x")
    answer = await ask("POST", "transfers", body={"kind": "download", "source": "/logs", "target": "data"})
    assert (answer.code, body(answer)["code"]) == (403, "outside")
    assert list(outside.iterdir()) == []


HIDDEN = [("upload", ".ssh/key", "/"), ("upload", "shown", "/"), ("download", "/a.csv", ".ipython/startup")]


async def test_what_jupyter_hides_is_not_reached(ask, drive, disk):
    (disk / ".ssh").mkdir()
    (disk / ".ssh" / "key").write_text("x")
    (disk / "shown").symlink_to(disk / ".ssh")
    drive.write("/a.csv", b"x")
    for kind, source, target in HIDDEN:
        answer = await ask("POST", "transfers", body={"kind": kind, "source": source, "target": target})
        assert (answer.code, body(answer)["code"]) == (403, "hidden"), source
    assert [item.name for item in drive.list("/")] == ["a.csv"]
    assert not (disk / ".ipython").exists()


class TestHiddenFilesShown:
    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        return {**jp_server_config, "ContentsManager": {"allow_hidden": True}}

    async def test_what_jupyter_shows_is_reached(self, start, events, drive, disk):
        (disk / ".ssh").mkdir()
        (disk / ".ssh" / "key").write_text("x")
        assert (await events(await start("upload", ".ssh/key", "/")))[-1]["phase"] == "done"


async def test_a_link_that_leads_to_itself_is_told(ask, drive, disk):
    (disk / "loop").symlink_to(disk / "loop")
    answer = await ask("POST", "transfers", body={"kind": "upload", "source": "loop", "target": "/"})
    assert (answer.code, body(answer)["code"]) == (404, "local_not_found")


async def test_two_who_ask_for_it_again_at_once_begin_it_once(ask, start, events, drive, disk, box):
    drive.write("/a.csv", b"x")
    transfer = await start("download", "/a.csv", "data")
    assert (await events(transfer))[-1]["phase"] == "failed"
    (disk / "data" / "a.csv").unlink()
    box.fault("hold", r"GET /files/\d+/content", name="bytes", times=None)
    answers = await asyncio.gather(*(ask("POST", f"transfers/{transfer['id']}") for _ in range(6)))
    box.control(release=True)
    assert sorted(answer.code for answer in answers) == [202, 409, 409, 409, 409, 409]
    assert (await events(transfer))[-1]["phase"] == "done"


async def test_bad_input_gets_one_line_in_our_form(ask, drive, disk):
    for wanted, status in [
        ({"kind": "upload", "source": "no such", "target": "/"}, 404),
        ({"kind": "upload", "source": "n" * 300, "target": "/"}, 404),
        ({"kind": "upload", "source": "a\0b", "target": "/"}, 404),
        ({"kind": "download", "source": "/no such", "target": ""}, 404),
        ({"kind": "download", "source": "/a\\b", "target": ""}, 400),
        ({"kind": "sideways", "source": "data", "target": "/"}, 400),
        ({"kind": "upload"}, 400),
    ]:
        answer = await ask("POST", "transfers", body=wanted)
        assert answer.code == status, (wanted, answer.body)
        assert set(body(answer)) == {"code", "message", "hint", "request_id"}


def test_a_slow_client_never_makes_the_server_keep_more_than_one_state_a_copy():
    from jupyter_box.events import Progress
    from jupyter_box.server.board import State, Wanted
    from jupyter_box.server.news import Watcher

    async def scenario():
        watcher = Watcher(asyncio.get_running_loop())
        wanted = Wanted("upload", "a", "b")
        states = [State("1", wanted, Progress("a", done=number)) for number in range(1000)]
        thread = threading.Thread(target=lambda: [watcher.tell(state) for state in states])
        thread.start()
        thread.join()
        return await watcher.wait(5)

    assert [state.progress.done for state in asyncio.run(scenario())] == [999]


async def test_what_has_failed_is_done_again_under_the_same_id(ask, start, events, drive, disk, box):
    box.control(quota=1)
    transfer = await start("upload", "data/a.csv", "/")
    failed = (await events(transfer))[-1]
    assert (failed["phase"], failed["can_retry"]) == ("failed", True)
    box.reset_control()
    again = await ask("POST", f"transfers/{transfer['id']}")
    assert (again.code, body(again)["id"]) == (202, transfer["id"])
    assert (await events(transfer))[-1]["phase"] == "done"
    assert drive.read("/a.csv") == b"a" * 1000
    refused = await ask("POST", f"transfers/{transfer['id']}")
    assert (refused.code, body(refused)["code"]) == (409, "not_failed")


async def test_a_kernel_that_falls_silent_counts_as_gone(ask, events, monkeypatch):
    monkeypatch.setattr("jupyter_box.server.reports.SILENCE", 0.2)
    told = {"kind": "upload", "source": "/elsewhere/a", "target": "/", "root": "0", "is_plain": True}
    running = {"path": "/a", "phase": "running", "done": 1, "total": 2}
    answer = await ask("PUT", "kernel-transfers/k1", body={**told, "progress": running})
    assert body(answer) == {"cancel": False}
    (*_, gone) = await events({"id": "k1"})
    assert (gone["phase"], gone["code"], gone["can_retry"]) == ("failed", "kernel_gone", False)
    refused = await ask("POST", "transfers/k1")
    assert (refused.code, body(refused)["code"]) == (403, "not_ours")
    await ask("PUT", "kernel-transfers/k1", body={**told, "progress": {**running, "phase": "done", "done": 2}})
    assert body(await ask("GET", "transfers/k1"))["phase"] == "done"


def test_copies_of_a_server_that_runs_are_left_to_it(tmp_path):
    from jupyter_box.server.begun import Begun
    from jupyter_box.server.board import Wanted
    from jupyter_box.transfer.journal import Journal

    wanted = Wanted("download", "/a", "b", overwrite=True)
    running, beside, elsewhere = (Begun(Journal(tmp_path), root) for root in (tmp_path, tmp_path, tmp_path / "other"))
    running.note("1", wanted)
    running.note("2", wanted)
    running.forget("2")
    assert beside.cut() == []
    running.close()
    assert elsewhere.cut() == []
    assert [(state.id, state.wanted, state.can_retry) for state in beside.cut()] == [("1", wanted, True)]
