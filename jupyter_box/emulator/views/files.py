"""Files as items: read, change, copy, delete. Their contents come and go in `uploads`, `sessions` and `downloads`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_box.emulator.messages import Request, Response
from jupyter_box.emulator.shapes import Shapes
from jupyter_box.emulator.views import changes
from jupyter_box.emulator.views.announce import announce, bury

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


def _file(request: Request, ability: str = "info") -> Row:
    return request.access.find("file", request.params["file_id"], ability)


def get(store: Store, request: Request) -> Response:
    """Answer one file."""
    file = _file(request)
    etag = str(file["etag"])
    if request.headers.get("If-None-Match", "").strip('"') == etag:
        return Response(304)
    return Response(json=Shapes(request).full(file, request.fields), headers={"ETag": etag})


def update(store: Store, request: Request) -> Response:
    """Change, rename, move, lock or share a file."""
    file = changes.update(request, _file(request))
    return Response(json=Shapes(request).full(file, request.fields))


def copy(store: Store, request: Request) -> Response:
    """Copy a file, or a past version of it, to a folder."""
    key = request.need("parent", "id")
    file = _file(request, "download")
    parent = changes.target_folder(request, key)
    name = store.items.check_name(parent, request.json.get("name") or file["name"])
    version = request.json.get("version")
    past = store.files.version_of(file, str(version)) if version else None
    copied = store.files.copy(file, parent, name, request.who.user, past)
    announce(request, "ITEM_COPY", copied)
    return Response(201, Shapes(request).full(copied, request.fields))


def delete(store: Store, request: Request) -> Response:
    """Move a file to the trash."""
    file = _file(request, "delete")
    changes.check_match(request, file)
    changes.check_free(request, file)
    return bury(request, file)
