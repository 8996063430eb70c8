"""The clients that are Python libraries, each in a process of its own, so that CPU and memory are its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .cases import OURS, SDK, SDK_16
from .costs import PATIENCE, Cost, resident


class Ours:
    """jupyter-box with its defaults, through its public door."""

    def __init__(self) -> None:
        from jupyter_box import connect

        self.drive = connect()
        self.drive.client.auth.retrieve_token()

    def upload(self, path: str, folder: str) -> None:
        """Upload a large file."""
        self.drive.upload(path, f"id:{folder}")

    def download(self, path: str, folder: str) -> None:
        """Download a large file."""
        self.drive.download(f"id:{folder}/{Path(path).name}", path + ".copy", overwrite=True)

    def upload_many(self, path: str, folder: str) -> None:
        """Upload a folder of small files."""
        self.drive.upload(path, f"id:{folder}").raise_for_failures()

    def download_many(self, path: str, folder: str) -> None:
        """Download a folder of small files."""
        self.drive.download(f"id:{folder}/{Path(path).name}", path + ".copy").raise_for_failures()

    def list(self, _path: str, folder: str) -> None:
        """List a folder."""
        sum(1 for _ in self.drive.list(f"id:{folder}"))


class Sdk:
    """Box's own SDK, as its documents show it; `threads` files at once."""

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self.client = self._connect()

    def _connect(self) -> Any:
        from box_sdk_gen import BaseUrls, BoxCCGAuth, BoxClient, CCGConfig, NetworkSession

        url = os.environ["BOX_URL"]
        urls = BaseUrls(base_url=url, upload_url=f"{url}/api", oauth_2_url=f"{url}/api/oauth2")
        config = CCGConfig(
            client_id=os.environ["BOX_CLIENT_ID"],
            client_secret=os.environ["BOX_CLIENT_SECRET"],
            enterprise_id=os.environ["BOX_ENTERPRISE_ID"],
        )
        network = NetworkSession(base_urls=urls)
        auth = BoxCCGAuth(config=config)
        auth.retrieve_token(network_session=network)
        return BoxClient(auth, network_session=network)

    def upload(self, path: str, folder: str) -> None:
        """Upload a large file."""
        with Path(path).open("rb") as file:
            self.client.chunked_uploads.upload_big_file(file, Path(path).name, Path(path).stat().st_size, folder)

    def download(self, path: str, folder: str) -> None:
        """Download a large file."""
        self._fetch(self._entries(folder)[Path(path).name], path + ".copy")

    def upload_many(self, path: str, folder: str) -> None:
        """Upload a folder of small files."""
        from box_sdk_gen import CreateFolderParent

        inner = self.client.folders.create_folder(Path(path).name, CreateFolderParent(id=folder)).id
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(lambda file: self._send(file, inner), sorted(Path(path).iterdir())))

    def download_many(self, path: str, folder: str) -> None:
        """Download a folder of small files."""
        Path(path + ".copy").mkdir()
        found = self._entries(self._entries(folder)[Path(path).name])
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(lambda name: self._fetch(found[name], f"{path}.copy/{name}"), found))

    def list(self, _path: str, folder: str) -> None:
        """List a folder."""
        self._entries(folder)

    def _entries(self, folder: str) -> dict[str, str]:
        found: dict[str, str] = {}
        marker = None
        while True:
            page = self.client.folders.get_folder_items(folder, usemarker=True, marker=marker, limit=1000)
            found |= {entry.name: entry.id for entry in page.entries}
            marker = page.next_marker
            if not marker:
                return found

    def _send(self, file: Path, folder: str) -> None:
        from box_sdk_gen import UploadFileAttributes, UploadFileAttributesParentField

        attributes = UploadFileAttributes(name=file.name, parent=UploadFileAttributesParentField(id=folder))
        with file.open("rb") as stream:
            self.client.uploads.upload_file(attributes, stream)

    def _fetch(self, file_id: str, target: str) -> None:
        with Path(target).open("wb") as file:
            self.client.downloads.download_file_to_output_stream(file_id, file)


CLIENTS: dict[str, Callable[[], Any]] = {OURS: Ours, SDK: Sdk, SDK_16: lambda: Sdk(16)}


def run(client: str, verb: str, path: Path, folder: str) -> Cost:
    """Return what it costs a client that is a Python library to do something, in a process of its own.

    Raises:
        subprocess.SubprocessError: It fails, or does not end in time.
    """
    words = [sys.executable, "-m", __spec__.name, client, verb, str(path), folder]
    answer = subprocess.run(words, check=True, stdout=subprocess.PIPE, timeout=PATIENCE)
    return Cost(**json.loads(answer.stdout))


def main(client: str, verb: str, path: str, folder: str) -> None:
    """Do it here, and print what it cost as JSON."""
    work = getattr(CLIENTS[client](), verb)
    copy = Path(path + ".copy")
    idle, cpu, began = resident(), time.process_time(), time.monotonic()
    try:
        work(path, folder)
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    finally:
        shutil.rmtree(copy, ignore_errors=True)
        copy.unlink(missing_ok=True)
    print(json.dumps(asdict(Cost(seconds, cpu, resident() - idle))))


if __name__ == "__main__":
    main(*sys.argv[1:])
