"""What is large: models that go up in parts, and folders of more than a page."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("flwr")

from test_run import EVERYONE, assert_equal, fedavg, model_of

pytestmark = pytest.mark.slow


def make_alone(run, size, **more):
    """Make a run for one client, with a model of so many numbers."""
    run.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", "--set", f"size={size}", clients=1, **more)
    run.share()


def test_a_model_of_more_than_fifty_megabytes_goes_in_parts_and_comes_out_the_same(field_of_play):
    run, size = field_of_play, 14_000_000
    make_alone(run, size, rounds=1, lost_after=20)
    run.box.control(reset_counts=True)
    run.box.fault("lost_reply", "PUT /files/upload_sessions", times=2, every=3)
    run.begin(0)
    run.all_end_well(90)
    # the model that the run begins with, the update, and the model that comes out
    assert run.box.counts["post_files_upload_sessions"] == 3
    model = model_of(run, 2)
    assert model["more"].nbytes == 4 * size > 50_000_000
    assert_equal(model, fedavg(1, lambda _: (0,), size=size))


def test_replies_are_found_in_a_folder_of_more_than_a_page(run):
    gate = run.gate(0, 1)
    run.begin(*EVERYONE)
    run.reached(gate)
    folder = run.drive.stat(f"{run.path}/rounds/01")
    run.box.fill(folder.id, 1100, prefix="a-foreign-file-")
    gate.unlink()
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2))
    assert len(run.files("rounds/01")) > 1100


def test_participants_hear_of_a_large_model_while_it_is_on_its_way(field_of_play):
    run, size = field_of_play, 1_200_000
    make_alone(run, size, rounds=2, lost_after=60)
    run.begin(0)
    run.all_end_well()
    assert_equal(model_of(run, 3), fedavg(2, lambda _: (0,), size=size))
    path = f"{run.path}/server.lock"
    said = [json.loads(run.drive.read(path, version=version.id)) for version in run.drive.versions(path)]
    told = {entry["seq"]: entry["instruction"] for body in said for entry in body["asking"]}
    for seq in (1, 2):
        recorded = json.loads(run.read(f"rounds/{seq:02}/server.{seq}.train.json"))
        model = run.files(f"rounds/{seq:02}")["server.safetensors"]
        (_, _, was), (_, _, now) = told[seq]["contents"][0][0], recorded["contents"][0][0]
        assert (was["coming"]["sha1"], now["file"]["sha1"], now["file"]["id"]) == (model.sha1, model.sha1, model.id)
        assert "file" not in was
