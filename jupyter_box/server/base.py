"""The one base of all handlers: who may ask, how work hops to its threads and back, and how errors are worded."""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ensure_async
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_box.errors import BoxError, Cancelled
from jupyter_box.items import Page, plain

from .backend import Backend
from .body import PATIENCE
from .inputs import Schema, read_body, read_query
from .words import drive_path

if TYPE_CHECKING:
    from jupyter_box.drive import Drive

T = TypeVar("T")
ACTIONS = {"GET": "read", "HEAD": "read", "POST": "write", "PUT": "write", "PATCH": "write", "DELETE": "write"}


class BoxHandler(APIHandler):
    """A handler of the REST face.

    Login, XSRF, origin and Jupyter's authorizer are checked in `prepare`, for every verb, before a body is read.
    """

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    auth_resource = "contents"  # so that rules which an authorizer has for files hold for Box too

    def initialize(self, backend: Backend, operations: Mapping[str, Any]) -> None:
        """Take what the route table gives: the backend, and this route's operations by verb."""
        self.backend = backend
        self.operations = operations
        self.gone = threading.Event()
        self.path = "/"
        self.error_headers: dict[str, str] = {}  # what an error answer says beside its body

    async def prepare(self) -> None:  # type: ignore[override]
        """Let nobody in who may not ask; also looks at the path before anything else happens."""
        await super().prepare()
        if self.request.method == "OPTIONS" or self._finished:
            return
        if not self.current_user:
            raise web.HTTPError(403, "Log in to this Jupyter server first.")
        await self._authorize(ACTIONS[self.request.method or "GET"])
        self.path = self.read_path(self.path_kwargs.pop("path", "") or "")

    def read_path(self, text: str) -> str:
        """Return the path in the drive that the URL's path names."""
        return drive_path(text)

    async def _authorize(self, action: str) -> None:
        allowed = self.authorizer.is_authorized(self, self.current_user, action, self.auth_resource)
        if not await ensure_async(allowed):
            raise web.HTTPError(403, f"Your account here may not {action} {self.auth_resource}.")

    @property
    def connection(self) -> Any:
        """Tornado's connection to the client."""
        return self.request.connection

    @property
    def operation(self) -> Any:
        """The route table's entry for this request."""
        return self.operations[(self.request.method or "GET").lower()]

    def query(self) -> dict[str, Any]:
        """Return the query in its types, as the route table describes it."""
        return read_query(self.request.query_arguments, self.operation.query)

    def query_of(self, *names: str) -> dict[str, Any]:
        """Return those of the query's values that are named, where they are given."""
        return {name: value for name, value in self.query().items() if name in names}

    def body(self) -> dict[str, Any]:
        """Return the JSON body, as the route table describes it."""
        schema: Schema = self.operation.body
        return read_body(self.request.body, schema)

    async def call(self, work: Callable[[Drive], T]) -> T:
        """Return what `work` makes of the drive, in a thread; it is cancelled when the client goes away."""
        return await self._hop(self.backend.calls, lambda: self._attended(lambda: work(self.backend.drive())))

    async def carry_out(self, work: Callable[[Drive], T]) -> T:
        """Return what `work` makes of the drive, in a thread; it goes on when the client goes away."""
        return await self._hop(self.backend.calls, lambda: self._carried_out(work))

    def _carried_out(self, work: Callable[[Drive], T]) -> T:
        from jupyter_box.session import waiting

        stop = threading.Event()
        with self.backend.attending(stop), waiting(cancel=stop):
            return work(self.backend.drive())

    async def transfer(self, work: Callable[[], T]) -> T:
        """Return what `work` gives, in a thread for long transfers."""
        return await self._hop(self.backend.transfers, lambda: self._attended(work))

    async def _hop(self, pool: Executor, work: Callable[[], T]) -> T:
        if self.backend.closing.is_set():
            raise Cancelled("The server is stopping.", hint="Try again when it is back.")
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def _attended(self, work: Callable[[], T]) -> T:
        from jupyter_box.session import waiting

        with self.backend.attending(self.gone), waiting(cancel=self.gone):
            return work()

    def on_connection_close(self) -> None:
        """Note that nobody waits for the answer any more."""
        self.gone.set()

    def answer(self, value: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.finish(json.dumps(value, ensure_ascii=False))

    async def answer_page(self, work: Callable[[Drive], Page]) -> None:
        """Answer with a page that `work` asks the drive for."""
        page = await self.call(lambda drive: plain(work(drive)))
        self.answer({"items": page["items"], "next_marker": page["next_marker"], "total_count": page["total"]})

    def answer_nothing(self) -> None:
        """Answer that it is done."""
        self.set_status(204)
        self.finish()

    async def send(self, chunks: Iterator[bytes], close: Callable[[], None]) -> None:
        """Send what a thread reads, chunk by chunk, so that neither side runs ahead of the other.

        Args:
            chunks: The bytes; read in a thread.
            close: Ends the reading; called in a thread, also when the client went away.
        """
        try:
            while (chunk := await self.transfer(lambda: next(chunks, None))) is not None:
                self.write(chunk)
                await asyncio.wait_for(self.flush(), PATIENCE)
        except (StreamClosedError, TimeoutError, asyncio.TimeoutError):
            self.gone.set()
        finally:
            with contextlib.suppress(Cancelled, RuntimeError):
                await self._hop(self.backend.transfers, close)
        if not self.gone.is_set():
            self.finish()

    def set_default_headers(self) -> None:
        """Answer with JSON, unless a handler says otherwise."""
        super().set_default_headers()
        self.set_header("Content-Type", "application/json")

    def finish(self, *args: Any, **kwargs: Any) -> asyncio.Future[None]:
        """Finish as Jupyter's API does, but with the content type that the handler has set."""
        self.update_api_activity()
        return super(APIHandler, self).finish(*args, **kwargs)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log an error of Box as one line; it is no defect of ours, so it has no traceback."""
        if isinstance(value, BoxError):
            self.log.warning("%s %s: %s", self.request.method, self.request.path, value)
        else:
            super().log_exception(typ, value, tb)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with the error; where the answer has begun, break it off, so that nobody takes it for whole."""
        if self._headers_written:
            self.connection.stream.close()
        else:
            super().send_error(status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Word an error as `{code, message, hint, request_id}`."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        if isinstance(error, BoxError):
            self.set_status(error.status, _phrase(error.status))
            if error.retry_after is not None:
                self.error_headers["Retry-After"] = str(max(1, round(error.retry_after)))
            reply = self.wording(error)
        else:
            reply = _own_error(status_code, error)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        for name, value in self.error_headers.items():
            self.set_header(name, value)
        self.finish(json.dumps(reply, ensure_ascii=False))

    def wording(self, error: BoxError) -> dict[str, Any]:
        """Return what an answer says of an error."""
        return error.to_dict()


def _own_error(status: int, error: Any) -> dict[str, str | None]:
    message = "Something went wrong in jupyter-box; the server's log has the details."
    if isinstance(error, web.HTTPError):
        message = _message(error) or f"{_phrase(status)}."
    code = _phrase(status).lower().replace(" ", "_").replace("-", "_")
    return {"code": code, "message": message, "hint": "", "request_id": None}


def _message(error: web.HTTPError) -> str:
    # Tornado doubles percent signs of a message without arguments
    try:
        return (error.log_message or "") % error.args
    except TypeError:
        return error.log_message or ""


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Client Closed Request"
