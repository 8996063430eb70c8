import json
from datetime import datetime, timedelta, timezone

from jupyter_box.items import Account, Collaboration, Item, SharedLink, Version, moment, plain, whole

FILE = {
    "id": "12",
    "type": "file",
    "name": "line-3.csv",
    "etag": "4",
    "sha1": "a" * 40,
    "size": 1.5e12,
    "file_version": {"id": "99"},
    "modified_at": "2012-12-12T10:53:43-08:00",
    "owned_by": {"id": "7", "name": "Ada", "login": "ada@example.org"},
    "shared_link": {"url": "https://x", "access": "open", "is_password_enabled": True, "unshared_at": None},
    "permissions": {"can_download": True, "can_delete": False},
    "lock": {"id": "1", "created_by": {"id": "8"}, "expired_at": "2030-01-01T00:00:00Z"},
    "parent": {"id": "3"},
    "path_collection": {"total_count": 2, "entries": [{"id": "0"}, {"id": "3"}]},
}


def test_an_item_has_what_box_told():
    item = Item.of(FILE, "/logs/line-3.csv")
    assert (item.id, item.size, item.version, item.parent_id) == ("12", 1_500_000_000_000, "99", "3")
    assert item.ancestors == ("0", "3")
    assert item.permissions == {"can_download"}
    assert item.shared_link.has_password
    assert item.lock.owner.id == "8"
    assert item.modified == datetime(2012, 12, 12, 10, 53, 43, tzinfo=timezone(timedelta(hours=-8)))
    assert item.is_file
    assert not item.is_folder


def test_a_mini_item_is_enough():
    item = Item.of({"id": "1", "type": "folder", "name": "logs"})
    assert item.is_folder
    assert item.size is None
    assert item.web_url == "https://app.box.com/folder/1"


def test_nulls_are_as_absent():
    item = Item.of(
        {"id": "0", "type": "folder", "name": "All Files", "parent": None, "shared_link": None, "path_collection": None}
    )
    assert (item.parent_id, item.shared_link, item.ancestors) == (None, None, ())


def test_an_item_is_json_all_through():
    values = json.loads(json.dumps(Item.of(FILE).to_dict()))
    assert values["owner"]["login"] == "ada@example.org"
    assert values["permissions"] == ["can_download"]
    assert values["modified"].startswith("2012-12-12T10:53:43")


def test_other_values():
    account = Account.of(
        {"id": "7", "login": "a", "space_used": 5, "space_amount": -1, "max_upload_size": 10, "enterprise": {"id": "e"}}
    )
    assert (account.space_amount, account.enterprise_id) == (-1, "e")
    assert Version.of({"id": "5", "created_at": "2020-01-01T00:00:00Z"}).created.year == 2020
    pending = Collaboration.of(
        {"id": "1", "role": "viewer", "status": "pending", "accessible_by": None, "invite_email": "x@y"}
    )
    assert (pending.who, pending.invited) == (None, "x@y")
    assert SharedLink.of({}) is None


def test_numbers_and_times_in_every_form():
    assert whole("1.2E+3") == 1200
    assert whole(None) is None
    assert moment(None) is None
    assert plain((1, {"a": frozenset({"b"})})) == [1, {"a": ["b"]}]
