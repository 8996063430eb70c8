"""Checks a run after the fact: every signature and digest, and every model, which the ServerApp computes anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_box.drive import Drive
from jupyter_box.errors import BoxError, Corrupted
from jupyter_box.items import Item, plain

from . import apps
from .enrolment import Enrolment
from .exchange import from_reference
from .history import Sealed, history
from .pace import Clock
from .run import Run
from .signing import Forged


@dataclass(frozen=True)
class Checked:
    """One file of a run: what it is, by whom, and whether it is what the run says.

    Attributes:
        round: The round.
        kind: What was asked.
        who: A participant, or `server`.
        when: When Box got it.
        rows: How many examples an update stands for; None where it does not tell.
        sha1: Of the content, in hex, as Box has it.
        version: Box's id of the file's version.
        trouble: What is wrong; empty if nothing is.
    """

    round: int
    kind: str
    who: str
    when: str
    rows: float | None
    sha1: str
    version: str
    trouble: str = ""


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: the files one by one, and whether the models came out the same.

    Attributes:
        files: In the order of the run.
        recomputed: Exchanges whose models were computed anew and came out equal.
        trouble: What is wrong with the run as a whole; empty if nothing is.
    """

    files: tuple[Checked, ...]
    recomputed: int
    trouble: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.trouble and not any(file.trouble for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"ok": self.ok, **plain(self)}

    def __str__(self) -> str:
        """Return a table for a terminal."""
        head = f"{'round':>5}  {'kind':<10} {'who':<20} {'when':<25} {'rows':>10}  {'sha1':<12} {'version':<12}"
        rows = [
            f"{f.round:>5}  {f.kind:<10} {f.who:<20} {f.when:<25} {'' if f.rows is None else f'{f.rows:,.0f}':>10}  "
            f"{f.sha1[:12]:<12} {f.version:<12} {f.trouble}".rstrip()
            for f in self.files
        ]
        wrong = sum(bool(file.trouble) for file in self.files)
        end = self.trouble or (f"{wrong} files are wrong." if wrong else "All signatures are right.")
        again = f"{self.recomputed} exchanges were computed anew and are equal." if self.recomputed else ""
        return "\n".join([head, *rows, " ".join(part for part in (end, again) if part)])


def verify(drive: Drive, folder: str, *, replays: bool = True, app_folder: Path | None = None) -> Verdict:
    """Check a run.

    Args:
        drive: The way to Box, as anyone who can read the run.
        folder: The run's folder.
        replays: Whether the ServerApp computes every model anew; it must be installed here.
        app_folder: Where the ServerApp's module may be; the current folder by default.

    Raises:
        BoxError: The run cannot be read at all.
    """
    apps.require_extra()
    run = Run.open(drive, folder)
    listing = run.store.list(run.public)
    participants = run.participants(listing)
    files: list[Checked] = []
    for sealed in history(run):
        files += _check_exchange(run, participants, sealed)
    recomputed, trouble = _replay(run, participants, app_folder or Path.cwd()) if replays else (0, "")
    return Verdict(tuple(files), recomputed, trouble)


def _check_exchange(run: Run, participants: dict[str, Any], sealed: Sealed) -> list[Checked]:
    found = [_row(sealed, "server", sealed.item, _server_trouble(run, sealed))]
    for name, entry in sorted((sealed.closed or {}).get("replies", {}).items()):
        if "file" in entry:
            item = from_reference(entry["file"])
            now = sealed.files.get(item.name.casefold(), item)
            found.append(_row(sealed, name, now, _reply_trouble(run, participants, sealed, name, item), entry))
    return found


def _row(sealed: Sealed, who: str, item: Item, trouble: str, entry: dict[str, Any] | None = None) -> Checked:
    rows = (entry or {}).get("metrics", {}).get("num-examples")
    when = item.modified.isoformat() if item.modified else ""
    number, kind = sealed.instruction["round"], sealed.instruction["kind"]
    return Checked(number, kind, who, when, rows, item.sha1 or "", item.version or "", trouble)


def _server_trouble(run: Run, sealed: Sealed) -> str:
    from . import wire

    for content in sealed.instruction["contents"]:
        for _, kind, value in content:
            if kind != "arrays":
                continue
            try:
                data = _read(run, from_reference(value["file"]))
                header = wire.verify(data, run.config.server_key)
            except (Forged, BoxError) as error:
                return f"its model: {error.message}"
            if header.digest != value["digest"]:
                return "its model is another than it says"
    return "" if sealed.closed or sealed.is_last else "it was never closed"


def _reply_trouble(run: Run, participants: dict[str, Any], sealed: Sealed, name: str, item: Item) -> str:
    from . import wire

    try:
        body = wire.verify(_read(run, item), participants[name].public_key).body
    except KeyError:
        return "it is by nobody who takes part"
    except BoxError as error:
        return error.message
    return "" if (body.get("seq"), body.get("from")) == (sealed.instruction["seq"], name) else "it is another's"


def _read(run: Run, item: Item) -> bytes:
    """Return the content that was recorded: that very version, should there be a later one."""
    try:
        return run.store.read(item)
    except Corrupted:
        raise Corrupted("It has other content than when it counted.") from None


def _replay(run: Run, participants: dict[str, Any], app_folder: Path) -> tuple[int, str]:
    from .grid import BoxGrid
    from .past import ReplayEnded
    from .workers import Workers

    config, enrolment = run.config, Enrolment(run, None, Clock())
    enrolment.participants = participants
    apps.identify(config.run_number, apps.SERVER_NODE)
    app = apps.load(config.server_app, app_folder)
    with Workers() as workers:
        grid = BoxGrid(run, None, enrolment, None, clock=Clock(), workers=workers, told={})
        try:
            apps.train(app, grid, config.run_number, config.run_config, app_folder)
        except ReplayEnded:
            pass  # a run that is still under way ends here
        except BoxError as error:
            return len(grid.history), error.message
    return len(grid.history), ""
