"""The entries of a Box folder, fetched ahead, and side by side where that misses none; their use is the caller's."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from jupyter_box._paging import LAST_OFFSET, folder_pages
from jupyter_box.items import CONTENT_FIELDS, Item, Json
from jupyter_box.paths import below
from jupyter_box.session import Session

T = TypeVar("T")
GetPage = Callable[[int, bool], Json]

_THREADS = 16
_AHEAD = 3  # pages in memory that nobody has asked for yet


def entries(session: Session, folder_id: str, fields: str = CONTENT_FIELDS) -> Iterator[Json]:
    """Yield what is in a folder as Box's JSON; what changes in it meanwhile neither doubles nor hides the rest."""
    with closing(ahead(folder_pages(session, folder_id, fields=fields))) as pages:
        for page in pages:
            yield from page


def items(session: Session, folder_id: str, path: str) -> Iterator[Item]:
    """Yield what is in the folder at `path` as items."""
    for entry in entries(session, folder_id):
        if entry.get("item_status", "active") == "active":
            yield Item.of(entry, below(path, str(entry.get("name"))))


def ahead(values: Iterator[T]) -> Generator[T, None, None]:
    """Yield the values of an iterator, of which a thread fetches the next few meanwhile.

    The first is fetched without a thread, as most folders have one page.
    """
    for first in values:
        yield first
        break
    else:
        return
    ready: queue.Queue[tuple[bool, Any]] = queue.Queue(_AHEAD)
    stopped = threading.Event()
    work = partial(copy_context().run, _fill, values, ready, stopped)
    thread = threading.Thread(target=work, name="box-ahead", daemon=True)
    thread.start()
    try:
        while (answer := ready.get())[0]:
            yield answer[1]
        if answer[1] is not None:
            raise answer[1]
    finally:
        stopped.set()


def _fill(values: Iterator[Any], ready: queue.Queue[tuple[bool, Any]], stopped: threading.Event) -> None:
    end: BaseException | None = None
    try:
        for value in values:
            _hand_over((True, value), ready, stopped)
            if stopped.is_set():
                return
    except BaseException as error:  # noqa: BLE001  raised where the values are used
        end = error
    _hand_over((False, end), ready, stopped)


def _hand_over(answer: tuple[bool, Any], ready: queue.Queue[tuple[bool, Any]], stopped: threading.Event) -> None:
    while not stopped.is_set():
        with suppress(queue.Full):
            ready.put(answer, timeout=0.1)
            return


@dataclass
class _Chain:
    """Pages laid end to end, each beginning with the entry that the one before ended with."""

    last: str = ""
    count: int = 0
    fits: bool = True

    def lay(self, page: Json) -> list[Json]:
        """Return the page's entries that are new; note whether it fits the page before."""
        found: list[Json] = list(page["entries"])
        if self.last:
            self.fits = self.fits and bool(found) and _id(found[0]) == self.last
            found = [entry for entry in found[:1] if _id(entry) != self.last] + found[1:]
        self.count += len(found)
        self.last = _id(found[-1]) if found else self.last
        return found


def side_by_side(get: GetPage, first: Json, *, is_unique: bool) -> Generator[Json, None, bool]:
    """Yield a folder's entries in Box's order, its pages fetched side by side; return whether none can be missing.

    Neighbouring pages share one entry: if both have it, nothing slipped through between them. What lies beyond the
    greatest offset that Box takes is fetched from the other end, in the opposite order.

    Args:
        get: Returns the page at an offset, and whether in the opposite order, with `entries`, `limit`, `total_count`.
        first: The first page.
        is_unique: Whether the order leaves no two entries equal, as that by name or id; only then the opposite order
            is the exact reverse.

    Returns:
        False when the folder changed meanwhile or is too long: then only marker paging misses none.
    """
    total, step = int(first["total_count"]), max(2, int(first["limit"]))
    offsets = range(step - 1, min(total - 1, LAST_OFFSET + 1), step - 1)
    reached = (offsets[-1] if offsets else 0) + step
    missing = max(0, total - reached)
    if missing and (not is_unique or missing > LAST_OFFSET):
        return False
    chain = _Chain()
    yield from chain.lay(first)
    # the further pages are asked for only now: whoever wants no more than the first pays for no more
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="box-list")
    try:
        pages = deque(pool.submit(copy_context().run, get, offset, False) for offset in offsets)
        tail = None
        if missing and first["entries"][-1]["type"] != "folder":
            tail = _ask_tail(get, pool, _folders(first["entries"]), missing, step)
        folders = _folders(first["entries"])
        while pages:
            # what has been yielded is not kept
            found = chain.lay(pages.popleft().result())
            folders += _folders(found)
            yield from found
        if missing and chain.fits:
            yield from _tail(chain, tail or _ask_tail(get, pool, folders, missing, step), missing)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return chain.fits and chain.count == total


def _folders(found: Iterable[Json]) -> int:
    return sum(entry["type"] == "folder" for entry in found)


def _ask_tail(get: GetPage, pool: ThreadPoolExecutor, folders: int, missing: int, step: int) -> list[Future[Json]]:
    """Ask for what lies beyond the last offset from the other end; in either order Box puts the folders first."""
    offsets = range(folders, folders + missing + 1, step - 1)
    if offsets[-1] > LAST_OFFSET:
        return []
    return [pool.submit(copy_context().run, get, offset, True) for offset in offsets]


def _tail(chain: _Chain, pages: Iterable[Future[Json]], missing: int) -> list[Json]:
    reverse, found = _Chain(), list[Json]()
    for page in pages:
        found += reverse.lay(page.result())
    rest = found[: missing + 1]
    joins = len(rest) == missing + 1 and _id(rest[-1]) == chain.last
    chain.fits = reverse.fits and joins
    chain.count += missing if joins else 0
    return rest[-2::-1] if joins else []


def _id(entry: Json) -> str:
    return f"{entry['type']} {entry['id']}"
