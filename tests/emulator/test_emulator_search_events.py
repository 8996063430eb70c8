"""Search as Box describes it, and the event stream with its long poll."""

from __future__ import annotations

import threading
import uuid

import pytest
import requests
from box_sdk_gen import UpdateFileByIdParent
from emulator_clients import client_of, error_of, invite, put_file, put_folder


@pytest.fixture(scope="module")
def library(running_emulator):
    """A user with a few files of known names and contents; returns the client and the folder."""
    user = running_emulator.add_user("Librarian")
    client = client_of(running_emulator, running_emulator.token(user))
    top = put_folder(client, "Maintenance")
    put_file(client, "Vibration Report.csv", b"pump,bearing\nrunning,1\n", top.id)
    put_file(client, "temperature_log.txt", b"the motors overheated", top.id)
    put_file(client, "analysis.ipynb", b"motors", top.id)
    put_folder(client, "Reports", top.id)
    return client, top


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param("vibration", {"Vibration Report.csv"}, id="a word of a name"),
        pytest.param("VIB", {"Vibration Report.csv"}, id="the beginning of a name"),
        pytest.param("bration", set(), id="not its middle"),
        pytest.param("motor", {"temperature_log.txt"}, id="a stem in the content, but not of a notebook"),
        pytest.param("vibration motors", {"Vibration Report.csv", "temperature_log.txt"}, id="words mean OR"),
        pytest.param("vibration AND motors", set(), id="AND"),
        pytest.param("report NOT csv", {"Reports"}, id="NOT"),
        pytest.param("vibration and nothing", {"Vibration Report.csv"}, id="small letters are no operator"),
        pytest.param('"vibration report"', {"Vibration Report.csv"}, id="a phrase"),
        pytest.param('"report vibration"', set(), id="a phrase in the wrong order"),
        pytest.param("!!!", set(), id="no word at all"),
    ],
)
def test_queries(library, query, names):
    found = library[0].search.search_for_content(query=query)
    assert {item.name for item in found.entries} == names
    assert found.total_count == len(names)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        pytest.param({"type": "folder"}, {"Reports"}, id="type"),
        pytest.param({"file_extensions": "csv"}, {"Vibration Report.csv"}, id="extension"),
        pytest.param({"content_types": "description"}, set(), id="content type"),
        pytest.param({"size_range": "1000,"}, set(), id="size"),
        pytest.param({"created_at_range": ",2001-01-01T00:00:00Z"}, set(), id="time"),
        pytest.param({"trash_content": "trashed_only"}, set(), id="trash"),
    ],
)
def test_filters(library, running_emulator, options, names):
    client, top = library
    token = client.auth.token
    query = {"query": "report", "ancestor_folder_ids": top.id, **options}
    answer = requests.get(
        f"{running_emulator.url}/2.0/search", params=query, headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    assert {item["name"] for item in answer.json()["entries"]} == names


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("query=x&limit=no", 400),
        ("query=x&offset=20000", 400),
        ("query=x&ancestor_folder_ids=77", 404),
        ("query=x&type=cat", 400),
        ("query=x&size_range=1", 400),
    ],
)
def test_bad_searches_are_refused(http, query, status):
    assert http("GET", f"/2.0/search?{query}").status_code == status


def test_search_pages_and_limits(http, client, box, folder):
    box.fill(folder.id, 250, prefix="bottle ")
    page = http(
        "GET", f"/2.0/search?query=bottle&ancestor_folder_ids={folder.id}&limit=900&offset=100&fields=name"
    ).json()
    assert (page["limit"], page["total_count"], len(page["entries"])) == (200, 250, 150)


def test_search_sees_only_what_the_caller_sees(client, someone, folder):
    word = f"w{uuid.uuid4().hex[:8]}"
    put_file(client, f"{word}.txt", b"", folder.id)
    assert someone[1].search.search_for_content(query=word).total_count == 0
    invite(client, folder.id, "viewer", someone[0])
    assert someone[1].search.search_for_content(query=word).total_count == 1


def test_the_index_may_lag(client, box, folder):
    word = f"w{uuid.uuid4().hex[:8]}"
    box.control(search_delay=600)
    put_file(client, f"{word}.txt", b"", folder.id)
    assert client.search.search_for_content(query=word).total_count == 0
    box.control(search_delay=0, clock_offset=601)
    assert client_of(box, box.token()).search.search_for_content(query=word).total_count == 1


def test_search_with_shared_links_has_another_shape(http, library):
    assert (
        http("GET", "/2.0/search?query=x&include_recent_shared_links=true").json()["type"]
        == "search_results_with_shared_links"
    )


def test_events_tell_what_happened(client, folder):
    position = client.events.get_events(stream_position="now").next_stream_position
    file = put_file(client, "a.txt", b"abc", folder.id)
    target = put_folder(client, "target", folder.id)
    client.files.update_file_by_id(file.id, name="b.txt")
    client.files.update_file_by_id(file.id, parent=UpdateFileByIdParent(id=target.id))
    client.files.delete_file_by_id(file.id)
    page = client.events.get_events(stream_position=str(position))
    kinds = [event.event_type.value for event in page.entries]
    assert kinds == ["ITEM_UPLOAD", "ITEM_CREATE", "ITEM_RENAME", "ITEM_MOVE", "ITEM_TRASH"]
    assert page.chunk_size == 5
    assert page.entries[0].source.id == file.id
    assert page.entries[-1].source.item_status.value == "trashed"
    assert client.events.get_events(stream_position=str(page.next_stream_position)).chunk_size == 0


def test_events_are_paged(client, http, folder):
    position = http("GET", "/2.0/events?stream_position=now").json()["next_stream_position"]
    assert isinstance(position, int)
    for number in range(5):
        put_folder(client, str(number), folder.id)
    seen = []
    for _ in range(3):
        page = http("GET", f"/2.0/events?stream_position={position}&limit=2").json()
        seen += [event["source"]["name"] for event in page["entries"]]
        position = page["next_stream_position"]
    assert seen == ["0", "1", "2", "3", "4"]


def test_downloads_are_only_in_the_full_stream(client, http, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    position = http("GET", "/2.0/events?stream_position=now").json()["next_stream_position"]
    client.downloads.download_file(file.id).read()
    for stream, count in [("all", 1), ("changes", 0)]:
        assert http("GET", f"/2.0/events?stream_position={position}&stream_type={stream}").json()["chunk_size"] == count


def test_collaborators_see_each_others_events(client, someone, folder):
    invite(client, folder.id, "viewer", someone[0])
    position = someone[1].events.get_events(stream_position="now").next_stream_position
    put_file(client, "a.txt", b"abc", folder.id)
    assert someone[1].events.get_events(stream_position=str(position)).chunk_size == 1


def test_the_long_poll_wakes_at_once(client, http, box, folder):
    position = http("GET", "/2.0/events?stream_position=now").json()["next_stream_position"]
    url = client.events.get_events_with_long_polling().entries[0].url
    assert url.startswith(box.url)
    answers = []
    box.fault("hold", "GET /subscribe", name="poll", times=1)
    poll = threading.Thread(
        target=lambda: answers.append(http("GET", f"{url.removeprefix(box.url)}&stream_position={position}").json())
    )
    poll.start()
    box.wait_held("poll")
    box.release("poll")
    put_folder(client, "news", folder.id)
    poll.join(10)
    assert answers == [{"message": "new_change"}]


def test_the_long_poll_ends_with_reconnect(http, box):
    box.control(poll_timeout=0.01)
    position = http("GET", "/2.0/events?stream_position=now").json()["next_stream_position"]
    assert http("GET", f"/subscribe?stream_position={position}").json() == {"message": "reconnect"}


def test_administrators_see_the_enterprise(client, box, someone):
    put_folder(someone[1], "theirs")
    names = [
        event.source.name for event in client.events.get_events(stream_type="admin_logs_streaming", limit=500).entries
    ]
    assert "theirs" in names
    assert error_of(someone[1].events.get_events, stream_type="admin_logs_streaming")[0] == 403
    assert error_of(someone[1].events.get_events, stream_position="nonsense")[0] == 400
