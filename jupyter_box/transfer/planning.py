"""What a sync will do, decided from both sides and from how they were when they last agreed; it does nothing itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jupyter_box.items import Item
from jupyter_box.paths import below, key, twins

from .jobs import Job
from .memory import Agreed
from .report import LOOKS_TAKEN, Outcome
from .scanning import Here, Side, There, relative

Direction = Literal["up", "down"]

_BOTH_CHANGED = "Both sides changed; both are kept, {} under this name."


@dataclass(frozen=True, slots=True)
class Tree:
    """What a plan needs to know of a tree.

    Attributes:
        local: Its root on this machine.
        folder: Its root in Box.
        deletes: Whether what the leading side has not is removed from the other.
        sha1: Returns the SHA-1 of a local file.
        agreed: How both sides of a path were when a sync last dealt with them.
    """

    local: Path
    folder: Item
    deletes: bool
    sha1: Callable[[Here], str]
    agreed: Mapping[str, Agreed]

    def box_path(self, path: str) -> str:
        """Return the path in the drive of a path relative to the tree."""
        return below(self.folder.path, path)

    def relative(self, item: Item) -> str:
        """Return the path of an item relative to the tree."""
        return relative(item, self.folder)


@dataclass(frozen=True, slots=True)
class Move:
    """A file that is to have another place, on the side that follows; `item` if that is Box."""

    item: Item | None
    source: str
    target: str
    size: int
    sha1: str


@dataclass
class Plan:
    """What is to be done.

    Attributes:
        folders: Relative paths of the folders to make, parents first.
        moves: Files to move.
        jobs: Files to carry over, by the key of their path.
        removals: Files to remove, relative paths; with their item where they are in Box.
        notes: Files that are left as they are and want a word.
        agreed: How both sides of a path are known to be before the work.
        afterwards: The same once a job is done, by the job's key, where they are not both what it carried.
    """

    folders: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    removals: dict[str, Item | None] = field(default_factory=dict)
    notes: list[Outcome] = field(default_factory=list)
    agreed: dict[str, Agreed] = field(default_factory=dict)
    afterwards: dict[str, dict[str, Agreed]] = field(default_factory=dict)


def make_plan(tree: Tree, direction: Direction, here: Side, there: There) -> Plan:
    """Return what is to be done to make one side like the other."""
    return (_Up if direction == "up" else _Down)(tree, here, there).make()


class _Planner:
    """What both directions share: every file is either on both sides, or on one."""

    def __init__(self, tree: Tree, here: Side, there: There) -> None:
        self.tree, self.here, self.there = tree, here, there
        self.plan = Plan()

    def make(self) -> Plan:
        """Return the plan."""
        self._clashes()
        for place in sorted(self.here.files.keys() & self.there.files.keys()):
            self._both(place, self.here.files[place], self.there.files[place])
        self._one_sided()
        return self.plan

    def _clashes(self) -> None:
        """Report what is a file on one side and a folder, or a web link, on the other; neither is touched."""
        others = {**self.there.folders, **self.there.others}
        for place in self.here.files.keys() & others.keys():
            path, item = self.here.files.pop(place).path, others[place]
            self._note("failed", path, reason=f"{item.path} is a {item.type.replace('_', ' ')} in Box.")
        for place in self.there.files.keys() & self.here.folders.keys():
            path = self.tree.relative(self.there.files.pop(place))
            self._note("failed", path, reason=f"{path} is a folder on this machine.")

    def _both(self, place: str, here: Here, there: Item) -> None:
        before = self.tree.agreed.get(place)
        may_be_same = there.size in {None, here.stamp.size}
        sha1 = self.tree.sha1(here) if may_be_same or before else ""
        if may_be_same and sha1 and sha1 == there.sha1:
            self.plan.agreed[place] = Agreed(sha1, sha1)
            self._note("skipped", here.path, here.stamp.size, "It is the same on both sides.", there)
            return
        self._keep_agreed(place)
        changed = (before is None or before.here != sha1, before is None or before.there != there.sha1)
        if changed == (False, False):
            self._note("skipped", here.path, here.stamp.size, "Both sides were kept after a conflict.", there)
        elif before is None:
            self._differs_at_first(place, here, there)
        else:
            self._differs(place, here, there, sha1, changed)

    def _keep_agreed(self, place: str) -> None:
        """Go on knowing how both sides of a path were, until what is to be done to it is done."""
        if (before := self.tree.agreed.get(place)) is not None:
            self.plan.agreed[place] = before

    def _moved(self, old: str, move: Move) -> None:
        self._keep_agreed(old)
        self.plan.moves.append(move)

    def _differs_at_first(self, place: str, here: Here, there: Item) -> None:
        raise NotImplementedError

    def _differs(self, place: str, here: Here, there: Item, sha1: str, changed: tuple[bool, bool]) -> None:
        raise NotImplementedError

    def _one_sided(self) -> None:
        raise NotImplementedError

    def _note(
        self, action: Literal["skipped", "failed"], path: str, size: int = 0, reason: str = "", item: Item | None = None
    ) -> None:
        code = "exists" if action == "failed" else ""
        local, item_id = str(self.tree.local / path), item.id if item else None
        self.plan.notes.append(Outcome(self.tree.box_path(path), local, action, size, reason, code, item_id))

    def _send(self, place: str, here: Here, *, existing: Item | None = None) -> None:
        path = self.tree.relative(existing) if existing else here.path
        local = str(self.tree.local / here.path)
        reason = LOOKS_TAKEN if self._looks_taken(path) else ""
        self.plan.jobs[place] = Job(
            self.tree.box_path(path), local, here.stamp.size, "sent", existing=existing, reason=reason
        )

    def _looks_taken(self, path: str) -> bool:
        folder, slash, name = path.rpartition("/")
        places = {key(f"{folder}{slash}{twin}") for twin in twins(name)}
        return any(place in self.here.files or place in self.there.files for place in places)

    def _receive(self, place: str, there: Item, here: Here | None = None) -> None:
        local = str(self.tree.local / (here.path if here else self.tree.relative(there)))
        stamp = here.stamp if here else None
        self.plan.jobs[place] = Job(there.path, local, there.size or 0, "received", item=there, stamp=stamp)

    def _conflict_path(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        stem, dot, extension = name.rpartition(".") if "." in name.lstrip(".") else (name, "", "")
        number, day, taken = 1, time.strftime("%Y-%m-%d"), {*self.here.files, *self.there.files, *self.plan.jobs}
        while True:
            count = f" {number}" if number > 1 else ""
            candidate = f"{folder}/{stem} (conflict {day}{count}){dot}{extension}".lstrip("/")
            if key(candidate) not in taken:
                return candidate
            number += 1


class _Up(_Planner):
    """Box becomes like this machine."""

    def _differs_at_first(self, place: str, here: Here, there: Item) -> None:
        # a new version loses nothing: Box keeps the one before
        self._send(place, here, existing=there)

    def _differs(self, place: str, here: Here, there: Item, sha1: str, changed: tuple[bool, bool]) -> None:
        if changed == (True, False):
            self._send(place, here, existing=there)
        elif changed == (False, True):
            self._note("skipped", here.path, here.stamp.size, "Box has a newer one; sync down fetches it.", there)
        else:
            path = self._conflict_path(here.path)
            local = str(self.tree.local / here.path)
            self.plan.jobs[key(path)] = Job(
                self.tree.box_path(path),
                local,
                here.stamp.size,
                "conflict",
                reason=_BOTH_CHANGED.format("this machine's"),
            )
            # known as kept, so that a later sync does not take it for a file that was removed here
            kept = {key(path): Agreed("", sha1)}
            self.plan.afterwards[key(path)] = {place: Agreed(sha1, there.sha1 or ""), **kept}

    def _one_sided(self) -> None:
        self.plan.folders = sorted(
            each.path for place, each in self.here.folders.items() if place not in self.there.folders
        )
        extra = {place: item for place, item in self.there.files.items() if place not in self.here.files}
        movable = self._movable(extra)
        for place in sorted(self.here.files.keys() - self.there.files.keys()):
            here = self.here.files[place]
            old = movable.get((here.stamp.size, self.tree.sha1(here))) if movable else None
            if old in extra:
                item = extra.pop(old)
                self._moved(old, Move(item, self.tree.relative(item), here.path, here.stamp.size, item.sha1 or ""))
            else:
                self._send(place, here)
        self._remove(extra)

    def _movable(self, extra: dict[str, Item]) -> dict[tuple[int, str], str]:
        """Return by size and SHA-1 the files of Box that were here, and are here no more."""
        was_here = {place: item for place, item in extra.items() if self.tree.deletes or place in self.tree.agreed}
        return {(item.size or 0, item.sha1 or ""): place for place, item in was_here.items()}

    def _remove(self, extra: dict[str, Item]) -> None:
        for place, item in extra.items():
            self._keep_agreed(place)
            before = self.tree.agreed.get(place)
            is_changed = before is not None and (not before.here or before.there != item.sha1)
            if self.tree.deletes and is_changed:
                self._note("skipped", self.tree.relative(item), item.size or 0, "It changed in Box; kept.", item)
            elif self.tree.deletes:
                self.plan.removals[self.tree.relative(item)] = item
        if self.tree.deletes:
            empty = {place: item for place, item in self.there.folders.items() if place not in self.here.folders}
            self.plan.removals |= {self.tree.relative(item): item for place, item in empty.items() if place}


class _Down(_Planner):
    """This machine becomes like Box."""

    def _differs_at_first(self, place: str, here: Here, there: Item) -> None:
        self._keep_both(place, here, there, self.tree.sha1(here))

    def _differs(self, place: str, here: Here, there: Item, sha1: str, changed: tuple[bool, bool]) -> None:
        if changed == (False, True):
            self._receive(place, there, here)
        elif changed == (True, False):
            self._note("skipped", here.path, here.stamp.size, "It changed here only; sync up sends it.", there)
        else:
            self._keep_both(place, here, there, sha1)

    def _keep_both(self, place: str, here: Here, there: Item, sha1: str) -> None:
        path = self._conflict_path(here.path)
        local = str(self.tree.local / path)
        reason = _BOTH_CHANGED.format("Box's")
        self.plan.jobs[key(path)] = Job(there.path, local, there.size or 0, "conflict", item=there, reason=reason)
        self.plan.afterwards[key(path)] = {place: Agreed(sha1, there.sha1 or "")}

    def _one_sided(self) -> None:
        self.plan.folders = sorted(
            self.tree.relative(item) for place, item in self.there.folders.items() if place not in self.here.folders
        )
        extra = {place: each for place, each in self.here.files.items() if place not in self.there.files}
        movable = {(here.stamp.size, self.tree.sha1(here)): place for place, here in self._was_there(extra).items()}
        for place in sorted(self.there.files.keys() - self.here.files.keys()):
            item = self.there.files[place]
            old = movable.get((item.size or 0, item.sha1 or ""))
            if old in extra:
                source, target = extra.pop(old), self.tree.relative(item)
                self._moved(old, Move(None, source.path, target, source.stamp.size, item.sha1 or ""))
            else:
                self._receive(place, item)
        self._remove(extra)

    def _was_there(self, extra: dict[str, Here]) -> dict[str, Here]:
        """Return the local files that were in Box as they are, and are there no more."""
        return {
            place: here
            for place, here in extra.items()
            if (before := self.tree.agreed.get(place)) and before.here == self.tree.sha1(here)
        }

    def _remove(self, extra: dict[str, Here]) -> None:
        removable = self._was_there(extra)
        for place, here in extra.items():
            self._keep_agreed(place)
            if self.tree.deletes and place in removable:
                self.plan.removals[here.path] = None
            elif self.tree.deletes:
                self._note("skipped", here.path, here.stamp.size, "As it is, it was never in Box; kept.")
