"""The values that travel between the server and the views: a request, a response, a received body."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator import bodies
from jupyter_box.emulator.permissions import Access
from jupyter_box.emulator.problems import Problem, invalid
from jupyter_box.emulator.store.blobs import Content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jupyter_box.emulator.store import Store
    from jupyter_box.emulator.tokens import Identity


@dataclass(frozen=True)
class Upload:
    """A body that went to disk as it arrived: its `blob` id (or none, for a part), size in bytes and digests."""

    blob: str | None = None
    size: int = 0
    sha1: str = ""
    sha512: str = ""
    attributes: bytes | None = None
    attributes_first: bool = True
    filename: str = ""

    @property
    def content(self) -> Content:
        """Return what is on disk."""
        assert self.blob is not None
        return Content(self.blob, self.size, self.sha1)


@dataclass(frozen=True)
class FileSlice:
    """`size` bytes of the file at `path`, from `offset`."""

    path: str
    offset: int
    size: int


@dataclass(frozen=True)
class LongPoll:
    """Wait until `user` has an event after `position`, for at most `timeout` seconds."""

    user: int
    position: int
    timeout: float


@dataclass(frozen=True)
class Response:
    """What a view answers; `json` or `content` or `stream` or `poll` is the body, at most one of them."""

    status: int = 200
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = "application/json"
    stream: FileSlice | Iterator[bytes] | None = None
    poll: LongPoll | None = None


NO_CONTENT = Response(204)


@dataclass(frozen=True)
class Request:
    """One request, already authenticated; `base`, `upload_base` and `download_base` are our own addresses."""

    store: Store
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    download_base: str
    identity: Identity | None = None
    upload: Upload | None = None
    shared_link: tuple[str, str | None] | None = None
    twin: bool = False

    @property
    def upload_base(self) -> str:
        """Return the base of the upload host, as `BOX_URL` maps it."""
        return f"{self.base}/api/2.0"

    @property
    def who(self) -> Identity:
        """Return the caller; raise `unauthorized` for a request without a token."""
        if self.identity is None:
            raise Problem("unauthorized", "Unauthorized")
        return self.identity

    @cached_property
    def access(self) -> Access:
        """Return what the caller may do."""
        return Access(self.store, self.who, self.shared_link)

    @cached_property
    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty body is an empty object."""
        return bodies.read(self.body)

    @property
    def fields(self) -> tuple[str, ...] | None:
        """Return the names in `fields`, or None when the caller asks for the usual ones."""
        text = self.query.get("fields", "")
        names = tuple(name.strip() for name in text.split(",") if name.strip())
        return names or None

    def number(self, name: str, default: int, largest: int | None = None, smallest: int = 0) -> int:
        """Return the query parameter `name`; too large is clamped, as Box does, and nonsense refused."""
        text = self.query.get(name, "")
        if text == "":
            return default
        try:
            value = int(text)
        except ValueError as error:
            raise invalid(name) from error
        if not smallest <= value < 1 << 63:
            raise invalid(name)
        return value if largest is None else min(value, largest)

    def flag(self, name: str) -> bool:
        """Return whether the query parameter `name` says true."""
        return self.query.get(name, "").lower() in ("true", "1")

    def need(self, *path: str) -> Any:
        """Return the body's field at `path`; refuse a body without it."""
        value: Any = self.json
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            raise invalid(".".join(path), "missing_parameter", f"'{'.'.join(path)}' is required")
        return value
