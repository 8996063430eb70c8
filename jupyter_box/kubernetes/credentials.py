"""The Box app's credentials as a Secret has them: gathered, examined, and tried at Box; the cluster is `cluster`'s."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_box.auth import Auth
from jupyter_box.config import BoxConfig, ClientCredentials, Credentials, JwtCredentials, Secret
from jupyter_box.errors import NotConfigured
from jupyter_box.session import Session

CLIENT_CREDENTIALS = ("client-id", "client-secret", "enterprise-id")
JWT = "jwt-config.json"
_IDS = ("enterprise-id",)


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What can be said of one key of a Secret without its value.

    Attributes:
        key: Its name.
        length: The bytes of its value; None where it is missing.
        faults: What is wrong with it, each a sentence's part.
    """

    key: str
    length: int | None
    faults: tuple[str, ...] = ()


def gather(sources: Mapping[str, str], known: Mapping[str, str], *, ask: Callable[[str, bool], str]) -> dict[str, str]:
    """Return a Secret's values by key, from files and standard input, and from a person for what is left.

    Args:
        sources: `client-id` and `enterprise-id` themselves; `client-secret` and `jwt-config.json` as a file's path, or
            `-` for standard input.
        known: The values that stay as they are unless given.
        ask: Returns what a person types for a key; the second argument tells whether it is a secret.

    Raises:
        NotConfigured: A file cannot be read, or a value is none that Box gives.
    """
    if sources.get(JWT):
        values = {JWT: _read(sources[JWT], JWT)}
    else:
        values = {key: _value(key, sources, known, ask) for key in CLIENT_CREDENTIALS}
    faults = [f"{report.key} {fault}" for report in examine(values) for fault in report.faults]
    if faults:
        raise NotConfigured(f"The credentials cannot be used: {'; '.join(faults)}.", hint="Nothing was changed.")
    return values


def from_person(key: str, secret: bool) -> str:
    """Return what a person types for a key, unseen where it is a secret.

    Raises:
        NotConfigured: Nobody is there to ask.
    """
    if not sys.stdin.isatty():
        option = f"--{key}-file (a file, or - for standard input)" if secret else f"--{key}"
        raise NotConfigured(f"The {key} is missing, and there is no terminal to ask at.", hint=f"Give {option}.")
    prompt = f"Box app's {key.replace('-', ' ')}: "
    return Secret((getpass.getpass(prompt) if secret else input(prompt)).strip())


def examine(values: Mapping[str, str]) -> list[KeyReport]:
    """Return a report for each key that a Secret has or lacks; the values stay unsaid."""
    expected = (JWT,) if JWT in values and "client-secret" not in values else CLIENT_CREDENTIALS
    reports = [_report(key, values.get(key)) for key in (*expected, *sorted(set(values) - set(expected)))]
    return [report for report in reports if report is not None]


def try_at_box(values: Mapping[str, str]) -> str:
    """Sign in to Box with the values and return who that is.

    Raises:
        BoxError: Box refuses them, or does not answer.
    """
    config = BoxConfig()
    endpoints = config.endpoints()
    with Session(Auth(_credentials(values), endpoints), endpoints, config.limits(), deadline=60) as session:
        me = session.me()
    return f"{me.get('name')} ({me.get('login')})"


def _value(key: str, sources: Mapping[str, str], known: Mapping[str, str], ask: Callable[[str, bool], str]) -> str:
    given = sources.get(key)
    if key == "client-secret":
        return _read(given, key) if given else ask(key, True)
    return given or known.get(key) or ask(key, False)


def _read(source: str, key: str) -> str:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        # the path stays unsaid: it may be the secret itself, pasted in the wrong place
        reason = getattr(error, "strerror", None) or "it is no text"
        raise NotConfigured(
            f"The file given for {key} cannot be read: {reason}.", hint=f"Give a file's path to --{_option(key)}."
        ) from None
    # a text file ends with a newline by custom, which is no part of the secret
    return Secret(text.removesuffix("\n").removesuffix("\r"))


def _option(key: str) -> str:
    return "jwt-config-file" if key == JWT else f"{key}-file"


def _report(key: str, value: str | None) -> KeyReport | None:
    if value is None:
        return KeyReport(key, None, ("is missing",))
    if key not in (*CLIENT_CREDENTIALS, JWT):
        return KeyReport(key, len(value.encode()), ("is a key that jupyter-box does not read",))
    return KeyReport(key, len(value.encode()), tuple(_jwt_faults(value) if key == JWT else _faults(key, value)))


def _faults(key: str, value: str) -> Iterator[str]:
    if not value.strip():
        yield "is empty"
    elif value != value.rstrip("\r\n"):
        yield "ends with a newline, as `echo` adds one"
    elif any(char.isspace() for char in value):
        yield "has white space in it"
    elif key in _IDS and not (value.isascii() and value.isdigit()):
        yield "is no Box id, which has digits only"


def _jwt_faults(value: str) -> Iterator[str]:
    try:
        settings = json.loads(value)
    except ValueError:
        yield "is no JSON"
        return
    for path in _JWT_FIELDS:
        if not isinstance(_at(settings, path), str) or not _at(settings, path):
            yield f"lacks {'.'.join(path)}"


_JWT_FIELDS = (
    ("boxAppSettings", "clientID"),
    ("boxAppSettings", "clientSecret"),
    ("boxAppSettings", "appAuth", "publicKeyID"),
    ("boxAppSettings", "appAuth", "privateKey"),
    ("boxAppSettings", "appAuth", "passphrase"),
    ("enterpriseID",),
)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _credentials(values: Mapping[str, str]) -> Credentials:
    if JWT in values:
        return JwtCredentials(json.loads(values[JWT]))
    return ClientCredentials(values["client-id"], values["client-secret"], values["enterprise-id"])
