"""The command line on the emulator: mostly in process, as a program where pipes, limits and start-up matter."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import socket
import subprocess
import sys

import pytest
from emulated import by_client_credentials

from jupyter_box import __version__, cli, errors
from jupyter_box.verbs import verbs

LOG = "seq,value\n" + "\n".join(f"{n},{n * n}" for n in range(50_000))


@pytest.fixture
def home(drive, monkeypatch, tmp_path):
    """An empty local folder, and the environment of a drive with one file in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOX_ROOT_FOLDER", drive.stat("/").id)
    drive.mkdir("/Maintenance")
    drive.write("/Maintenance/log.csv", LOG)
    return tmp_path


@pytest.fixture
def run(capsysbinary):
    """Run a line in process; returns the exit code, standard output and standard error."""

    def run(*argv):
        capsysbinary.readouterr()
        try:
            code = cli.main(list(argv))
        except SystemExit as end:
            code = end.code
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def program(*argv, **options):
    options = {"capture_output": True, "text": True, "timeout": 60, **options}
    return subprocess.run([sys.executable, "-m", "jupyter_box.cli", *argv], check=False, **options)


def one_line(text):
    assert text.count("\n") == 1, text
    return text.strip()


def test_every_error_has_an_exit_code_of_its_own():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.BoxError)]
    codes = [cli.exit_code(kind("x")) for kind in kinds]
    assert len(set(codes)) == len(kinds)
    assert not {0, 2} & set(codes)


def test_the_exit_codes_are_documented():
    documented = {int(number) for number in re.findall(r"(\d+) [a-z]", cli.__doc__.split("`doctor`")[0])}
    assert set(cli.EXIT_CODES.values()) | {0, 2} == documented


def test_help_names_every_verb_and_program(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(f" {one.name} " in out or f" {one.name}\n" in out for one in (*verbs(), *cli.PROGRAMS))


@pytest.mark.parametrize("verb", [verb.name for verb in verbs()])
def test_every_verb_explains_itself(run, verb):
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert f"usage: jupyter box {verb}" in out


def test_version(run):
    assert run("--version")[1].strip() == f"jupyter-box {__version__}"


def test_start_up_imports_nothing_heavy():
    code = "import sys, jupyter_box.cli as c; c.parser().format_help(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"box_sdk_gen", "requests", "tqdm", "traitlets", "IPython", "ipywidgets"} & set(done.stdout.split())


def test_no_verb_takes_a_secret_as_an_argument():
    words = re.compile("secret|token|passphrase|private")
    flags = [(flag, one) for verb in verbs() for one in verb.arguments for flag in one.flags]
    assert not [flag for flag, _ in flags if words.search(flag)]
    assert [one.options.get("action") for flag, one in flags if flag == "--password"] == ["store_true"]


def test_uploads_lists_and_downloads(run, home):
    (home / "data").mkdir()
    (home / "data" / "a b.csv").write_text("1")
    assert run("upload", "data", "/Maintenance")[0] == 0
    code, out, err = run("ls", "/Maintenance/data")
    assert (code, err) == (0, "")
    assert "a b.csv" in out
    assert run("download", "/Maintenance/data", "got")[0] == 0
    assert (home / "got" / "data" / "a b.csv").read_text() == "1"


def test_cat_gives_the_very_bytes(run, home):
    assert run("cat", "/Maintenance/log.csv")[1] == LOG


def test_write_takes_standard_input(run, home, drive, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\x00\xff")))
    assert run("write", "/bytes.bin")[0] == 0
    assert drive.read("/bytes.bin") == b"\x00\xff"


def test_a_relative_path_starts_at_the_folder_given(run, home):
    assert run("-C", "/Maintenance", "cat", "log.csv")[0] == 0
    assert run("-C", "/Maintenance", "pwd")[1] == "/Maintenance\n"


def test_json_of_values_and_errors(run, home):
    assert [item["name"] for item in json.loads(run("ls", "/", "--json")[1])] == ["Maintenance"]
    assert json.loads(run("status", "--json")[1])["connected"] is True
    (home / "a.csv").write_text("1")
    assert json.loads(run("upload", "a.csv", "--json")[1])["sent"] == 1
    code, out, err = run("ls", "/nope", "--json")
    assert (code, out) == (6, "")
    assert json.loads(err)["code"] == "not_found"


def test_search_share_versions_trash(run, home):
    assert "log.csv" in run("search", "log", "--extension", "csv")[1]
    assert "http" in run("share", "/Maintenance/log.csv", "--access", "open", "--expires", "7d")[1]
    assert json.loads(run("share", "/Maintenance/log.csv", "--json")[1])["expires"]
    assert json.loads(run("share", "/Maintenance/log.csv", "--without", "expires", "--json")[1])["expires"] is None
    assert "current" in run("versions", "/Maintenance/log.csv")[1]
    code, out, _ = run("rm", "/Maintenance/log.csv", "--json")
    assert code == 0
    item = json.loads(out)[0]["id"]
    assert item in run("trash")[1]
    assert run("purge", f"id:{item}", "--yes")[0] == 0
    assert run("restore", f"id:{item}")[0] == 6


def test_a_partial_failure_is_named_and_fails(run, home):
    (home / "data").mkdir()
    (home / "data" / "good.csv").write_text("1")
    (home / "data" / ("bad" + "\\" + ".csv")).write_text("1")
    code, out, _ = run("upload", "data", "/")
    assert code == 1
    assert "failed: " in out
    assert "good.csv" in run("ls", "/data")[1]


def test_no_bar_in_a_pipe(home):
    done = program("download", "/Maintenance/log.csv", "got.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert (home / "got.csv").read_text() == LOG


@pytest.mark.parametrize(
    ("command", "line"), [(["cat", "/Maintenance/log.csv"], b"seq,value\n"), (["doctor"], b"ok      configuration")]
)
def test_a_reader_that_leaves_is_no_error(home, command, line):
    writer = subprocess.Popen(
        [sys.executable, "-m", "jupyter_box.cli", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert writer.stdout.readline().startswith(line)
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait(30) == 0
    writer.stderr.close()


def test_the_script_is_the_command_line():
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="jupyter-box")
    assert script.load() is cli.main


def test_the_programs_are_called_lazily_and_exist(run):
    for one in cli.PROGRAMS:
        code, out, _ = run(one.name, "--help")
        assert code == 0
        assert one.name in out


BAD_NAMES = {
    "backslash": ("stat", "a\\b", "backslash"),
    "climbs": ("stat", "..", "above the drive's root"),
    "climbs from below": ("ls", "/Maintenance/../..", "above the drive's root"),
    "long": ("mkdir", "x" * 300, "300 characters"),
    "ends with a space": ("mkdir", "a ", "ends with a space"),
    "control": ("mkdir", "a\x1b[31m", "cannot be printed"),
    "lone surrogate": ("mkdir", "a\udcff", "cannot be printed"),
    "no id": ("stat", "id:12x", "is not an id"),
}


@pytest.mark.parametrize(("verb", "path", "says"), BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_bad_name_gets_one_line_and_changes_nothing(run, home, verb, path, says):
    before = run("ls", "/")[1]
    code, out, err = run(verb, path)
    assert (code, out) == (11, "")
    assert says in one_line(err)
    assert run("ls", "/")[1] == before


def test_composed_and_decomposed_names_are_both_kept(run, home, drive):
    drive.write("/caf\u00e9.txt", "composed")
    drive.write("/cafe\u0301.txt", "decomposed")
    assert run("download", "/caf\u00e9.txt", "one")[0] == run("download", "/cafe\u0301.txt", "two")[0] == 0
    assert (home / "one").read_text(), (home / "two").read_text() == ("composed", "decomposed")


@pytest.mark.parametrize("argv", [["upload", "", "/"], ["upload", "a.csv", ""], ["rm", "-r", ""], ["download", ""]])
def test_an_empty_path_is_refused(run, home, argv):
    code, _, err = run(*argv)
    assert code == 2
    assert "cannot be empty" in one_line(err)


def test_a_directory_loop_ends(run, home):
    (home / "loop").mkdir()
    (home / "loop" / "a.txt").write_text("1")
    (home / "loop" / "again").symlink_to(home / "loop", target_is_directory=True)
    code, _, err = run("upload", "loop", "/")
    assert code in {0, 1}
    assert err.count("\n") <= 1
    assert run("cat", "/loop/a.txt")[1] == "1"


@pytest.mark.parametrize(
    "line", ["upload a.csv nope.csv b.csv /Maintenance", "-C /Maintenance download --overwrite a.csv nope.csv b.csv ."]
)
def test_one_of_several_that_fails_stops_no_other(run, home, drive, line):
    for name in ("a.csv", "b.csv"):
        (home / name).write_text(name)
        drive.write(f"/Maintenance/{name}", name + name)
    code, out, err = run(*line.split(), "--report", "report.json")
    assert (code, err) == (1, "")
    assert "failed: nope.csv: " in out
    report = json.loads((home / "report.json").read_text())
    assert (report["sent"], report["failed"]) == (2, 1)


@pytest.mark.parametrize("name", ["missing.csv", "pipe"])
def test_what_cannot_be_read_gets_one_line(run, home, name):
    os.mkfifo(home / "pipe")
    code, _, err = run("upload", name, "/Maintenance")
    assert code != 0
    assert name in one_line(err)
    assert name not in run("ls", "/Maintenance")[1]


def test_a_target_that_cannot_be_written_gets_one_line(run, home):
    (home / "file").write_text("mine")
    code, _, err = run("download", "/Maintenance/log.csv", "file/below")
    assert code != 0
    assert "file" in one_line(err)
    assert [path.name for path in home.iterdir()] == ["file"]


def test_a_full_disk_leaves_nothing_half_written(home):
    # a limit on the size of files is what a test can have of a full disk: the same write fails half-way
    small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # noqa: E731
    done = program("download", "/Maintenance/log.csv", "got.csv", preexec_fn=small)
    assert done.returncode not in {0, 2}
    assert "got.csv" in one_line(done.stderr)
    assert not list(home.iterdir())


def _closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_no_network(run, home, monkeypatch):
    monkeypatch.setenv("BOX_URL", f"http://127.0.0.1:{_closed_port()}")
    code, out, err = run("ls")
    assert (code, out) == (14, "")
    assert "127.0.0.1" in one_line(err)


def test_wrong_secret(run, home, monkeypatch):
    monkeypatch.setenv("BOX_CLIENT_SECRET", "canary-wrong")
    code, _, err = run("ls")
    assert code == 4
    assert "BOX_CLIENT_SECRET" in one_line(err)
    assert "canary" not in err


def test_an_app_that_the_administrator_has_not_authorised(run, home, box, monkeypatch):
    for name, value in by_client_credentials(box.add_app(authorized=False)).items():
        monkeypatch.setenv(name, value)
    code, _, err = run("ls")
    assert code == 4
    assert "administrator" in one_line(err)


def test_an_expired_developer_token(run, home, monkeypatch):
    for name in ("BOX_CLIENT_ID", "BOX_CLIENT_SECRET", "BOX_ENTERPRISE_ID"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("BOX_DEVELOPER_TOKEN", "canary-expired")
    code, _, err = run("ls")
    assert code == 4
    assert "developer" in one_line(err)
    assert "canary" not in err


def test_no_settings(run, monkeypatch):
    code, out, err = run("ls")
    assert (code, out) == (3, "")
    assert "BOX_CLIENT_ID" in one_line(err)
    code, out, _ = run("status")
    assert code == 1
    assert "BOX_CLIENT_ID" in out


def test_twin_folders_are_one(run, home, box):
    box.fault("twin", "POST .*/folders$")
    assert run("mkdir", "/twins")[0] == 0
    assert run("ls", "/")[1].count("twins/") == 1


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("", ""),
        ("nope", ""),
        ("ls --nope", "ls"),
        ("share /Maintenance --expires 2001-01-01", "share"),
        ("purge id:1", "purge"),
        ("demo --nope", "demo"),
        ("demo --port x", "demo"),
        ("demo --port 99999", "demo"),
        ("emulator --port 99999", "emulator"),
        ("emulator --env nowhere/env", "emulator"),
        ("doctor --nope", "doctor"),
        ("broker --nope", "broker"),
        ("kubernetes", "kubernetes"),
        ("kubernetes secret check --nope", "kubernetes secret check"),
        ("federate nope", "federate"),
        ("federate status", "federate status"),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_help(run, home, line, command):
    code, out, err = run(*line.split())
    assert (code, out) == (2, "")
    assert f"(jupyter box {command} --help explains)".replace("  ", " ") in one_line(err)


@pytest.mark.parametrize(
    "line",
    [
        "search \udcff",
        "search log --extension \udcff",
        "share /Maintenance --access open --password-file latin-1",
        "share /Maintenance --access open --password-file empty",
        "sync latin-1 /Maintenance",
        "download /Maintenance latin-1",
    ],
)
def test_what_cannot_be_is_one_line_with_a_way_out(run, home, line):
    (home / "latin-1").write_bytes("Prüfung".encode("latin-1"))
    (home / "empty").write_text("\n")
    code, out, err = run(*line.split())
    assert (code not in {0, 2}, out) == (True, "")
    assert len(re.findall(r"\.( |$)", one_line(err))) == 2, err


def test_a_terminal_that_knows_few_characters_shows_the_others_by_number(home, drive):
    drive.write("/数.txt", "x")
    shown = program("ls", "/", env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert (shown.returncode, "\\u6570.txt" in shown.stdout) == (0, True), shown.stderr
    failed = program("cat", "/森", env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert (failed.returncode, "\\u68ee" in one_line(failed.stderr)) == (6, True)


def test_an_interrupt_leaves_nothing_half_written(home, box):
    import signal

    box.control(bandwidth=400_000)
    download = subprocess.Popen(
        [sys.executable, "-m", "jupyter_box.cli", "download", "/Maintenance/log.csv", "got.csv"],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(home.iterdir()) and download.poll() is None:
        pass
    download.send_signal(signal.SIGINT)
    _, err = download.communicate(timeout=60)
    assert download.returncode == 130
    assert "Stopped" in one_line(err)
    assert not list(home.iterdir())
