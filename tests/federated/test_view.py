"""A run as its members see it: status, table, widget, and the audit that computes every model anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("flwr")


from jupyter_box.federated import FederatedRun
from jupyter_box.federated.verify import verify

pytestmark = pytest.mark.slow


@pytest.fixture
def finished(field_of_play):
    """A run of two rounds with two participants, which is over."""
    run = field_of_play
    run.init("--set", "min-nodes=2", clients=2, rounds=2)
    run.share()
    run.begin(0, 1)
    run.all_end_well()
    return run


def test_any_member_sees_how_a_run_stands_and_changes_nothing(finished):
    member = finished.as_user(2)
    before = {item.name: item.etag for item in finished.drive.list(finished.path)}
    view = FederatedRun(finished.public, drive=member)
    status = json.loads(json.dumps(view.status()))
    assert (status["state"], status["rounds"], status["rounds_count"]) == ("finished", 2, 2)
    assert [who["name"] for who in status["participants"]] == ["tester0", "tester1"]
    assert all(who["state"] == "here" and who["calls"] > 0 for who in status["participants"])
    assert [(row["round"], row["kind"], row["replies"]) for row in status["history"]] == [
        (1, "train", 2), (1, "evaluate", 2), (2, "train", 2), (2, "evaluate", 2)
    ]  # fmt: skip
    assert status["history"][3]["metrics"]["loss"] < status["history"][1]["metrics"]["loss"]
    assert status["traffic"]["calls"] > 0
    assert "Training finished" in str(view)
    assert {item.name: item.etag for item in finished.drive.list(finished.path)} == before


def test_the_widget_shows_people_rounds_curves_and_events(finished):
    widget = FederatedRun(finished.path, drive=finished.drive).widget(every=60)
    assert (widget.progress.value, widget.progress.max, widget.progress.bar_style) == (2, 2, "success")
    assert "tester1" in widget.people.value
    assert widget.curves.value.count("<polyline") == 2
    assert "The run begins with tester0, tester1." in widget.events.value
    assert "calls" in widget.note.value
    widget.close()


def test_a_name_that_is_markup_stays_text(finished):
    finished.as_user(1).write(f"{finished.public}/authentications/<b>x_authentication.txt", "{}")
    widget = FederatedRun(finished.path, drive=finished.drive).widget(every=60)
    assert "&lt;b&gt;x" in widget.people.value
    widget.close()


def test_every_model_is_computed_anew_and_comes_out_equal(finished):
    found = verify(finished.as_user(2), finished.public, app_folder=Path(__file__).parent)
    assert (found.ok, found.recomputed, len(found.files)) == (True, 4, 12)
    assert {file.rows for file in found.files if file.who == "tester1"} == {80}
    assert "4 exchanges were computed anew and are equal." in str(found)


def test_a_touched_update_and_a_touched_model_are_found(finished):
    update, model = f"{finished.path}/rounds/01/tester0.safetensors", f"{finished.path}/rounds/02/server.safetensors"
    for path in (update, model):
        data = finished.drive.read(path)
        finished.drive.write(path, data[:-1] + bytes([data[-1] ^ 1]))
    command = finished.run("verify", finished.path)
    assert command.ends() == 1
    wrong = [line for line in command.text.splitlines() if "other content than when it counted" in line]
    assert len(wrong) == 3, command.text


def test_another_server_app_is_found(finished, monkeypatch):
    import plant

    monkeypatch.setattr(plant, "initial", lambda size: {"weights": plant.np.ones(4), "bias": plant.np.zeros(())})
    found = verify(finished.drive, finished.path, app_folder=Path(__file__).parent)
    assert not found.ok
    assert "Exchange 1 of the restarted ServerApp differs" in found.trouble
