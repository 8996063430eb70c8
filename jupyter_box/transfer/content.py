"""Box's calls that carry content, one function each; what to send when is decided by upload and download."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jupyter_box.errors import Exists
from jupyter_box.items import FIELDS, Item, Version
from jupyter_box.session import Session

from .local import BLOCK, Source
from .taken import holder

Note = Callable[[int], None]

_MOMENT = 2.0  # seconds that who cancels is ready to wait for Box


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes: a new name in a folder, or a new version of what is there.

    Attributes:
        folder_id: The folder's id.
        name: The file's name there.
        existing: What gets a new version; None for a new file.
        if_match: The etag that it must still have.
        modified: The content's own time.
    """

    folder_id: str
    name: str
    existing: Item | None = None
    if_match: str | None = None
    modified: datetime | None = None

    @property
    def file_id(self) -> str | None:
        """The id of the file that gets a new version."""
        return self.existing.id if self.existing else None

    def headers(self) -> dict[str, str]:
        """Return the condition that Box shall check."""
        return {"If-Match": self.if_match} if self.if_match and self.existing else {}

    def times(self) -> dict[str, str]:
        """Return the content's time as Box takes it."""
        return {"content_modified_at": rfc3339(self.modified)} if self.modified else {}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a file: its place, its bytes, its SHA-1 in hex; `id` once Box has it."""

    offset: int
    size: int
    sha1: str
    id: str = ""

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Part:
        """Return the part of Box's JSON."""
        return cls(int(json["offset"]), int(json["size"]), str(json.get("sha1") or ""), str(json["part_id"]))

    def to_json(self) -> dict[str, Any]:
        """Return what a commit names the part by."""
        return {"part_id": self.id, "offset": self.offset, "size": self.size, "sha1": self.sha1}


@dataclass(frozen=True, slots=True)
class UploadSession:
    """One of Box's upload sessions; `endpoints` are the addresses that Box gives for its verbs."""

    id: str
    part_size: int
    endpoints: Mapping[str, str]

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> UploadSession:
        """Return the session of Box's JSON."""
        return cls(str(json["id"]), int(json["part_size"]), json.get("session_endpoints") or {})

    def to_json(self) -> dict[str, Any]:
        """Return what `of` takes."""
        return {"id": self.id, "part_size": self.part_size, "session_endpoints": dict(self.endpoints)}


class Body:
    """A request's body, read from the source as it is sent; a second try reads it again.

    Args:
        source: Where the bytes are.
        start: The first byte.
        end: The byte after the last.
        note: Is told the bytes that went out; a negative number takes back those of a failed try.
        head: What goes before the bytes.
        tail: What goes after them.
    """

    def __init__(
        self, source: Source, start: int, end: int, note: Note, *, head: bytes = b"", tail: bytes = b""
    ) -> None:
        self._source, self._start, self._end, self._note = source, start, end, note
        self._head, self._tail = head, tail
        self.sent = 0

    def __len__(self) -> int:
        """Return the length in bytes, so that it is sent with a Content-Length, which Box wants."""
        return len(self._head) + self._end - self._start + len(self._tail)

    def __iter__(self) -> Iterator[bytes | memoryview]:
        self.take_back()
        if len(self) <= BLOCK:
            yield b"".join((self._head, *map(bytes, self._blocks()), self._tail))
            return
        if self._head:
            yield self._head
        yield from self._blocks()
        if self._tail:
            yield self._tail

    def take_back(self) -> None:
        """Say that what was sent does not count."""
        if self.sent:
            self._note(-self.sent)
            self.sent = 0

    def _blocks(self) -> Iterator[memoryview]:
        for block in self._source.blocks(self._start, self._end):
            yield block
            self.sent += len(block)
            self._note(len(block))


class Content:
    """Box's calls for content, through one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._upload_base = f"{session.endpoints.upload}/2.0"
        self._api_base = f"{session.endpoints.api}/2.0"

    def stat(self, file_id: str) -> Item:
        """Return a file's item."""
        return Item.of(self.session.call("GET", f"/files/{file_id}", params={"fields": FIELDS}))

    def version(self, file_id: str, version: str) -> Version:
        """Return a version of a file."""
        params = {"fields": "id,name,size,sha1,created_at,modified_at"}
        return Version.of(self.session.call("GET", f"/files/{file_id}/versions/{version}", params=params))

    def send_whole(
        self, target: Target, source: Source, sha1: str, note: Note, begin: Callable[[], None] = lambda: None
    ) -> Item:
        """Upload a file with one request; `begin` is called before each try."""
        boundary = secrets.token_hex(16)
        body = _form(target, source, boundary, note)

        def again() -> Body:
            begin()
            return body

        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-MD5": sha1}
        path = f"/files/{target.file_id}/content" if target.file_id else "/files/content"
        url = self._upload_base + path
        try:
            answer = self.session.send(
                "POST",
                url,
                headers=headers | target.headers(),
                data=again,
                kind="upload",
                what=target.name,
            )
        except BaseException:
            body.take_back()
            raise
        return Item.of(answer.json()["entries"][0])

    def open_session(self, target: Target, size: int) -> tuple[UploadSession, bool]:
        """Open an upload session; or return the one that Box says is open for the same file, and True."""
        path = f"/files/{target.file_id}/upload_sessions" if target.file_id else "/files/upload_sessions"
        body = {"file_size": size, "file_name": target.name}
        body |= {} if target.file_id else {"folder_id": target.folder_id}
        answer = self.session.send(
            "POST",
            self._upload_base + path,
            data=json.dumps(body),
            headers=_JSON,
            kind="upload",
            ok=(409,),
            what=target.name,
        )
        if answer.status_code == 409:
            live = _live_session(answer.json())
            if live is None:
                raise self.session.translate(answer, target.name)
            return live, True
        return UploadSession.of(answer.json()), False

    def send_part(self, session: UploadSession, part: Part, total: int, body: Callable[[], Body]) -> Part:
        """Upload one part; `body` is asked for it before each try, and may raise to give up."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"bytes {part.offset}-{part.offset + part.size - 1}/{total}",
            "Digest": _digest(part.sha1),
        }
        url = self._endpoint(session, "upload_part")
        answer = self.session.send("PUT", url, headers=headers, data=body, kind="part")
        return Part.of(answer.json()["part"])

    def parts(self, session: UploadSession) -> dict[int, Part]:
        """Return the parts that Box has, by offset."""
        found: dict[int, Part] = {}
        while True:
            before = len(found)
            params = {"offset": before, "limit": 1000}
            page = self.session.send("GET", self._endpoint(session, "list_parts", "/parts"), params=params).json()
            found |= {part.offset: part for part in map(Part.of, page.get("entries") or ())}
            if len(found) in {before, page.get("total_count")}:
                return found

    def commit(self, session: UploadSession, target: Target, parts: list[Part], sha1: str) -> Item:
        """Make the file of its parts; waits while Box still works on them."""
        body = {"parts": [part.to_json() for part in parts], "attributes": target.times()}
        headers = _JSON | {"Digest": _digest(sha1)} | target.headers()
        url = self._endpoint(session, "commit", "/commit")
        answer = self.session.send("POST", url, headers=headers, data=json.dumps(body), kind="commit", what=target.name)
        return Item.of(answer.json()["entries"][0])

    def abort(self, session: UploadSession, *, is_patient: bool = True) -> None:
        """End a session and remove its parts; where it is not patient, within a moment or not at all."""
        how: dict[str, Any] = {} if is_patient else {"retry": False, "kind": "urgent", "timeout": _MOMENT}
        self.session.send("DELETE", self._endpoint(session, "abort"), **how)

    def named(self, target: Target, size: int, path: str = "") -> Item | None:
        """Return what has the name in the folder at `path`, without listing the folder; None if it is free.

        Raises:
            QuotaFull: The file would not find room.
            TooLarge: It is larger than the account allows.
        """
        body = {"name": target.name, "parent": {"id": target.folder_id}, "size": size}
        try:
            self.session.call("OPTIONS", "/files/content", json=body, what=target.name)
        except Exists as error:
            return holder(self.session, error, target.folder_id, path, target.name)
        return None

    def url(self, file_id: str, version: str | None) -> str:
        """Return the address that Box hands content out from, or redirects from."""
        return f"{self._api_base}/files/{file_id}/content" + (f"?version={version}" if version else "")

    def signed_url(self, file_id: str, version: str | None) -> str | None:
        """Return the pre-signed address that Box redirects a download to; None where it answers with the bytes."""
        answer = self.session.send("GET", self.url(file_id, version), stream=True, kind="download", follow=False)
        answer.close()
        return answer.headers["Location"] if answer.is_redirect else None

    def _endpoint(self, session: UploadSession, verb: str, path: str = "") -> str:
        return session.endpoints.get(verb) or f"{self._upload_base}/files/upload_sessions/{session.id}{path}"


_JSON = {"Content-Type": "application/json"}


def rfc3339(moment: datetime) -> str:
    """Return a time as Box takes it: with its offset, without fractions."""
    aware = moment if moment.tzinfo else moment.astimezone()
    return aware.isoformat(timespec="seconds")


def _form(target: Target, source: Source, boundary: str, note: Note) -> Body:
    attributes: dict[str, Any] = {"name": target.name, **target.times()}
    if not target.file_id:
        attributes["parent"] = {"id": target.folder_id}
    # Box refuses the attributes after the content
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="attributes"\r\n\r\n{json.dumps(attributes)}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    tail = f"\r\n--{boundary}--\r\n"
    return Body(source, 0, source.size, note, head=head.encode(), tail=tail.encode())


def _digest(sha1: str) -> str:
    return f"sha={base64.b64encode(bytes.fromhex(sha1)).decode()}"


def _live_session(error: Mapping[str, Any]) -> UploadSession | None:
    live = (error.get("context_info") or {}).get("session") if error.get("code") == "session_conflict" else None
    return UploadSession.of(live) if live else None
