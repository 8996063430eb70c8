"""Zip downloads: asked for on the API host, fetched once from the download host, streamed as they are made."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jupyter_box.emulator.messages import Request, Response
from jupyter_box.emulator.problems import Problem, invalid, not_found
from jupyter_box.emulator.shapes import moment
from jupyter_box.emulator.store.names import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

MOST_FILES = 10_000
MOST_OF_A_USER, MOST_OF_AN_ENTERPRISE = 5, 10  # at once


def create(store: Store, request: Request) -> Response:
    """Fix what goes into a zip; answer where to fetch it."""
    wanted = request.need("items")
    if not isinstance(wanted, list) or not wanted:
        raise invalid("items")
    chosen = [_chosen(request, each) for each in wanted]
    names, conflicts = _names(chosen)
    entries = [entry for item, name in zip(chosen, names, strict=True) for entry in _entries(store, item, name)]
    if sum(1 for _, blob, _ in entries if blob) > MOST_FILES:
        raise Problem("zip_download_file_count_exceeded_limit", f"A zip download holds at most {MOST_FILES} files")
    if sum(size for _, _, size in entries) > store.rules.max_file_size:
        raise Problem("zip_download_pre_compressed_bytes_exceeded_limit", "The zip download would be too large")
    name = str(request.json.get("download_file_name") or "Box Download").removesuffix(".zip")
    row = store.zips.add(request.who.user, name, entries)
    answer = {
        "download_url": f"{request.download_base}/2.0/zip_downloads/{row['id']}/content",
        "status_url": f"{request.base}/2.0/zip_downloads/{row['id']}/status",
        "expires_at": moment(int(row["expires_at"])),
        "name_conflicts": conflicts,
    }
    return Response(202, answer)


def _chosen(request: Request, wanted: Any) -> Row:
    if not isinstance(wanted, dict) or wanted.get("type") not in ("file", "folder"):
        raise invalid("items")
    if wanted["type"] == "folder" and str(wanted.get("id")) == "0":
        raise Problem("bad_request", "The root folder cannot be downloaded as a zip")
    return request.access.find(wanted["type"], str(wanted.get("id")), "download")


def _names(items: list[Row]) -> tuple[list[str], list[list[dict[str, str]]]]:
    """Return a free name for each item, and what was renamed, in Box's groups."""
    taken: set[str] = set()
    names: list[str] = []
    conflicts: dict[str, list[dict[str, str]]] = {}
    for item in items:
        name = number_of(item["name"], taken)
        taken.add(name.casefold())
        names.append(name)
        entry = {"id": str(item["id"]), "type": item["type"], "original_name": item["name"], "download_name": name}
        conflicts.setdefault(item["name_key"], []).append(entry)
    return names, [group for group in conflicts.values() if len(group) > 1]


def _entries(store: Store, item: Row, name: str) -> list[tuple[str, str, int]]:
    return [store.zips.name_of(item, name)] if item["type"] == "file" else store.zips.names_in(item, name)


def status(store: Store, request: Request) -> Response:
    """Answer how far a zip is, once its download has begun."""
    row = store.zips.get(request.params["zip_download_id"])
    if row is None or row["user"] != request.who.user or row["state"] == "new":
        raise not_found()
    answer = {
        "total_file_count": row["total"],
        "downloaded_file_count": row["done"],
        "skipped_file_count": 0,
        "skipped_folder_count": 0,
        "state": row["state"],
    }
    return Response(json=answer)


def content(store: Store, request: Request) -> Response:
    """Stream the zip to whoever has its address, once."""
    row = store.zips.get(request.params["zip_download_id"])
    if row is None or row["state"] != "new" or row["expires_at"] <= store.now():
        raise not_found()
    _check_others(store, row["user"])
    store.zips.set_state(row["id"], "in_progress", 0)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(row['name'])}.zip"}
    return Response(200, headers=headers, content_type="application/zip", stream=_stream(store, row))


def _check_others(store: Store, user: int) -> None:
    own, all_of_us = store.zips.under_way(user)
    if own >= MOST_OF_A_USER:
        raise Problem("user_too_many_concurrent_downloads", "Too many zip downloads of the user at once")
    if all_of_us >= MOST_OF_AN_ENTERPRISE:
        raise Problem("enterprise_too_many_concurrent_downloads", "Too many zip downloads of the enterprise at once")


def _stream(store: Store, row: Row) -> Iterator[bytes]:
    out, done, state = _Pipe(), 0, "failed"
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, blob, size in json.loads(row["entries"]):
                for _ in _add(archive, name, Path(store.blobs.path(blob)) if blob else None, size):
                    yield out.take()
                done += 1 if blob else 0
        yield out.take()
        state = "succeeded"
    finally:
        store.zips.set_state(row["id"], state, done)


def _add(archive: zipfile.ZipFile, name: str, path: Path | None, size: int) -> Iterator[None]:
    info = zipfile.ZipInfo(name)
    if path is None:
        archive.writestr(info, b"")
        yield
        return
    with path.open("rb") as source, archive.open(info, "w", force_zip64=size > zipfile.ZIP64_LIMIT // 2) as target:
        while data := source.read(1 << 20):
            target.write(data)
            yield


class _Pipe(io.RawIOBase):
    """What zipfile writes, to be taken away piece by piece; it cannot seek, so zipfile streams."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        data, self._waiting = bytes(self._waiting), bytearray()
        return data
