"""What goes wrong in a run costs whoever caused it, not the others: late, lost, forged, poisoned, revoked, all gone."""

from __future__ import annotations

import pickle

import pytest

pytest.importorskip("flwr")

import numpy as np
from test_run import assert_equal, fedavg, model_of

from jupyter_box.errors import BoxError, Denied, Exists, NotFound
from jupyter_box.federated import wire
from jupyter_box.federated.node import ServerGone
from jupyter_box.federated.signing import Signer, parse

pytestmark = pytest.mark.slow

EVERYONE = (0, 1, 2)


@pytest.fixture
def run(field_of_play):
    """A run of two rounds that all three organisations may take part in, with a server in a thread."""
    field_of_play.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", rounds=2)
    field_of_play.share()
    return field_of_play


def events(run):
    found = []
    for number in (1, 2, 3):
        for name in run.files(f"rounds/{number:02}"):
            if name.endswith(".closed.json"):
                found += parse(run.drive.read(f"{run.path}/rounds/{number:02}/{name}"))["events"]
    return "\n".join(found)


def test_forged_replayed_and_corrupt_replies_do_not_cost_the_real_client_its_round(run):
    first, second = run.gate(0, 1), run.gate(0, 2)
    server, clients = run.serve_here(), [run.join_here(number) for number in EVERYONE]
    forger = run.as_user(1)
    run.reached(first)
    folder = f"id:{run.drive.stat(f'{run.path}/rounds/01').id}"
    forged = wire.pack({"seq": 1, "from": "tester0"}, {"a": np.zeros(3)}, Signer.at(run.folder / "forger"))
    forger.write(f"{folder}/tester0.safetensors", forged)
    forger.write(f"{folder}/tester0.3.safetensors", pickle.dumps({"model": 1}))
    first.unlink()
    run.reached(second)
    old = run.drive.read(f"{run.path}/rounds/01/tester0.2.safetensors")
    folder = f"id:{run.drive.stat(f'{run.path}/rounds/02').id}"
    forger.write(f"{folder}/tester0.safetensors", old)
    run.as_user(0).write(f"{folder}/tester0.7.safetensors", old)
    second.unlink()
    assert server.result(60)["rounds"] == 2
    assert all(client.result(60).startswith("Training finished") for client in clients)
    assert_equal(model_of(run, 3), fedavg(2, lambda _: EVERYONE))
    told = events(run)
    assert "tester0.safetensors by Organisation 1 is ignored: Box says that Organisation 1 wrote it." in told
    assert "tester0.7.safetensors by Organisation 0 is ignored: It answers another question." in told


def test_poisoned_grown_and_failing_updates_do_not_count(run):
    server = run.serve_here()
    clients = [run.join_here(0), run.join_here(1, poison=True), run.join_here(2, grow=True)]
    assert server.result(60)["rounds"] == 2
    assert all(client.result(60) for client in clients)
    assert_equal(model_of(run, 3), fedavg(2, lambda _: (0,)))
    told = events(run)
    assert "tester1's update does not count: weights holds NaN or infinite numbers" in told
    assert "tester2's update does not count: weights is float64 [5], not float64 [4]" in told


def test_oversized_and_failing_updates_do_not_count(run):
    server = run.serve_here()
    clients = [run.join_here(0), run.join_here(1, huge=True), run.join_here(2, fails=True)]
    assert server.result(60)["rounds"] == 2
    assert all(client.result(60) for client in clients)
    assert_equal(model_of(run, 3), fedavg(2, lambda _: (0,)))
    told = events(run)
    assert "bytes, more than" in told
    assert "RuntimeError: the sensor's file is gone" in told


def test_who_comes_late_or_under_a_taken_name_is_refused_and_the_others_do_not_notice(run):
    gate = run.gate(0, 2)
    server, clients = run.serve_here(), [run.join_here(number) for number in EVERYONE]
    run.reached(gate)
    with pytest.raises(Denied, match="the registration is closed"):
        run.join_here(2, name="latecomer").result(30)
    with pytest.raises(Denied, match="taken"):
        run.join_here(1, name="tester0", state="elsewhere").result(30)
    with pytest.raises(Denied, match="taken"):
        run.join_here(1, name="tester1", state="elsewhere").result(30)
    letter = f"{run.path}/authentications/latecomer_authentication.txt"
    run.wait_for(lambda: run.drive.read(letter).startswith(b"Error - Authentication failed. Registration is closed."))
    gate.unlink()
    assert server.result(60)["participants"] == ["tester0", "tester1", "tester2"]
    assert all(client.result(60) for client in clients)
    assert_equal(model_of(run, 3), fedavg(2, lambda _: EVERYONE))


def test_a_second_server_is_refused(run):
    from jupyter_box.federated.server import serve

    gate = run.gate(0, 1)
    server, clients = run.serve_here(), [run.join_here(number) for number in EVERYONE]
    run.reached(gate)
    with pytest.raises(Exists, match="runs on this machine already"):
        serve(run.drive, run.path, state=run.folder / "server")
    other = run.folder / "other-machine"
    other.mkdir()
    for state in (run.folder / "server").iterdir():
        (other / state.name / "server").mkdir(parents=True)
        (other / state.name / "server" / "key").write_text((state / "server" / "key").read_text())
    with pytest.raises(Exists, match="Another server has this run"):
        serve(run.drive, run.path, state=other)
    gate.unlink()
    server.result(60)
    assert all(client.result(60) for client in clients)
    with pytest.raises(Exists, match="This run is over"):
        serve(run.drive, run.path, state=run.folder / "server")


def test_who_loses_access_is_told_so_and_the_run_goes_on(run):
    gate = run.gate(2, 2)
    server, clients = run.serve_here(), [run.join_here(number) for number in EVERYONE]
    run.reached(gate)
    run.drive.uninvite(run.path, run.users[2])
    gate.unlink()
    with pytest.raises(Denied, match="The run's folder cannot be used any more"):
        clients[2].result(60)
    assert server.result(60)["lost"] == ["tester2"]
    assert all(client.result(60) for client in clients[:2])
    assert_equal(model_of(run, 3), fedavg(2, lambda number: EVERYONE if number == 1 else (0, 1)))
    assert run.drive.read(f"{run.path}/tester2.lost_connection") == b"lost connection on round 2\n"


def test_clients_leave_when_the_server_app_fails(run, monkeypatch):
    import plant

    monkeypatch.setattr(plant, "initial", lambda size: {"weights": None})
    server, clients = run.serve_here(), [run.join_here(number) for number in EVERYONE]
    with pytest.raises(BoxError, match="The ServerApp failed"):
        server.result(60)
    for client in clients:
        with pytest.raises(ServerGone, match="The server ended the run"):
            client.result(60)


def test_throttling_errors_and_lost_replies_change_nothing(run):
    for fault in (
        {"fault": "rate_limit", "route": "GET", "every": 9, "retry_after": 0},
        {"fault": "error", "status": 502, "route": "folders", "every": 7},
        {"fault": "lost_reply", "route": "POST .*content", "every": 4},
        {"fault": "reset_response", "route": "content", "every": 11},
    ):
        run.box.fault(**{**fault, "times": 6})
    server, clients = run.serve_here(), [run.join_here(number) for number in EVERYONE]
    server.result(90)
    assert all(client.result(60) for client in clients)
    assert_equal(model_of(run, 3), fedavg(2, lambda _: EVERYONE))


def test_clocks_that_differ_by_hours_lose_nobody(run):
    gate = run.gate(0, 2)
    server, clients = run.serve_here(), [run.join_here(number) for number in EVERYONE]
    run.reached(gate)
    run.box.control(clock_offset=-3 * 3600.0)
    gate.unlink()
    assert server.result(60)["lost"] == []
    assert all(client.result(60) for client in clients)


def test_isolated_participants_cannot_read_each_others_updates(field_of_play):
    run = field_of_play
    who = [word for number in EVERYONE for word in ("--participant", f"tester{number}={run.users[number]}")]
    run.init("--isolate", *who, "--set", "min-nodes=3", rounds=2)
    gate = run.gate(0, 2)
    server, clients = run.serve_here(), [run.join_here(number) for number in EVERYONE]
    run.reached(gate)
    own, others = (run.drive.stat(f"{run.path}/from-tester{number}") for number in (1, 0))
    update = run.drive.stat(f"{run.path}/from-tester0/01.tester0.safetensors")
    curious = run.as_user(1)
    assert {item.name for item in curious.list(f"id:{own.id}")} >= {"01.tester1.safetensors"}
    for path in (f"id:{others.id}", f"id:{update.id}"):
        with pytest.raises(NotFound):
            curious.stat(path)
    with pytest.raises(NotFound):
        curious.add(others, "tester0.safetensors", b"forged")
    with pytest.raises(Denied):
        curious.write(f"{run.public_id}/server_ended.txt", "stop")
    gate.unlink()
    server.result(60)
    assert all(client.result(60) for client in clients)
    model = run.drive.read(f"{run.path}/server/rounds/03/server.safetensors")
    assert_equal(wire.load(model), fedavg(2, lambda _: EVERYONE))
