"""What goes wrong in the middle of things: one sentence names it, one the way out, and nothing is lost."""

import json
import random

import pytest

pytestmark = pytest.mark.usefixtures("server")

MB = 1_000_000
SLICE = 3 * MB
ROLE = "Ask its owner for a role that does, e.g. editor."
SIZE = 24 * MB
BIG = random.Random(8).randbytes(SIZE)


def told(answer):
    return {name: json.loads(answer.body)[name] for name in ("code", "message", "hint")}


@pytest.fixture
def ada(drive, box_environment, monkeypatch):
    """Another user, whose folder the server's account may write to, as long as she allows it."""
    from jupyter_box import connect

    monkeypatch.setenv("BOX_CLIENT_SECRET", box_environment["BOX_CLIENT_SECRET"])
    monkeypatch.delenv("BOX_SERVER_URL", raising=False)
    user = drive.client.users.create_user("Ada", is_platform_access_only=True)
    with connect(user_id=user.id, enterprise_id="") as hers:
        hers.mkdir("/hers")
        hers.invite("/hers", drive.account.id, role="editor")
        yield hers


@pytest.fixture
def upload(ask):
    """Begin an upload of `BIG`; returns its id."""

    async def upload(path):
        answer = await ask("POST", "uploads", body={"path": path, "size": SIZE, "mtime": 1_700_000_000_000})
        assert answer.code in {200, 201}, answer.body
        return json.loads(answer.body)["id"]

    return upload


@pytest.fixture
def send(ask):
    """Send and commit; returns the first answer that is no success, or the last."""

    async def send(one, last=SIZE):
        for start in range(0, last, SLICE):
            answer = await ask("PUT", f"uploads/{one}", body=BIG[start : start + SLICE], offset=start)
            if answer.code != 200:
                return answer
        while last == SIZE and (answer := await ask("POST", f"uploads/{one}")).code == 202:
            pass
        return answer

    return send


class TestARoleThatIsTakenAway:
    @pytest.fixture
    def box_settings(self, ada):
        return {"root_folder": ada.stat("/hers").id}

    async def test_stops_an_upload_which_goes_on_once_it_is_back(self, ada, drive, upload, send, ask):
        one = await upload("x.bin")
        assert (await send(one, 2 * SLICE)).code == 200
        ada.set_role("/hers", drive.account.id, "viewer")
        answer = await send(one)
        assert answer.code == 403
        assert told(answer) == {
            "code": "access_denied_insufficient_permissions",
            "message": "Our role on x.bin does not allow this.",
            "hint": ROLE,
        }
        assert not ada.exists("/hers/x.bin")
        ada.set_role("/hers", drive.account.id, "editor")
        assert (await send(one)).code == 201
        assert ada.read("/hers/x.bin") == BIG

    async def test_stops_a_save_and_keeps_what_is_there(self, ada, drive, ask):
        ada.write("/hers/note.txt", b"before")
        ada.set_role("/hers", drive.account.id, "viewer")
        model = {"type": "file", "format": "text", "content": "after"}
        answer = await ask("PUT", "contents/note.txt", body=model)
        assert answer.code == 403
        assert told(answer)["message"] == f"Our role on note.txt does not allow this. {ROLE}"
        assert ada.read("/hers/note.txt") == b"before"

    async def test_makes_the_folder_as_if_it_were_not_there(self, ada, drive, ask):
        ada.uninvite("/hers", drive.account.id)
        answer = await ask("GET", "contents/")
        assert answer.code == 404
        assert told(answer)["code"] == "root_not_found"
        assert "is not in Box. Check BOX_ROOT_FOLDER, and that the folder is shared" in told(answer)["message"]


async def test_a_full_quota_in_mid_upload(upload, send, drive, box):
    used = drive.status().account.space_used
    one = await upload("x.bin")
    await send(one, SLICE)
    box.control(quota=used + 1)
    answer = await send(one)
    assert answer.code == 507
    assert told(answer) == {
        "code": "storage_limit_exceeded",
        "message": "There is no space left in Box for /x.bin.",
        "hint": "Empty the trash, or ask a Box administrator for space.",
    }
    box.control(quota=None)
    assert (await send(one)).code == 201


async def test_a_token_that_cannot_be_renewed(upload, send, drive, box, ask):
    one = await upload("x.bin")
    await send(one, SLICE)
    box.control(expire_tokens=True)
    box.fault("error", "POST /oauth2/token", status=400, code="invalid_grant", times=None)
    answer = await ask("GET", "items/")
    assert told(answer)["message"] == "Box refuses the app's credentials."
    assert told(answer)["hint"].startswith("Check BOX_CLIENT_ID, BOX_CLIENT_SECRET and BOX_ENTERPRISE_ID")
    box.control(faults=[])
    assert (await send(one)).code == 401  # what has become of the parts that were on their way
    assert (await send(one)).code == 201
    assert drive.read("/x.bin") == BIG


async def test_another_file_of_the_name_at_the_same_time(upload, ask, drive):
    await upload("x.bin")
    answer = await ask("POST", "uploads", body={"path": "X.bin", "size": 3})
    assert answer.code == 409
    assert told(answer) == {
        "code": "upload_pending",
        "message": "Another upload to /x.bin is under way.",
        "hint": "Wait until it has ended, or cancel it.",
    }
