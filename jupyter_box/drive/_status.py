"""How the connection stands: who we are in Box, or why we are nobody there and what to do about it."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jupyter_box.config import (
    BrokerAccess,
    ClientCredentials,
    Credentials,
    DeveloperToken,
    JwtCredentials,
    ServerAccess,
)
from jupyter_box.errors import BoxError
from jupyter_box.items import Account, Item, plain

_MODES: dict[type, str] = {
    ClientCredentials: "client_credentials",
    JwtCredentials: "jwt",
    DeveloperToken: "developer_token",
    BrokerAccess: "broker",
    ServerAccess: "server",
}


@dataclass(frozen=True, slots=True)
class Quota:
    """The account's storage in bytes; `amount` is -1 where Box sets no limit."""

    used: int
    amount: int

    @property
    def free(self) -> int | None:
        """The bytes that are left; None where Box sets no limit."""
        return None if self.amount < 0 else max(0, self.amount - self.used)


@dataclass(frozen=True, slots=True)
class Status:
    """How the connection stands.

    Attributes:
        connected: Whether Box answers, knows us and shows the drive's root.
        mode: How we sign in: `client_credentials`, `jwt`, `developer_token`, `broker` or `server`; empty if not at all.
        account: Who we are in Box.
        root: The drive's root folder.
        quota: The account's storage.
        versions: The versions of `jupyter-box`, `boxsdk` and `python`.
        code: The error's code where there is no connection.
        message: Why there is none, in one sentence.
        hint: What to do, in one sentence; also where there is a connection but nothing to see.
        warning: What whoever runs the Hub has to know about this connection, in one sentence.
    """

    connected: bool
    mode: str = ""
    account: Account | None = None
    root: Item | None = None
    quota: Quota | None = None
    versions: dict[str, str] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    hint: str = ""
    warning: str = ""

    @classmethod
    def disconnected(cls, error: BoxError, mode: str = "", account: Account | None = None) -> Status:
        """Return the status that an error means, as for settings from which no drive can be made."""
        return cls(False, mode, account, versions=versions(), code=error.code, message=error.message, hint=error.hint)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as the REST face gives them."""
        values: dict[str, Any] = plain(self)
        return values


def mode(credentials: Credentials) -> str:
    """Return the name of a way to sign in."""
    return _MODES[type(credentials)]


def versions() -> dict[str, str]:
    """Return the versions that a report of a problem needs."""
    return {"jupyter-box": _version("jupyter-box"), "boxsdk": _version("boxsdk"), "python": platform.python_version()}


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
