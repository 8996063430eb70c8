"""The handlers that carry bytes: a file both ways, and a folder as a zip."""

from __future__ import annotations

import asyncio
import io
import mimetypes
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from tornado import web

from jupyter_box import paths
from jupyter_box.errors import Changed, Exists, InvalidName, NotFound
from jupyter_box.items import Item, Version

from . import conditional
from .base import BoxHandler
from .body import Body

if TYPE_CHECKING:
    from jupyter_box.drive import Drive

NO_LIMIT = 1 << 62  # bytes; Box has its own limit, and says which
READ_AHEAD = 1 << 20  # bytes that a reader takes from the body at once


@dataclass(frozen=True, slots=True)
class Content:
    """What a request asks for: a file, or one of its past versions."""

    item: Item
    version: Version | None

    @property
    def size(self) -> int:
        """Its bytes."""
        return (self.version.size if self.version else self.item.size) or 0

    @property
    def etag(self) -> str:
        """Its entity tag: Box's etag, which an upload can name in `If-Match`; of a past version, its id."""
        if self.version:
            return conditional.etag(f"version-{self.version.id}")
        return conditional.etag(self.item.etag or self.item.version or self.item.id)


@web.stream_request_body
class FilesHandler(BoxHandler):
    """A file's bytes."""

    body_stream: Body | None = None
    written: Future[tuple[Item, bool]]

    async def prepare(self) -> None:  # type: ignore[override]
        """Check who asks before the first byte of an upload is read; then lift Jupyter's limit on its size."""
        await super().prepare()
        if self.request.method == "PUT" and not self._finished:
            self._refuse_parts()
            self.connection.set_max_body_size(NO_LIMIT)
            self._start_writing()

    def _refuse_parts(self) -> None:
        if "Content-Range" in self.request.headers:
            raise InvalidName("A part of a file cannot be uploaded here.", hint="Send all of it.", code="bad_request")
        if paths.normalise(self.path) == paths.ROOT:
            raise InvalidName("The path names no file.", hint="Add the file's name to it.", code="bad_request")

    def _start_writing(self) -> None:
        length = self.request.headers.get("Content-Length", "")
        body = Body(asyncio.get_running_loop(), int(length) if length.isdigit() else None)
        self.body_stream = body
        self.written = self.backend.transfers.submit(self._attended, lambda: self._write(self.backend.drive(), body))
        self.written.add_done_callback(self._tell_if_given_up)

    def _tell_if_given_up(self, written: Future[tuple[Item, bool]]) -> None:
        # the verb's method, which would tell, never runs when the client went away
        if self.gone.is_set() and not written.cancelled() and written.exception():
            self.log.info("PUT %s: %s", self.request.path, written.exception())

    async def data_received(self, chunk: bytes) -> None:
        """Hand a piece of the body on; waits while Box is slower than the client."""
        if self.body_stream is not None:
            await self.body_stream.feed(chunk)

    def on_connection_close(self) -> None:
        """Give an upload up, so that nothing of it stays in Box."""
        super().on_connection_close()
        if self.body_stream is not None:
            self.body_stream.abort()

    async def put(self) -> None:
        """Write the file; answers once Box has it all."""
        assert self.body_stream is not None
        self.body_stream.end()
        item, made = await asyncio.wrap_future(self.written)
        self.set_header("ETag", Content(item, None).etag)
        self.answer(item.to_dict(), 201 if made else 200)

    def _write(self, drive: Drive, body: Body) -> tuple[Item, bool]:
        with body:
            before = _existing(drive, self.path)
            tag = Content(before, None).etag if before else None
            self._check_match(tag)
            if before and conditional.matches(self._unwanted, tag or "", weak=True):
                raise self._is_there(before.id)
            etag = before.etag if before and "If-Match" in self.request.headers else None
            with io.BufferedReader(body, READ_AHEAD) as stream:
                return self._send(drive, stream, body.size, etag), before is None

    def _send(self, drive: Drive, stream: BinaryIO, size: int | None, etag: str | None) -> Item:
        must_be_new = "*" in conditional.tags(self._unwanted)
        try:
            return drive.write(self.path, stream, size=size, if_match=etag, must_be_new=must_be_new)
        except Exists as error:
            if must_be_new:
                raise self._is_there(error.item_id) from None
            raise

    @property
    def _unwanted(self) -> str:
        return self.request.headers.get("If-None-Match", "")

    def _is_there(self, item_id: str | None) -> Changed:
        hint = "Leave out If-None-Match to replace it."
        return Changed(f"{self.path} is there already.", hint=hint, code="exists", item_id=item_id)

    def _check_match(self, tag: str | None) -> None:
        expected = self.request.headers.get("If-Match")
        if expected and not (tag and conditional.matches(expected, tag)):
            raise Changed(f"{self.path} is not the version that If-Match names.", hint="Read it again, then decide.")

    async def get(self) -> None:
        """Answer with the bytes, or with the range asked for; with `redirect=1` with their address in Box."""
        self.check_xsrf_cookie()  # as Jupyter's own file handler does, against inclusion by other sites
        query = self.query()
        if query.get("redirect") and await self._redirect(query.get("version")):
            return
        await self._answer_with(await self._content())

    async def head(self) -> None:
        """Answer as GET does without a range, but without the bytes."""
        self._describe(await self._content())
        self.finish()

    async def _redirect(self, version: str | None) -> bool:
        url = await self.call(lambda drive: drive.download_url(self.path, version=version))
        if url:
            self.set_header("Cache-Control", "no-store")
            self.set_header("Referrer-Policy", "no-referrer")
            self.redirect(url)
        return bool(url)

    async def _content(self) -> Content:
        version = self.query().get("version")
        return await self.call(lambda drive: _content(drive, self.path, version))

    async def _answer_with(self, content: Content) -> None:
        if not self._describe(content):
            self.finish()
            return
        span = self._span(content)
        # by its id also the current one, which the entity tag above is of
        version = content.version.id if content.version else content.item.version
        download = await self.transfer(
            lambda: self.backend.drive().open(self.path, version=version, start=span.start, end=span.end)
        )
        if download.size != span.size:
            await self.transfer(download.close)
            raise Changed(f"{self.path} changes just now.", hint="Try again.")
        await self.send(iter(download), download.close)

    def _describe(self, content: Content) -> bool:
        """Set the headers; return whether the bytes are wanted, which the client may have already."""
        self.set_header("ETag", content.etag)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Cache-Control", "private, no-cache")
        if content.item.modified and not content.version:
            self.set_header("Last-Modified", conditional.date(content.item.modified))
        self._check_match(content.etag)
        if self._has_it(content):
            self.set_status(304)
            return False
        self._name(content.item.name)
        self.set_header("Content-Length", str(content.size))
        return True

    def _has_it(self, content: Content) -> bool:
        if "If-None-Match" in self.request.headers:
            return conditional.matches(self._unwanted, content.etag, weak=True)
        since, moment = self.request.headers.get("If-Modified-Since"), content.item.modified
        return bool(since and moment and not content.version and not conditional.changed_since(since, moment))

    def _span(self, content: Content) -> conditional.Span:
        """Return the bytes that are wanted; where they are some of the file's, say so in the headers."""
        header, condition = self.request.headers.get("Range", ""), self.request.headers.get("If-Range")
        whole = conditional.Span(0, content.size)
        if condition and not conditional.matches(condition, content.etag):
            return whole
        try:
            span = conditional.requested_span(header, content.size)
        except conditional.UnsatisfiableError:
            self.error_headers["Content-Range"] = f"bytes */{content.size}"
            raise web.HTTPError(416, f"{self.path} has {content.size} bytes, none of them in the range.") from None
        if span is None:
            return whole
        self.set_status(206)
        self.set_header("Content-Range", span.of(content.size))
        self.set_header("Content-Length", str(span.size))
        return span

    def _name(self, name: str) -> None:
        self.set_header("Content-Type", mimetypes.guess_type(name)[0] or "application/octet-stream")
        if self.query().get("download"):
            self.set_header("Content-Disposition", _attachment(name))

    @property
    def content_security_policy(self) -> str:
        """The policy of the base, and a sandbox: a page from Box must not act as this server."""
        return f"{super().content_security_policy}; sandbox"


class ArchiveHandler(BoxHandler):
    """A folder as a zip."""

    async def get(self) -> None:
        """Answer with the zip, made while it is sent."""
        self.check_xsrf_cookie()
        item = await self.call(lambda drive: drive.stat(self.path))
        chunks = await self.transfer(lambda: iter(self.backend.drive().archive(self.path)))
        first = await self.transfer(lambda: next(chunks, b""))
        self.set_header("Content-Type", "application/zip")
        self.set_header("Content-Disposition", _attachment(f"{item.name or 'Box'}.zip"))
        self.write(first)
        await self.send(chunks, getattr(chunks, "close", lambda: None))


def _existing(drive: Drive, path: str) -> Item | None:
    try:
        return drive.stat(path)
    except NotFound:
        return None


def _content(drive: Drive, path: str, version: str | None) -> Content:
    item = drive.stat(path)
    if not item.is_file:
        raise InvalidName(f"{path} is no file.", hint="A folder's bytes are under archive/.", code="not_a_file")
    return Content(item, _version(drive, path, version) if version and version != item.version else None)


def _version(drive: Drive, path: str, version: str) -> Version:
    for each in drive.versions(path):
        if each.id == version:
            return each
    raise NotFound(f"{path} has no version {version}.", hint="versions/ lists what there is.")


def _attachment(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
