"""One file's transfer as a value: it can be pickled and done by any executor, in this process or on another machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_box.config import BoxConfig
from jupyter_box.errors import BoxError, Cancelled
from jupyter_box.events import ignore
from jupyter_box.items import Item
from jupyter_box.session import Session

from .content import Target
from .local import FileSource, LocalError, Stamp, translate_local
from .progress import Meter
from .report import Action, Outcome

if TYPE_CHECKING:
    from .engine import Transfers

Connect = Callable[[], "Transfers"]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job; `sha1` is of the content that both sides have then, `error` is why it failed."""

    outcome: Outcome
    sha1: str = ""
    error: BoxError | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One file to send or to receive.

    Attributes:
        path: Where it is, or will be, in Box.
        local: Where it is, or will be, on this machine.
        size: Its bytes.
        action: What its outcome is called.
        reason: Why it is to be done, where its outcome tells it.
        folder_id: The folder of Box that gets it; empty for a file to receive.
        existing: What gets a new version.
        item: The file of Box to receive.
        stamp: Of the local file that it replaces; None where there is none.
    """

    path: str
    local: str
    size: int
    action: Action
    folder_id: str = ""
    existing: Item | None = None
    item: Item | None = None
    reason: str = ""
    stamp: Stamp | None = None

    def run(self, transfers: Transfers, meter: Meter) -> Done:
        """Do it; a failure is an outcome, too."""
        failed = Outcome(self.path, self.local, "failed", self.size)
        try:
            return self._receive(transfers, meter) if self.item else self._send(transfers, meter)
        except Cancelled:
            raise
        except (BoxError, OSError) as error:
            ours = error if isinstance(error, BoxError) else translate_local(error, self.local)
            return Done(replace(failed, reason=str(ours), code=ours.code), error=ours)

    def _send(self, transfers: Transfers, meter: Meter) -> Done:
        name = self.path.rpartition("/")[2]
        with FileSource(Path(self.local)) as source:
            target = Target(self.folder_id, name, self.existing, modified=source.modified)
            item = transfers.send(source, target, meter).item
            outcome = Outcome(self.path, self.local, self.action, source.size, self.reason, item_id=item.id)
        return Done(outcome, item.sha1 or "")

    def _receive(self, transfers: Transfers, meter: Meter) -> Done:
        assert self.item is not None
        whole = transfers.whole(self.item)
        transfers.save(whole, Path(self.local), meter, check=self._check_replaced)
        outcome = Outcome(self.path, self.local, self.action, whole.size or 0, self.reason, item_id=whole.id)
        return Done(outcome, whole.sha1 or "")

    def _check_replaced(self) -> None:
        """Do nothing if what is to be replaced is still what the plan was made for.

        Raises:
            LocalError: Someone has written it meanwhile.
        """
        if _written(Stamp.at(Path(self.local))) != _written(self.stamp):
            raise LocalError(
                f"{self.local} was written while the sync ran; it is kept.",
                hint="Sync again.",
                code="changed_here",
            )


def _written(stamp: Stamp | None) -> tuple[int, int] | None:
    # a worker on another machine may see the same file under another inode
    return (stamp.size, stamp.mtime) if stamp else None


def from_environment() -> Transfers:
    """Return transfers as this process's settings say: how a worker on another machine connects."""
    from .engine import Transfers

    config = BoxConfig()
    return Transfers(
        Session.connect(config),
        threshold=config.chunked_upload_threshold,
        parallel=config.max_parallel_transfers,
    )


@lru_cache(maxsize=4)
def _connected(connect: Connect) -> Transfers:
    return connect()


def do(job: Job, connect: Connect) -> Done:
    """Do a job in a worker, over a connection that the worker keeps for the next ones."""
    transfers = _connected(connect)
    return job.run(transfers, Meter(job.path, job.size, ignore))
