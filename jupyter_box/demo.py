"""The demo: the emulator with a sample drive and JupyterLab on it, until Ctrl-C; it needs no Box account.

The emulator runs in this process and JupyterLab in a child of it, so that the end of one is the end of both.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from ._usage import Parser
from .emulator.command import port

NOTEBOOK = "getting-started.ipynb"
# so that the first thing a new user sees is no question about news from Jupyter
NEWS, NO_NEWS = "@jupyterlab/apputils-extension/notification.jupyterlab-settings", b'{"fetchNews": "false"}\n'
LONGEST_START = 120  # seconds; a first start on a slow disk takes 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code: 0 after Ctrl-C, 1 if it could not start.

    Args:
        argv: The arguments after `jupyter box demo`; those of the process by default.
    """
    options = parser().parse_args(argv)
    if importlib.util.find_spec("jupyterlab") is None:
        return _fail("JupyterLab is not installed here. Install it with: pip install 'jupyter-box[demo]'")
    try:
        return _run(options)
    except KeyboardInterrupt:
        _say("\nStopped. The sample drive and your notebooks are kept in " + options.data)
        return 0
    except DemoError as error:
        return _fail(str(error))


class DemoError(Exception):
    """The demo cannot start; the text says why and what to do."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    made = Parser(prog="jupyter box demo", description="Try it all on a sample drive, without Box.")
    made.add_argument("--port", type=port, default=8888, help="JupyterLab's port, or the next free one (default 8888)")
    made.add_argument("--ip", default="localhost", help="the address JupyterLab listens on (default localhost)")
    made.add_argument("--data", default=".demo", metavar="DIR", help="where drive and notebooks are kept (.demo)")
    made.add_argument("--no-browser", action="store_true", help="only print the address")
    return made


def _run(options: argparse.Namespace) -> int:
    from .emulator import Emulator

    data = Path(options.data).expanduser().resolve()
    _prepare(data)
    log = data / "jupyterlab.log"
    _say("Starting the emulator and JupyterLab ...")
    with (
        _signals_interrupt(),
        Emulator(data=data / "box", seed=True) as box,
        _jupyterlab(_command(options, data), log, _environment(box.env)) as (lab, address),
    ):
        _say(f"\n    {address}\n\nThe sample drive is an emulator's, not Box. Ctrl-C stops both.")
        if not options.no_browser and _has_display():
            webbrowser.open(address)
        lab.wait()
    raise DemoError(f"JupyterLab ended by itself; {log} says why.")


def _prepare(data: Path) -> None:
    """Make the folder, with the getting-started notebook and JupyterLab's settings unless they are there."""
    notebook = resources.files("jupyter_box") / "notebooks" / NOTEBOOK
    contents = {data / "notebooks" / NOTEBOOK: notebook.read_bytes(), data / "settings" / NEWS: NO_NEWS}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(content)
    except OSError as error:
        raise DemoError(f"{data} cannot be written: {error.strerror}. Choose another folder with --data.") from None


def _environment(box: dict[str, str]) -> dict[str, str]:
    """Return our environment with the emulator's settings in place of any for Box or a Hub; it has no rate limits."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("BOX_", "JUPYTERHUB_"))}
    return {**ours, **box, "BOX_RATE_LIMIT": "off"}


@contextlib.contextmanager
def _jupyterlab(command: list[str], log: Path, env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run JupyterLab; give the process and its address, and end it in the end."""
    with log.open("wb") as output:
        # its own session: Ctrl-C reaches us alone, and we end it in order instead of it asking "Shut down?"
        lab = subprocess.Popen(  # noqa: S603  our own interpreter
            command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield lab, _address(_started(lab, log))
        finally:
            _end(lab)


def _command(options: argparse.Namespace, data: Path) -> list[str]:
    """Return JupyterLab's command; what people change in the demo's JupyterLab stays in the demo."""
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--ip={options.ip}", f"--port={options.port}"]
    command += [f"--ServerApp.root_dir={data / 'notebooks'}", "--ServerApp.port_retries=100"]
    command += [f"--LabApp.user_settings_dir={data / 'settings'}", f"--LabApp.workspaces_dir={data / 'workspaces'}"]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*command, "--allow-root"] if is_root else command


def _started(lab: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """Wait for the file in which a running server says where it is, and return what it says."""
    from jupyter_core.paths import jupyter_runtime_dir

    runtime = Path(jupyter_runtime_dir()) / f"jpserver-{lab.pid}.json"
    deadline = time.monotonic() + LONGEST_START
    while lab.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(runtime.read_text(encoding="utf-8")))
        time.sleep(0.1)
    raise DemoError(f"JupyterLab did not start; {log} ends with:\n{_tail(log)}")


def _address(server: dict[str, Any]) -> str:
    token = f"?token={server['token']}" if server.get("token") else ""
    return f"{server['url']}lab/tree/{NOTEBOOK}{token}"


def _tail(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end; insist after a while, or when Ctrl-C is pressed again."""
    try:
        process.terminate()
        process.wait(timeout=15)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let a closed terminal and a plain `kill` end the demo in the same order as Ctrl-C."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), signal.default_int_handler) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _has_display() -> bool:
    """Tell whether a browser has a screen to open on; without, a text browser would take the terminal."""
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fail(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
