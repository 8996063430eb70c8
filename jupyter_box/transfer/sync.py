"""Makes one side of a tree like the other: compares, plans, moves what moved, and loses neither side of a conflict."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_box.errors import BoxError, Denied, Exists, NotFound
from jupyter_box.events import Listener, ignore
from jupyter_box.items import FIELDS, Item
from jupyter_box.paths import below, key
from jupyter_box.session import waiting

from .folders import make_folders
from .ignoring import Rules
from .jobs import Connect, Done, Job, do, from_environment
from .journal import key_of
from .local import FileSource, LocalError, check_free
from .memory import Agreed, Memory
from .planning import Direction, Move, Plan, Tree, make_plan
from .report import Outcome, Report
from .scanning import Here, Side, There, check_root, scan_box, scan_local
from .tree import Run, check_local_name
from .upload import sha1_of

if TYPE_CHECKING:
    from .engine import Transfers


_REMOVED = {"up": "moved to Box's trash", "down": "removed from this machine"}


@dataclass(frozen=True, slots=True)
class Options:
    """How a tree is synced.

    Attributes:
        direction: `up` makes Box like this machine, `down` this machine like Box.
        delete: Whether what is not on the side that leads is removed from the other: in Box it goes to the trash;
            here only files go that are as they were when they were last in Box.
        max_delete: The most files that may be removed; None for any number, as long as the side that leads has any file
            at all: one that is empty may just not be mounted.
        dry_run: Whether to report what would be done, and do nothing.
        include: Patterns as in `.gitignore`; if there are any, a file must match one.
        exclude: Patterns of what does not take part, besides those of the tree's `.boxignore`.
        executor: Who carries the files over; None for threads of this process.
        connect: How a worker of the executor connects to Box.
    """

    direction: Direction = "up"
    delete: bool = False
    max_delete: int | None = None
    dry_run: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    executor: Executor | None = None
    connect: Connect = from_environment


class Sync:
    """One sync of one tree.

    Args:
        transfers: Moves the files.
        local: The tree on this machine.
        folder: The tree in Box.
        options: How.
        on_progress: Told how far the whole is.
        cancel: Ends the sync when it is set.
    """

    def __init__(
        self,
        transfers: Transfers,
        local: Path,
        folder: Item,
        options: Options,
        *,
        on_progress: Listener = ignore,
        cancel: threading.Event | None = None,
    ) -> None:
        self._transfers, self._local, self._folder, self._options = transfers, local.absolute(), folder, options
        self._session = transfers.content.session
        self._run = Run(transfers, folder.path or folder.name, on_progress, cancel)
        pair = key_of(self._session.identity, str(self._local), folder.id)
        self._memory = Memory(transfers.journal.folder, self._local, pair)

    def run(self) -> Report:
        """Do it, and return what became of each file."""
        began = time.monotonic()
        if self._options.direction == "down" and not self._options.dry_run:
            self._local.mkdir(parents=True, exist_ok=True)
        rules = Rules.of(self._local, self._options.include, self._options.exclude)
        with waiting(self._run.meter.wait, cancel=self._run.meter.cancel):
            here, there = self._scan(rules)
        plan = self._plan(here, there)
        refusal = self._refusal(plan, here, there)
        if self._options.dry_run:
            told = [Outcome(self._folder.path, str(self._local), "skipped", reason=str(refusal))] if refusal else []
            return Report((*self._planned(plan), *told), time.monotonic() - began)
        if refusal:
            raise refusal
        report = self._run.complete(lambda: self._do(plan, there))
        self._memory.save(plan.agreed)
        return replace(report, seconds=time.monotonic() - began)

    def _scan(self, rules: Rules) -> tuple[Side, There]:
        if self._options.direction == "up" or self._local.exists():
            check_root(self._local)
        here = scan_local(self._local, rules) if self._local.exists() else Side()
        check, threads = self._run.meter.check, self._transfers.gate.most
        return here, scan_box(self._session, self._folder, rules, check, threads)

    def _plan(self, here: Side, there: There) -> Plan:
        self._hash_candidates(here, there)
        tree = Tree(self._local, self._folder, self._options.delete, self.sha1, self._memory.agreed)
        plan = make_plan(tree, self._options.direction, here, there)
        for path, error in here.problems:
            plan.notes.append(self._run.failure(Outcome(self.box_path(path), str(self._local / path), "failed"), error))
        if here.problems and plan.removals:
            plan.removals.clear()
            reason = "Nothing was removed, as not all of this machine's files could be looked at."
            plan.notes.append(Outcome(self._folder.path, str(self._local), "skipped", reason=reason))
        return plan

    def _refusal(self, plan: Plan, here: Side, there: There) -> Denied | None:
        """Return why so much is not removed unasked, or None."""
        count = sum(item is None or item.is_file for item in plan.removals.values())
        most, is_up = self._options.max_delete, self._options.direction == "up"
        leader = self._local if is_up else self._folder.path
        if most is not None:
            why = f"more than the {most} that max_delete allows" if count > most else ""
        else:
            why = f"as {leader} has none" if not (here.files if is_up else there.files) else ""
        if not (count and why):
            return None
        return Denied(
            f"{count} files would be {_REMOVED[self._options.direction]}, {why}; nothing was changed.",
            hint=f"Check {leader}; if all of them are to go, allow it with max_delete={count} (--max-delete {count}).",
            code="max_delete",
        )

    def _hash_candidates(self, here: Side, there: There) -> None:
        """Hash, side by side, the local files whose size is that of a file in Box that they may equal."""
        sizes = {item.size for item in there.files.values()}
        wanted = [each for each in here.files.values() if each.stamp.size in sizes]
        with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="box-sha1") as pool:
            list(pool.map(self.sha1, wanted))

    def sha1(self, file: Here) -> str:
        """Return the SHA-1 of a local file, remembered or new; nothing for one that cannot be read now."""
        known = self._memory.sha1(file.path, file.stamp)
        if known is None:
            with suppress(BoxError), FileSource(self._local / file.path) as source:
                known = sha1_of(source, self._run.meter.check)
                self._memory.keep_sha1(file.path, file.stamp, known)
        self._run.meter.check()
        return known or ""

    def box_path(self, path: str) -> str:
        """Return the path in the drive of a path relative to the tree."""
        return below(self._folder.path, path) if path else self._folder.path

    def local_path(self, path: str) -> Path:
        """Return the path on this machine of a path relative to the tree.

        Raises:
            LocalError: A name of Box cannot be a file's name here, or a link leads outside of the tree.
        """
        for name in path.split("/"):
            check_local_name(name)
        whole = self._local / path
        if not whole.parent.resolve().is_relative_to(self._local.resolve()):
            raise LocalError(f"{whole.parent} leads outside {self._local}.", hint="Remove that link.", code="outside")
        return whole

    def _planned(self, plan: Plan) -> Iterator[Outcome]:
        for move in plan.moves:
            reason = f"would be moved from {move.source}"
            yield Outcome(self.box_path(move.target), str(self._local / move.target), "planned", move.size, reason)
        for job in plan.jobs.values():
            would = {"sent": "would be sent", "received": "would be received"}.get(job.action)
            reason = ". ".join(filter(None, (would, job.reason)))
            yield Outcome(job.path, job.local, "planned", job.size, reason)
        for path, item in plan.removals.items():
            reason = f"would be {_REMOVED[self._options.direction]}"
            size = item.size or 0 if item else 0
            yield Outcome(self.box_path(path), str(self._local / path), "planned", size, reason)
        yield from plan.notes

    def _do(self, plan: Plan, there: There) -> None:
        run = self._run
        run.meter.expect(sum(job.size for job in plan.jobs.values()), files=len(plan.jobs))
        for outcome in plan.notes:
            run.add(outcome)
        ids = self._make_folders(plan, there)
        for move in plan.moves:
            self._move(plan, move, ids)
        self._carry(plan, ids)
        if all(outcome.action != "failed" for outcome in run.outcomes):
            for path, item in sorted(plan.removals.items(), reverse=True):
                self._remove(plan, path, item)

    def _make_folders(self, plan: Plan, there: There) -> dict[str, Item]:
        """Make the folders that are missing; return those of Box by the key of their path."""
        ids = dict(there.folders)
        if self._options.direction == "down":
            for path in plan.folders:
                with suppress(BoxError, OSError):
                    self.local_path(path).mkdir(parents=True, exist_ok=True)
            return ids
        by_parent: dict[str, list[str]] = {}
        for path in plan.folders:
            by_parent.setdefault(path.rpartition("/")[0], []).append(path.rpartition("/")[2])
        for parent, names in by_parent.items():
            self._make_in(parent, names, ids)
        return ids

    def _make_in(self, parent: str, names: list[str], ids: dict[str, Item]) -> None:
        folder = ids.get(key(parent))
        if folder is None:
            return  # its own making failed, which is reported
        try:
            made = make_folders(self._session, folder.id, folder.path, names)
        except BoxError as error:
            self._run.refuse(folder.path, self._local / parent, error)
            return
        ids.update({key(f"{parent}/{name}".lstrip("/")): item for name, (item, _) in made.items()})

    def _move(self, plan: Plan, move: Move, ids: dict[str, Item]) -> None:
        source, target = self._local / move.source, self._local / move.target
        outcome = Outcome(self.box_path(move.target), str(target), "moved", move.size, f"from {move.source}")
        try:
            if move.item is None:
                self.local_path(move.target).parent.mkdir(parents=True, exist_ok=True)
                check_free(target, "Sync again.")
                source.rename(target)
            else:
                folder, _, name = move.target.rpartition("/")
                body = {"name": name, "parent": {"id": _made(key(folder), ids).id}}
                self._session.call("PUT", f"/files/{move.item.id}", json=body, params={"fields": FIELDS})
        except (BoxError, OSError) as error:
            self._run.refuse(outcome.path, target, error)
            return
        self._run.add(outcome)
        plan.agreed.pop(key(move.source), None)
        plan.agreed[key(move.target)] = Agreed(move.sha1, move.sha1)

    def _carry(self, plan: Plan, ids: dict[str, Item]) -> None:
        run = self._run
        jobs = {place: self._placed(job, place, ids) for place, job in plan.jobs.items()}
        for place, done in self._results({place: job for place, job in jobs.items() if job is not None}):
            run.note(done.outcome)
            if done.outcome.action != "failed":
                same = {place: Agreed(done.sha1, done.sha1)} if done.sha1 else {}
                plan.agreed |= plan.afterwards.get(place, same)

    def _placed(self, job: Job, place: str, ids: dict[str, Item]) -> Job | None:
        if job.item is not None:
            return job
        try:
            return replace(job, folder_id=_made(place.rpartition("/")[0], ids).id)
        except BoxError as error:
            self._run.note(self._run.failure(Outcome(job.path, job.local, "failed", job.size), error))
            return None

    def _results(self, jobs: dict[str, Job]) -> Iterator[tuple[str, Done]]:
        executor, run = self._options.executor, self._run
        if executor is not None:
            places = {executor.submit(do, job, self._options.connect): place for place, job in jobs.items()}
            try:
                for future in as_completed(places):
                    run.meter.check()
                    done = future.result()
                    run.meter.add(done.outcome.size)
                    yield places[future], done
            finally:
                for future in places:
                    future.cancel()
            return
        with ThreadPoolExecutor(self._transfers.gate.most, thread_name_prefix="box-sync") as pool:
            places = {pool.submit(self._one, job): place for place, job in jobs.items()}
            for future in as_completed(places):
                yield places[future], future.result()

    def _one(self, job: Job) -> Done:
        self._run.meter.check()
        failed = Outcome(job.path, job.local, "failed", job.size)
        if self._run.hopeless is not None:
            return Done(self._run.failure(failed, self._run.hopeless))
        done = job.run(self._transfers, self._run.meter)
        return done if done.error is None else Done(self._run.failure(failed, done.error))

    def _remove(self, plan: Plan, path: str, item: Item | None) -> None:
        reason, item_id = _REMOVED[self._options.direction], item.id if item else None
        outcome = Outcome(self.box_path(path), str(self._local / path), "deleted", reason=reason, item_id=item_id)
        try:
            if item is None:
                self.local_path(path).unlink()
            elif item.is_folder:
                with suppress(Exists):  # something in it does not take part, and stays
                    self._session.call("DELETE", f"/folders/{item.id}")
                return
            else:
                headers = {"If-Match": item.etag} if item.etag else {}
                self._session.call("DELETE", f"/files/{item.id}", headers=headers)
        except (BoxError, OSError) as error:
            self._run.refuse(outcome.path, self._local / path, error)
            return
        self._run.add(outcome)
        plan.agreed.pop(key(path), None)


def _made(place: str, ids: dict[str, Item]) -> Item:
    """Return the folder of Box that has the key.

    Raises:
        NotFound: It could not be made, which is reported.
    """
    if place not in ids:
        raise NotFound("Its folder could not be made.", code="no_folder")
    return ids[place]
