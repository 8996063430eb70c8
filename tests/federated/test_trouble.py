"""What goes wrong in a run costs whoever caused it, not the others: late, forged, poisoned, revoked, doubled."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest

pytest.importorskip("flwr")

import numpy as np
from test_run import EVERYONE, assert_equal, fedavg, model_of

from jupyter_box.errors import Denied, NotFound
from jupyter_box.federated import wire
from jupyter_box.federated.signing import Signer

pytestmark = pytest.mark.slow


def folder_of(run, number):
    """Return a round's folder as every participant can name it."""
    return f"id:{run.drive.stat(f'{run.path}/rounds/{number:02}').id}"


def test_forged_replayed_and_corrupt_replies_do_not_cost_the_real_client_its_round(run):
    first, second = run.gate(0, 1), run.gate(0, 2)
    server, _ = run.begin(*EVERYONE)
    forger = run.as_user(1)
    run.reached(first)
    forged = wire.pack({"seq": 1, "from": "tester0"}, {"a": np.zeros(3)}, Signer.at(run.folder / "forger"))
    forger.write(f"{folder_of(run, 1)}/tester0.safetensors", forged)
    forger.write(f"{folder_of(run, 1)}/tester0.3.safetensors", b"")
    run.wait_for(lambda: "Organisation 1 is ignored" in server.text)
    first.unlink()
    run.reached(second)
    old = run.read("rounds/01/tester0.2.safetensors")
    forger.write(f"{folder_of(run, 2)}/tester0.safetensors", old)
    run.as_user(0).write(f"{folder_of(run, 2)}/tester0.7.safetensors", old)
    run.wait_for(lambda: "tester0.7.safetensors by Organisation 0 is ignored" in server.text)
    second.unlink()
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2))
    told = run.events()
    assert "tester0.safetensors by Organisation 1 is ignored: Box says that Organisation 1 wrote it." in told
    assert "tester0.7.safetensors by Organisation 0 is ignored: It answers another question." in told


def test_a_pickle_offered_as_weights_is_not_opened_and_the_real_update_counts(run):
    """It is what mila's own clients upload: `torch.load` on the server would run it."""
    opened = run.folder / "opened"

    class Payload:
        def __reduce__(self):
            return opened.touch, ()

    gate = run.gate(0, 1)
    server, _ = run.begin(*EVERYONE)
    run.reached(gate)
    for name in ("tester0.safetensors", "tester0.pt"):
        run.as_user(0).write(f"{folder_of(run, 1)}/{name}", pickle.dumps({"model": Payload()}))
    run.wait_for(lambda: "is ignored" in server.text)
    gate.unlink()
    run.all_end_well()
    assert not opened.exists()
    assert "tester0.safetensors by Organisation 0 is ignored: It is no safetensors file" in run.events()
    assert_equal(model_of(run, 3), fedavg(2))


@pytest.mark.parametrize(
    ("mistake", "reason"),
    [
        ("poison", "weights holds NaN or infinite numbers"),
        ("grow", "weights is float64 [5], not float64 [4]"),
        ("huge", "bytes, more than"),
        ("raise", "RuntimeError: the sensor's file is gone"),
    ],
)
def test_an_update_that_cannot_count_costs_its_client_alone(run, mistake, reason):
    run.begin(0)
    run.client(1)
    run.client(2, config={"mistake": mistake})
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2, lambda _: (0, 1)))
    told = run.events()
    assert told.count(reason) == 2
    assert all("tester2" in line for line in told.splitlines() if reason in line)


def test_who_comes_late_is_refused_and_a_later_loss_is_still_noticed(run):
    """Of mila's server the latecomer's heartbeat ended the thread that notices losses."""
    gate, lost = run.gate(0, 2), run.gate(2, 2)
    server, clients = run.begin(*EVERYONE)
    run.reached(gate)
    run.reached(lost)
    late = run.client(2, name="latecomer")
    assert late.ends() == 5
    assert "latecomer came too late: the registration is closed." in late.text
    run.as_user(2).write(f"id:{run.drive.stat(f'{run.path}/heartbeats').id}/latecomer_heartbeat.txt", "1")
    refusal = b"Error - Authentication failed. Registration is closed."
    run.wait_for(lambda: run.read("authentications/latecomer_authentication.txt").startswith(refusal))
    run.lose(2, clients[2])
    gate.unlink()
    for process in (server, *clients[:2]):
        assert process.ends() == 0, process.text
    assert json.loads(server.text.splitlines()[-1])["participants"] == ["tester0", "tester1", "tester2"]
    assert_equal(model_of(run, 3), fedavg(2, lambda number: EVERYONE if number == 1 else (0, 1)))


def test_a_name_that_is_taken_is_refused_in_any_spelling(run):
    gate = run.gate(0, 1)
    run.begin(*EVERYONE)
    run.reached(gate)
    others = [
        run.client(1, name="tester0", state="elsewhere"),  # another account
        run.client(1, name="tester1", state="elsewhere"),  # the same account with another key
        run.client(1, name="TESTER0", state="elsewhere"),
    ]
    for other in others:
        assert other.ends() == 5
        assert "taken" in other.text or "too late" in other.text
        assert other.text.count("\n") == 1
        run.processes.remove(other)
    gate.unlink()
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2))


def test_of_two_that_come_at_once_under_one_name_one_takes_part(field_of_play):
    """Box takes names of equal letters for one; the second finds the name taken by its 409."""
    run = field_of_play
    run.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", clients=2, rounds=1)
    run.share()
    run.box.fault("hold", r"POST /files/content", name="race", times=2, seconds=20)
    twins = [run.client(0, name="tester0"), run.client(1, name="Tester0")]
    run.box.wait_held("race", 2)
    run.box.release("race")
    server, other = run.server(), run.client(2)
    codes = sorted(twin.ends() for twin in twins)
    assert codes == [0, 5], [twin.text for twin in twins]
    refused = next(twin for twin in twins if twin.ends() == 5)
    assert "ester0 is taken. Take another name." in refused.text
    assert (server.ends(), other.ends()) == (0, 0)
    assert_equal(model_of(run, 2), fedavg(1, lambda _: (0 if refused is twins[1] else 1, 2)))


def other_machine(run):
    """Return a copy of the server's state without what its process knows: the key, on another machine."""
    other = run.folder / "other-machine"
    for key in (run.folder / "server").glob("*/server/key"):
        target = other / key.relative_to(run.folder / "server")
        target.parent.mkdir(parents=True)
        shutil.copy(key, target)
    return other


def test_a_second_server_is_refused(run):
    gate = run.gate(0, 1)
    run.begin(*EVERYONE)
    run.reached(gate)
    here = run.server()
    there = run.run("server", run.path, "--state", other_machine(run))
    for second, said in ((here, "runs on this machine already"), (there, "Another server has this run")):
        assert second.ends() == 7
        assert said in second.text
        run.processes.remove(second)
    gate.unlink()
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2))
    again = run.server()
    assert again.ends() == 7
    assert "This run is over. `jupyter box federate init` makes another." in again.text


def test_of_two_servers_that_start_at_once_one_has_the_run(run):
    run.box.fault("hold", r"POST /files/content", name="race", times=2, seconds=20)
    servers = [run.server(), run.run("server", run.path, "--state", other_machine(run))]
    run.box.wait_held("race", 2)
    run.box.release("race")
    run.wait_for(lambda: not all(server.is_running for server in servers))
    refused = next(server for server in servers if not server.is_running)
    assert refused.ends() == 7
    assert "Another server has this run" in refused.text
    run.processes.remove(refused)
    for number in EVERYONE:
        run.client(number)
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2))


def test_who_loses_access_is_told_so_and_the_run_goes_on(run):
    gate = run.gate(2, 2)
    server, clients = run.begin(*EVERYONE)
    run.reached(gate)
    run.drive.uninvite(run.path, run.users[2])
    gate.unlink()
    assert clients[2].ends() == 5
    assert "The run's folder cannot be used any more. Ask its owner" in clients[2].text
    for process in (server, *clients[:2]):
        assert process.ends() == 0, process.text
    assert_equal(model_of(run, 3), fedavg(2, lambda number: EVERYONE if number == 1 else (0, 1)))
    assert run.read("tester2.lost_connection") == b"lost connection on round 2\n"


def test_clients_leave_when_the_server_app_fails(field_of_play):
    run = field_of_play
    run.init("--set", "breaks=true")
    run.share()
    server, clients = run.begin(*EVERYONE)
    assert server.ends() == 1
    assert "The ServerApp failed: ValueError: the plant's model is not there" in server.text
    assert "Traceback" in run.read("server_ended.txt").decode()
    for client in clients:
        assert client.ends() == 1
        assert "The server ended the run: ValueError: the plant's model is not there" in client.text


FAULTS = {
    "too many requests": {"fault": "rate_limit", "route": "GET", "every": 9, "retry_after": 0, "times": 12},
    "bad gateway": {"fault": "error", "status": 502, "route": "folders", "every": 7, "times": 8},
    "error when it was done": {"fault": "error", "status": 500, "applied": True, "route": "POST .*content", "every": 5},
    "lost reply": {"fault": "lost_reply", "route": "POST .*content", "every": 4, "times": 12},
    "reset in mid-answer": {"fault": "reset_response", "route": "download", "every": 5, "times": 6},
    "expired token": {"fault": "unauthorized", "route": "GET", "every": 13, "times": 6},
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_network_in_trouble_changes_nothing(run, name):
    run.box.fault(**{"times": 6, **FAULTS[name]})
    run.begin(*EVERYONE)
    run.all_end_well(90)
    fired = run.box.control()["faults"][0]["fired"]
    assert fired >= 3, fired
    assert_equal(model_of(run, 3), fedavg(2))
    assert [run.trained(number) for number in EVERYONE] == [[1, 2]] * 3
    assert not [name for name in run.files("rounds/01") if ".2." in name and name.startswith("tester")]


def test_clocks_that_differ_by_hours_lose_nobody(field_of_play):
    """Participants' clocks are hours apart, and Box's goes back in mid-run, with every time stamp of a file."""
    run = field_of_play
    run.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", rounds=2, lost_after=2)
    run.share()
    gate = run.gate(0, 2)
    server = run.server(CLOCK_AHEAD=7200)
    for number, hours in enumerate((-5, 0, 9)):
        run.client(number, CLOCK_AHEAD=3600 * hours)
    run.reached(gate)
    told = [float(run.read(f"heartbeats/tester{number}_heartbeat.txt").split()[0]) for number in (0, 2)]
    assert told[1] - told[0] > 13 * 3600
    run.box.control(clock_offset=-3 * 3600.0)
    beats = f"{run.path}/heartbeats/tester1_heartbeat.txt"
    before = len(run.drive.versions(beats))
    # as many as there are in two timeouts
    run.wait_for(lambda: len(run.drive.versions(beats)) > before + 20)
    gate.unlink()
    run.all_end_well()
    assert json.loads(server.text.splitlines()[-1])["lost"] == []
    assert_equal(model_of(run, 3), fedavg(2))


def test_who_does_not_answer_in_time_is_left_out_of_that_round_alone(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", "--set", "timeout=3", rounds=2)
    run.share()
    slow, next_round = run.gate(2, 1), run.gate(0, 2)
    run.begin(*EVERYONE)
    run.reached(next_round)
    slow.unlink()
    run.wait_for(lambda: run.trained(2))
    next_round.unlink()
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2, lambda number: (0, 1) if number == 1 else EVERYONE))
    assert not run.exists("tester2.lost_connection")


def test_an_app_that_waits_for_more_than_are_left_does_not_wait_for_ever(field_of_play):
    """Flower's strategies look again and again until there are enough."""
    run = field_of_play
    run.init("--set", "min-nodes=2", "--set", "fraction-evaluate=0.0", clients=2, rounds=2, lost_after=1.5)
    run.share()
    gate = run.gate(1, 1)
    server, clients = run.begin(0, 1)
    run.reached(gate)
    clients[1].kill()
    assert server.ends() == 1
    assert "Only tester0 are left, and the run needs more." in server.text
    assert run.read("server_ended.txt").startswith(b"Only tester0 are left")
    assert clients[0].ends() == 1
    assert "The server ended the run: Only tester0 are left" in clients[0].text


def test_a_client_that_is_interrupted_leaves_and_may_come_back(run):
    gate, again = run.gate(2, 1), run.gate(0, 1)
    server, clients = run.begin(*EVERYONE)
    run.reached(gate)
    clients[2].interrupt()
    assert clients[2].ends() == 130
    assert clients[2].text.splitlines()[-1].startswith("Stopped")
    assert "Traceback" not in clients[2].text
    gate.unlink()
    run.client(2)
    run.wait_for(lambda: run.exists("rounds/01/tester2.safetensors"))
    again.unlink()
    for process in (server, *clients[:2], run.processes[-1]):
        assert process.ends() == 0, process.text
    assert_equal(model_of(run, 3), fedavg(2))


def test_isolated_participants_cannot_read_each_others_updates(field_of_play):
    run = field_of_play
    who = [word for number in EVERYONE for word in ("--participant", f"tester{number}={run.users[number]}")]
    run.init("--isolate", *who, "--set", "min-nodes=3", rounds=2)
    gate = run.gate(0, 2)
    run.begin(*EVERYONE)
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
        curious.write(f"{run.public}/server_ended.txt", "stop")
    gate.unlink()
    run.all_end_well()
    model = run.drive.read(f"{run.path}/server/rounds/03/server.safetensors")
    assert_equal(wire.load(model), fedavg(2))
    roles = {
        folder: {member.who.id: member.role for member in run.drive.collaborators(f"{run.path}/{folder}")}
        for folder in ("", "server", "from-tester0")
    }
    assert roles == {
        "": {}, "server": dict.fromkeys(run.users, "viewer"), "from-tester0": {run.users[0]: "viewer uploader"}
    }  # fmt: skip


@pytest.mark.parametrize("name", ["server", "Server", "two words", "x" * 65])
def test_a_letter_under_a_name_that_cannot_be_is_ignored(run, name):
    """Our own client refuses such a name; a member may write the file by hand."""
    signer = Signer.at(run.folder / "rogue")
    number = json.loads(run.read("cfg.json"))["run"]
    letter = {"run": number, "name": name, "box_user": run.users[1], "public_key": signer.public, "versions": {}}
    folder = run.drive.stat(f"{run.path}/authentications").id
    run.as_user(1).write(f"id:{folder}/{name}_authentication.txt", signer.seal(letter))
    server, _ = run.begin(*EVERYONE)
    run.all_end_well()
    assert json.loads(server.text.splitlines()[-1])["participants"] == ["tester0", "tester1", "tester2"]
    assert f"{name}_authentication.txt is ignored" in run.events()
    assert_equal(model_of(run, 3), fedavg(2))


def test_an_end_that_a_member_has_written_is_nobodys(run):
    run.as_user(1).write(f"{run.public}/server_ended.txt", "Training finished")
    gate = run.gate(0, 2)
    server, clients = run.begin(*EVERYONE)
    run.reached(gate)
    server.kill()
    gate.unlink()
    again = run.server()
    for process in (again, *clients):
        assert process.ends() == 0, process.text
    assert_equal(model_of(run, 3), fedavg(2))
    assert run.read("server_ended.2.txt").startswith(b"Training finished 2")
    assert all("Training finished 2" in client.text for client in clients)


def test_a_loss_that_a_member_has_written_hides_none(run):
    """Who is lost reads the server's own note, whatever has its name; and who is not lost heeds none."""
    for number in EVERYONE:
        run.as_user(1).write(f"{run.public}/tester{number}.lost_connection", "lost connection on round 1")
    gate, lost = run.gate(0, 2), run.gate(2, 2)
    server, clients = run.begin(*EVERYONE)
    run.reached(gate)
    run.reached(lost)
    clients[2].kill()
    run.wait_for(lambda: run.exists("tester2.2.lost_connection"))
    lost.unlink()
    again = run.client(2)
    run.wait_for(lambda: "tester2 is back." in server.text)
    assert run.exists("tester2.lost_connection")
    assert not run.exists("tester2.2.lost_connection")
    gate.unlink()
    for process in (server, *clients[:2], again):
        assert process.ends() == 0, process.text
    assert json.loads(server.text.splitlines()[-1])["lost"] == []


def test_what_a_member_puts_over_anothers_update_does_not_cost_its_round(run):
    """Who may upload may also put a new version over a file of someone else; Box keeps the one below."""
    first, second = run.gate(0, 1), run.gate(0, 2)
    server, clients = run.begin(*EVERYONE)
    run.reached(first)
    run.wait_for(lambda: run.exists("rounds/01/tester1.safetensors"))
    server.kill()
    first.unlink()
    run.wait_for(lambda: run.exists("rounds/01/tester0.safetensors"))
    overwritten = f"{folder_of(run, 1)}/tester0.safetensors"
    run.as_user(2).write(overwritten, b"worse")
    server = run.server()
    run.reached(second)
    told = "tester0.safetensors by Organisation 2 is ignored: it was put over tester0's own version."
    assert told in server.text
    # and once more, when it has counted and a restarted server has to read it again
    server.kill()
    run.as_user(2).write(overwritten, b"worse by far than what was there, and longer than all of it" * 100)
    second.unlink()
    again = run.server()
    for process in (again, *clients):
        assert process.ends() == 0, process.text
    assert_equal(model_of(run, 3), fedavg(2))
    assert [run.trained(number) for number in EVERYONE] == [[1, 2]] * 3
