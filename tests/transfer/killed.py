"""A process that a test kills: it transfers one file, or syncs a folder, as its arguments say."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_box.config import BoxConfig
from jupyter_box.items import Item
from jupyter_box.session import Session
from jupyter_box.transfer import Transfers


def main(verb: str, threshold: str, state: str, local: str, box_id: str) -> None:
    with Session.connect(BoxConfig()) as session:
        transfers = Transfers(session, threshold=int(threshold), range_size=int(threshold), state_dir=Path(state))
        path = Path(local)
        if verb == "upload":
            transfers.upload_file(path, box_id, path.name)
        elif verb == "download":
            transfers.download_file(transfers.content.stat(box_id), path)
        else:
            transfers.sync(path, Item.of(session.call("GET", f"/folders/{box_id}"), "/sync"))


if __name__ == "__main__":
    main(*sys.argv[1:])
