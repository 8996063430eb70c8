"""Downloads: the API redirects to an address that carries its own permission; the second port serves those."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from jupyter_box.emulator.messages import FileSlice, Request, Response
from jupyter_box.emulator.problems import Problem, not_found
from jupyter_box.emulator.views.announce import announce

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
PLAIN_TYPES = {
    "csv": "text/csv",
    "txt": "text/plain",
    "md": "text/markdown",
    "json": "application/json",
    "png": "image/png",
}


def signature(store: Store, text: str) -> str:
    """Return the seal on a pre-signed address."""
    key = store.value("SELECT value FROM settings WHERE name = 'signing_key'") or ""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def signed_url(request: Request, version: int, name: str) -> str:
    """Return an address on the download host that works by itself for a while."""
    expires = int(request.store.now() + request.store.rules.url_lifetime)
    seal = signature(request.store, f"{version}.{expires}")
    return f"{request.download_base}/d/1/{version}.{expires}.{seal}/download?filename={quote(name)}"


def content(store: Store, request: Request) -> Response:
    """Redirect to where a file's contents, or a past version's, can be fetched."""
    file = request.access.find("file", request.params["file_id"], "download")
    store.locks.check_download(file, request.who.user)
    key = request.query.get("version")
    version = store.files.version_of(file, key) if key else store.files.version(file["version"])
    if version["trashed_at"] is not None:
        raise Problem("trashed", "Item is trashed")
    announce(request, "ITEM_DOWNLOAD", file)
    store.collections.touch(file["id"], request.who.user, "item_open")
    if request.shared_link is not None:
        _count(store, request.shared_link[0])
    return Response(302, content=b"", headers={"Location": signed_url(request, version["id"], file["name"])})


def _count(store: Store, url: str) -> None:
    item = store.shared_links.find(url)
    if item is not None:
        store.shared_links.count(item, "downloads")


def presigned(store: Store, request: Request) -> Response:
    """Serve contents to whoever has a valid address; honours Range."""
    text, _, seal = request.params["ticket"].rpartition(".")
    version, _, expires = text.partition(".")
    if not version.isdecimal() or not expires.isdecimal() or not hmac.compare_digest(seal, signature(store, text)):
        raise not_found()
    if int(expires) <= store.now():
        raise Problem("forbidden", "The download address has expired")
    row = store.files.version(version)
    return serve(store, request, row)


def serve(store: Store, request: Request, version: Row) -> Response:
    """Answer the bytes of a version, or a range of them."""
    path, size = store.blobs.path(version["blob"]), version["size"]
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{version["sha1"]}"',
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(version['name'])}",
    }
    kind = PLAIN_TYPES.get(version["name"].rpartition(".")[2].lower(), "application/octet-stream")
    match = RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or match.groups() == ("", ""):
        return Response(200, headers=headers, content_type=kind, stream=FileSlice(path, 0, size))
    first, last = _bounds(match.group(1), match.group(2), size)
    if first >= size or first > last:
        return Response(416, content=b"", headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(206, headers=headers, content_type=kind, stream=FileSlice(path, first, last - first + 1))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(size - 1, int(last)) if last else size - 1
