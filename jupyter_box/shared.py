"""The drives that the faces of one process share, so that they have one connection; which settings is theirs to say.

In a shell, `box://` means the drive of its magics, with their current folder; elsewhere the drive of the environment.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .drive import Drive


class Shell(Protocol):
    """Who has a drive and a current folder for all of the process."""

    @property
    def cwd(self) -> str:
        """The folder that relative paths start from."""

    def drive(self) -> Drive:
        """Return the drive, connected when it is first asked for."""

    def connect(self) -> Drive:
        """Return a new drive of the same settings."""


_shell: Shell | None = None
_drives: dict[tuple[tuple[str, Any], ...], Drive] = {}
_lock = threading.Lock()
_forked = False


def offer(shell: Shell) -> None:
    """Make a shell's drive the one that is shared."""
    global _shell, _forked
    _shell, _forked = shell, False


def cwd() -> str:
    """Return the folder that relative addresses start from; nothing is asked of Box."""
    return _shell.cwd if _shell else "/"


def drive(**settings: Any) -> Drive:
    """Return the shared drive: the shell's, or that of the environment; or one of the settings of `BoxConfig` given.

    Raises:
        NotConfigured: There are no credentials, or only half of them.
    """
    if _shell and not settings and not _forked:
        return _shell.drive()
    key = tuple(sorted(settings.items()))
    with _lock:
        if key not in _drives:
            _drives[key] = _shell.connect() if _shell and not settings else _connect(settings)
        return _drives[key]


def forget() -> None:
    """Connect anew at the next use, by the settings and the environment as they are then."""
    with _lock:
        _drives.clear()


def _connect(settings: dict[str, Any]) -> Drive:
    from .config import BoxConfig
    from .drive import Drive

    return Drive.connect(BoxConfig(**settings))


def _after_fork() -> None:
    """Let a child have connections of its own: what it inherits, its parent goes on using."""
    global _lock, _forked
    _lock, _forked = threading.Lock(), True
    _drives.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
