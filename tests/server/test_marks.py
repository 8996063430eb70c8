"""The details of one item, locks and favourites."""

import json
from datetime import datetime, timezone

import pytest
from test_routes import body


@pytest.fixture
def file(drive):
    return drive.write("/plan.md", b"# Plan\n")


async def test_details_are_found_by_path_and_by_id(ask, file):
    by_path = body(await ask("GET", "details/plan.md"))
    assert (by_path["id"], by_path["path"], by_path["size"]) == (file.id, "/plan.md", 7)
    assert body(await ask("GET", f"details/id:{file.id}")) == by_path
    assert (await ask("GET", "details/none.md")).code == 404


async def test_a_lock_comes_and_goes(ask, file):
    locked = body(await ask("PUT", "locks/plan.md", body={"expires": "2100-01-01T00:00:00Z"}))
    assert datetime.fromisoformat(locked["lock"]["expires"]) == datetime(2100, 1, 1, tzinfo=timezone.utc)
    assert body(await ask("GET", "details/plan.md"))["lock"] == locked["lock"]
    assert (await ask("DELETE", "locks/plan.md")).code == 204
    assert body(await ask("GET", "details/plan.md"))["lock"] is None


async def test_a_time_that_is_none_locks_nothing(ask, file):
    answer = await ask("PUT", "locks/plan.md", body={"expires": "tomorrow"})
    assert (answer.code, json.loads(answer.body)["code"]) == (400, "bad_request")
    assert body(await ask("GET", "details/plan.md"))["lock"] is None


async def test_favourites_are_listed(ask, file):
    assert body(await ask("PUT", "favourites/plan.md"))["favourite"]
    assert [item["path"] for item in body(await ask("GET", "favourites"))["items"]] == ["/plan.md"]
    assert (await ask("DELETE", "favourites/plan.md")).code == 204
    assert body(await ask("GET", "favourites")) == {"items": []}
