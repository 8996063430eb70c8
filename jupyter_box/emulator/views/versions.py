"""Past versions of a file: list, read, promote, delete, undelete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import NO_CONTENT, Request, Response
from jupyter_box.emulator.problems import invalid
from jupyter_box.emulator.shapes import Shapes, cut, moment, order, page
from jupyter_box.emulator.views import changes
from jupyter_box.emulator.views.announce import announce
from jupyter_box.emulator.views.listing import slice_page

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


def shape(request: Request, version: Row) -> dict[str, Any]:
    """Return a version of a file."""
    people = Shapes(request).person
    whole = {
        "type": "file_version",
        "id": str(version["id"]),
        "sha1": version["sha1"],
        "name": version["name"],
        "size": version["size"],
        "created_at": moment(version["created_at"]),
        "modified_at": moment(version["modified_at"]),
        "modified_by": people(version["modified_by"]),
        "trashed_at": moment(version["trashed_at"]),
        "purged_at": None,
        "restored_at": moment(version["restored_at"]),
        "uploader_display_name": people(version["modified_by"])["name"],
        "version_number": str(version["number"]),
    }
    for name in ("trashed_by", "restored_by"):
        if version[name] is not None:
            whole[name] = people(version[name])
    return cut(whole, request.fields, ("type", "id", "sha1"))


def _file(request: Request, ability: str) -> Row:
    return request.access.find("file", request.params["file_id"], ability)


def listed(store: Store, request: Request) -> Response:
    """List a file's past versions, newest first."""
    rows = store.files.past(_file(request, "preview"))
    some, limit, offset = slice_page(request, rows)
    ways = order(("modified_at", "DESC"))
    return Response(json=page([shape(request, row) for row in some], len(rows), limit, offset, order=ways))


def get(store: Store, request: Request) -> Response:
    """Answer one version."""
    file = _file(request, "preview")
    return Response(json=shape(request, store.files.version_of(file, request.params["file_version_id"])))


def promote(store: Store, request: Request) -> Response:
    """Put a copy of a past version on top."""
    if request.json.get("type", "file_version") != "file_version":
        raise invalid("type")
    file = _file(request, "upload")
    changes.check_free(request, file)
    version = store.files.version_of(file, str(request.need("id")))
    made = store.files.promote(file, version, request.who.user)
    announce(request, "ITEM_MAKE_CURRENT_VERSION", store.items.at(file["id"]))
    return Response(201, shape(request, made))


def delete(store: Store, request: Request) -> Response:
    """Move a past version to the trash."""
    file = _file(request, "delete")
    changes.check_match(request, file)
    changes.check_free(request, file)
    store.files.trash_version(file, store.files.version_of(file, request.params["file_version_id"]), request.who.user)
    return NO_CONTENT


def restore(store: Store, request: Request) -> Response:
    """Take a version out of the trash."""
    file = _file(request, "delete")
    version = store.files.version_of(file, request.params["file_version_id"])
    if request.json.get("trashed_at", "") is not None:
        raise invalid("trashed_at")
    return Response(json=shape(request, store.files.restore_version(version, request.who.user)))
