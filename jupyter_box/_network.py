"""The one retry loop, over one pool of connections; the token and the rate limit come in by a `Gate`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from mmap import mmap
from typing import Any

import requests
from requests.utils import super_len

from ._connections import Connections
from ._problems import FAILURES, code_of, no_answer, refusal, retry_after, server_time
from ._ratelimit import Kind
from ._waiting import ANYWHERE, CLOCK, Clock, OnWait, Patience, Place, Trouble, current_place, holding, rest, waiting
from .errors import BoxError, Busy

USER_AGENT = "jupyter-box"
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0

_BLOCKED = ("operation_blocked_temporary", "name_temporarily_reserved")
_SERVER = (500, 502, 503, 504, 509)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the caller means it.

    Attributes:
        ok: Statuses beside success that are answers and no errors.
        awaited: What answers may just be restarting, so a refused connection is tried as often as a lost one.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, Any] | None = None
    data: Any = field(default=None, repr=False)
    stream: bool = False
    follow: bool = True
    retry: bool = True
    ok: Collection[int] = ()
    what: str = ""
    kind: Kind = "call"
    timeout: float = READ_TIMEOUT
    awaited: bool = False


class Gate:
    """What stands before each attempt: here nothing; `session` puts the rate limit and the token there."""

    def admit(self, request: Request, patience: Patience) -> None:
        """Wait until the request may go."""

    def place(self) -> Place:
        """Return what the request holds while it is under way."""
        return ANYWHERE

    def authorization(self) -> str | None:
        """Return the `Authorization` header, or None."""
        return None

    def renew(self, _rejected: str) -> bool:
        """Get another authorization after Box refused that one; tell whether there is one."""
        return False


class Placed(Gate):
    """Holds the place that is the current thread's, as `holding` says."""

    def place(self) -> Place:
        return current_place()


class Body:
    """What a request carries, ready to be sent again if it can be.

    Args:
        data: Bytes, a buffer, a form, a seekable or unseekable stream, an iterator, or a function that makes one.
    """

    def __init__(self, data: Any) -> None:
        self._data: Any = memoryview(data) if isinstance(data, (bytearray, mmap)) else data
        self._start = _position(data)
        at_rest = data is None or isinstance(self._data, (bytes, str, memoryview, dict))
        self.repeatable = at_rest or self._start is not None or callable(data)

    def fresh(self) -> Any:
        """Return the body from its beginning."""
        if callable(self._data):
            return self._data()
        if self._start is not None:
            self._data.seek(self._start)
        return self._data


class _Watched:
    """A stream that remembers its own failure: requests reports a disk that fails and a line that fails alike."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.len = super_len(stream)  # type: ignore[no-untyped-call]
        self.error: OSError | None = None
        if hasattr(stream, "read"):
            self.read = self._read
        if hasattr(stream, "content_type"):
            self.content_type = stream.content_type

    @classmethod
    def of(cls, data: Any) -> Any:
        """Return a stream or iterator watched, and any other body as it is."""
        return cls(data) if hasattr(data, "read") or hasattr(data, "__next__") else data

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._stream
        except OSError as error:
            self.error = error
            raise

    def _read(self, size: int = -1) -> Any:
        try:
            return self._stream.read(size)
        except OSError as error:
            self.error = error
            raise


def _position(data: Any) -> int | None:
    try:
        return int(data.tell()) if data.seekable() else None
    except (AttributeError, OSError):
        return None


class Network:
    """Sends requests over one pool of connections and tries again where that helps; safe to use from many threads.

    Args:
        clock: The time.
        deadline: Seconds that one request, with all its waits and tries, may take.
    """

    def __init__(self, *, clock: Clock = CLOCK, deadline: float = 600) -> None:
        self.clock = clock
        self.deadline = deadline
        self.http = Connections()
        self._skew: tuple[float, float] | None = None

    def send(self, request: Request, gate: Gate | None = None) -> requests.Response:
        """Return Box's answer; raise our error once no further try helps.

        Raises:
            BoxError: Box refuses, does not answer, or asks us to wait past the deadline.
        """
        gate, body = gate or Gate(), Body(request.data)
        patience = Patience(self.clock, self.deadline, place := gate.place())
        while True:
            patience.check()
            gate.admit(request, patience)
            authorization = gate.authorization()
            place.take()
            outcome = self._attempt(request, body, authorization)
            trouble = diagnose(outcome, request)
            if trouble is None or _was_done(outcome, request, patience):
                return outcome  # type: ignore[return-value]  # no trouble, no exception
            renewed = self._renewed(trouble, authorization, gate, patience)
            if not body.repeatable:
                raise trouble.error
            if not renewed:
                patience.endure(trouble)

    def skew(self) -> float | None:
        """Return by how many seconds the server's clock is ahead of ours, as of its last answer."""
        if self._skew is None:
            return None
        theirs, ours = self._skew
        return theirs - ours

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def _renewed(self, trouble: Trouble, authorization: str | None, gate: Gate, patience: Patience) -> bool:
        """Tell whether the token was refused for the first time and there is another."""
        if trouble.kind != "unauthorized" or not authorization or patience.tries["renewed"]:
            return False
        patience.tries["renewed"] += 1
        return gate.renew(authorization)

    def _attempt(self, request: Request, body: Body, authorization: str | None) -> requests.Response | Exception:
        data = _Watched.of(body.fresh())
        try:
            response = self.http.exchange(
                request.method,
                request.url,
                params=request.params,
                data=data,
                headers=_headers(request, authorization, data),
                stream=request.stream,
                follow=request.follow and request.method != "OPTIONS",
                timeout=(min(CONNECT_TIMEOUT, request.timeout), request.timeout),
            )
        except (requests.RequestException, OSError) as error:
            if isinstance(data, _Watched) and data.error:
                raise data.error from None
            return error
        return self._noted(response)

    def _noted(self, response: requests.Response) -> requests.Response:
        # an answer reached by a redirect is of another server, with a clock of its own
        told = None if response.history else server_time(response)
        if told is not None:
            self._skew = (told, self.clock.time())
        return response


def _headers(request: Request, authorization: str | None, data: Any) -> dict[str, str]:
    headers = {"User-Agent": USER_AGENT, **request.headers}
    if hasattr(data, "content_type"):
        # a multipart body is cut by a boundary of its own, which its header has to name
        headers["Content-Type"] = data.content_type
    if request.stream:
        # a file comes as it is, so that its size and its ranges hold
        headers.setdefault("Accept-Encoding", "identity")
    if authorization:
        headers["Authorization"] = authorization
    return headers


def diagnose(outcome: requests.Response | Exception, request: Request) -> Trouble | None:
    """Return what is wrong with an attempt's outcome, or None when it is an answer for the caller."""
    if isinstance(outcome, BoxError):
        return Trouble("final", outcome)
    if isinstance(outcome, Exception):
        return _trouble_without_answer(outcome, request)
    status = outcome.status_code
    if status == 202 and 202 not in request.ok and request.retry and _is_unready(outcome, request):
        return _unready(outcome, request)
    if status < 400 or (status in request.ok and code_of(outcome) not in _BLOCKED):
        return None
    trouble = _trouble_of(outcome, request)
    outcome.close()
    return trouble if request.retry or trouble.kind == "unauthorized" else Trouble("final", trouble.error)


def _trouble_without_answer(outcome: Exception, request: Request) -> Trouble:
    error = no_answer(outcome, request.url)
    kind = "offline" if FAILURES[error.code].lasting and not request.awaited else "lost"
    if error.code in ("tls_failed", "bad_address") or not request.retry:
        kind = "final"
    return Trouble(kind, error, f"{error.message} Waiting")


def _is_unready(response: requests.Response, request: Request) -> bool:
    """Tell whether a 202 says that there is nothing yet; to some requests it is an answer."""
    return "Retry-After" in response.headers or request.kind in ("download", "commit")


def _unready(response: requests.Response, request: Request) -> Trouble:
    what = request.what or "the file"
    delay = retry_after(response)
    response.close()
    error = Busy(f"Box is still working on {what}.", hint="Try again in a minute.", code="not_ready", retry_after=delay)
    return Trouble("unready", error, f"Box is still working on {what}: waiting", delay)


def _trouble_of(response: requests.Response, request: Request) -> Trouble:
    status, error = response.status_code, refusal(response, request.what)
    if status == 401:
        return Trouble("unauthorized", error)
    if status == 429:
        return Trouble("throttled", error, "Box asks us to wait", error.retry_after)
    if error.code in _BLOCKED:
        return Trouble("blocked", error, f"{error.message} Waiting", error.retry_after)
    if status == 400 and error.code == "parts_mismatch":
        # right after the last part Box may not have counted them all yet
        return Trouble("settling", error, "Box is still counting the parts: waiting", error.retry_after)
    if status in _SERVER:
        return Trouble(
            "throttled" if error.retry_after else "server", error, "Box has a problem: waiting", error.retry_after
        )
    return Trouble("final", error)


def _was_done(outcome: requests.Response | Exception, request: Request, patience: Patience) -> bool:
    """Tell whether a DELETE whose reply was lost had been done: its second try finds nothing."""
    lost = patience.tries["lost"] or patience.tries["server"]
    is_gone = isinstance(outcome, requests.Response) and outcome.status_code == 404
    return bool(request.method == "DELETE" and lost and is_gone)


__all__ = [
    "CLOCK",
    "Clock",
    "Connections",
    "Gate",
    "Network",
    "OnWait",
    "Patience",
    "Placed",
    "Request",
    "current_place",
    "holding",
    "rest",
    "waiting",
]
