"""A consortium that has used kMol's mila comes over: its configuration, its group, its shared folder, app users."""

from __future__ import annotations

import json
import re

import pytest

pytest.importorskip("flwr")

from test_run import EVERYONE, assert_equal, fedavg, model_of

pytestmark = pytest.mark.slow


@pytest.fixture
def consortium(field_of_play):
    """What mila's administrator has made: a group, its members, the shared folder, and the server's two JSON files."""
    run = field_of_play
    name = run.folder.name
    group = run.drive.client.groups.create_group(f"{name} testers")
    for user in run.users:
        from box_sdk_gen import CreateGroupMembershipGroup, CreateGroupMembershipUser

        run.drive.client.memberships.create_group_membership(
            CreateGroupMembershipUser(id=user), CreateGroupMembershipGroup(id=group.id)
        )
    shared = run.drive.mkdir(f"/{name}")
    configuration = {
        "server_type": "mila.services.servers.BoxServer",
        "server_manager_type": "mila.services.server_manager.BoxServicer",
        "executor_type": "kmol.run.Executor",
        "config_type": "kmol.core.config.Config",
        "aggregator_type": "mila.aggregators.PlainTorchAggregator",
        "task_configuration_file": "task.json",
        "rounds_count": 2,
        "minimum_clients": 3,
        "maximum_clients": 3,
        "client_wait_time": 30,
        "heartbeat_timeout": 8,
        "box_configuration": {
            "box_configuration_path": run.box.env["BOX_JWT_CONFIG_FILE"],
            "shared_dir_name": name,
            "save_path": "runs/affinity",
            "group_name": f"{name} testers",
        },
    }
    (run.folder / "server.json").write_text(json.dumps(configuration))
    run.environment = {
        key: value for key, value in run.environment.items()
        if key not in {"BOX_CLIENT_ID", "BOX_CLIENT_SECRET", "BOX_ENTERPRISE_ID"}
    }  # fmt: skip
    run.shared = shared
    return run


def init(run, *more):
    fast = ("--poll-interval", 0.05, "--poll-ceiling", 0.3, "--heartbeat-frequency", 0.5)
    apps = ("--app", "plant:server", "--client-app", "plant:client")
    return run.run("init", "--from-mila", "server.json", *apps, *fast, "--state", run.folder / "server", *more)


def test_a_run_of_milas_configuration_goes_to_its_end(consortium):
    run = consortium
    made = init(run, "--set", "min-nodes=3")
    assert made.ends() == 0, made.text
    run.path = re.search(r"Run \w+ is in (\S+)\.\n", made.text)[1]
    assert re.fullmatch(rf"/{run.shared.name}/runs/affinity/\d{{4}}-\d\d-\d\d_\d\d-\d\d-\d\d", run.path)
    run.public = f"id:{run.drive.stat(run.path).id}"
    run.environment["BOX_JWT_CONFIG_FILE"] = run.box.env["BOX_JWT_CONFIG_FILE"]
    server, _ = run.begin(*EVERYONE)
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2))
    assert json.loads(server.text.splitlines()[-1])["rounds"] == 2
    assert {member.kind for member in run.drive.collaborators(run.path)} == {"group"}
    told = json.loads(run.read("cfg.json"))
    assert told["run_config"]["num-server-rounds"] == 2
    assert (told["schedule"]["minimum_clients"], told["schedule"]["heartbeat_timeout"]) == (3, 8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"group_name": "Nobody's"}, 'This account sees no Box group "Nobody\'s"'),
        ({"box_configuration_path": "missing.json"}, "missing.json"),
        ({"shared_dir_name": ""}, "has no box_configuration.shared_dir_name"),
    ],
)
def test_what_is_missing_is_named(consortium, change, said):
    run = consortium
    configuration = json.loads((run.folder / "server.json").read_text())
    configuration["box_configuration"].update(change)
    (run.folder / "server.json").write_text(json.dumps(configuration))
    made = init(run)
    assert made.ends() in {3, 6, 11}
    assert said in made.text
    assert made.text.count("\n") == 1
