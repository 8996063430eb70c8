"""How the workers of a test connect: as their environment says, with the tests' small parts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from jupyter_box.config import BoxConfig
from jupyter_box.session import Session
from jupyter_box.transfer import Transfers


def connect() -> Transfers:
    return Transfers(Session.connect(BoxConfig()), threshold=100_000, state_dir=Path(tempfile.mkdtemp()))
