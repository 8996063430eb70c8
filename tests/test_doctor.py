"""The doctor, on the emulator with one thing wrong at a time."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from emulated import by_client_credentials

from jupyter_box import doctor

ORDER = (
    "configuration",
    "endpoints",
    "clock",
    "token",
    "app authorisation",
    "scopes",
    "root folder",
    "quota",
    "server extension",
    "lab extension",
    "versions",
)


def examined():
    return {check.name: check for check in doctor.examine()}


def failures(checks):
    return [name for name, check in checks.items() if check.state == "failure"]


@pytest.fixture
def rooted(drive, monkeypatch):
    """The environment of a drive whose root is a folder with something in it."""
    drive.write("/a.txt", "x")
    monkeypatch.setenv("BOX_ROOT_FOLDER", drive.stat("/").id)


def test_all_is_looked_at_in_order_and_well(rooted):
    checks = examined()
    assert tuple(checks) == ORDER
    assert not failures(checks)
    assert all(checks[name].state == "ok" for name in ORDER[:8])
    assert all(check.message.endswith(".") for check in checks.values())


def test_no_settings(box):
    checks = examined()
    assert "configuration" in failures(checks)
    assert "BOX_CLIENT_ID" in checks["configuration"].hint
    assert checks["token"].state == "skipped"
    assert "configuration" in checks["token"].message


def test_no_network(rooted, monkeypatch):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        monkeypatch.setenv("BOX_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        checks = examined()
    assert failures(checks) == ["endpoints"]
    assert checks["clock"].state == checks["token"].state == checks["quota"].state == "skipped"


def test_a_name_that_nobody_knows(rooted, monkeypatch):
    monkeypatch.setenv("BOX_URL", "http://nowhere.invalid")
    checks = examined()
    assert "nowhere.invalid" in checks["endpoints"].message
    assert "DNS" in checks["endpoints"].hint


def test_a_proxy_that_does_not_answer(rooted, monkeypatch):
    monkeypatch.setenv("BOX_URL", "http://box.invalid")
    monkeypatch.setenv("HTTP_PROXY", "http://canary:canary@127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://canary:canary@127.0.0.1:9")
    checks = examined()
    assert "proxy" in checks["endpoints"].message
    assert "canary" not in repr(checks)


def test_a_certificate_that_nobody_trusts(rooted, monkeypatch, tmp_path):
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("BOX_URL", f"https://localhost:{listener.getsockname()[1]}")
        stop = threading.Event()
        threading.Thread(target=_shake_hands, args=(listener, context, stop), daemon=True).start()
        checks = examined()
        stop.set()
    assert "certificate" in checks["endpoints"].message
    assert "REQUESTS_CA_BUNDLE" in checks["endpoints"].hint


def _shake_hands(listener, context, stop):
    listener.settimeout(0.1)
    while not stop.is_set():
        with contextlib.suppress(OSError):
            context.wrap_socket(listener.accept()[0], server_side=True).close()


def test_a_wrong_clock(rooted, box):
    box.control(clock_offset=40)
    assert examined()["clock"].state == "warning"
    box.control(clock_offset=-400)
    clock = examined()["clock"]
    assert clock.state == "failure"
    assert "ahead" in clock.message
    assert "NTP" in clock.hint


def test_a_wrong_secret(rooted, monkeypatch):
    monkeypatch.setenv("BOX_CLIENT_SECRET", "canary-wrong")
    checks = examined()
    assert failures(checks) == ["token"]
    assert "BOX_CLIENT_SECRET" in checks["token"].hint
    assert "canary" not in repr(checks)


def test_an_app_that_the_administrator_has_not_authorised(rooted, box, monkeypatch):
    for name, value in by_client_credentials(box.add_app(authorized=False)).items():
        monkeypatch.setenv(name, value)
    checks = examined()
    assert failures(checks) == ["app authorisation"]
    assert checks["token"].state == "ok"
    assert "administrator" in checks["app authorisation"].message


def test_an_expired_developer_token(box, monkeypatch):
    monkeypatch.setenv("BOX_URL", box.url)
    monkeypatch.setenv("BOX_DEVELOPER_TOKEN", "canary-expired")
    checks = examined()
    assert failures(checks) == ["app authorisation"]
    assert "developer" in checks["app authorisation"].message
    assert "canary" not in repr(checks)


def test_an_app_that_may_only_read(box, monkeypatch):
    monkeypatch.setenv("BOX_URL", box.url)
    monkeypatch.setenv("BOX_DEVELOPER_TOKEN", box.token(scopes="root_readonly"))
    scopes = examined()["scopes"]
    assert scopes.state == "warning"
    assert "upload" in scopes.message


def test_a_root_that_is_not_there(box_environment, monkeypatch):
    monkeypatch.setenv("BOX_ROOT_FOLDER", "987654321")
    checks = examined()
    assert failures(checks) == ["root folder"]
    assert "987654321" in checks["root folder"].message


def test_a_full_storage(rooted, box):
    box.control(quota=1)
    quota = examined()["quota"]
    assert quota.state == "failure"
    assert quota.hint


def test_the_exit_code_says_the_worst():
    states = {"ok": 0, "skipped": 0, "warning": 1, "failure": 2}
    for state, code in states.items():
        assert doctor.worst([doctor.Check("a", "ok", ""), doctor.Check("b", state, "")]) == code


def test_a_program_with_json(rooted):
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_box.cli", "doctor", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    answer = json.loads(done.stdout)
    assert done.returncode == answer["exit_code"]
    assert [check["name"] for check in answer["checks"]] == list(ORDER)


def test_each_line_names_what_was_looked_at(rooted, capsys):
    doctor.main([])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(ORDER)
    assert all(f"{name}: " in line for name, line in zip(ORDER, lines, strict=True))
