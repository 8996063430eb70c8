"""`kill -9`, of anyone at any point: the run goes on where it was, and comes out the same."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

import pytest

pytest.importorskip("flwr")

from test_run import FINISHED, assert_equal, fedavg, model_of

pytestmark = pytest.mark.slow

LOCK = "server.lock"
LOCKS = 3  # the writes to server.lock of one process that it is killed after; the thread goes on writing for ever


class Sniper:
    """Kills the server's process at the moment Box has done one of its writes, before the answer is out.

    Each write kills once; `server.lock`, which is written again and again, once for each of the first few writes of a
    process. What else was under way at that moment is done, too, and its answer finds nobody either.
    """

    def __init__(self, then):
        self._then, self._aim = then, threading.Lock()
        self.reset()

    def reset(self):
        self.deaths, self.kills, self._locks, self.pid, self._is_dead = [], 0, Counter(), None, False

    def __call__(self, operation, method, status, answer):
        if self._then is not None:
            self._then(operation, method, status, answer)
        with self._aim:
            is_aimed = 200 <= status < 300 and (self.pid or self._is_dead)
            key = self._write(operation, answer) if is_aimed else None
            if key is not None and key not in self.deaths:
                self.deaths.append(key)
                self._kill()

    def aim(self, process):
        with self._aim:
            self._locks.clear()
            self.pid, self._is_dead = process.pid, False

    def rest(self):
        with self._aim:
            self.pid = None

    def _kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.pid, self._is_dead, self.kills = None, True, self.kills + 1

    def _write(self, operation, answer):
        """Return what tells a write of the server from its others; nothing for reads and for what others write."""
        if operation == "post_folders":
            return operation, answer["name"]
        if operation not in {"post_files_content", "post_files_id_content"}:
            return None
        name = answer["entries"][0]["name"]
        if name == LOCK:
            self._locks[operation] += 1
            number = self._locks[operation]
            return (operation, name, number) if number <= LOCKS else None
        is_answer = operation == "post_files_id_content" and name.endswith("_authentication.txt")
        by_server = name.startswith("server") or name == "participants.json" or is_answer
        return (operation, name, answer["entries"][0]["parent"]["id"]) if by_server else None


@pytest.fixture(scope="module")
def running_emulator(on_response):
    """An emulator that tells of each answer before it is sent."""
    from jupyter_box.emulator import Emulator

    sniper = Sniper(on_response)
    with Emulator(on_response=sniper) as emulator:
        emulator.sniper = sniper
        yield emulator


@pytest.mark.parametrize("size", [0, 1_200_000], ids=["small", "large"])
def test_a_server_that_is_killed_at_every_write_comes_out_the_same(field_of_play, size):
    """Of a large model participants hear while the server still writes it."""
    run, sniper = field_of_play, field_of_play.box.sniper
    sniper.reset()
    run.init("--set", "min-nodes=2", "--set", f"size={size}", clients=2, rounds=1)
    run.share()
    clients = [run.client(number) for number in (0, 1)]
    starts, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        server = run.server()
        sniper.aim(server)
        starts, code = starts + 1, server.ends()
        sniper.rest()
        assert code in {0, 7, -signal.SIGKILL}, server.text
    # the last write is that the run is over, after which there is nothing to go on with
    assert code == 7
    assert "This run is over" in server.text
    died_after = [key[1] for key in sniper.deaths]
    assert starts == sniper.kills + 1
    assert died_after.count(LOCK) >= 3
    assert died_after.count("server.safetensors") == 2
    assert {
        "01", "tester0_authentication.txt", "tester1_authentication.txt", "participants.json", "server.safetensors",
        "server.1.train.json", "server.1.train.closed.json", "server.2.evaluate.json", "server.2.evaluate.closed.json",
        "server_ended.txt",
    } <= set(died_after)  # fmt: skip
    for client in clients:
        assert client.ends() == 0, client.text
        assert FINISHED in client.text
    assert [run.trained(number) for number in (0, 1)] == [[1], [1]]
    assert_equal(model_of(run, 2), fedavg(1, lambda _: (0, 1), size=size))
    updates = [name for name in run.files("rounds/01") if name.startswith("tester")]
    assert sorted(updates) == [f"tester{number}{kind}.safetensors" for number in (0, 1) for kind in (".evaluate", "")]


def test_a_server_killed_in_the_third_round_replays_and_nobody_trains_twice(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=3", "--set", "strategy=FedAdam", rounds=4)
    run.share()
    gate = run.gate(1, 3)
    server, clients = run.begin(0, 1, 2)
    run.reached(gate)
    server.kill()
    gate.unlink()
    again = run.server()
    for process in (again, *clients):
        assert process.ends() == 0, process.text
    assert [run.trained(number) for number in (0, 1, 2)] == [[1, 2, 3, 4]] * 3
    # what was written before was gone on with, not written once more
    names = [name for number in (1, 2, 3, 4) for name in run.files(f"rounds/{number:02}")]
    assert not [name for name in names if name.endswith((".2.json", ".2.safetensors"))]
    undisturbed = model_of(run, 5)
    run.path, run.processes = f"{run.path}-undisturbed", []
    run.init("--set", "min-nodes=3", "--set", "strategy=FedAdam", rounds=4)
    run.share()
    server, clients = run.begin(0, 1, 2)
    run.all_end_well()
    assert_equal(undisturbed, model_of(run, 5))


def test_a_client_that_is_killed_is_lost_and_used_again_when_it_returns(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=2", "--set", "fraction-evaluate=0.0", "--minimum-clients", 2, rounds=3)
    run.share()
    killed, waits = run.gate(2, 2), run.gate(0, 3)
    server, clients = run.begin(0, 1)
    victim = run.client(2)
    run.reached(killed)
    victim.kill()
    killed.unlink()
    run.reached(waits)
    assert run.read("tester2.lost_connection") == b"lost connection on round 2\n"
    again = run.client(2)
    run.wait_for(lambda: not run.exists("tester2.lost_connection"))
    waits.unlink()
    for process in (server, *clients, again):
        assert process.ends() == 0, process.text
    assert "tester2 is back." in server.text
    assert_equal(model_of(run, 4), fedavg(3, lambda number: (0, 1, 2) if number == 1 else (0, 1)))


def test_a_client_that_is_restarted_in_time_is_not_lost(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=2", clients=2, rounds=2, lost_after=30)
    run.share()
    gate = run.gate(1, 1)
    server, (client, victim) = run.begin(0, 1)
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
    run.init("--set", "min-nodes=1", clients=1, rounds=2, lost_after=1.5)
    run.share()
    gate = run.gate(0, 1)
    server, (client,) = run.begin(0)
    run.reached(gate)
    client.kill()
    assert server.ends() == 1
    assert "All clients lost." in server.text
    assert run.read("server_ended.txt") == b"All clients lost.\n"


def test_a_run_whose_clients_are_all_lost_after_an_upload_ends_too(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", clients=2, rounds=3, lost_after=1.5)
    run.share()
    gate = run.gate(1, 1)
    server, clients = run.begin(0, 1)
    run.reached(gate)
    run.wait_for(lambda: run.exists("rounds/01/tester0.safetensors"))
    for client in clients:
        client.kill()
    assert server.ends() == 1
    assert "All clients lost." in server.text
    assert run.read("server_ended.txt") == b"All clients lost.\n"


def test_who_dies_after_its_upload_is_counted_and_the_slow_one_is_waited_for(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", "--minimum-clients", 1, rounds=2, lost_after=1.5)
    run.share()
    slow = run.gate(0, 1)
    server, clients = run.begin(0, 1, 2)
    run.reached(slow)
    run.wait_for(lambda: run.exists("rounds/01/tester2.safetensors"))
    run.lose(2, clients[2])
    assert "server.1.train.closed.json" not in run.files("rounds/01")
    slow.unlink()
    for process in (server, *clients[:2]):
        assert process.ends() == 0, process.text
    assert_equal(model_of(run, 3), fedavg(2, lambda number: (0, 1, 2) if number == 1 else (0, 1)))


def test_clients_leave_a_server_that_is_gone_and_go_on_when_it_is_back(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=2", "--set", "fraction-evaluate=0.0", clients=2, rounds=2, lost_after=1.5)
    run.share()
    gate = run.gate(0, 2)
    server, clients = run.begin(0, 1)
    run.reached(gate)
    server.kill()
    gate.unlink()
    for client in clients:
        assert client.ends() == 1, client.text
        assert "The server has given no sign of life" in client.text
        assert "Start this again when the server is back" in client.text
    run.processes.clear()
    run.begin(0, 1)
    run.all_end_well()
    assert [run.trained(number) for number in (0, 1)] == [[1, 2], [1, 2]]
    assert_equal(model_of(run, 3), fedavg(2, lambda _: (0, 1)))


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
    client = run.run("client", run.public, "--name", "a", "--state", run.folder / "a", BOX_USER_ID=run.users[0])
    assert client.ends() == 5
    assert "plant:client may not be run here. --allow plant:client" in client.text


def test_a_server_that_is_interrupted_says_so_and_the_clients_leave(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=2", clients=2, rounds=2)
    run.share()
    gate = run.gate(0, 1)
    server, clients = run.begin(0, 1)
    run.reached(gate)
    server.interrupt()
    assert server.ends() == 130
    assert "Stopped: the run is over, and its participants are told." in server.text
    assert "Traceback" not in server.text
    assert run.read("server_ended.txt") == b"Training stop by user\n"
    gate.unlink()
    for client in clients:
        assert client.ends() == 1
        assert "The server ended the run: Training stop by user" in client.text
