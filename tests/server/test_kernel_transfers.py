"""Transfers that kernels do themselves are in the server's list, to be cancelled or done again there."""

import json
import os
import threading
import time

import pytest

MB = 1_000_000
SIZE = 40 * MB
CONNECT = "import jupyter_box, pathlib; drive = jupyter_box.connect()"
MAKE = f"pathlib.Path('big.bin').write_bytes(bytes(range(256)) * ({SIZE} // 256))"
UPLOAD = "drive.upload('big.bin', '/from a kernel')"
PATIENCE = 40  # seconds


@pytest.fixture
def held(box):
    """Uploads stop at a part, until the test lets them go on."""
    box.fault("hold", "PUT /files/upload_sessions", name="part", times=None, after=1)
    yield box
    box.control(release=True)


@pytest.fixture
def run(running):
    """Run cells in a kernel, beside the test; returns what they printed, once it is asked for."""
    threads = []

    def run(*cells):
        printed = []
        thread = threading.Thread(target=lambda: printed.extend(running.run(*cells, timeout=PATIENCE)))
        thread.start()
        threads.append(thread)

        def result():
            thread.join(PATIENCE)
            return printed[-1]

        return result

    yield run
    for thread in threads:
        thread.join(PATIENCE)


def transfers(running):
    return running.ask("GET", "transfers").json()["transfers"]


def until(condition):
    end = time.monotonic() + PATIENCE
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)  # the server has it when it is told
    assert found
    return found


def test_a_kernels_upload_is_shown_cancelled_and_done_again(running, run, held):
    result = run(CONNECT, MAKE, UPLOAD)
    (shown,) = until(lambda: [each for each in transfers(running) if each["done"] > 0])
    assert (shown["where"], shown["kind"], shown["phase"]) == ("kernel", "upload", "running")
    assert (shown["total"], shown["target"]) == (SIZE, "/from a kernel")
    assert running.ask("DELETE", f"transfers/{shown['id']}").status_code == 204
    assert "Cancelled" in result()  # although Box still holds its part
    held.control(release=True)
    (ended,) = until(lambda: [each for each in transfers(running) if each["phase"] == "cancelled"])
    assert (ended["source"], ended["can_retry"]) == ("big.bin", True)
    again = running.ask("POST", f"transfers/{shown['id']}")
    assert (again.status_code, again.json()["where"]) == (202, "server")
    (done,) = until(lambda: [each for each in transfers(running) if each["phase"] == "done"])
    assert done["done"] == SIZE


def test_a_kernels_sync_is_shown_and_is_for_the_kernel_to_do_again(running, run, held):
    run(CONNECT, MAKE.replace("'big.bin'", "'tree.bin'"), "drive.sync('.', '/tree', include='tree.bin')")
    (shown,) = until(lambda: [each for each in transfers(running) if each["kind"] == "sync"])
    assert (shown["where"], shown["target"], shown["phase"]) == ("kernel", "/tree", "running")
    held.control(release=True)
    (done,) = until(lambda: [each for each in transfers(running) if (each["kind"], each["phase"]) == ("sync", "done")])
    assert not done["can_retry"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"kind": "upload"}', json.dumps({"kind": "sideways"}).encode()])
def test_nonsense_from_a_kernel_is_refused(running, body):
    answer = running.ask("PUT", "kernel-transfers/1", data=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_only_a_process_of_this_machine_may_tell(running):
    assert running.ask("PUT", "kernel-transfers/1", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 403
    assert running.ask("PUT", "kernel-transfers/1", headers={"Authorization": "token wrong"}).status_code == 403


def test_a_transfer_goes_well_though_nobody_listens(drive, tmp_path):
    """A server that is gone, slow or deaf costs a transfer nothing."""
    from jupyter_box.config import ServerAccess
    from jupyter_box.reporting import Reporter

    (tmp_path / "a.bin").write_bytes(os.urandom(25 * MB))
    drive._observer = Reporter(ServerAccess("http://127.0.0.1:9", "token"))
    seen = []
    report = drive.upload(tmp_path / "a.bin", "/", on_progress=seen.append)
    assert report.sent == 1
    assert seen[-1].phase == "done"


def test_a_kernel_reports_to_its_server_wherever_its_tokens_come_from(monkeypatch):
    """With the Hub's broker, too, which kernels ask themselves."""
    from jupyter_box import connect
    from jupyter_box.reporting import Reporter

    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t")
    running, broker = {"server_url": "http://127.0.0.1:9"}, {"broker_url": "http://127.0.0.1:8"}
    for settings, reports in ((running, True), ({**running, **broker}, True), (broker, False)):
        with connect(**settings) as drive:
            assert isinstance(drive._observer, Reporter) is reports
