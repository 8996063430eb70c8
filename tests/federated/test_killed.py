"""`kill -9`, of anyone at any point: the run goes on where it was, and comes out the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("flwr")

from test_run import assert_equal, fedavg, model_of

pytestmark = pytest.mark.slow


def died(run, locks):
    """Run a server that dies after a write; returns after which, or nothing if it came to its end."""
    done = subprocess.run(  # noqa: PLW1510  it is to fail
        [sys.executable, Path(__file__).with_name("mortal.py"), run.path, run.folder / "server", str(locks)],
        env=run.environment, cwd=run.folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode in {0, -9}, done.stderr
    return done.stdout.strip().removeprefix("dies after ") if done.returncode else ""


def test_a_server_that_is_killed_at_every_write_comes_out_the_same(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=2", clients=2, rounds=1)
    run.share()
    clients = [run.join_here(number) for number in (0, 1)]
    deaths = [died(run, locks=1)]
    while "server_ended.txt" not in deaths:
        death = died(run, locks=-1)
        deaths.append(death)
        if death == "server.1.train.json":
            # once more when participants have been told, but nothing is in yet
            deaths.append(died(run, locks=2))
    assert deaths.count("server.lock") == 2
    assert {
        "tester0_authentication.txt", "tester1_authentication.txt", "participants.json", "server.safetensors",
        "server.1.train.json", "server.1.train.closed.json", "server.2.evaluate.json", "server.2.evaluate.closed.json",
        "server_ended.txt",
    } <= set(deaths)  # fmt: skip
    assert all(client.result(60).startswith("Training finished") for client in clients)
    assert_equal(model_of(run, 2), fedavg(1, lambda _: (0, 1)))
    updates = [name for name in run.files("rounds/01") if name.startswith("tester")]
    assert sorted(updates) == [f"tester{number}{kind}.safetensors" for number in (0, 1) for kind in (".evaluate", "")]


def test_a_client_that_is_killed_is_lost_and_used_again_when_it_returns(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=2", "--set", "fraction-evaluate=0.0", "--minimum-clients", 2, rounds=3)
    run.share()
    killed, waits = run.gate(2, 2), run.gate(0, 3)
    server = run.server()
    clients = [run.join_here(number) for number in (0, 1)]
    victim = run.client(2)
    run.reached(killed)
    victim.kill()
    killed.unlink()
    run.reached(waits)
    lost = f"{run.path}/tester2.lost_connection"
    assert run.drive.read(lost) == b"lost connection on round 2\n"
    again = run.client(2)
    run.wait_for(lambda: not run.drive.exists(lost))
    waits.unlink()
    assert server.ends() == 0, server.text
    assert again.ends() == 0, again.text
    assert all(client.result(60) for client in clients)
    assert "tester2 is back." in server.text
    assert_equal(model_of(run, 4), fedavg(3, lambda number: (0, 1, 2) if number == 1 else (0, 1)))


def test_a_client_that_is_restarted_in_time_is_not_lost(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=2", clients=2, rounds=2, **{"--heartbeat-timeout": 30})
    run.share()
    gate = run.gate(1, 1)
    server, client, victim = run.server(), run.client(0), run.client(1)
    run.reached(gate)
    victim.kill()
    gate.unlink()
    again = run.client(1)
    for process in (server, client, again):
        assert process.ends() == 0, process.text
    assert "lost" not in server.text.replace('"lost": []', "")
    assert_equal(model_of(run, 3), fedavg(2, lambda _: (0, 1)))


def test_a_run_whose_clients_are_all_lost_ends_and_says_so(field_of_play):
    run = field_of_play
    quick = {"--heartbeat-frequency": 0.2, "--heartbeat-timeout": 1.5}
    run.init("--set", "min-nodes=1", clients=1, rounds=2, **quick)
    run.share()
    gate = run.gate(0, 1)
    server, client = run.server(), run.client(0)
    run.reached(gate)
    client.kill()
    assert server.ends(60) == 1
    assert "All clients lost." in server.text
    assert run.drive.read(f"{run.path}/server_ended.txt") == b"All clients lost.\n"


def test_too_few_clients_end_the_wait(field_of_play):
    run = field_of_play
    run.init(clients=2, **{"--registration-timeout": 1})
    server = run.server()
    assert server.ends() == 1
    assert "0 of at least 2 clients came." in server.text


def test_a_server_on_another_machine_says_what_it_lacks(field_of_play):
    run = field_of_play
    run.init()
    server = run.run("server", run.path, "--state", run.folder / "elsewhere")
    assert server.ends() == 3
    assert "has not the key that the run was made with" in server.text


def test_an_app_that_is_not_allowed_is_not_run(field_of_play):
    run = field_of_play
    run.init()
    run.share()
    client = run.run("client", run.public_id, "--name", "a", "--state", run.folder / "a", BOX_USER_ID=run.users[0])
    assert client.ends() == 5
    assert "plant:client may not be run here. --allow plant:client" in client.text
