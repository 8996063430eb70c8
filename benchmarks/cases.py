"""What is measured: every case of the table, over which network, by which clients, and what we want to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .costs import Cost

OURS, SDK, SDK_16, RCLONE, RCLONE_BEST, CURL = (
    "jupyter-box",
    "boxsdk",
    "boxsdk, 16 threads",
    "rclone",
    "rclone, best flags",
    "curl",
)
EVERYONE = (OURS, SDK, SDK_16, RCLONE, RCLONE_BEST, CURL)
ONE_FILE = (OURS, SDK, RCLONE, RCLONE_BEST, CURL)
NO_FLAGS = (OURS, SDK, RCLONE, CURL)


@dataclass(frozen=True)
class Network:
    """The emulator's network.

    Attributes:
        latency: Seconds that a request takes to get there.
        bandwidth: Bytes a second of each connection, each way; 0 for no limit.
    """

    latency: float = 0
    bandwidth: float = 0


SLOW = Network(0.06, 12_000_000)
FAR = Network(0.06)
FREE = Network()


@dataclass(frozen=True)
class Aim:
    """What jupyter-box is to reach.

    Attributes:
        most: At most so much.
        what: Of which cost.
        beside: Times that of this client; of itself where empty.
    """

    most: float
    what: str = "seconds"
    beside: str = ""

    def is_reached(self, costs: Mapping[str, Cost]) -> bool | None:
        """Return whether it is; None if the client it is compared with did not run."""
        if OURS not in costs or (self.beside and self.beside not in costs):
            return None
        unit: float = getattr(costs[self.beside], self.what) if self.beside else 1
        return bool(getattr(costs[OURS], self.what) <= self.most * unit)

    def __str__(self) -> str:
        unit = {"seconds": "s", "cpu": "CPU s", "memory": "MB"}[self.what]
        return f"{self.most:g} x {self.beside}, {unit}" if self.beside else f"{self.most:g} {unit}"


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: What the table calls it.
        verb: What is done.
        network: Over which network.
        clients: By whom.
        aims: What we want to reach.
        before: What has to be there first: `upload`, `upload_many`, or `fill` for a folder of many items.
        mb: MiB of the large file, where it is not the usual one.
    """

    name: str
    verb: str
    network: Network
    clients: tuple[str, ...]
    aims: tuple[Aim, ...]
    before: str = ""
    mb: int = 0

    @property
    def moves_one_file(self) -> bool:
        """Whether it is about one large file."""
        return self.verb in {"upload", "download"}


CASES = (
    Case("upload, 60 ms, 12 MB/s", "upload", SLOW, ONE_FILE, (Aim(4.2), Aim(0.1, beside=SDK))),
    Case("download, 60 ms, 12 MB/s", "download", SLOW, ONE_FILE, (Aim(4.2),), "upload"),
    Case("upload, free loopback", "upload", FREE, ONE_FILE, (Aim(1.3, "cpu"), Aim(1.4, beside=CURL))),
    Case("download, free loopback", "download", FREE, ONE_FILE, (Aim(2, "cpu", CURL), Aim(2, beside=CURL)), "upload"),
    Case("small files up, 60 ms", "upload_many", FAR, EVERYONE, (Aim(2.3),)),
    Case("small files down, 60 ms", "download_many", FAR, EVERYONE, (Aim(4.3),), "upload_many"),
    Case("list, 60 ms", "list", FAR, NO_FLAGS, (Aim(0.8),), "fill"),
)
LARGE = (
    Case("upload of 4 GiB", "upload", FREE, (OURS, CURL), (Aim(100, "memory"),), mb=4096),
    Case("download of 4 GiB", "download", FREE, (OURS, CURL), (Aim(100, "memory"),), "upload", 4096),
)
