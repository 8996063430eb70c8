"""The event stream of a panel: what changes in Box is told within seconds, and costs Box few requests."""

import asyncio
import json
import threading
import time

import pytest

pytestmark = pytest.mark.usefixtures("server")

SOON = 20.0  # seconds in which a change must be told; it takes some three


class Stream:
    """An open event stream: what has come so far, and waiting for more."""

    def __init__(self):
        self.seen, self.rest, self.news = [], b"", asyncio.Event()

    def take(self, chunk):
        *whole, self.rest = (self.rest + chunk).split(b"\n\n")
        for text in whole:
            lines = dict(line.split(": ", 1) for line in text.decode().splitlines() if not line.startswith(":"))
            if lines:
                self.seen.append((lines["event"], json.loads(lines["data"])))
        self.news.set()

    def of(self, event):
        return [data for name, data in self.seen if name == event]

    async def until(self, condition):
        """Wait until what has come fulfils a condition; returns it."""

        async def wait():
            while not (found := condition(self)):
                self.news.clear()
                await self.news.wait()
            return found

        return await asyncio.wait_for(wait(), SOON)

    async def live(self):
        await self.until(lambda stream: [each for each in stream.of("live") if each["live"]])


@pytest.fixture
def listen(http_server_client, jp_base_url, jp_auth_header):
    """Open an event stream."""
    tasks = []

    def listen(seconds=120):
        stream = Stream()
        task = http_server_client.fetch(
            f"{jp_base_url}jupyter-box/events?seconds={seconds}", headers=jp_auth_header,
            streaming_callback=stream.take, request_timeout=120,
        )  # fmt: skip
        tasks.append(asyncio.ensure_future(task))
        return stream

    yield listen
    for task in tasks:
        task.cancel()


@pytest.fixture
def here(drive):
    """The drive, for work that must not stop the server's loop, in which the test itself runs."""

    async def here(work):
        return await asyncio.to_thread(work, drive)

    return here


def counts(box):
    return box.control()["counts"]


def ids(stream, name="items"):
    return {one for each in stream.of("changes") for one in each[name]}


def until_asked_again(box):
    end = time.monotonic() + SOON
    while counts(box).get("options_events", 0) < 2 and time.monotonic() < end:
        time.sleep(0.1)  # nobody tells that Box has ended its request
    assert counts(box)["options_events"] >= 2


async def test_a_change_is_told_with_its_folder(listen, here):
    folder = await here(lambda drive: drive.mkdir("/deep/er"))
    stream = listen()
    await stream.live()
    item = await here(lambda drive: drive.write("/deep/er/x.txt", b"1"))
    await stream.until(lambda stream: item.id in ids(stream))
    assert folder.id in ids(stream, "folders")
    assert "/deep/er" in ids(stream, "paths")


async def test_a_move_and_the_trash_name_the_item(listen, here):
    """Box does not tell where it was before: who shows it is concerned."""
    moved = await here(lambda drive: drive.write("/moved.txt", b"1"))
    gone = await here(lambda drive: drive.write("/gone.txt", b"2"))
    await here(lambda drive: drive.mkdir("/new"))
    stream = listen()
    await stream.live()
    await here(lambda drive: drive.move("/moved.txt", "/new/moved.txt"))
    await here(lambda drive: drive.remove("/gone.txt"))
    await stream.until(lambda stream: {moved.id, gone.id} <= ids(stream))


async def test_a_burst_costs_few_requests(listen, here, box):
    stream = listen()
    await stream.live()
    before = counts(box).get("get_events", 0)

    def burst(drive):
        return {drive.write(f"/{number}.txt", b"%d" % number).id for number in range(60)}

    made = await here(burst)
    await stream.until(lambda stream: made <= ids(stream))
    assert counts(box)["get_events"] - before <= 6
    assert len(stream.of("changes")) <= 6


async def test_two_panels_share_one_look_at_box(listen, here, box):
    box.reset_control()
    streams = [listen(), listen()]
    for stream in streams:
        await stream.live()
    item = await here(lambda drive: drive.write("/both.txt", b"1"))
    for stream in streams:
        await stream.until(lambda stream: item.id in ids(stream))
    assert counts(box)["options_events"] == 1


async def test_after_reconnect_box_is_asked_where_to_wait(listen, here, box):
    box.control(poll_timeout=1)
    stream = listen()
    await stream.live()
    await asyncio.to_thread(until_asked_again, box)
    item = await here(lambda drive: drive.write("/later.txt", b"1"))
    await stream.until(lambda stream: item.id in ids(stream))


async def test_a_token_without_a_stream_is_told_once_and_quietly(listen, box):
    box.fault("error", "GET /events", status=403, code="access_denied_insufficient_permissions", times=None)
    stream = listen()
    told = await stream.until(lambda stream: [each for each in stream.of("live") if each["message"]])
    assert told[-1]["live"] is False
    again = listen()
    await again.until(lambda stream: stream.of("live"))
    assert counts(box)["get_events"] == 1


async def test_what_the_stream_tells_twice_is_told_once(here):
    def scenario(drive):
        from jupyter_box.drive._watching import _Stream

        stream = _Stream(drive._session, None)
        stream.look()
        position = stream._position
        drive.write("/once.txt", b"1")
        first = stream.look()
        stream._position = position
        return first, stream.look()

    first, second = await here(scenario)
    assert [event["event_type"] for event in first] == ["ITEM_UPLOAD"]
    assert second == []


def test_the_first_event_of_an_account_is_told():
    from jupyter_box.config import BoxConfig
    from jupyter_box.drive import Drive
    from jupyter_box.emulator import Emulator

    with Emulator() as box:
        addresses = {
            "url": box.url,
            "client_id": box.env["BOX_CLIENT_ID"],
            "enterprise_id": box.env["BOX_ENTERPRISE_ID"],
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BOX_CLIENT_SECRET", box.env["BOX_CLIENT_SECRET"])
            drive = Drive.connect(BoxConfig(**addresses, rate_limit="off"))
        with drive:
            changes = drive.changes()
            assert not next(changes)
            item = drive.write("/first.txt", b"1")
            assert next(changes).items == {item.id}


async def test_when_nobody_listens_any_more_box_is_asked_no_more(listen, box, monkeypatch):
    monkeypatch.setattr("jupyter_box.server.changes.PAUSE", 0.1)
    box.control(poll_timeout=1)
    await listen(seconds=4).live()
    follower = [thread for thread in threading.enumerate() if thread.name == "box-events"][-1]
    await asyncio.to_thread(follower.join, SOON)
    assert not follower.is_alive()
    await listen().live()


async def test_transfers_are_told_on_the_same_stream(ask, listen, jp_root_dir):
    (jp_root_dir / "a.csv").write_bytes(b"a" * 1000)
    stream = listen()
    answer = await ask("POST", "transfers", body={"kind": "upload", "source": "a.csv", "target": "/"})
    assert answer.code == 202
    await stream.until(lambda stream: [each for each in stream.of("transfer") if each["phase"] == "done"])


async def test_nobody_who_listens_is_no_request_to_box(ask, listen, box):
    box.control(poll_timeout=1)
    box.control(reset_counts=True)
    assert (await ask("GET", "transfers/events", seconds=1)).code == 200
    assert "get_events" not in counts(box)


async def test_the_stream_is_no_activity_of_a_user(ask, server):
    server.web_app.settings.pop("api_last_activity", None)
    await ask("GET", "events", seconds=0)
    assert "api_last_activity" not in server.web_app.settings
