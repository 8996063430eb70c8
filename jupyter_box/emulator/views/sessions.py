"""Upload sessions: open, parts, list, plan, commit, abort."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import NO_CONTENT, Request, Response
from jupyter_box.emulator.problems import Problem
from jupyter_box.emulator.shapes import Shapes, moment, order, page
from jupyter_box.emulator.store.blobs import Content
from jupyter_box.emulator.views import changes
from jupyter_box.emulator.views.announce import announce
from jupyter_box.emulator.views.listing import slice_page
from jupyter_box.emulator.views.uploads import times

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def shape(request: Request, session: Row) -> dict[str, Any]:
    """Return an upload session with the addresses of its steps."""
    url = f"{request.upload_base}/files/upload_sessions/{session['id']}"
    steps = {
        "list_parts": "/parts",
        "commit": "/commit",
        "log_event": "/log",
        "upload_part": "",
        "status": "",
        "abort": "",
    }
    return {
        "type": "upload_session",
        "id": session["id"],
        "session_expires_at": moment(int(session["expires_at"])),
        "part_size": session["part_size"],
        "total_parts": -(-session["size"] // session["part_size"]),
        "num_parts_processed": request.store.sessions.part_count(session["id"]),
        # `plan` is not in Box's OpenAPI, but Box's own SDK uploads versions with it
        "session_endpoints": {step: url + path for step, path in steps.items()} | {"plan": f"{url}/plan"},
    }


def _wanted_size(request: Request) -> int:
    size = request.json.get("file_size")
    if size is None:
        raise Problem("missing_file_size", "file_size is required")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Problem("invalid_file_size", "file_size is not valid")
    if size < request.store.rules.smallest_session:
        raise Problem("file_size_too_small", "The file is too small for an upload session")
    return size


def create(store: Store, request: Request) -> Response:
    """Open a session for a new file."""
    size, name, key = _wanted_size(request), request.json.get("file_name"), request.json.get("folder_id")
    if name is None:
        raise Problem("missing_file_name", "file_name is required")
    if key is None:
        raise Problem("missing_destination", "folder_id is required")
    if not str(key).isdecimal():
        raise Problem("invalid_folder_id", "folder_id is not valid")
    parent = _folder(request, key)
    store.items.check_name(parent, name)
    store.people.check_space(parent["owner"], size)
    session = store.sessions.create(request.who.user, name, size, parent=parent["id"])
    return Response(201, shape(request, session))


def _folder(request: Request, key: object) -> Row:
    try:
        return changes.target_folder(request, key)
    except Problem as problem:
        if problem.code != "not_found":
            raise
        raise Problem("invalid_parameter", "The folder does not exist, or is not yours", status=404) from problem


def create_version(store: Store, request: Request) -> Response:
    """Open a session for a new version of a file."""
    size = _wanted_size(request)
    file = request.access.find("file", request.params["file_id"], "upload")
    changes.check_free(request, file)
    name = request.json.get("file_name") or file["name"]
    store.items.check_name(store.items.at(file["parent"]), name, file["id"])
    store.people.check_space(file["owner"], size)
    session = store.sessions.create(request.who.user, name, size, file=file["id"])
    return Response(201, shape(request, session))


def _session(request: Request) -> Row:
    return request.store.sessions.get(request.params["upload_session_id"], request.who.user)


def get(store: Store, request: Request) -> Response:
    """Answer how far a session is."""
    return Response(json=shape(request, _session(request)))


def part_range(session: Row, header: str | None) -> tuple[int, int]:
    """Return offset and size of a part; refuse a range that does not fit the session."""
    match = RANGE.fullmatch((header or "").strip())
    if match is None:
        raise Problem("range_not_satisfiable", "The Content-Range header is missing or malformed")
    first, last, total = (int(number) for number in match.groups())
    size = last - first + 1
    whole = size == session["part_size"] or (last + 1 == total and 0 < size <= session["part_size"])
    if total != session["size"] or first % session["part_size"] or last >= total or not whole:
        raise Problem("range_not_satisfiable", "The range does not match the session's part size")
    return first, size


def digest_header(value: str | None) -> tuple[str, str]:
    """Return algorithm (`sha` or `sha-512`) and the hexadecimal digest of a Digest header."""
    name, _, encoded = (value or "").partition("=")
    if name.lower() not in ("sha", "sha-512") or not encoded:
        raise Problem("bad_digest", "The Digest header is missing or malformed")
    try:
        return name.lower(), base64.b64decode(encoded, validate=True).hex()
    except ValueError as error:
        raise Problem("bad_digest", "The Digest header is malformed") from error


def upload_part(store: Store, request: Request) -> Response:
    """Keep a part, whose bytes are in place already."""
    session = _session(request)
    offset, size = part_range(session, request.headers.get("Content-Range"))
    algorithm, wanted = digest_header(request.headers.get("Digest"))
    upload = request.upload
    assert upload is not None
    if upload.size != size:
        raise Problem("bad_request", "The body is shorter or longer than its Content-Range")
    if wanted != (upload.sha1 if algorithm == "sha" else upload.sha512):
        raise Problem("digest_mismatch", "The digest of the part does not match its content")
    part = store.sessions.add_part(session, offset, size, upload.sha1, upload.sha512)
    return Response(json={"part": part_shape(part)})


def part_shape(part: Row) -> dict[str, Any]:
    """Return a part."""
    return {"part_id": part["part_id"], "offset": part["offset"], "size": part["size"], "sha1": part["sha1"]}


def parts(store: Store, request: Request) -> Response:
    """List the parts that are stored."""
    rows = store.sessions.parts(_session(request)["id"])
    some, limit, offset = slice_page(request, rows, 1000)
    shapes = [part_shape(row) for row in some]
    return Response(json=page(shapes, len(rows), limit, offset, order=order(("offset", "ASC"))))


def plan(store: Store, request: Request) -> Response:
    """Answer which of the parts need no sending; the emulator always wants those it has not got."""
    session = _session(request)
    have = {
        (part["offset"], part["size"], part["sha512"]): part["part_id"] for part in store.sessions.parts(session["id"])
    }
    hits, misses = [], []
    for part in request.need("parts"):
        each = {name: part.get(name) for name in ("offset", "size", "sha512")}
        known = have.get((each["offset"], each["size"], each["sha512"]))
        if known is None:
            misses.append(each)
        else:
            hits.append({**each, "part_id": known})
    return Response(json={"upload_session_id": session["id"], "hits": hits, "misses": misses})


def log(store: Store, request: Request) -> Response:
    """Take note of a client's trouble."""
    _session(request)
    return NO_CONTENT


def commit(store: Store, request: Request) -> Response:
    """Make the file, or the version, of the parts; the same commit again gets the same answer."""
    session = _session(request)
    algorithm, wanted = digest_header(request.headers.get("Digest"))
    if session["state"] == "committed":
        return Response(201, _entries(request, store.items.at(session["result"])))
    store.sessions.check_parts(session, request.need("parts"))
    sha1 = store.sessions.advance_digest(session["id"], store.blobs.path(session["blob"]), session["size"])
    if algorithm != "sha" or wanted != sha1:
        raise Problem("bad_digest", "The digest of the file does not match its content")
    attributes = request.json.get("attributes") or {}
    values: dict[str, Any] = dict(times(attributes))
    if attributes.get("description"):
        values["description"] = str(attributes["description"])
    file = _finish(store, request, session, sha1, values)
    store.sessions.finish(session, file)
    announce(request, "ITEM_UPLOAD", file)
    return Response(201, _entries(request, file))


def _finish(store: Store, request: Request, session: Row, sha1: str, values: dict[str, Any]) -> Row:
    user, content = request.who.user, Content(session["blob"], session["size"], sha1)
    if session["file"] is None:
        parent = request.access.require(store.items.at(session["parent"]), "upload")
        store.items.check_busy([*request.access.path(parent), parent])
        name = store.items.check_name(parent, session["name"])
        return store.files.create(parent, name, user, content, **values)
    file = request.access.require(store.items.at(session["file"]), "upload")
    changes.check_match(request, file)
    changes.check_free(request, file)
    name = store.items.check_name(store.items.at(file["parent"]), session["name"], file["id"])
    if name != file["name"]:
        values["name"] = name
    return store.files.replace(file, user, content, **values)


def abort(store: Store, request: Request) -> Response:
    """End a session."""
    store.sessions.abort(_session(request))
    return NO_CONTENT


def _entries(request: Request, file: Row) -> dict[str, Any]:
    return {"total_count": 1, "entries": [Shapes(request).full(file, request.fields)]}
