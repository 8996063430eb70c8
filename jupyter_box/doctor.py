"""The doctor: looks at one thing after another between this machine and Box, and says for each what to do.

It changes nothing, and stops for nothing: what cannot be looked at after a failure is skipped, and it says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ._usage import Parser
from .errors import BoxError, Denied, NotAuthorized

if TYPE_CHECKING:
    from .config import BoxConfig
    from .drive import Drive, Status
    from .session import Session

State = Literal["ok", "warning", "failure", "skipped"]
EXIT_CODES: dict[State, int] = {"ok": 0, "skipped": 0, "warning": 1, "failure": 2}
PATIENCE = 30  # seconds for one question to Box, with all its tries
SKEW_NOTICED, SKEW_REFUSED = 15.0, 60.0  # seconds: Box takes assertions of at most 60 s (its JWT guide)
NEARLY_FULL = 0.9
_MARKS: dict[State, str] = {"ok": "ok", "warning": "WARNING", "failure": "FAILURE", "skipped": "skipped"}


@dataclass(frozen=True, slots=True)
class Check:
    """What one look found.

    Attributes:
        name: What was looked at.
        state: How it is.
        message: What was found, in one sentence.
        hint: What to do, in one sentence.
    """

    name: str
    state: State
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found, before it has its name."""

    state: State
    message: str
    hint: str = ""


def main(argv: Sequence[str] | None = None) -> int:
    """Print what the doctor finds, as it is found; return 0 if all is well, 1 with warnings, 2 with failures.

    Args:
        argv: The arguments after `jupyter box doctor`; those of the process by default.
    """
    options = parser().parse_args(argv)
    found = []
    for check in examine():
        found.append(check)
        if not options.json:
            _say(_line(check))
    if options.json:
        _say(json.dumps({"exit_code": worst(found), "checks": [asdict(check) for check in found]}, ensure_ascii=False))
    return worst(found)


def worst(checks: Sequence[Check]) -> int:
    """Return the exit code that the worst of the checks means."""
    return max(EXIT_CODES[check.state] for check in checks)


def examine(config: BoxConfig | None = None) -> Iterator[Check]:
    """Yield each check as it is done, in the order in which one depends on another.

    Args:
        config: The settings; those of the environment by default.
    """
    patient, states = Patient(config), dict[str, State]()
    for name, look, needs in LOOKS:
        failed = next((need for need in needs if states[need] in {"failure", "skipped"}), None)
        found = Found("skipped", f"Not looked at, because of: {failed}.") if failed else _look(look, patient)
        states[name] = found.state
        yield Check(name, found.state, found.message, found.hint)
    patient.close()


class Patient:
    """What the looks share: the settings, and the way to Box, each made when it is first looked at."""

    def __init__(self, config: BoxConfig | None = None) -> None:
        from .config import BoxConfig

        self.config = config or BoxConfig(retry_deadline=PATIENCE)

    @cached_property
    def session(self) -> Session:
        """The way to Box."""
        from .session import Session

        return Session.connect(self.config)

    @cached_property
    def drive(self) -> Drive:
        """The drive."""
        from .drive import Drive

        return Drive.connect(self.config)

    @cached_property
    def status(self) -> Status:
        """How the drive stands."""
        return self.drive.status()

    def close(self) -> None:
        """Close what was opened."""
        for opened in {"session", "drive"} & set(vars(self)):
            vars(self)[opened].close()


Look = Callable[[Patient], Found]


def _look(look: Look, patient: Patient) -> Found:
    try:
        return look(patient)
    except BoxError as error:
        return Found("failure", error.message, error.hint)


def _configuration(patient: Patient) -> Found:
    from .drive._status import mode

    credentials = patient.config.credentials()
    patient.config.endpoints()
    patient.config.limits()
    patient.config.root()
    return Found("ok", f"The settings are whole; we sign in by {mode(credentials).replace('_', ' ')}.")


def _endpoints(patient: Patient) -> Found:
    """Ask each address for anything at all: an answer shows that its name, the route and the certificate are good."""
    from ._network import Network
    from ._problems import host_of

    endpoints = patient.config.endpoints()
    network = Network(deadline=PATIENCE)
    hosts = []
    try:
        for url in (f"{endpoints.api}/2.0/users/me", f"{endpoints.upload}/2.0/files/content"):
            response = network.send(_question(url))
            if "html" in response.headers.get("Content-Type", ""):
                return Found("failure", f"{host_of(url)} answers with a web page, not as Box does.", _NOT_BOX)
            hosts.append(host_of(url) + _proxy(url))
    finally:
        network.close()
    return Found("ok", f"{' and '.join(dict.fromkeys(hosts))} answer.")


_NOT_BOX = "A proxy or a sign-in page may answer instead; check BOX_URL, HTTPS_PROXY and NO_PROXY."


def _question(url: str) -> Any:
    from ._network import Request

    return Request("GET", url, ok=range(300, 600), retry=False, follow=False, timeout=PATIENCE)


def _proxy(url: str) -> str:
    from requests.utils import get_environ_proxies, select_proxy

    from ._problems import host_of

    proxy = select_proxy(url, get_environ_proxies(url))
    return f" (by the proxy {host_of(proxy)})" if proxy else ""


def _clock(patient: Patient) -> Found:
    from ._network import Network

    network = Network(deadline=PATIENCE)
    network.send(_question(f"{patient.config.endpoints().api}/2.0/users/me"))
    skew = network.skew()
    network.close()
    if skew is None:
        return Found("warning", "Box's answer has no date, so the clocks cannot be compared.")
    way = "behind" if skew > 0 else "ahead of"
    message = f"This machine's clock is {abs(skew):.0f} s {way} Box's."
    if abs(skew) <= SKEW_NOTICED:
        return Found("ok", "This machine's clock agrees with Box's.")
    return Found("failure" if abs(skew) > SKEW_REFUSED else "warning", message, "Set the clock by NTP.")


def _token(patient: Patient) -> Found:
    try:
        patient.session.auth.token()
    except NotAuthorized as error:
        if error.code == "unauthorized_client":
            return Found("ok", "Box knows the app and its credentials.")
        raise
    return Found("ok", "Box gives us a token.")


def _authorisation(patient: Patient) -> Found:
    patient.session.auth.token()
    user = patient.session.me()
    return Found("ok", f"Box lets the app in, as {user.get('name') or user['id']} ({user.get('login') or user['id']}).")


def _scopes(patient: Patient) -> Found:
    """Ask for tokens that may only read or write: Box gives none with a scope that the app itself has not."""
    lacking = [words for scope, words in _NEEDED_SCOPES.items() if not _gives(patient.session, scope)]
    if not lacking:
        return Found("ok", "The app may read and write files.")
    return Found("warning", f"The app may not {' or '.join(lacking)} files.", _WRITE_SCOPE)


_NEEDED_SCOPES = {"item_download": "download", "item_upload": "upload"}
_WRITE_SCOPE = (
    "In Box's developer console, give the app 'Read and write all files and folders', then let a Box administrator "
    "authorise it again."
)


def _gives(session: Session, scope: str) -> bool:
    try:
        session.downscope([scope])
    except (Denied, NotAuthorized):
        return False
    return True


def _root(patient: Patient) -> Found:
    status = patient.status
    if status.root is None:
        return Found("failure", status.message, status.hint)
    name = f"The drive's root is {status.root.name} (id:{status.root.id})"
    return Found("warning", f"{name}; it is empty.", status.hint) if status.hint else Found("ok", f"{name}.")


def _quota(patient: Patient) -> Found:
    account = patient.status.account
    if account is None:
        return Found("failure", patient.status.message, patient.status.hint)
    from .show import space

    full = account.space_used / account.space_amount if account.space_amount > 0 else float(account.space_amount == 0)
    message = f"{space(account)}."
    if full < NEARLY_FULL:
        return Found("ok", message)
    return Found(
        "failure" if full >= 1 else "warning", message, "Empty the trash, or ask a Box administrator for space."
    )


def _server_extension(_patient: Patient) -> Found:
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    manager = ExtensionConfigManager(read_config_path=jupyter_config_path())
    if manager.enabled("jupyter_box"):  # type: ignore[no-untyped-call]
        return Found("ok", "The server extension is enabled.")
    hint = "Run: jupyter server extension enable jupyter_box"
    return Found("warning", "The server extension is not enabled in this environment.", hint)


def _lab_extension(_patient: Patient) -> Found:
    from pathlib import Path

    from jupyter_core.paths import jupyter_path

    places = [Path(path, "jupyter-box", "package.json") for path in jupyter_path("labextensions")]
    installed = next((place for place in places if place.is_file()), None)
    if installed is None:
        return Found("skipped", "The JupyterLab panel is not installed; notebooks and the command line need none.")
    version = json.loads(installed.read_text(encoding="utf-8")).get("version", "unknown")
    return Found("ok", f"The JupyterLab panel {version} is installed.")


def _versions(_patient: Patient) -> Found:
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    from ._version import __version__

    needed = [Requirement(line) for line in requires("jupyter-box") or ()]
    unfit = [text for one in needed if not one.marker or one.marker.evaluate() for text in _unfit(one)]
    if unfit:
        return Found("failure", f"jupyter-box needs {', '.join(unfit)}.", "Run: pip install --upgrade jupyter-box")
    return Found("ok", f"jupyter-box {__version__} on Python {sys.version.split()[0]}, and all that it needs, fit.")


def _unfit(needed: Any) -> list[str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        there = version(needed.name)
    except PackageNotFoundError:
        return [f"{needed.name}{needed.specifier} (not installed)"]
    return (
        [] if needed.specifier.contains(there, prereleases=True) else [f"{needed.name}{needed.specifier} (has {there})"]
    )


LOOKS: tuple[tuple[str, Look, tuple[str, ...]], ...] = (
    ("configuration", _configuration, ()),
    ("endpoints", _endpoints, ()),
    ("clock", _clock, ("endpoints",)),
    ("token", _token, ("configuration", "endpoints")),
    ("app authorisation", _authorisation, ("token",)),
    ("scopes", _scopes, ("app authorisation",)),
    ("root folder", _root, ("app authorisation",)),
    ("quota", _quota, ("app authorisation",)),
    ("server extension", _server_extension, ()),
    ("lab extension", _lab_extension, ()),
    ("versions", _versions, ()),
)


def _line(check: Check) -> str:
    return " ".join(f"{_MARKS[check.state]:8}{check.name}: {check.message} {check.hint}".split("\n")).rstrip()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    made = Parser(
        prog="jupyter box doctor",
        description="Check settings, network, credentials and extensions, and say what to do.",
        epilog="The exit code says the worst: 0 all is well, 1 a warning, 2 a failure.",
    )
    made.add_argument("--json", action="store_true", help="print the result as JSON")
    return made
