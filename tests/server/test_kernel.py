"""What kernels of a real server process inherit, and how they get to Box all the same."""

import json
import re

import pytest
from certificates import self_signed
from running import running_server

CANARY = "canary-secret-of-this-test"
ENVIRONMENT = "import os, json; print(json.dumps(dict(os.environ)))"
LIST = "import jupyter_box; print([item.name for item in jupyter_box.connect().list('/')])"
NO_LOGIN = ("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True")
ABOVE = "import jupyter_box; jupyter_box.connect().stat('id:0').name"


@pytest.fixture
def folder_in_box(drive):
    drive.write("/from the test.txt", b"hello")
    return drive.stat("/").id


def test_a_kernel_lists_box_without_the_secret(box_environment, folder_in_box, tmp_path):
    secret = box_environment["BOX_CLIENT_SECRET"]
    environment = {**box_environment, "BOX_ROOT_FOLDER": folder_in_box}
    with running_server(tmp_path, environment) as server:
        assert server.ask("GET", "status").json()["connected"] is True
        inherited, listed, parent = server.run(
            ENVIRONMENT, LIST, "import jupyter_box; jupyter_box.connect().stat('id:0').name"
        )
        assert json.loads(inherited)["BOX_SERVER_URL"] == server.url.replace("localhost", "127.0.0.1")
        assert secret not in inherited
        assert listed.strip() == "['from the test.txt']"
        assert "NotFound" in parent or "Denied" in parent
        assert secret not in server.log
        token = server.ask("POST", "kernel-token").json()
    assert token["root"] == folder_in_box
    assert 0 < token["expires_in"] <= 4300


def test_a_server_with_a_certificate_of_its_own_serves_its_kernels(box_environment, box, tmp_path):
    # for no name that kernels use, and signed by nobody they know
    certificate, key = self_signed(tmp_path, "localhost")
    files = (f"--ServerApp.certfile={certificate}", f"--ServerApp.keyfile={key}")
    send = "import pathlib; pathlib.Path('x.bin').write_bytes(bytes(30_000_000)); drive.upload('x.bin', '/by https')"
    box.fault("delay", "PUT /files/upload_sessions", seconds=1.5, times=None)
    with running_server(tmp_path, box_environment, *files) as server:
        server.http.verify = str(certificate)
        listed, sent = server.run(LIST, f"drive = jupyter_box.connect(); {send}")
        (told,) = server.ask("GET", "transfers").json()["transfers"]
        refused = "import os; os.environ['BOX_SERVER_FINGERPRINT'] = '0' * 64"
        _, another = server.run(refused, LIST)
    assert re.match(r"\[.*\]", listed)
    assert "Error" not in sent
    assert (told["where"], told["kind"], told["phase"]) == ("kernel", "upload", "done")
    assert "is not trusted" in another


@pytest.mark.slow
def test_a_server_with_only_a_password_serves_its_kernels_too(box_environment, tmp_path):
    from jupyter_server.auth import passwd

    hashed = passwd("the password", algorithm="sha1")
    with running_server(
        tmp_path, box_environment, f"--PasswordIdentityProvider.hashed_password={hashed}", token=None
    ) as server:
        info = json.loads(next((tmp_path / "JUPYTER_RUNTIME_DIR").glob("jpserver-*.json")).read_text())
        server.token = info["token"]
        server.http.headers["Authorization"] = f"token {info['token']}"
        assert len(info["token"]) == 48
        assert info["token"] not in server.log
        (listed,) = server.run(LIST)
    assert re.match(r"\[.*\]", listed)


@pytest.mark.slow
def test_a_server_without_any_login_serves_its_kernels_but_no_page(box_environment, tmp_path):
    with running_server(tmp_path, box_environment, *NO_LOGIN, token=None) as server:
        (listed,) = server.run(LIST)
        assert server.ask("POST", "kernel-token").status_code == 403
    assert re.match(r"\[.*\]", listed)


@pytest.mark.slow
def test_without_scrubbing_the_kernel_has_the_variables(box_environment, tmp_path):
    with running_server(tmp_path, box_environment, "--BoxConfig.scrub_environment=False") as server:
        inherited, listed = server.run(ENVIRONMENT, LIST)
    assert json.loads(inherited)["BOX_CLIENT_SECRET"] == box_environment["BOX_CLIENT_SECRET"]
    assert "BOX_SERVER_URL" not in json.loads(inherited)
    assert re.match(r"\[.*\]", listed)


@pytest.mark.slow
def test_a_wrong_setting_or_none_lets_the_server_start_and_status_says_why(tmp_path):
    for name, environment, arguments, code, named in (
        ("none", {}, (), "not_configured", "No Box credentials"),
        ("half", {"BOX_CLIENT_SECRET": CANARY}, (), "not_configured", "BOX_CLIENT_ID"),
        (
            "wrong",
            {"BOX_CLIENT_SECRET": CANARY},
            ("--BoxConfig.retry_deadline=-1",),
            "not_configured",
            "retry_deadline",
        ),
    ):
        folder = tmp_path / name
        folder.mkdir()
        with running_server(folder, environment, *arguments) as server:
            status = server.ask("GET", "status").json()
            (inherited,) = server.run(ENVIRONMENT)
            listing = server.ask("GET", "items/")
            log = server.log
        assert (status["connected"], status["code"]) == (False, code)
        assert named in status["message"]
        assert status["hint"]
        assert (listing.status_code, listing.json()["code"]) == (503, code)
        assert CANARY not in inherited + log + listing.text + json.dumps(status)


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, "", 200),
        ({"Authorization": "", "X": "y"}, "?token={token}", 403),
        ({"X-Forwarded-For": "127.0.0.1"}, "", 403),
        ({"Origin": "http://localhost:1"}, "", 403),
        ({"Authorization": "token wrong"}, "", 403),
    ],
    ids=["kernel", "token in the URL", "through a proxy", "from a page", "wrong token"],
)
def test_only_this_machine_with_the_header_gets_a_token(running, headers, query, status):
    answer = running.ask("POST", "kernel-token" + query.format(token=running.token), headers=headers)
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
