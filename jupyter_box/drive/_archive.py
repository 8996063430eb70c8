"""A folder as one zip, as it comes: Box's own, or where Box makes none, one put together here from the files."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import Any

from jupyter_box import paths
from jupyter_box._paging import folder_pages
from jupyter_box.errors import BoxError, Busy, Corrupted, NotAuthorized, Unreachable
from jupyter_box.items import ALL_FILES, CONTENT_FIELDS, Item
from jupyter_box.transfer import Transfers

from ._core import Core

_BLOCK = 1 << 18  # bytes
_LEADS_ELSEWHERE = re.compile(r"[/\\\0]|(?<=^[A-Za-z]):")  # a path, or a drive of Windows


class Archives(Core):
    """Makes archives."""

    def archive(self, path: str) -> Iterator[bytes]:
        """Yield the blocks of a zip of a folder or a file; nothing is kept on a disk or in memory.

        Box makes it, up to 10,000 files or the account's greatest upload. Beyond that, or where Box refuses, it is put
        together here, file by file. What we may not download is left out.

        Raises:
            NotFound: The item is not there.
            Corrupted: Box gave up in the midst of it; what came is no whole zip.
        """
        item = self._item(path)
        try:
            order = self._order(item)
        except (Busy, NotAuthorized, Unreachable):
            raise
        except BoxError:
            return self._own_zip(item)
        return self._box_zip(item, order)

    def _order(self, item: Item) -> Any:
        """Ask Box for the zip; its download address is good for seconds, and once."""
        body = {"items": self._archived(item), "download_file_name": item.name or "Box"}
        return self._session.call("POST", "/zip_downloads", json=body, what=item.path)

    def _archived(self, item: Item) -> list[dict[str, str]]:
        # Box makes no zip of an account's own root, but of what is in it
        if item.id != ALL_FILES or not item.is_folder:
            return [{"type": item.type, "id": item.id}]
        pages = folder_pages(self._session, ALL_FILES, fields="id,type,name")
        entries = [{"type": json["type"], "id": json["id"]} for page in pages for json in page]
        return [entry for entry in entries if entry["type"] != "web_link"]

    def _box_zip(self, item: Item, order: Any) -> Iterator[bytes]:
        answer = self._session.send("GET", order["download_url"], stream=True, authorize=False, kind="download")
        broken = None
        with closing(answer):
            try:
                yield from answer.iter_content(_BLOCK)
            except Exception as error:  # noqa: BLE001  of the line: its text may hold the address, so it goes no further
                broken = self._session.translate(error, item.path)
        if broken is not None:
            raise broken
        if self._state(order) == "failed":
            raise Corrupted(f"Box did not finish the zip of {item.path}.", hint="Download it again.")

    def _state(self, order: Any) -> str:
        """Return how far Box is with a zip: `in_progress`, `succeeded` or `failed`; empty if it does not say."""
        try:
            return str(self._session.send("GET", order["status_url"]).json().get("state") or "")
        except (BoxError, ValueError):
            return ""

    def _own_zip(self, item: Item) -> Iterator[bytes]:
        drain = _Drain()
        with zipfile.ZipFile(drain, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, name in self._tree(item, _inside(item.name) if item.name else "Box"):
                for _ in _put(archive, entry, name, self._transfers):
                    yield from drain.take()
        yield from drain.take()

    def _tree(self, item: Item, name: str) -> Iterator[tuple[Item, str]]:
        yield item, name
        if item.is_folder:
            taken = set[str]()
            for child in self._children(item):
                yield from self._tree(child, f"{name}/{_unused(_inside(child.name), taken)}")

    def _children(self, folder: Item) -> Iterator[Item]:
        for page in folder_pages(self._session, folder.id, what=folder.path, fields=f"{CONTENT_FIELDS},permissions"):
            yield from (Item.of(json, paths.below(folder.path, json["name"])) for json in page)


def _inside(name: str) -> str:
    """Return a name that stays in the folder it is unpacked into, on every system: Box's own may not."""
    safe = _LEADS_ELSEWHERE.sub("_", name)
    return safe if safe.strip(" .") else "_"


def _unused(name: str, taken: set[str]) -> str:
    """Return the name, or the first number of it that no other entry of the folder has; note that it is taken."""
    free = next(candidate for candidate in chain([name], paths.numbered(name)) if paths.key(candidate) not in taken)
    taken.add(paths.key(free))
    return free


def _put(archive: zipfile.ZipFile, item: Item, name: str, transfers: Transfers) -> Iterator[None]:
    """Write one item; pauses after each block, so that what is ready can go out."""
    if item.is_folder:
        archive.writestr(f"{name}/", b"")
    elif item.is_file and (item.permissions is None or "can_download" in item.permissions):
        with archive.open(_info(item, name), "w", force_zip64=True) as entry, transfers.open(item) as download:
            for block in download:
                entry.write(block)
                yield
    yield


def _info(item: Item, name: str) -> zipfile.ZipInfo:
    changed = item.content_modified or item.modified
    moment = changed.timetuple()[:6] if changed and changed.year >= 1980 else (1980, 1, 1, 0, 0, 0)
    info = zipfile.ZipInfo(name, moment)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


class _Drain(io.RawIOBase):
    """A file that only goes forward, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._blocks.append(bytes(data))
        return len(data)

    def take(self) -> Iterator[bytes]:
        blocks, self._blocks = self._blocks, []
        if blocks:
            yield b"".join(blocks)
