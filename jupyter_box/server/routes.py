"""The REST face as one table: each route's path, handler, and for each verb what it takes and answers."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_box.events import Phase
from jupyter_box.items import ROLES

from .backend import Backend
from .base import BoxHandler
from .contents import CheckpointsHandler, ContentsHandler
from .files import ArchiveHandler, FilesHandler
from .inputs import Schema
from .keeping import TrashHandler, VersionsHandler
from .kernels import KernelTokenHandler, KernelTransferHandler
from .marks import DetailsHandler, FavouriteHandler, FavouritesHandler, LockHandler
from .notebooks import NotebookDiffHandler
from .sharing import CollaborationsHandler, SharedLinkHandler
from .status import ItemsHandler, OpenApiHandler, SearchHandler, StatusHandler, UnknownHandler
from .streams import EventsHandler, TransferEventsHandler
from .tokens import TokensHandler
from .transfers import TransferHandler, TransfersHandler
from .uploads import UploadHandler, UploadsHandler

PREFIX = "jupyter-box"


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of a route.

    Attributes:
        summary: What it does, in one line.
        answers: Status to what comes: the name of a schema, a media type (with a slash), or None for no body.
        query: The parameters by name.
        body: The JSON body's schema, or a media type; None for no body.
        headers: The request headers that count.
    """

    summary: str
    answers: Mapping[int, str | None]
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Any = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `{path}` in it is a path of the drive, whose slashes stand as they are, `{id}` a word of its own."""

    path: str
    handler: type[BoxHandler]
    operations: Mapping[str, Operation]

    def pattern(self) -> str:
        """Return what Tornado matches a URL with, after the server's base URL."""
        path = self.path.replace("/{path}", r"(?:/(?P<path>.*))?").replace("{id}", r"(?P<id>[^/]+)")
        return rf"/{PREFIX}/" + path.replace(".json", r"\.json")


def handlers(backend: Backend) -> list[tuple[str, type[BoxHandler], dict[str, Any]]]:
    """Return the handlers of all routes, for Tornado; the last one answers for what is no route."""
    every = [*ROUTES, Route(".*", UnknownHandler, {})]
    return [(route.pattern(), route.handler, {"backend": backend, "operations": route.operations}) for route in every]


def _object(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _text(description: str, **rules: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **rules}


def _choice(description: str, *values: str) -> Schema:
    return {"type": "string", "description": description, "enum": list(values)}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _whole(description: str, least: int, most: int) -> Schema:
    return {"type": "integer", "description": description, "minimum": least, "maximum": most}


def _paged(most: int) -> dict[str, Schema]:
    return {
        "limit": _whole("The most items of the page.", 1, most),
        "marker": _text("The `next_marker` of the page before."),
    }


def _needed(schema: Schema) -> Schema:
    return {**schema, "x-required": True}


_ID = "^[0-9]+$"
_VERSION = _text("Id of a version.", pattern=_ID)
_WHO = _text("A user's login or id, a group's name or id, or the id of the collaboration.", minLength=1, maxLength=320)
_ROLE = _choice("What they may do.", *ROLES)
_SCOPES = "^[a-z_.]+$"
_CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since")
_SORTED = {
    "sort": _choice("What Box sorts by.", "name", "date", "size", "id"),
    "direction": _choice("Ascending or descending.", "asc", "desc"),
}
_ON_CONFLICT = _choice("What becomes of a file whose name is taken in Box.", "version", "skip", "rename", "fail")
_FOR_SECONDS = {"seconds": _whole("End the stream after so many seconds.", 0, 3600)}
_SIZE = 1 << 50  # bytes; Box has its own limit, and says which


def _optional(description: str, kind: str) -> Schema:
    return {"type": [kind, "null"], "description": description}


_MODEL: Schema = {
    "type": "object",
    "description": "A model of Jupyter's Contents API; other fields of it do not count.",
    "properties": {
        "type": _optional("`file`, `notebook` or `directory`.", "string"),
        "format": _optional("`text`, `base64` or `json`.", "string"),
        "content": {"description": "The content, as its format says."},
        "chunk": {"type": ["integer", "null"], "minimum": -1, "description": "1, 2, 3 … and -1 for the last chunk."},
        "hash": _optional("The SHA-1 that the file must still have; it is not written else.", "string"),
        "id": _optional("The id of the file as opened; where that is elsewhere by now, nothing is written.", "string"),
        "path": _optional("The path.", "string"),
        "ext": _optional("The extension of a new file.", "string"),
        "copy_from": _optional("What a new file is a copy of.", "string"),
    },
    "required": [],
}
_RENAMED: Schema = {
    "type": "object",
    "properties": {"path": _text("The new path.", minLength=1)},
    "required": ["path"],
}
_COUNT = _whole("Bytes or files.", 0, _SIZE)
_REPORT: Schema = _object(
    "kind",
    "source",
    "target",
    "root",
    "is_plain",
    "progress",
    kind=_choice("To Box, from it, or kept alike.", "upload", "download", "sync"),
    source=_text("A path of this machine, absolute, or one in the drive."),
    target=_text("The folder on the other side."),
    on_conflict=_ON_CONFLICT,
    overwrite=_flag("Whether a file on this machine may be replaced."),
    root=_text("The id of the drive's root."),
    is_plain=_flag("Whether nothing else was asked for."),
    progress=_object(
        "path",
        "phase",
        path=_text("What is transferred."),
        phase=_choice("What is happening.", *typing.get_args(Phase)),
        done=_COUNT,
        total={**_COUNT, "type": ["integer", "null"]},
        files_done=_COUNT,
        files_total=_COUNT,
        rate={"type": "number", "minimum": 0, "description": "Bytes a second."},
        message=_text("One sentence for a person."),
        code=_text("The error's code."),
    ),
)

ROUTES: tuple[Route, ...] = (
    Route(
        "status",
        StatusHandler,
        {"get": Operation("Who we are in Box; or why there is no connection and what to do", {200: "Status"})},
    ),
    Route(
        "items/{path}",
        ItemsHandler,
        {
            "get": Operation(
                "One page of a folder",
                {200: "Page"},
                {**_paged(1000), **_SORTED},
            )
        },
    ),
    Route(
        "contents/{path}",
        ContentsHandler,
        {
            "get": Operation(
                "A file or folder as Jupyter's Contents API has it; of a folder the first page",
                {200: "Model"},
                {
                    "type": _text("`file`, `notebook` or `directory`."),
                    "format": _text("`text` or `base64`."),
                    "content": _text("0 for the model without content."),
                    "hash": _text("1 for what has a SHA-1 only."),
                    **_SORTED,
                },
            ),
            "post": Operation(
                "A new file, notebook or folder, or a copy, under a free name", {201: "Model"}, body=_MODEL
            ),
            "put": Operation(
                "Save a file, or one chunk of it", {200: "Model", 201: "Model"}, body=_MODEL, headers=("If-Match",)
            ),
            "patch": Operation("Rename", {200: "Model"}, body=_RENAMED),
            "delete": Operation("Move to Box's trash", {204: None}),
        },
    ),
    Route(
        "checkpoints/{path}",
        CheckpointsHandler,
        {
            "get": Operation("A file's versions as Jupyter's checkpoints, the oldest first", {200: "Checkpoints"}),
            "post": Operation(
                "Make a checkpoint, for which nothing is sent; or with `id` restore one",
                {201: "Checkpoint", 204: None},
                {"id": _VERSION},
            ),
            "delete": Operation("Delete a checkpoint", {204: None}, {"id": _needed(_VERSION)}),
        },
    ),
    Route(
        "uploads",
        UploadsHandler,
        {
            "get": Operation("The uploads that are under way", {200: "Uploads"}),
            "post": Operation(
                "Begin an upload in raw parts, or take up the one of the same file",
                {200: "Upload", 201: "Upload"},
                body=_object(
                    "path",
                    "size",
                    path=_text("Where the file goes.", minLength=1),
                    size=_whole("Its bytes.", 0, _SIZE),
                    mtime={
                        **_whole("When it was last changed, in milliseconds since 1970.", 0, 1 << 47),
                        "type": ["integer", "null"],
                    },
                    on_conflict=_ON_CONFLICT,
                    sha1=_text("What its SHA-1 is, in hex.", pattern="^[0-9A-Fa-f]{40}$"),
                ),
            ),
        },
    ),
    Route(
        "uploads/{id}",
        UploadHandler,
        {
            "get": Operation("How far an upload is", {200: "Upload"}),
            "put": Operation(
                "Some of its bytes, at most `part_size`, in any order; what is there already does no harm",
                {200: "Received"},
                {"offset": _needed(_whole("Where they begin.", 0, _SIZE))},
                body="application/octet-stream",
            ),
            "post": Operation(
                "Commit; 202 with the state where Box takes long: commit again", {201: "Item", 202: "Upload"}
            ),
            "delete": Operation("Cancel; nothing of it stays", {204: None}),
        },
    ),
    Route(
        "transfers",
        TransfersHandler,
        {
            "get": Operation("The transfers of this server, and of its kernels and terminals", {200: "Transfers"}),
            "post": Operation(
                "Start a copy",
                {202: "Transfer"},
                body=_object(
                    "kind",
                    "source",
                    "target",
                    kind=_choice("To Box, or from it.", "upload", "download"),
                    source=_text("What to copy; on the server's disk relative to the folder that the server shows."),
                    target=_text("The folder on the other side that it goes into as itself."),
                    on_conflict=_ON_CONFLICT,
                    overwrite=_flag("Whether a file on the server's disk may be replaced."),
                ),
            ),
        },
    ),
    Route(
        "transfers/events",
        TransferEventsHandler,
        {
            "get": Operation(
                "Where the transfers stand, as server-sent events: first all, then every change",
                {200: "text/event-stream"},
                _FOR_SECONDS,
            )
        },
    ),
    Route(
        "events",
        EventsHandler,
        {
            "get": Operation(
                "Server-sent events: `transfer` as in `transfers/events`; `changes` in Box, with the ids of `folders` "
                "and `items` and the `paths` of the folders; `live`, whether Box tells of changes at all",
                {200: "text/event-stream"},
                _FOR_SECONDS,
            )
        },
    ),
    Route(
        "transfers/{id}",
        TransferHandler,
        {
            "get": Operation("Where a transfer stands", {200: "Transfer"}),
            "post": Operation("Do a transfer again that has failed or was cancelled", {202: "Transfer"}),
            "delete": Operation("Cancel a transfer; forget it, if it has ended", {204: None}),
        },
    ),
    Route(
        "files/{path}",
        FilesHandler,
        {
            "get": Operation(
                "A file's bytes; with `redirect=1` a redirect to Box's own pre-signed address",
                {200: "*/*", 206: "*/*", 302: None, 304: None},
                {
                    "version": _VERSION,
                    "redirect": _flag("Answer 302 to Box's own pre-signed address."),
                    "download": _flag("Let the browser save it instead of showing it."),
                },
                headers=("Range", "If-Range", *_CONDITIONS),
            ),
            "head": Operation(
                "A file's size, type and entity tag",
                {200: None, 304: None},
                {"version": _VERSION},
                headers=_CONDITIONS,
            ),
            "put": Operation(
                "Write a file: a new one, or a new version of what is there",
                {200: "Item", 201: "Item"},
                body="application/octet-stream",
                headers=("If-Match", "If-None-Match"),
            ),
        },
    ),
    Route(
        "versions/{path}",
        VersionsHandler,
        {
            "get": Operation("A file's versions, the newest first", {200: "Versions"}),
            "post": Operation(
                "Make an old version the current one", {201: "Version"}, body=_object("version", version=_VERSION)
            ),
            "delete": Operation("Delete an old version", {204: None}, {"version": _needed(_VERSION)}),
        },
    ),
    Route(
        "notebook-diffs/{path}",
        NotebookDiffHandler,
        {
            "get": Operation(
                "What has changed in a notebook since a version, where nbdime is installed",
                {200: "NotebookDiff"},
                {"version": _needed(_VERSION)},
            )
        },
    ),
    Route(
        "archive/{path}",
        ArchiveHandler,
        {"get": Operation("A folder as a zip, made while it is sent", {200: "application/zip"})},
    ),
    Route(
        "search",
        SearchHandler,
        {
            "get": Operation(
                "One page of Box's search, which ends after 10,000 results; `total_count` is what Box estimates",
                {200: "Page"},
                {
                    "q": _needed(_text("What to look for.", minLength=1)),
                    "type": _choice("Only this kind of item.", "file", "folder", "web_link"),
                    "extensions": {
                        "type": "array",
                        "items": {"type": "string", "pattern": "^[A-Za-z0-9]+$"},
                        "description": "Only files with one of these extensions, separated by commas.",
                    },
                    "ancestor": _text("Only below this folder: a path, or an id as in `id:123`."),
                    **_paged(200),
                },
            )
        },
    ),
    Route(
        "shared-links/{path}",
        SharedLinkHandler,
        {
            "get": Operation("An item's shared link, or null", {200: "Link"}),
            "put": Operation(
                "Make or change the shared link; what is not given stays as it is",
                {200: "Link"},
                body=_object(
                    access=_choice("Who may use it.", "open", "company", "collaborators"),
                    password=_optional("What it asks for, open links only; null for no password.", "string"),
                    expires={**_optional("When it ends; null for never.", "string"), "format": "date-time"},
                    can_download=_flag("Whether it allows the download."),
                ),
            ),
            "delete": Operation("Take the shared link away", {204: None}),
        },
    ),
    Route(
        "collaborations/{path}",
        CollaborationsHandler,
        {
            "get": Operation("Who is invited to this very item", {200: "Collaborations"}),
            "post": Operation(
                "Invite a user or a group",
                {201: "Collaboration"},
                body=_object("who", who=_WHO, role=_ROLE, group=_flag("Whether `who` is a group.")),
            ),
            "put": Operation(
                "Change a role", {200: "Collaboration"}, body=_object("who", "role", who=_WHO, role=_ROLE)
            ),
            "delete": Operation("Uninvite", {204: None}, {"who": _needed(_WHO)}),
        },
    ),
    Route(
        "details/{path}",
        DetailsHandler,
        {"get": Operation("All that Box tells of one item", {200: "Item"})},
    ),
    Route(
        "locks/{path}",
        LockHandler,
        {
            "put": Operation(
                "Lock a file, so that only we can change it",
                {200: "Item"},
                body=_object(
                    expires=_text("When the lock ends.", format="date-time"),
                    prevent_download=_flag("Whether others may not even download it meanwhile."),
                ),
            ),
            "delete": Operation("Unlock a file", {204: None}),
        },
    ),
    Route(
        "favourites",
        FavouritesHandler,
        {"get": Operation("The account's favourites that are in the drive", {200: "Found"})},
    ),
    Route(
        "favourites/{path}",
        FavouriteHandler,
        {
            "put": Operation("Make an item a favourite", {200: "Item"}),
            "delete": Operation("Make an item no favourite any more", {204: None}),
        },
    ),
    Route(
        "trash",
        TrashHandler,
        {
            "get": Operation("One page of what was deleted", {200: "Page"}, _paged(1000)),
            "post": Operation(
                "Restore an item",
                {201: "Item"},
                body=_object(
                    "id",
                    id=_text("The item's id.", pattern=_ID),
                    name=_text("Its new name, where the old one is taken."),
                    folder=_text("The folder it goes to, where its own is gone."),
                ),
            ),
            "delete": Operation(
                "Delete an item for good", {204: None}, {"id": _needed(_text("The item's id.", pattern=_ID))}
            ),
        },
    ),
    Route(
        "tokens",
        TokensHandler,
        {
            "post": Operation(
                "A token for one item and a few scopes, for a browser that talks to Box directly; off by default",
                {200: "Token"},
                body=_object(
                    "path",
                    "scopes",
                    path=_text("The item."),
                    scopes={
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "string", "pattern": _SCOPES},
                        "description": "Box's names of what the token may do.",
                    },
                ),
            )
        },
    ),
    Route(
        "kernel-token",
        KernelTokenHandler,
        {"post": Operation("A short-lived token for this server's own kernels", {200: "KernelToken"})},
    ),
    Route(
        "kernel-transfers/{id}",
        KernelTransferHandler,
        {
            "put": Operation(
                "Where a transfer of a kernel or a terminal stands; answers whether it is to end",
                {200: "Told"},
                body=_REPORT,
            )
        },
    ),
    Route("openapi.json", OpenApiHandler, {"get": Operation("This description", {200: "application/json"})}),
)
