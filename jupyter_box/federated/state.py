"""What a participant keeps on its own machine: its key, how far it is, and that it runs once at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_box.errors import Exists

from .signing import Signer


def default_folder() -> Path:
    """Return where states are kept unless another place is given: in the user's Jupyter data directory."""
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "jupyter-box" / "federated"


class State:
    """The state of one participant of one run.

    Args:
        folder: Where it is kept; made if it is not there, for its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @classmethod
    def of(cls, run: str, name: str, folder: Path | None = None) -> State:
        """Return the state of a participant of a run; `folder` is where all states are."""
        return cls((folder or default_folder()) / run / name)

    @property
    def signer(self) -> Signer:
        """The participant's key; made at the first use."""
        return Signer.at(self.folder / "key")

    def load(self) -> dict[str, Any]:
        """Return what `save` kept, or nothing."""
        try:
            kept = json.loads((self.folder / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def save(self, values: dict[str, Any]) -> None:
        """Keep some JSON values, whole or not at all."""
        self.save_bytes("state.json", json.dumps(values).encode())

    def load_bytes(self, name: str) -> bytes | None:
        """Return a kept file's content, or None."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None

    def save_bytes(self, name: str, data: bytes) -> None:
        """Keep a file, whole or not at all."""
        partial = self.folder / f"{name}.part"
        partial.write_bytes(data)
        partial.replace(self.folder / name)

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Hold the state: no second process of this machine takes part in its name.

        Raises:
            Exists: Another process has it.
        """
        descriptor = os.open(self.folder / "running", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise Exists(
                f"{what} runs on this machine already.", hint="Stop it first.", code="already_running"
            ) from None
        try:
            yield
        finally:
            os.close(descriptor)
