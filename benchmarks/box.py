"""The emulator in a process of its own, and the few calls that prepare a case on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .cases import FREE, Case

READY_WITHIN = 30  # seconds


class Box:
    """A running emulator and a drive on it; our rate limits are off, and our journal is not the user's."""

    def __init__(self, folder: Path) -> None:
        self._env_file = folder / "env"
        words = ["emulator", "--data", str(folder / "box"), "--env", str(self._env_file)]
        self.process = subprocess.Popen([sys.executable, "-m", "jupyter_box.cli", *words], stdout=subprocess.DEVNULL)
        try:
            self.env = self._environment() | {"BOX_RATE_LIMIT": "off", "JUPYTER_DATA_DIR": str(folder / "state")}
            self.drive = self._connect()
        except BaseException:
            self.stop()
            raise

    def _environment(self) -> dict[str, str]:
        deadline = time.monotonic() + READY_WITHIN
        while not self._env_file.exists():
            assert self.process.poll() is None, "the emulator did not start"
            assert time.monotonic() < deadline, "the emulator is not ready"
            time.sleep(0.05)
        pairs = (line.split("=", 1) for line in self._env_file.read_text().splitlines())
        return {name: value for name, value in pairs if name != "BOX_JWT_CONFIG_FILE"}

    def _connect(self) -> Any:
        os.environ.update(self.env)
        from jupyter_box import connect

        return connect()

    @property
    def url(self) -> str:
        """Its address."""
        return self.env["BOX_URL"]

    @property
    def port(self) -> int:
        """The port of the API."""
        return urlsplit(self.url).port or 80

    def stop(self) -> None:
        """End the emulator."""
        self.process.terminate()
        self.process.wait()

    def switch(self, **switches: Any) -> None:
        """Turn switches of the emulator."""
        data = json.dumps(switches).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_control", data)).read()

    def token(self) -> str:
        """Return a token for the clients that cannot get one from client credentials."""
        return str(self.drive.client.auth.retrieve_token().access_token)

    @contextmanager
    def prepared(self, case: Case, path: Path, items: int) -> Iterator[str]:
        """Give the id of a fresh folder that has what the case needs, under its network; remove it after the block."""
        self.switch(**asdict(FREE))
        folder = str(self.drive.mkdir(f"/{uuid.uuid4().hex}").id)
        try:
            self._fill(case, folder, path, items)
            self.switch(**asdict(case.network))
            yield folder
        finally:
            self.switch(**asdict(FREE))
            self._remove(folder)

    def _fill(self, case: Case, folder: str, path: Path, items: int) -> None:
        if case.before == "fill":
            self.switch(fill={"folder": folder, "count": items})
        elif case.before:
            self.drive.upload(str(path), f"id:{folder}").raise_for_failures()

    def _remove(self, folder: str) -> None:
        """Remove a folder, from the trash too, so that the disk does not fill up."""
        self.drive.client.folders.delete_folder_by_id(folder, recursive=True)
        self.drive.client.trashed_folders.delete_trashed_folder_by_id(folder)


@contextmanager
def emulator(folder: Path) -> Iterator[Box]:
    """Run the emulator while the block runs."""
    box = Box(folder)
    try:
        yield box
    finally:
        box.stop()
