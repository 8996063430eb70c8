"""A server that dies, as by `kill -9`, right after one of its writes: `mortal.py FOLDER STATE LOCKS`.

It dies after the first write that none has died after, `server.lock` aside; with LOCKS above zero, after so many to
that one. The file `deaths` in the current folder remembers.
"""

import os
import signal
import sys
from pathlib import Path

from jupyter_box.config import BoxConfig
from jupyter_box.drive import Drive
from jupyter_box.federated.server import serve


class MortalDrive(Drive):
    locks = 0

    def add(self, folder, name, data):
        return self._die_after(name, super().add(folder, name, data), f"{folder.id}/{name}")

    def replace(self, item, data, *, if_match=None):
        return self._die_after(item.name, super().replace(item, data, if_match=if_match), item.id)

    def _die_after(self, name, item, key):
        if name == "server.lock":
            self.locks -= 1
        deaths = Path("deaths")
        deaths.touch()
        is_new = name != "server.lock" and key not in deaths.read_text().splitlines()
        if self.locks == 0 or (is_new and self.locks < 0):
            with deaths.open("a") as file:
                file.write(f"{key}\n")
            print(f"dies after {name}", flush=True)  # noqa: T201
            os.kill(os.getpid(), signal.SIGKILL)
        return item


folder, state, locks = sys.argv[1:]
drive = MortalDrive.connect(BoxConfig())
drive.locks = int(locks)
serve(drive, folder, state=Path(state), app_folder=Path(__file__).parent)
