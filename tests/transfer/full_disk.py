"""A process on a disk that fills up: it mounts a small one, fetches one file twice, and tells what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_box.config import BoxConfig
from jupyter_box.errors import BoxError
from jupyter_box.session import Session
from jupyter_box.transfer import Transfers


def main(mount: str, size: str, range_size: str, state: str, box_id: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", mount], check=True)
    with Session.connect(BoxConfig()) as session, ThreadPoolExecutor(2) as pool:
        transfers = Transfers(session, range_size=int(range_size), state_dir=Path(state))
        item = transfers.content.stat(box_id)

        def fetch(name: str) -> str:
            try:
                transfers.download_file(item, Path(mount) / name)
            except BoxError as error:
                return error.code
            return "whole"

        codes = list(pool.map(fetch, ["first", "second"]))
    there = {path.name: path.stat().st_size for path in Path(mount).iterdir()}
    sys.stdout.write(json.dumps({"codes": codes, "there": there}))


if __name__ == "__main__":
    main(*sys.argv[1:])
