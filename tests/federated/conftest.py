"""Real runs: an emulator, organisations with a Box user each, and `jupyter box federate` in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FAST = {
    "--poll-interval": 0.05,
    "--poll-ceiling": 0.3,
    "--heartbeat-frequency": 0.5,
    "--heartbeat-timeout": 4,
    "--client-wait-time": 30,
    "--registration-timeout": 60,
}


@dataclass
class Process:
    """A started command: what it printed, and how it ended."""

    popen: subprocess.Popen
    log: Path

    def ends(self, timeout=60):
        return self.popen.wait(timeout)

    def kill(self):
        self.popen.kill()
        self.popen.wait(10)

    @property
    def text(self):
        return self.log.read_text()


@dataclass
class Field:
    """The emulator, who takes part, and how to start them."""

    box: object
    folder: Path
    path: str
    environment: dict
    users: list
    processes: list = field(default_factory=list)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))
    public: str = ""
    module: str = "plant"

    def init(self, *arguments, clients=3, rounds=3, module="plant", **options):
        given = {
            "--minimum-clients": clients,
            "--maximum-clients": clients,
            "--rounds-count": rounds,
            **FAST,
            **options,
        }
        words = [word for pair in given.items() for word in map(str, pair)]
        self.module = module
        apps = ["--app", f"{module}:server", "--client-app", f"{module}:client"]
        process = self.run("init", self.path, *apps, *words, "--state", self.folder / "server", *arguments)
        assert process.ends() == 0, process.text
        self.public = self.path
        if "--isolate" in arguments:
            self.public = process.text.split("federate client ")[1].split()[0]
        return self.drive.stat(self.public)

    def share(self):
        for user in self.users:
            self.drive.invite(self.path, user, role="viewer uploader")

    def server(self, **environment):
        return self.run("server", self.path, "--state", self.folder / "server", **environment)

    def client(self, number, *arguments, name=None, state=None, **environment):
        name = name or f"tester{number}"
        return self.run(
            "client", self.public_id,
            "--name", name, "--allow", f"{self.module}:client", "--node-config", f"part={number}",
            "--state", self.folder / (state or name), *arguments, BOX_USER_ID=self.users[number], **environment,
        )  # fmt: skip

    def run(self, *arguments, **environment):
        log = self.folder / f"{len(self.processes)}.log"
        with log.open("w") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", "jupyter_box.cli", "federate", *map(str, arguments)],
                env=self.environment | {name: str(value) for name, value in environment.items()},
                cwd=self.folder, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        process = Process(popen, log)
        self.processes.append(process)
        return process

    def as_user(self, number):
        from jupyter_box import connect

        return connect(user_id=self.users[number])

    def here(self, function, *arguments, **options):
        """Run a part of the product in a thread of the test, where no process has to die; returns its future."""
        return self.threads.submit(function, *arguments, **options)

    def serve_here(self, drive=None):
        from jupyter_box.federated.server import serve

        return self.here(serve, drive or self.drive, self.path, state=self.folder / "server", app_folder=HERE)

    def join_here(self, number, name=None, state=None, **node_config):
        from jupyter_box.federated.node import join

        name = name or f"tester{number}"
        drive = self.as_user(number)
        return self.here(
            join, drive, f"id:{drive.stat(self.public_id).id}", name, allow=lambda _: True, app_folder=HERE,
            node_config={"part": number, **node_config}, state=self.folder / (state or name),
        )  # fmt: skip

    @property
    def public_id(self):
        return self.public if self.public.startswith("id:") else f"id:{self.drive.stat(self.public).id}"

    def gate(self, number, round_):
        """Stop a participant before it trains in a round; returns the gate, whose `unlink` lets it go on."""
        gate = self.folder / f"{number}-{round_}"
        gate.touch()
        return gate

    def reached(self, gate):
        self.wait_for(gate.with_suffix(".reached").exists)

    def files(self, folder):
        return {item.name: item for item in self.drive.list(f"{self.path}/{folder}")}

    def wait_for(self, condition, timeout=30):
        until = time.monotonic() + timeout
        while not (found := condition()):
            assert time.monotonic() < until, "\n".join(process.text for process in self.processes)
            time.sleep(0.05)  # other processes make it true: there is no event
        return found


@pytest.fixture
def field_of_play(box, box_environment, tmp_path, monkeypatch):
    """Three organisations and a server; their processes end with the test."""
    pytest.importorskip("flwr")
    from jupyter_box import connect

    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLWR")}
    environment = {**inherited, **box_environment, "PYTHONPATH": str(HERE), "PLANT_GATES": str(tmp_path)}
    monkeypatch.setenv("PLANT_GATES", str(tmp_path))
    users = [box.add_user(f"Organisation {number}") for number in range(3)]
    with connect() as drive:
        made = Field(box, tmp_path, f"/{tmp_path.name}", environment, users)
        made.drive = drive
        try:
            yield made
        finally:
            for process in made.processes:
                if process.popen.poll() is None:
                    process.kill()
            for gate in tmp_path.glob("[0-9]-[0-9]"):
                gate.unlink()
            made.threads.shutdown(cancel_futures=True)
