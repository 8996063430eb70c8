"""What is on each side of a tree: the files and folders of this machine, and those of Box, by relative path."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_box.errors import BoxError, Exists
from jupyter_box.items import Item
from jupyter_box.paths import check_name, key
from jupyter_box.session import Session

from .ignoring import Rules
from .listing import items
from .local import LocalError, Stamp, local_errors, translate_local


@dataclass(frozen=True, slots=True)
class Here:
    """A file or folder of this machine: its path relative to the tree's root, and its stamp."""

    path: str
    stamp: Stamp


@dataclass
class Side:
    """One side of a tree, each by the key that Box compares names by.

    Attributes:
        files: The files.
        folders: The folders; the root has the empty path.
        problems: What could not be looked at, or has no name on the other side.
    """

    files: dict[str, Here] = field(default_factory=dict)
    folders: dict[str, Here] = field(default_factory=dict)
    problems: list[tuple[str, BoxError]] = field(default_factory=list)


@dataclass
class There:
    """The side of Box; the same as `Side`, with items."""

    files: dict[str, Item] = field(default_factory=dict)
    folders: dict[str, Item] = field(default_factory=dict)
    others: dict[str, Item] = field(default_factory=dict)


def scan_local(root: Path, rules: Rules) -> Side:
    """Return what is below a local folder and takes part; links are followed, loops are reported."""
    side = Side()
    for path, status in _walk(root, "", rules, side, frozenset()):
        found = side.folders if stat.S_ISDIR(status.st_mode) else side.files
        other = found.setdefault(key(path), Here(path, Stamp.of(status)))
        if other.path != path:
            side.problems.append((path, Exists(f"{path} differs from {other.path} in case only: one name for Box.")))
    return side


def _walk(
    root: Path, folder: str, rules: Rules, side: Side, above: frozenset[tuple[int, int]]
) -> Iterator[tuple[str, os.stat_result]]:
    try:
        status = (root / folder).stat()
        if (status.st_dev, status.st_ino) in above:
            raise LocalError(f"{root / folder} is a link to a folder above it.", code="link_loop")
        names = sorted(os.listdir(root / folder))  # noqa: PTH208  names are wanted, not paths
    except (BoxError, OSError) as error:
        side.problems.append((folder, _ours(error, root / folder)))
        return
    inner = above | {(status.st_dev, status.st_ino)}
    for name in names:
        yield from _entry(root, f"{folder}/{name}".lstrip("/"), rules, side, inner)


def _entry(
    root: Path, path: str, rules: Rules, side: Side, above: frozenset[tuple[int, int]]
) -> Iterator[tuple[str, os.stat_result]]:
    try:
        status = (root / path).stat()
        is_folder = stat.S_ISDIR(status.st_mode)
        if not rules.allow(path, is_folder=is_folder):
            return
        check_name(path.rpartition("/")[2])
    except (BoxError, OSError) as error:
        side.problems.append((path, _ours(error, root / path)))
        return
    yield path, status
    if is_folder:
        yield from _walk(root, path, rules, side, above)


def _ours(error: BoxError | OSError, path: Path) -> BoxError:
    return error if isinstance(error, BoxError) else translate_local(error, path)


def scan_box(session: Session, folder: Item, rules: Rules, check: Callable[[], None], threads: int) -> There:
    """Return what is below a folder of Box and takes part: one listing for each folder, side by side.

    A folder without an id is one that is still to be made, so that there is nothing in it.
    """
    there = There(folders={"": folder})
    if not folder.id:
        return there
    with ThreadPoolExecutor(threads, thread_name_prefix="box-scan") as pool:
        waiting: list[Future[list[Item]]] = [pool.submit(copy_context().run, _list, session, folder, check)]
        while waiting:
            for item in waiting.pop().result():
                path = relative(item, folder)
                if rules.allow(path, is_folder=item.is_folder) and _take(there, path, item):
                    waiting.insert(0, pool.submit(copy_context().run, _list, session, item, check))
    return there


def _list(session: Session, folder: Item, check: Callable[[], None]) -> list[Item]:
    check()
    return list(items(session, folder.id, folder.path))


def _take(there: There, path: str, item: Item) -> bool:
    """Take an item in; tell whether it is a folder to look into."""
    if item.is_folder:
        # of twin folders the lower id wins, and what is in either of them counts
        other = there.folders.setdefault(key(path), item)
        there.folders[key(path)] = min(other, item, key=lambda folder: int(folder.id))
        return True
    (there.files if item.is_file else there.others).setdefault(key(path), item)
    return False


def relative(item: Item, root: Item) -> str:
    """Return an item's path relative to the tree's root."""
    return item.path.removeprefix(root.path.rstrip("/")).lstrip("/")


def check_root(root: Path) -> None:
    """Do nothing if the tree is a folder that can be listed.

    Raises:
        NotFound: It is not there.
        LocalError: It is no folder.
    """
    with local_errors(root):
        os.scandir(root).close()
