"""Syncs as a person types them: directions, plans, reports; and uploads that were begun and not ended."""

from __future__ import annotations

import json
import random
import unicodedata
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from running import running_server

from jupyter_box import cli, connect
from jupyter_box.errors import BoxError, Busy, Denied, Exists, InvalidName, NotFound
from jupyter_box.transfer.local import LocalError
from jupyter_box.transfer.report import Outcome, Report


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A local folder `data` with two files, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "a.csv").write_text("a")
    (tmp_path / "data" / "raw" / "b.csv").write_text("bb")
    return tmp_path / "data"


@pytest.fixture
def run(capsys, drive, monkeypatch):
    """Run a line of the command line on the drive; returns the exit code, standard output and standard error."""
    monkeypatch.setenv("BOX_ROOT_FOLDER", drive.stat("/").id)

    def run(*argv):
        capsys.readouterr()
        try:
            code = cli.main(list(argv))
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run


def files(drive, path="/"):
    """What is below a folder of the drive, by path."""
    for item in drive.list(path):
        if item.is_folder:
            yield from files(drive, item.path)
        else:
            yield item.path


def test_up_makes_the_folder_in_box_and_a_second_run_moves_nothing(drive, data):
    report = drive.sync(data, "/Maintenance/data")
    assert (report.ok, report.sent) == (True, 2)
    assert sorted(files(drive)) == ["/Maintenance/data/a.csv", "/Maintenance/data/raw/b.csv"]
    again = drive.sync(data, "/Maintenance/data")
    assert (again.sent, again.skipped) == (0, 2)


def test_down_makes_the_local_folder(drive, data, tmp_path):
    drive.sync(data, "/data")
    assert drive.sync(tmp_path / "deep" / "copy", "/data", direction="down").sent == 2
    assert (tmp_path / "deep" / "copy" / "raw" / "b.csv").read_text() == "bb"


def test_one_pattern_may_be_given_as_text(drive, data):
    (data / "notes.md").write_text("x")
    drive.sync(data, "/data", include="*.csv", exclude="raw/")
    assert list(files(drive)) == ["/data/a.csv"]


def test_a_dry_run_makes_nothing_on_either_side(drive, data, tmp_path):
    report = drive.sync(data, "/new/data", dry_run=True)
    assert [outcome.action for outcome in report.outcomes] == ["planned", "planned"]
    assert list(drive.list("/")) == []
    drive.sync(data, "/data")
    assert len(drive.sync(tmp_path / "copy", "/data", direction="down", dry_run=True).outcomes) == 2
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_cannot_be_synced_is_refused_before_anything_is_made(drive, data, tmp_path, dry_run):
    drive.write("/file", "x")
    with pytest.raises(NotFound, match="nowhere"):
        drive.sync(tmp_path / "nowhere", "/made", dry_run=dry_run)
    with pytest.raises(LocalError, match=r"a\.csv"):
        drive.sync(data / "a.csv", "/made", dry_run=dry_run)
    with pytest.raises(Exists):
        drive.sync(data, "/file", dry_run=dry_run)
    with pytest.raises(InvalidName, match="not a folder"):
        drive.sync(tmp_path / "made", "/file", direction="down", dry_run=dry_run)
    with pytest.raises(NotFound):
        drive.sync(tmp_path / "made", "/nowhere", direction="down", dry_run=dry_run)
    with pytest.raises(InvalidName, match="sideways"):
        drive.sync(data, "/made", direction="sideways", dry_run=dry_run)
    with pytest.raises(NotFound):
        drive.sync(data, "id:424242", dry_run=dry_run)
    assert [item.name for item in drive.list("/")] == ["file"]
    assert not (tmp_path / "made").exists()


def test_workers_of_an_executor_connect_by_themselves(drive, data):
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        report = drive.sync(data, "/data", executor=pool)
    assert (report.ok, report.sent) == (True, 2)
    assert drive.read("/data/raw/b.csv") == b"bb"


ON_A_CLUSTER = """
import os, jupyter_box
from distributed import Client, LocalCluster
with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
    report = jupyter_box.connect().sync({local!r}, "/data", executor=client.get_executor())
print(report, "BOX_CLIENT_SECRET" in os.environ)
"""


def test_dask_workers_of_a_kernel_get_their_tokens_from_its_server(drive, box_environment, data, tmp_path):
    pytest.importorskip("distributed")
    environment = {**box_environment, "BOX_ROOT_FOLDER": drive.stat("/").id}
    with running_server(tmp_path, environment) as server:
        (printed,) = server.run(ON_A_CLUSTER.format(local=str(data)), timeout=100)
    assert printed.startswith("2 sent; 3 B in "), printed
    assert printed.rstrip().endswith("False")
    assert sorted(files(drive)) == ["/data/a.csv", "/data/raw/b.csv"]


@pytest.mark.parametrize(
    ("argv", "goes"),
    [
        (["data", "/data"], "up"),
        (["data", "box:/data"], "up"),
        (["data", "box:data", "--up"], "up"),
        (["data", "box://data"], "up"),
        (["data", "/data", "--down"], "down"),
        (["box:/data", "data"], "down"),
        (["box://data", "data", "--down"], "down"),
    ],
    ids=" ".join,
)
def test_directions(run, drive, data, argv, goes):
    drive.mkdir("/data")
    drive.write("/data/theirs.csv", "x")
    assert run("sync", *argv)[0] == 0
    assert (data / "theirs.csv").exists() == (goes == "down")
    assert drive.exists("/data/a.csv") == (goes == "up")


@pytest.mark.parametrize(
    "argv", [["box:/a", "box:/b"], ["box:/data", "data", "--up"], ["data"], ["data", "/data", "--report", "no/r.json"]]
)
def test_directions_that_make_no_sense_are_wrong_usage(run, data, drive, argv):
    code, out, err = run("sync", *argv)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert list(drive.list("/")) == []


def test_a_dry_run_prints_the_plan(run, drive, data):
    drive.sync(data, "/data")
    (data / "a.csv").write_text("changed")
    (data / "raw" / "b.csv").rename(data / "b.csv")
    drive.write("/data/old.csv", "x")
    code, out, _ = run("sync", "data", "/data", "--delete", "--dry-run")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines == [
        "Plan Size Path",
        "would be moved from raw/b.csv 2 B /data/b.csv",
        "would be sent 7 B /data/a.csv",
        "would be moved to Box's trash 1 B /data/old.csv",
        "3 planned; nothing was changed",
    ]
    assert drive.read("/data/a.csv") == b"a"


def test_what_was_left_alone_is_told_with_its_reason(run, drive, data):
    drive.sync(data, "/data")
    drive.write("/data/a.csv", "theirs")
    code, out, _ = run("sync", "data", "/data")
    assert code == 0
    assert "skipped: /data/a.csv: Box has a newer one; sync down fetches it." in out.splitlines()
    (data / "a.csv").write_text("mine")
    code, out, _ = run("sync", "data", "/data")
    (conflict,) = [line for line in out.splitlines() if line.startswith("conflict: ")]
    assert "/data/a (conflict " in conflict
    assert conflict.endswith(": Both sides changed; both are kept, this machine's under this name.")
    assert drive.read("/data/a.csv") == b"theirs"


def test_a_report_is_saved_and_a_failure_fails(run, drive, data, tmp_path):
    (data / "raw" / "c.csv").write_text("c")
    drive.mkdir("/data/a.csv")
    code, out, _ = run("sync", "data", "/data", "--report", "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert code == 1
    assert "failed: /data/a.csv: " in out
    assert (saved["sent"], saved["failed"], saved["ok"]) == (2, 1, False)
    assert {outcome["action"] for outcome in saved["outcomes"]} == {"sent", "failed"}


def test_uploads_and_downloads_save_their_reports_too(run, drive, data, tmp_path):
    assert run("upload", "data", "/", "--report", "up.json")[0] == 0
    assert run("download", "/data", "copies", "--report", "down.json")[0] == 0
    assert [json.loads((tmp_path / name).read_text())["sent"] for name in ("up.json", "down.json")] == [2, 2]
    code, _, err = run("upload", "data", "/", "--report", ".")
    assert (code, err.count("\n")) == (2, 1)


def test_a_boxignore_and_patterns_leave_out(run, drive, data):
    (data / ".boxignore").write_text("raw/\n")
    (data / "x.tmp").write_text("x")
    run("sync", "data", "/data", "--exclude", "*.tmp", "--exclude", ".boxignore")
    assert list(files(drive)) == ["/data/a.csv"]


def test_a_report_says_in_short_what_it_holds():
    report = Report((Outcome("/a", "a", "sent", 10), Outcome("/b", "b", "skipped", 5)), 0.25)
    assert repr(report) == "<Report: 1 sent, 1 skipped; 10 B in 0.2 s>"


def test_a_table_of_a_report_begins_with_what_matters():
    outcomes = [Outcome(f"/{n}", "", "skipped") for n in range(300)] + [Outcome("/moved", "", "moved")]
    shown = Report((*outcomes, Outcome("/bad", "", "failed")))._repr_html_()
    assert shown.index("/bad") < shown.index("/moved") < shown.index("/0<")
    assert "102 more" in shown


PART = 65_536
PARTS = "PUT .*/upload_sessions/"


@pytest.fixture
def uploader(drive, box, monkeypatch, tmp_path):
    """A second drive, with a journal of its own, whose uploads go in small parts; the command line has that journal."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    box.control(smallest_session=100_000, part_size=PART)
    (tmp_path / "big.bin").write_bytes(random.Random(1).randbytes(20 * PART))
    with connect(root_folder=drive.stat("/").id) as uploader:
        uploader._transfers.threshold = 100_000
        yield uploader


def stop_half_way(uploader, box, path):
    """Begin an upload that Box does not take more than ten parts of."""
    box.fault("error", PARTS, after=10, times=None, status=502)
    uploader._session.network.deadline = 0.2
    with pytest.raises(BoxError):
        uploader.upload(path, "/")
    box.clear()


def test_an_upload_under_way_is_listed_and_left_alone(run, uploader, box, tmp_path):
    box.fault("hold", PARTS, name="part", after=3, times=None)
    with ThreadPoolExecutor(1) as pool:
        uploading = pool.submit(uploader.upload, tmp_path / "big.bin", "/")
        box.wait_held("part")
        (pending,) = uploader.uploads()
        assert (pending.name, pending.size, pending.state) == ("big.bin", 20 * PART, "running")
        with pytest.raises(Busy, match="is being uploaded"):
            uploader.abort_upload(pending.id)
        assert "running" in run("uploads", "--abort", "all")[1]
        box.release("part")
        assert uploading.result(60).ok
    assert uploader.uploads() == []


def test_an_upload_that_stopped_is_listed_and_given_up(run, uploader, box, tmp_path):
    stop_half_way(uploader, box, tmp_path / "big.bin")
    code, out, _ = run("uploads", "--json")
    (listed,) = json.loads(out)
    assert (code, listed["name"], listed["done"], listed["state"]) == (0, "big.bin", 10 * PART, "stopped")
    assert listed["id"][:8] in run("uploads")[1]
    code, _, err = run("uploads", "--abort", "nope")
    assert (code, err.count("\n")) == (6, 1)
    code, out, _ = run("uploads", "--abort", listed["id"][:8])
    assert (code, out) == (0, "No upload is pending.\n")
    assert box.call(lambda store: store.value("SELECT COUNT(*) FROM sessions WHERE state = 'open'")) == 0


def test_an_upload_that_box_has_forgotten_says_so_and_can_be_given_up(run, uploader, box, tmp_path):
    stop_half_way(uploader, box, tmp_path / "big.bin")
    box.call(lambda store: store.run("DELETE FROM sessions"))
    assert [(one.done, one.state) for one in uploader.uploads()] == [(0, "expired")]
    assert run("uploads", "--abort", "all")[0] == 0
    assert uploader.uploads() == []


def test_unsafe_names_are_not_downloaded(drive, box, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    item = drive.write("/evil", "x")
    box.call(lambda store: store.run("UPDATE items SET name = '../evil' WHERE id = ?", item.id))
    with pytest.raises(Exception, match="cannot be a file's name"):
        drive.download(f"id:{item.id}", "here")
    assert [path.name for path in tmp_path.rglob("*")] == ["here"]


class TestALeaderThatIsEmpty:
    """As a disk that is not mounted is: nothing goes unless a number says that it is meant."""

    @pytest.fixture
    def alike(self, drive, data):
        drive.sync(data, "/data")
        return data

    def empty(self, drive, data, direction):
        if direction == "down":
            drive.remove("/data/a.csv")
            drive.remove("/data/raw")
            return
        for file in [file for file in data.rglob("*") if file.is_file()]:
            file.unlink()

    def both(self, drive, data):
        here = sorted(str(file.relative_to(data)) for file in data.rglob("*") if file.is_file())
        return here, sorted(files(drive, "/data"))

    @pytest.mark.parametrize(
        ("direction", "where"), [("up", "moved to Box's trash"), ("down", "removed from this machine")]
    )
    def test_removes_nothing_unasked(self, drive, alike, direction, where):
        self.empty(drive, alike, direction)
        before = self.both(drive, alike)
        with pytest.raises(Denied, match=rf"2 files would be {where}, as .*data has none.*--max-delete 2") as caught:
            drive.sync(alike, "/data", direction=direction, delete=True)
        assert caught.value.code == "max_delete"
        assert self.both(drive, alike) == before

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_removes_what_a_number_allows(self, drive, alike, direction):
        self.empty(drive, alike, direction)
        report = drive.sync(alike, "/data", direction=direction, delete=True, max_delete=2)
        assert [outcome.action for outcome in report.outcomes] == ["deleted", "deleted"]
        assert self.both(drive, alike) == ([], [])

    def test_shows_its_plan_and_says_that_it_would_be_refused(self, drive, alike, run):
        self.empty(drive, alike, "up")
        code, out, _ = run("sync", str(alike), "/data", "--delete", "--dry-run")
        assert code == 0
        assert out.count("would be moved to Box's trash") == 3  # two files, and the refusal
        assert "--max-delete 2" in out

    def test_is_an_error_of_the_command_with_the_way_out(self, drive, alike, run):
        self.empty(drive, alike, "up")
        code, _, err = run("sync", str(alike), "/data", "--delete")
        assert code == 5
        assert "--max-delete 2" in err
        assert run("sync", str(alike), "/data", "--delete", "--max-delete", "2")[0] == 0

    def test_that_is_not_there_at_all_is_an_error(self, drive, alike, tmp_path):
        with pytest.raises(NotFound):
            drive.sync(tmp_path / "not mounted", "/data", delete=True)
        assert sorted(files(drive, "/data")) == ["/data/a.csv", "/data/raw/b.csv"]


def test_more_than_may_go_stay_all(drive, data):
    drive.sync(data, "/data")
    (data / "a.csv").unlink()
    with pytest.raises(Denied, match="1 files would be moved to Box's trash, more than the 0 that max_delete allows"):
        drive.sync(data, "/data", delete=True, max_delete=0)
    assert sorted(files(drive, "/data")) == ["/data/a.csv", "/data/raw/b.csv"]


@pytest.mark.parametrize(
    ("direction", "where"), [("up", "moved to Box's trash"), ("down", "removed from this machine")]
)
def test_a_plan_and_a_report_say_which_side_loses_a_file(drive, data, direction, where):
    drive.sync(data, "/data")
    if direction == "up":
        (data / "a.csv").unlink()
    else:
        drive.remove("/data/a.csv")
    for dry_run, reason in ((True, f"would be {where}"), (False, where)):
        report = drive.sync(data, "/data", direction=direction, delete=True, dry_run=dry_run)
        assert [one.reason for one in report.outcomes if one.path == "/data/a.csv"] == [reason]


@pytest.mark.parametrize(("direction", "whose"), [("up", "this machine's"), ("down", "Box's")])
def test_a_conflict_has_its_reason_in_the_saved_report(drive, data, tmp_path, direction, whose):
    drive.sync(data, "/data")
    (data / "a.csv").write_text("mine")
    drive.write("/data/a.csv", "theirs")
    drive.sync(data, "/data", direction=direction).save(tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())["outcomes"]
    (reason,) = [one["reason"] for one in told if one["action"] == "conflict"]
    assert reason == f"Both sides changed; both are kept, {whose} under this name."


@pytest.mark.parametrize("line", [("upload", "data", "/"), ("sync", "data", "/data")])
def test_names_that_only_look_the_same_are_both_kept_and_told(run, drive, data, line):
    for form in ("NFC", "NFD"):
        (data / unicodedata.normalize(form, "Prüfung.csv")).write_text(form)
    code, out, _ = run(*line)
    assert code == 0
    assert out.count("looks the same") == 2
    assert len([item for item in drive.list("/data") if item.is_file]) == 3
    assert "looks the same" not in run(*line)[1]


def test_a_file_whose_name_only_looks_taken_goes_up_and_is_told(run, drive, data):
    drive.write(unicodedata.normalize("NFC", "/Prüfung.csv"), "composed")
    (data / "decomposed").write_text("decomposed")
    code, out, _ = run("upload", "data/decomposed", "/", "--name", unicodedata.normalize("NFD", "Prüfung.csv"))
    assert code == 0
    assert "looks the same" in out
    assert len(list(drive.list("/"))) == 2
