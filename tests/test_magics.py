"""The magics in a real IPython shell and a real kernel, on the emulator."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import nbformat
import pytest
from IPython.core.completer import provisionalcompleter, rectify_completions
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

from jupyter_box import magics, shared
from jupyter_box.errors import Denied, Exists, NotAuthorized, NotConfigured, NotFound
from jupyter_box.items import ROLES, Item
from jupyter_box.transfer.report import Report
from jupyter_box.verbs import verbs

BAD_PATHS = {
    "climbs": ("..", "above the drive's root"),
    "missing": ("nope.csv", "nope.csv is not in Box"),
    "long": ("x" * 300, "300 characters"),
    "control": ('"a\x07b"', "cannot be printed"),
    "not an id": ("id:x", "is not an id"),
}


@pytest.fixture
def shell(drive, monkeypatch, tmp_path):
    """A shell with the extension, on the fresh folder of `drive`, in an empty local folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOX_ROOT_FOLDER", drive.stat("/").id)
    monkeypatch.setattr(shared, "_shell", None)  # and so again for the tests that come after
    InteractiveShell.clear_instance()
    hook = sys.displayhook
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "jupyter_box")
    yield shell
    sys.displayhook = hook
    InteractiveShell.clear_instance()


def value_of(shell, source):
    outcome = shell.run_cell(source)
    outcome.raise_error()
    return outcome.result


def line_of(shell, source, capsys):
    """Run what must fail; return the error and the only line that a person sees."""
    capsys.readouterr()
    outcome = shell.run_cell(source)
    assert not outcome.success
    printed = capsys.readouterr()
    lines = [line for line in (printed.out + printed.err).splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return outcome.error_in_exec, lines[0]


def test_every_verb_is_a_magic_with_help(shell):
    for verb in verbs():
        kind = "cell" if verb.cell else "line"
        magic = shell.find_magic(f"box_{verb.name}", kind)
        help_text = shell.inspector.info(magic)["docstring"]
        assert verb.help.split(";")[0][:30] in help_text
        assert all(argument.flags[0] in help_text or not argument.is_option for argument in verb.arguments)


def test_roles_in_the_help_are_boxs(shell):
    (role,) = [one for verb in verbs() if verb.name == "role" for one in verb.arguments if one.flags == ("role",)]
    assert all(name in role.help for name in ROLES)


def test_help_option_shows_help_and_does_nothing(shell, capsys):
    assert value_of(shell, "%box_upload -h") is None
    assert "--on-conflict" in capsys.readouterr().out


def test_uploads_lists_and_downloads(shell, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a b.csv").write_text("1,2\n")
    report = value_of(shell, "%box_upload -q data /Maintenance")
    assert isinstance(report, Report)
    assert report.sent == 1
    listing = value_of(shell, "%box_ls /Maintenance/data")
    assert [item.name for item in listing] == ["a b.csv"]
    assert "a b.csv" in repr(listing)
    assert "<table>" in listing._repr_html_()
    value_of(shell, "%box_download -q /Maintenance/data got")
    assert (tmp_path / "got" / "data" / "a b.csv").read_text() == "1,2\n"


def test_several_downloads_go_into_a_folder_that_is_made(shell, tmp_path):
    value_of(shell, "%%box_write a.txt\n1\n")
    value_of(shell, "%%box_write b.txt\n2\n")
    assert value_of(shell, "%box_download -q a.txt b.txt got").sent == 2
    assert sorted(path.name for path in (tmp_path / "got").iterdir()) == ["a.txt", "b.txt"]


def test_a_second_upload_sends_nothing(shell, tmp_path):
    (tmp_path / "a.csv").write_text("1")
    value_of(shell, "%box_upload -q a.csv")
    assert value_of(shell, "%box_upload -q a.csv").skipped == 1


def shown(shell, value):
    """How a notebook shows a value: as text, and as HTML."""
    bundle, _ = shell.display_formatter.format(value)
    return bundle["text/plain"], bundle.get("text/html", "")


def test_a_sync_shows_its_plan_and_its_report(shell, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1")
    plan_text, plan_html = shown(shell, value_of(shell, "%box_sync -q data /M/data --dry-run"))
    assert plan_text.splitlines()[-1] == "1 planned; nothing was changed"
    assert "would be sent" in plan_text
    assert "would be sent" in plan_html
    text, html = shown(shell, value_of(shell, "%box_sync -q data /M/data"))
    assert text.startswith("1 sent; 1 B in ")
    assert "<td>/M/data/a.csv</td>" in html
    again, _ = shown(shell, value_of(shell, "%box_sync -q box:/M/data data"))
    assert again.splitlines()[1] == "skipped: /M/data/a.csv: It is the same on both sides."


def test_a_sync_with_a_failure_stops_the_notebook(shell, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1")
    value_of(shell, "%box_mkdir /M/a.csv")
    outcome = shell.run_cell("%box_sync -q data /M")
    assert not outcome.success
    assert "failed: /M/a.csv" in capsys.readouterr().out


def test_no_pending_upload_says_so(shell, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    pending = value_of(shell, "%box_uploads")
    assert list(pending) == []
    assert "No upload is pending" in repr(pending)


def test_variables_quotes_and_patterns(shell, tmp_path):
    (tmp_path / "my file.csv").write_text("1")
    shell.user_ns["name"], shell.user_ns["folder"] = "my file.csv", "Reports"
    value_of(shell, '%box_upload -q "$name" /{folder}')
    assert value_of(shell, '%box_stat "/Reports/my file.csv"').size == 1
    assert value_of(shell, "%box_upload -q '*.csv' /{folder + '2'}").sent == 1


def test_a_relative_path_starts_at_the_current_folder(shell):
    value_of(shell, "%box_mkdir /a/b")
    assert value_of(shell, "%box_cd a") == "/a"
    assert value_of(shell, "%box_cd b") == "/a/b"
    assert value_of(shell, "%box_pwd") == "/a/b"
    assert value_of(shell, "%box_cd ..") == "/a"
    assert value_of(shell, "%box_cd") == "/"


def test_a_cell_is_written_and_read_back(shell):
    item = value_of(shell, "%%box_write notes.md\n# Hello\n")
    assert isinstance(item, Item)
    assert value_of(shell, "%box_cat notes.md") == "# Hello\n"


def test_versions_can_be_promoted(shell):
    value_of(shell, "%%box_write v.txt\none\n")
    value_of(shell, "%%box_write v.txt\ntwo\n")
    old = value_of(shell, "%box_versions v.txt")[1]
    promoted = value_of(shell, f"%box_versions v.txt --promote {old.id}")
    assert promoted[0].current
    assert value_of(shell, "%box_cat v.txt") == "one\n"


def test_moves_copies_and_trashes(shell):
    value_of(shell, "%%box_write a.txt\nx\n")
    assert value_of(shell, "%box_cp a.txt b.txt").name == "b.txt"
    assert value_of(shell, "%box_mv b.txt c.txt").path == "/c.txt"
    (gone,) = value_of(shell, "%box_rm c.txt")
    assert gone.id in [item.id for item in value_of(shell, "%box_trash")]
    assert value_of(shell, f"%box_restore id:{gone.id}").name == "c.txt"


def test_a_folder_needs_r_to_go_to_the_trash(shell, capsys):
    value_of(shell, "%box_mkdir /a")
    outcome = shell.run_cell("%box_rm /a")
    assert isinstance(outcome.error_in_exec, UsageError)
    assert "-r" in str(outcome.error_in_exec)
    value_of(shell, "%box_rm -r /a")
    assert not value_of(shell, "%box_ls /")


def test_shares_and_locks(shell):
    value_of(shell, "%%box_write a.txt\nx\n")
    link = value_of(shell, "%box_share a.txt --access open --expires 7d")
    assert link.url.startswith("http")
    assert value_of(shell, "%box_stat a.txt").shared_link
    assert value_of(shell, "%box_unshare a.txt").shared_link is None
    assert value_of(shell, "%box_lock a.txt --expires 2h").lock
    assert value_of(shell, "%box_unlock a.txt").lock is None


def test_a_password_comes_from_a_file_and_is_shown_nowhere(shell, tmp_path, capsys):
    (tmp_path / "pw").write_text("canary-Pa55word\n")
    value_of(shell, "%%box_write a.txt\nx\n")
    link = value_of(shell, "%box_share a.txt --access open --password-file pw")
    assert link.has_password
    assert "canary" not in repr(link) + "".join(capsys.readouterr())


def test_invites_and_uninvites(shell, box):
    value_of(shell, "%box_mkdir /a")
    made = value_of(shell, "%box_invite /a new.person@example.com --role editor")
    assert made.role == "editor"
    people = value_of(shell, "%box_collaborators /a")
    assert "editor" in [one.role for one in people]
    value_of(shell, f"%box_role /a {made.id} viewer")
    left = value_of(shell, f"%box_uninvite /a {made.id}")
    assert made.id not in [one.id for one in left]


def test_finds_and_downloads_the_exact_name(shell, tmp_path):
    value_of(shell, "%%box_write line-unique-3.csv\nx\n")
    report = value_of(shell, "%box_search -q --download line-unique-3.csv --to got")
    assert report.sent == 1
    assert (tmp_path / "got").read_text() == "x\n"


def test_several_exact_names_are_listed_instead_of_one_guessed(shell, capsys, tmp_path):
    value_of(shell, "%box_mkdir /p /q")
    value_of(shell, "%%box_write /p/twice-named.csv\nx\n")
    value_of(shell, "%%box_write /q/twice-named.csv\ny\n")
    _, line = line_of(shell, "%box_search -q --download twice-named.csv", capsys)
    assert "/p/twice-named.csv" in line
    assert "/q/twice-named.csv" in line
    assert not list(tmp_path.iterdir())


def test_a_search_in_vain_says_that_the_index_lags(shell, capsys):
    found = value_of(shell, "%box_search qqzzxx")
    assert not found
    assert "ten minutes" in repr(found)
    _, line = line_of(shell, "%box_search --download qqzzxx.csv", capsys)
    assert "minutes" in line


def test_favourites(shell):
    value_of(shell, "%box_mkdir /a")
    assert [item.name for item in value_of(shell, "%box_favourites --add /a")] == ["a"]
    assert not value_of(shell, "%box_favourites --remove /a")


def test_status_says_who_we_are(shell, capsys):
    status = value_of(shell, "%box_status")
    assert status.connected
    assert status.account.login in capsys.readouterr().out


def test_without_settings_status_says_what_to_do(shell, monkeypatch, capsys):
    for name in [name for name in os.environ if name.startswith("BOX_")]:
        monkeypatch.delenv(name)
    status = value_of(shell, "%box_status")
    assert not status.connected
    assert "BOX_CLIENT_ID" in capsys.readouterr().out
    error, line = line_of(shell, "%box_ls", capsys)
    assert isinstance(error, NotConfigured)
    assert "BOX_CLIENT_ID" in line


def test_mended_settings_count_without_a_restart(shell, monkeypatch, capsys):
    secret = os.environ["BOX_CLIENT_SECRET"]
    monkeypatch.setenv("BOX_CLIENT_SECRET", "canary-wrong-secret")
    error, line = line_of(shell, "%box_ls", capsys)
    assert isinstance(error, NotAuthorized)
    assert "canary" not in line
    monkeypatch.setenv("BOX_CLIENT_SECRET", secret)
    assert value_of(shell, "%box_ls") == []


@pytest.mark.parametrize(("path", "says"), BAD_PATHS.values(), ids=BAD_PATHS)
def test_bad_paths_get_one_line(shell, capsys, path, says):
    _, line = line_of(shell, f"%box_stat {path}", capsys)
    assert says in line
    assert line.startswith("\x1b[31m")


def test_a_mistyped_option_is_a_usage_error(shell, capsys):
    outcome = shell.run_cell("%box_ls --nope")
    assert isinstance(outcome.error_in_exec, UsageError)
    assert "--nope" in capsys.readouterr().err


def test_an_open_quote_is_a_usage_error(shell, capsys):
    outcome = shell.run_cell('%box_ls "a')
    assert isinstance(outcome.error_in_exec, UsageError)
    assert "quotation" in capsys.readouterr().err


def test_a_local_file_in_the_folders_place_is_asked_about(shell, tmp_path):
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "b.csv").write_text("1")
    outcome = shell.run_cell("%box_upload -q a.csv b.csv")
    assert isinstance(outcome.error_in_exec, UsageError)
    assert value_of(shell, "%box_ls") == []


def test_a_missing_local_file_gets_one_line(shell, capsys):
    error, line = line_of(shell, "%box_upload -q nope.csv", capsys)
    assert isinstance(error, NotFound)
    assert "nope.csv is not on this machine" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_gets_one_line(shell, capsys, tmp_path):
    (tmp_path / "secret.csv").write_text("1")
    (tmp_path / "secret.csv").chmod(0)
    error, line = line_of(shell, "%box_upload -q secret.csv", capsys)
    assert isinstance(error, Denied)
    assert "secret.csv" in line


def test_a_kept_local_file_is_named_with_the_way_out(shell, capsys, tmp_path):
    value_of(shell, "%%box_write a.csv\nnew\n")
    (tmp_path / "a.csv").write_text("mine")
    error, line = line_of(shell, "%box_download -q a.csv", capsys)
    assert isinstance(error, Exists)
    assert "--overwrite" in line
    assert (tmp_path / "a.csv").read_text() == "mine"
    value_of(shell, "%box_download -q a.csv --overwrite")
    assert (tmp_path / "a.csv").read_text() == "new\n"


def test_an_interrupt_leaves_nothing_half_written(shell, capsys, tmp_path, box):
    value_of(shell, "%%box_write big.txt\n" + "x" * 4_000_000)
    box.control(bandwidth=400_000)
    interrupter = threading.Thread(target=_interrupt_once_something_is_written, args=(tmp_path,))
    interrupter.start()
    capsys.readouterr()
    outcome = shell.run_cell("%box_download -q big.txt got.txt")
    interrupter.join()
    assert isinstance(outcome.error_in_exec, KeyboardInterrupt)
    assert "Stopped" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def _interrupt_once_something_is_written(folder):
    deadline = time.monotonic() + 20
    while not any(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    import signal

    os.kill(os.getpid(), signal.SIGINT)


def completions(shell, line):
    """Return the line as each completion would leave it, as a kernel tells its front end."""
    with provisionalcompleter():
        found = list(rectify_completions(line, shell.Completer.completions(line, len(line))))
    return [line[: one.start] + one.text + line[one.end :] for one in found]


def test_tab_completes_paths_in_box(shell):
    value_of(shell, "%box_mkdir '/My Folder/inner' /Maintenance")
    assert completions(shell, "%box_ls /Mai") == ["%box_ls /Maintenance/"]
    assert completions(shell, "%box_ls /My") == ['%box_ls "/My Folder/']
    assert completions(shell, '%box_ls "/My Folder/') == ['%box_ls "/My Folder/inner/']
    assert completions(shell, "files = %box_ls mai") == ["files = %box_ls Maintenance/"]
    assert completions(shell, "%box_ls --rev") == ["%box_ls --reverse"]
    assert completions(shell, "%box_mv a.txt /Mai") == ["%box_mv a.txt /Maintenance/"]


def test_tab_completes_local_paths(shell, tmp_path):
    (tmp_path / "line 1").mkdir()
    (tmp_path / "line 1" / "measured.csv").write_text("1")
    (tmp_path / ".hidden").write_text("1")
    assert completions(shell, "%box_upload li") == ['%box_upload "line 1/']
    assert completions(shell, '%box_upload "line 1/') == ['%box_upload "line 1/measured.csv"']
    assert completions(shell, "%box_upload .h") == ["%box_upload .hidden"]
    assert completions(shell, "%box_upload ~nobody-here/x") == []


def test_tab_completes_choices_and_marked_paths(shell):
    value_of(shell, "%box_mkdir /Maintenance")
    assert completions(shell, "%box_ls --sort d") == ["%box_ls --sort date"]
    assert completions(shell, "%box_sync box:/Mai") == ["%box_sync box:/Maintenance/"]


def test_tab_completes_roles(shell):
    line = "%box_invite /Maintenance ana@example.com --role "
    assert set(completions(shell, line + "v")) == {line + "viewer", line + '"viewer uploader"'}
    assert completions(shell, "%box_role /a ana@example.com co") == ["%box_role /a ana@example.com co-owner"]


def test_tab_is_silent_without_a_connection(shell, monkeypatch, capsys):
    monkeypatch.setenv("BOX_URL", "http://127.0.0.1:9")
    assert completions(shell, "%box_ls /Mai") == []
    assert capsys.readouterr() == ("", "")


def test_tab_does_not_wait_for_a_slow_box(shell, box):
    value_of(shell, "%box_ls")
    box.fault("hold", "GET .*/folders/", name="slow", times=None)
    assert completions(shell, "%box_ls /Mai") == []
    box.wait_held("slow")
    box.release("slow")


def test_loading_twice_completes_once(shell):
    shell.run_line_magic("reload_ext", "jupyter_box")
    identifiers = [getattr(one, "matcher_identifier", "") for one in shell.Completer.custom_matchers]
    assert identifiers.count(magics.IDENTIFIER) == 1


def test_loading_imports_nothing_heavy():
    script = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell as S\n"
        "before = set(sys.modules); S.instance().run_line_magic('load_ext', 'jupyter_box')\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert not {"box_sdk_gen", "requests", "ipywidgets", "tqdm", "jupyter_server", "tornado"} & set(done.stdout.split())


def run_notebook(*cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return notebook


def outputs(cell):
    return "".join(
        str(output.get("text", "")) + str(output.get("data", "")) + "\n".join(output.get("traceback", ()))
        for output in cell.outputs
    )


def test_a_kernel_runs_the_magics(drive, monkeypatch, tmp_path):
    monkeypatch.setenv("BOX_ROOT_FOLDER", drive.stat("/").id)
    (tmp_path / "a.csv").write_text("1,2\n")
    notebook = run_notebook(
        "%load_ext jupyter_box",
        f"%box_upload '{tmp_path}/a.csv' /Maintenance",
        "files = %box_ls /Maintenance\nfiles",
        "browser = %box_browse /Maintenance\nbrowser.wait(30)\nprint([item.name for item in browser.items])\nbrowser",
    )
    upload, listing, browse = (outputs(cell) for cell in notebook.cells[1:])
    assert "1 sent" in upload
    assert "<table>" in listing
    assert "['a.csv']" in browse
    view = notebook.cells[-1].outputs[-1].data["application/vnd.jupyter.widget-view+json"]
    models = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert models[view["model_id"]]["model_name"] == "VBoxModel"
    assert browse


def test_a_notebook_without_widgets_has_a_bar_that_says_something(drive, box, monkeypatch, tmp_path):
    monkeypatch.setenv("BOX_ROOT_FOLDER", drive.stat("/").id)
    (tmp_path / "a.csv").write_bytes(b"x" * 3_000_000)
    box.control(bandwidth=3_000_000)
    watch = (
        "from jupyter_box import bar\nseen = []\n"
        "update = bar.NotebookBar._update\n"
        "bar.NotebookBar._update = lambda self, shown: (seen.append(shown), update(self, shown))\n"
    )
    notebook = run_notebook(
        f"%load_ext jupyter_box\n{watch}", f"report = %box_upload '{tmp_path}/a.csv' /Maintenance", "seen[0]"
    )
    (bar,) = notebook.cells[1].outputs
    assert list(bar.data) == ["text/plain"]
    assert bar.data["text/plain"].startswith("Uploading to /Maintenance: done in ")
    assert "<progress value=" in outputs(notebook.cells[2])
    assert "/3.00M" in outputs(notebook.cells[2])


def test_an_error_fails_the_cell_of_an_unattended_notebook(drive, monkeypatch):
    monkeypatch.setenv("BOX_ROOT_FOLDER", drive.stat("/").id)
    with pytest.raises(CellExecutionError) as caught:
        run_notebook("%load_ext jupyter_box", "%box_download nope.csv", "print('ran on')")
    assert "nope.csv is not in Box" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_wrong_usage_fails_the_cell_of_an_unattended_notebook(box_environment):
    with pytest.raises(CellExecutionError, match="--nope"):
        run_notebook("%load_ext jupyter_box", "%box_ls --nope")
