"""Bad input, as a person gives it to `jupyter box federate`: one line that names the thing and the way out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("flwr")

from test_run import EVERYONE, assert_equal, fedavg, model_of

pytestmark = pytest.mark.slow


def only_line(process):
    """Return what a refused command said: one line."""
    assert process.text.count("\n") == 1, process.text
    return process.text.strip().removeprefix("jupyter box federate: ")


@pytest.mark.parametrize("name", ["server", "Server", "a/b", "../up", "Zoë", "two words", "x" * 65, ""])
def test_a_name_that_cannot_be_is_refused_before_anything_is_written(run, name):
    client = run.client(0, name=name, state="state")
    assert client.ends() == 11
    said = only_line(client)
    assert said.startswith("The name server is the server's own." if name.lower() == "server" else repr(name))
    assert run.files("authentications") == {}


def test_a_folder_with_a_run_takes_no_other(run):
    words = ["init", run.path, "--app", "plant:server", "--client-app", "plant:client"]
    under_way = run.run(*words, "--state", run.folder / "another")
    assert under_way.ends() == 7
    assert only_line(under_way) == f"{run.path} has a run already. Take another folder: each run has its own."
    before = run.read("cfg.json")
    run.drive.write(f"{run.path}/server_ended.txt", "Training finished")
    over = run.run(*words, "--state", run.folder / "another")
    assert over.ends() == 7
    assert only_line(over) == f"{run.path} has a finished run already. Take another folder: each run has its own."
    assert run.read("cfg.json") == before


def test_a_client_of_a_finished_run_is_told_that_it_is_over(run):
    run.begin(*EVERYONE)
    run.all_end_well()
    again = run.client(0)
    assert again.ends() == 0
    assert again.text.startswith("Training finished")
    assert run.trained(0) == [1, 2]


@pytest.mark.parametrize(
    "words", [["client", "/No/Such", "--name", "a"], ["server", "/No/Such"], ["status", "/No/Such"]]
)
def test_a_folder_that_is_not_there_is_named(field_of_play, words):
    process = field_of_play.run(*words)
    assert process.ends() == 6
    assert "/No/Such" in only_line(process)


def fake_flower(folder, version):
    """Return a PYTHONPATH entry whose metadata say that Flower is of another version.

    The code stays what is installed: two Flowers cannot be had in one environment. What is under test is that the
    versions are compared, and metadata are what is compared.
    """
    info = folder / "site" / f"flwr-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: flwr\nVersion: {version}\n")
    return str(info.parent)


@pytest.mark.parametrize("who", ["client", "server"])
def test_another_flower_is_refused_with_the_line_that_installs_the_right_one(run, who):
    from importlib.metadata import version

    path = f"{fake_flower(run.folder, '1.39.7')}{os.pathsep}{run.environment['PYTHONPATH']}"
    other = run.client(0, PYTHONPATH=path) if who == "client" else run.server(PYTHONPATH=path)
    assert other.ends() == 11
    assert only_line(other).endswith(f"and here is 1.39.7. pip install 'flwr=={version('flwr')}'")
    run.processes.clear()
    run.begin(*EVERYONE)
    run.all_end_well()


def jwt_environment(run, **changes):
    """Return the environment of someone with a JWT file alone, its key's entries changed; None takes one away."""
    settings = json.loads(Path(run.box.env["BOX_JWT_CONFIG_FILE"]).read_text())
    app = settings["boxAppSettings"]["appAuth"]
    app.update(changes)
    settings["boxAppSettings"]["appAuth"] = {key: value for key, value in app.items() if value is not None}
    file = run.folder / "jwt.json"
    file.write_text(json.dumps(settings))
    return {"BOX_CLIENT_ID": "", "BOX_CLIENT_SECRET": "", "BOX_ENTERPRISE_ID": "", "BOX_JWT_CONFIG_FILE": file}


@pytest.mark.parametrize("verb", ["init", "server", "client", "status"])
@pytest.mark.parametrize("passphrase", ["wrong", None, ""], ids=["wrong", "missing", "empty"])
def test_a_passphrase_that_does_not_open_the_key_is_said(run, verb, passphrase):
    environment = jwt_environment(run, passphrase=passphrase)
    words = {
        "init": [f"{run.path}-2", "--app", "plant:server", "--client-app", "plant:client", "--state", run.folder / "2"],
        "client": [run.public, "--name", "tester0", "--allow", "plant:client", "--state", run.folder / "0"],
    }
    process = run.run(verb, *words.get(verb, [run.path]), **environment)
    assert process.ends() == 3, process.text
    said = only_line(process)
    assert "passphrase" in said
    assert "BEGIN" not in said
    assert not run.drive.exists(f"{run.path}-2")


def test_the_right_passphrase_opens_it(run):
    status = run.run("status", run.path, **jwt_environment(run))
    assert status.ends() == 0, status.text


def test_a_client_app_that_is_not_installed_is_named(field_of_play):
    run = field_of_play
    run.init(module="plnat")
    run.share()
    client = run.client(0)
    assert client.ends() == 11
    said = only_line(client)
    assert said.startswith("plnat:client cannot be loaded")
    assert sys.executable in said


def test_a_full_account_ends_nothing_for_good(run):
    """The folder's owner pays for all files: when it is full, nobody can write, and all go on when there is room."""
    gate = run.gate(0, 2)
    processes = run.begin(*EVERYONE)
    run.reached(gate)
    run.box.control(quota=1)
    gate.unlink()
    for process in (processes[0], *processes[1]):
        assert process.ends() in {1, 10}, process.text
        # who had uploaded before that ends for want of a server
        assert "There is no space left in Box" in process.text
        assert "Empty the trash, or ask a Box administrator for space." in process.text
        assert "Traceback" not in process.text
    assert not run.exists("server_ended.txt")
    run.box.control(quota=None)
    run.processes.clear()
    run.begin(*EVERYONE)
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2))
