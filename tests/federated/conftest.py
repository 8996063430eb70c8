"""Real runs: an emulator, organisations with a Box user each, and `jupyter box federate` in processes of their own."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FAST = {
    "--poll-interval": 0.05,
    "--poll-ceiling": 0.3,
    "--client-wait-time": 30,
    "--registration-timeout": 60,
}


@dataclass
class Field:
    """The emulator, who takes part, and how to start them.

    Attributes:
        folder: Of the test on this machine; states and logs are in it.
        path: Of the run in Box.
        public: What clients name; in an isolated run, the server's folder.
        module: Whose apps are run.
    """

    box: object
    drive: object
    folder: Path
    path: str
    environment: dict
    users: list
    processes: list = field(default_factory=list)
    public: str = ""
    module: str = "plant"

    def init(self, *arguments, clients=3, rounds=3, module="plant", lost_after=4, **options):
        """Make the run; `lost_after` seconds without a sign a client is lost; `options` go over what is the default."""
        given = {
            "--minimum-clients": clients,
            "--maximum-clients": clients,
            "--rounds-count": rounds,
            "--heartbeat-timeout": lost_after,
            "--heartbeat-frequency": lost_after / 8,
            **FAST,
            **options,
        }
        words = [word for pair in given.items() for word in pair]
        self.module = module
        apps = ["--app", f"{module}:server", "--client-app", f"{module}:client"]
        process = self.run("init", self.path, *apps, *words, "--state", self.folder / "server", *arguments)
        assert process.ends() == 0, process.text
        self.public = f"id:{self.drive.stat(self.path).id}"
        if "--isolate" in arguments:
            self.public = process.text.split("federate client ")[1].split()[0]
        return process

    def share(self):
        for user in self.users:
            self.drive.invite(self.path, user, role="viewer uploader")

    def begin(self, *numbers, **everyone):
        """Start the server, and clients by number; returns the server and the clients."""
        return self.server(), [self.client(number, **everyone) for number in numbers]

    def server(self, **environment):
        return self.run("server", self.path, "--state", self.folder / "server", **environment)

    def client(self, number, *arguments, name=None, state=None, config=None, **environment):
        """Start a client; `config` is what its app learns of the site."""
        name = f"tester{number}" if name is None else name
        site = {"partition-id": number, **(config or {})}
        words = [word for pair in site.items() for word in ("--node-config", "=".join(map(str, pair)))]
        return self.run(
            "client", self.public, "--name", name, "--allow", f"{self.module}:client", *words,
            "--state", self.folder / (state or name), *arguments, **{"BOX_USER_ID": self.users[number], **environment},
        )  # fmt: skip

    def run(self, *arguments, **environment):
        from forked import Process

        given = self.environment | {name: str(value) for name, value in environment.items()}
        self.processes.append(Process(arguments, given, self.folder, self.folder / f"{len(self.processes)}.log"))
        return self.processes[-1]

    def all_end_well(self, timeout=60):
        for process in self.processes:
            assert process.ends(timeout) == 0, process.text

    def as_user(self, number):
        from jupyter_box import connect

        return connect(user_id=self.users[number])

    def gate(self, number, round_):
        """Stop a participant before it trains in a round; returns the gate, whose `unlink` lets it go on."""
        gate = self.folder / f"{number}-{round_}"
        gate.touch()
        return gate

    def reached(self, gate):
        self.wait_for(gate.with_suffix(".reached").exists)

    def lose(self, number, client):
        """Kill a client, and wait until the server has lost it."""
        client.kill()
        self.wait_for(lambda: self.exists(f"tester{number}.lost_connection"))

    def trained(self, number):
        """Return the rounds in which a site has trained, in the order of its work."""
        file = self.folder / f"{number}.trained"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def read(self, file):
        return self.drive.read(f"{self.path}/{file}")

    def exists(self, file):
        return self.drive.exists(f"{self.path}/{file}")

    def files(self, folder):
        return {item.name: item for item in self.drive.list(f"{self.path}/{folder}")}

    def events(self):
        """Return what the server has noted for the run's people."""
        from jupyter_box.federated import FederatedRun

        return "\n".join(FederatedRun(self.public, drive=self.drive).status()["events"])

    def wait_for(self, condition, timeout=30):
        until = time.monotonic() + timeout
        while not (found := condition()):
            assert time.monotonic() < until, "\n".join(process.text for process in self.processes)
            time.sleep(0.05)  # other processes make it true: there is no event
        return found


@pytest.fixture
def field_of_play(box, box_environment, tmp_path):
    """Three organisations and a server; their processes end with the test."""
    pytest.importorskip("flwr")
    from jupyter_box import connect

    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLWR")}
    modules = os.pathsep.join(filter(None, (str(HERE), inherited.get("PYTHONPATH"))))
    environment = {**inherited, **box_environment, "PYTHONPATH": modules, "PLANT_FOLDER": str(tmp_path)}
    users = [box.add_user(f"Organisation {number}") for number in range(3)]
    with connect() as drive:
        made = Field(box, drive, tmp_path, f"/{tmp_path.name}", environment, users)
        try:
            yield made
        finally:
            for process in made.processes:
                process.kill()


@pytest.fixture
def run(field_of_play):
    """A run of two rounds, without evaluation, that all three organisations may take part in."""
    field_of_play.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", rounds=2)
    field_of_play.share()
    return field_of_play
