"""The drive as a whole: its status, its tokens, and that many threads may use it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from jupyter_box import connect
from jupyter_box.drive import Drive, Status
from jupyter_box.errors import BoxError, Changed, NotConfigured


def test_status_says_who_and_where_we_are(drive, box):
    status = drive.status()
    assert status.connected
    assert status.mode == "client_credentials"
    assert status.account.id == box.service_account
    assert status.root.id == drive.stat("/").id
    assert status.root.path == "/"
    assert status.quota.used == status.account.space_used
    assert set(status.versions) == {"jupyter-box", "boxsdk", "python"}
    assert status.to_dict()["account"]["login"] == status.account.login
    assert (status.code, status.message) == ("", "")


def test_status_says_why_there_is_no_connection(box_environment, monkeypatch):
    monkeypatch.setenv("BOX_CLIENT_SECRET", "wrong-canary")
    with connect() as drive:
        status = drive.status()
    assert not status.connected
    assert status.code
    assert status.message
    assert status.hint
    assert "wrong-canary" not in str(status)


def test_a_folder_by_its_id_and_who_we_are_cost_a_call_each(drive, box):
    made = drive.mkdir("/Run")
    box.control(reset_counts=True)
    folder = drive.folder(f"id:{made.id}")
    assert (folder.id, folder.name, folder.path, folder.type) == (made.id, "Run", "/Run", "folder")
    me, again = drive.me(), drive.me()
    assert {name: box.counts[name] for name in box.counts if name != "post_oauth2_token"} == {
        "get_folders_id": 1, "get_users_me": 1
    }  # fmt: skip
    assert me == again == drive.status().account


def test_status_of_settings_that_make_no_drive():
    with pytest.raises(NotConfigured) as error:
        connect()
    status = Status.disconnected(error.value)
    assert (status.connected, status.code, status.mode) == (False, "not_configured", "")
    assert "BOX_CLIENT_ID" in status.hint


def test_nothing_is_sent_before_the_first_operation(box, box_environment):
    box.clear()
    with connect() as drive:
        assert repr(drive) == "<Drive cwd='/'>"
        assert isinstance(drive, Drive)
    assert not box.counts


def test_the_sdk_client_is_signed_in(drive, box):
    assert drive.client.users.get_user_me().id == box.service_account


def test_a_token_is_good_for_one_item_only(drive):
    drive.mkdir("/a")
    inside, beside = drive.write("/a/x", "x"), drive.write("/y", "y")
    token = drive.token("/a", scopes=["base_explorer", "item_download"])
    assert token["expires_in"] > 0
    assert _status_with(drive, token, f"/files/{inside.id}") == 200
    assert _status_with(drive, token, f"/files/{beside.id}") in {403, 404}


def test_a_kernel_gets_a_token_for_the_drive_and_no_more(drive, box):
    access = drive.access()
    assert access["box_user"]["id"] == box.service_account
    assert access["root"] == drive.stat("/").id
    assert access["expires_in"] > 60
    inside = drive.write("/x", "x")
    answers = [_status_with(drive, access, address) for address in (f"/files/{inside.id}", "/folders/0/items")]
    assert answers[0] == 200
    assert answers[1] in {403, 404}


def test_a_kernel_of_a_whole_drive_gets_its_own_token(box_environment):
    with connect() as whole:
        access = whole.access()
        assert access["root"] == "0"
        assert access["access_token"] == whole._session.auth.header().removeprefix("Bearer ")


def _status_with(drive, token, address):
    return drive._session.send(
        "GET",
        f"{drive._session.endpoints.api}/2.0{address}",
        headers={"Authorization": f"Bearer {token['access_token']}"},
        authorize=False,
        ok=(403, 404),
    ).status_code


def test_many_threads_may_use_one_drive(drive):
    def work(number):
        drive.mkdir(f"/t/{number % 3}")
        drive.write(f"/t/{number % 3}/{number}", str(number))
        return drive.read(f"/t/{number % 3}/{number}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [str(number).encode() for number in range(24)]
    assert sorted(item.name for item in drive.list("/t")) == ["0", "1", "2"]


@pytest.mark.parametrize(
    "operation",
    [
        lambda drive, path: drive.stat(path),
        lambda drive, path: list(drive.list(path)),
        lambda drive, path: drive.page(path),
        lambda drive, path: drive.cd(path),
        lambda drive, path: drive.read(path),
        lambda drive, path: drive.open(path),
        lambda drive, path: drive.download(path),
        lambda drive, path: drive.move(path, "/"),
        lambda drive, path: drive.rename(path, "new"),
        lambda drive, path: drive.copy(path, "/"),
        lambda drive, path: drive.remove(path),
        lambda drive, path: drive.versions(path),
        lambda drive, path: drive.share(path),
        lambda drive, path: drive.unshare(path),
        lambda drive, path: drive.invite(path, "a@example.com"),
        lambda drive, path: drive.collaborators(path),
        lambda drive, path: drive.lock(path),
        lambda drive, path: drive.unlock(path),
        lambda drive, path: drive.archive(path),
        lambda drive, path: drive.token(path),
        lambda drive, path: drive.search("x", folder=path),
    ],
)
@pytest.mark.parametrize("path", ["/no/thing", "id:424242"])
def test_every_error_names_its_path(drive, operation, path):
    with pytest.raises(BoxError) as error:
        operation(drive, path)
    assert path in error.value.message
    assert error.value.hint or path.startswith("id:")


@pytest.mark.parametrize("now", [b"short", b"x" * 5_000_000, b""])
def test_content_of_a_file_that_has_another_size_by_now_is_an_error_that_says_so(drive, now):
    item = drive.write("/a.bin", b"y" * 4_500_000)
    drive.write("/a.bin", now)
    with pytest.raises(Changed, match="changed in Box"):
        drive.content(item)
