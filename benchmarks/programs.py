"""The clients that are programs: rclone, and curl as the limit; what they are told, and what they cost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from .box import Box
from .cases import SLOW, Case
from .costs import Cost, watched

AT_ONCE = 16
PAGE = 1000  # Box lists no more at once
CEILING = 10_000  # and none from further on than this
BEST_FLAGS = ("--transfers=16", "--checkers=16", "--multi-thread-streams=16", "--multi-thread-cutoff=8M")


class Rclone:
    """rclone, which believes that it talks to Box itself.

    Args:
        box: The emulator.
        certificate: What it has to trust.
        flags: Beside its defaults.
    """

    def __init__(self, box: Box, certificate: Path, flags: tuple[str, ...] = ()) -> None:
        self._flags = flags
        self._env = {
            "PATH": os.environ["PATH"],
            "SSL_CERT_FILE": str(certificate),
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CONFIG_BOX_TYPE": "box",
            "RCLONE_CONFIG_BOX_ACCESS_TOKEN": box.token(),
        }

    def run(self, case: Case, path: Path, folder: str) -> Cost:
        """Return what the case costs."""
        copy = path.with_name(f"{path.name}.copy")
        try:
            words = ["rclone", *self._words(case.verb, path, copy), *self._flags]
            return watched(words, self._env | {"RCLONE_CONFIG_BOX_ROOT_FOLDER_ID": folder})
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    @staticmethod
    def _words(verb: str, path: Path, copy: Path) -> tuple[str, ...]:
        return {
            "upload": ("copy", str(path), "box:"),
            "download": ("copy", f"box:{path.name}", str(copy)),
            "upload_many": ("copy", str(path), f"box:{path.name}"),
            "download_many": ("copy", f"box:{path.name}", str(copy)),
            "list": ("lsf", "box:"),
        }[verb]


class Curl:
    """curl, which neither hashes, compares nor resumes, and is told where everything is: what the machine allows.

    A large file over a slow line goes in 16 pieces over 16 connections; all else as it is, 16 at once.

    Args:
        box: The emulator.
    """

    def __init__(self, box: Box) -> None:
        self._box = box

    def run(self, case: Case, path: Path, folder: str) -> Cost:
        """Return what the case costs."""
        with tempfile.TemporaryDirectory(dir=path.parent) as name:
            scratch = Path(name)
            config = scratch / "config"
            config.write_text("\nnext\n".join(self._requests(case, path, folder, scratch)))
            return watched(
                ["curl", "--no-progress-meter", "--parallel", "--parallel-max", str(AT_ONCE), "--config", str(config)]
            )

    def _requests(self, case: Case, path: Path, folder: str, scratch: Path) -> list[str]:
        pieces = AT_ONCE if case.network is SLOW else 1
        head = f'fail\nheader = "Authorization: Bearer {self._box.token()}"\n'
        if case.verb == "list":
            return [head + each for each in self._pages(folder)]
        if case.verb.startswith("upload"):
            files = sorted(path.iterdir()) if path.is_dir() else _cut(path, scratch, pieces)
            return [head + self._upload(file, folder) for file in files]
        if case.verb == "download_many":
            found = self._box.drive.list(f"id:{folder}/{path.name}")
            return [head + self._download(item.id, scratch / item.name) for item in found]
        file_id = self._box.drive.stat(f"id:{folder}/{path.name}").id
        step = -(-path.stat().st_size // pieces)
        ranges = [f'range = "{place * step}-{(place + 1) * step - 1}"\n' for place in range(pieces)]
        return [
            head + (each if pieces > 1 else "") + self._download(file_id, scratch / str(place))
            for place, each in enumerate(ranges)
        ]

    def _pages(self, folder: str) -> Iterator[str]:
        from jupyter_box.items import LISTING_FIELDS

        total = self._box.drive.client.folders.get_folder_items(folder, limit=1).total_count or 0
        for place in range(0, total, PAGE):
            order = f"offset={place}" if place < CEILING else f"offset={place - CEILING}&direction=DESC"
            query = f"limit={PAGE}&{order}&fields={LISTING_FIELDS}"
            yield f'url = "{self._box.url}/2.0/folders/{folder}/items?{query}"\noutput = "{os.devnull}"'

    def _upload(self, file: Path, folder: str) -> str:
        attributes = json.dumps({"name": uuid.uuid4().hex, "parent": {"id": folder}}).replace('"', '\\"')
        url = f'url = "{self._box.url}/api/2.0/files/content"\noutput = "{os.devnull}"\n'
        return f'{url}form-string = "attributes={attributes}"\nform = "file=@{file}"'

    def _download(self, file_id: str, target: Path) -> str:
        return f'url = "{self._box.url}/2.0/files/{file_id}/content"\nlocation\noutput = "{target}"'


def _cut(path: Path, scratch: Path, pieces: int) -> list[Path]:
    if pieces == 1:
        return [path]
    subprocess.run(["split", f"--number={pieces}", str(path), str(scratch / "piece-")], check=True)
    return sorted(scratch.glob("piece-*"))
