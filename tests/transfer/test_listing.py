"""Long folders: listed ahead and side by side, with no entry missed or doubled."""

from __future__ import annotations

import pytest

from jupyter_box.transfer.listing import entries, side_by_side


@pytest.fixture
def get(session, folder):
    """A page of the folder, by name, of so many entries."""

    def get(offset: int, is_reversed: bool, limit: int = 1000):
        order = {"sort": "name", "direction": "DESC" if is_reversed else "ASC", "fields": "name,type"}
        return session.call("GET", f"/folders/{folder.id}/items", params={"offset": offset, "limit": limit, **order})

    return get


def drain(generator):
    outcome = []

    def noting():
        outcome.append((yield from generator))

    return [entry["name"] for entry in noting()], outcome[0]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_all_entries_come_in_order(box, folder, get, count):
    box.fill(folder.id, count)
    found, is_complete = drain(side_by_side(get, get(0, False), is_unique=True))
    assert (found, is_complete) == ([f"file-{number:06d}.txt" for number in range(count)], True)


@pytest.mark.parametrize("folders", [0, 3])
def test_what_lies_beyond_the_last_offset_comes_from_the_other_end(box, session, folder, get, folders):
    for number in range(folders):
        session.call("POST", "/folders", json={"name": f"z{number}", "parent": {"id": folder.id}})
    box.fill(folder.id, 20_000)

    found, is_complete = drain(side_by_side(get, get(0, False), is_unique=True))

    assert is_complete
    assert found == [f"z{n}" for n in range(folders)] + [f"file-{number:06d}.txt" for number in range(20_000)]


def test_a_folder_that_is_too_long_is_left_to_markers(box, folder, get):
    box.fill(folder.id, 25_000)
    assert drain(side_by_side(get, get(0, False), is_unique=True)) == ([], False)


def test_a_web_link_at_the_end_of_a_long_folder_is_not_missed_in_silence(box, session, folder, get):
    box.fill(folder.id, 12_000)
    body = {"url": "https://example.com", "name": "link", "parent": {"id": folder.id}}
    session.call("POST", "/web_links", json=body)

    found, is_complete = drain(side_by_side(get, get(0, False), is_unique=True))
    assert is_complete == (len(set(found)) == 12_001)


def test_a_removal_meanwhile_is_noticed(box, session, folder, get):
    box.fill(folder.id, 50)
    first = get(0, False, 10)
    session.call("DELETE", f"/files/{first['entries'][3]['id']}")

    found, is_complete = drain(side_by_side(lambda o, r: get(o, r, 10), first, is_unique=True))
    assert not is_complete
    assert len(found) == len(set(found))


def test_entries_come_by_markers_ahead_of_their_use(box, session, folder):
    box.fill(folder.id, 5_500)
    names = [entry["name"] for entry in entries(session, folder.id)]
    assert sorted(names) == [f"file-{number:06d}.txt" for number in range(5_500)]


def test_who_stops_in_the_middle_leaves_no_thread(box, session, folder):
    import threading

    box.fill(folder.id, 5_500)
    listing = entries(session, folder.id)
    for _ in range(1_500):
        next(listing)
    listing.close()
    for thread in threading.enumerate():
        if thread.name == "box-ahead":
            thread.join(5)
            assert not thread.is_alive()


def test_trouble_with_a_page_is_raised_where_it_is_used(box, session, folder):
    box.fill(folder.id, 2_500)
    box.fault("error", "^GET .*/items", after=1, times=None, status=403, code="access_denied_insufficient_permissions")
    with pytest.raises(PermissionError):
        list(entries(session, folder.id))
