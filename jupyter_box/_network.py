"""One pool of connections and the one retry loop; the token and the rate limit come in by a `Gate`."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from mmap import mmap
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import super_len

from ._problems import FAILURES, code_of, no_answer, refusal, retry_after, server_time
from ._ratelimit import Kind
from .errors import BoxError, Busy, Cancelled

USER_AGENT = "jupyter-box"
POOL = 32
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Clock:
    """Time and chance, as one argument: a test passes its own."""

    def monotonic(self) -> float:
        """Return seconds on a clock that never jumps."""
        return time.monotonic()

    def time(self) -> float:
        """Return this machine's idea of the seconds since 1970."""
        return time.time()

    def random(self) -> float:
        """Return a number from 0 to 1, for the jitter."""
        return random.random()  # noqa: S311  spreads retries, hides nothing

    def sleep(self, seconds: float, cancel: threading.Event | None = None) -> None:
        """Wait, but no longer than until `cancel` is set."""
        (cancel or threading.Event()).wait(seconds)


CLOCK = Clock()


class OnWait(Protocol):
    """Is told of each wait before it begins; may raise `Cancelled`."""

    def __call__(self, seconds: float, reason: str, /) -> None:
        """Take note of a wait of so many seconds, and why."""


def _in_silence(_seconds: float, _reason: str, /) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class _Waiter:
    on_wait: OnWait = _in_silence
    cancel: threading.Event | None = None

    def check(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("Stopped.", hint="Nothing half-done was kept.")


_waiter: ContextVar[_Waiter] = ContextVar("jupyter_box_waiter", default=_Waiter())  # noqa: B039  it is frozen


@contextmanager
def waiting(on_wait: OnWait | None = None, *, cancel: threading.Event | None = None) -> Iterator[None]:
    """Say who hears of the waits of the calls inside, and what stops them; it holds for this thread only.

    Args:
        on_wait: Called before each wait with its seconds and one sentence, e.g. "Box asks us to wait 12 s"
        cancel: Once it is set, a wait ends at once and the call raises `Cancelled`.
    """
    token = _waiter.set(_Waiter(on_wait or _in_silence, cancel))
    try:
        yield
    finally:
        _waiter.reset(token)


class Patience:
    """How long one call may go on: every wait of it passes here, and none goes past its deadline.

    Args:
        clock: The time.
        deadline: Seconds from now.
    """

    def __init__(self, clock: Clock, deadline: float) -> None:
        self.clock = clock
        self.until = clock.monotonic() + deadline
        self.tries: Counter[str] = Counter()

    def check(self) -> None:
        """Raise `Cancelled` when the caller has asked to stop."""
        _waiter.get().check()

    def wait(self, seconds: float, reason: str) -> None:
        """Wait, telling the listener why and how long first; raise `Cancelled` once the caller asks to stop."""
        waiter = _waiter.get()
        waiter.check()
        if not seconds:
            return
        waiter.on_wait(seconds, f"{reason} {max(1, round(seconds))} s")
        self.clock.sleep(seconds, waiter.cancel)
        waiter.check()

    def endure(self, trouble: Trouble) -> None:
        """Wait before another try; raise the trouble's error when it was the last one or time is up."""
        self.tries[trouble.kind] += 1
        tries = self.tries[trouble.kind]
        seconds = self._pause(trouble, tries)
        limit = TRIES[trouble.kind]
        if (limit is not None and tries > limit) or self.clock.monotonic() + seconds > self.until:
            raise trouble.error
        self.wait(seconds, trouble.reason)

    def _pause(self, trouble: Trouble, tries: int) -> float:
        if trouble.delay is not None:
            return max(trouble.delay, 0.05)
        # a connection that idled too long breaks on its next use: that is worth one try at once
        if trouble.kind == "lost" and tries == 1:
            return 0.0
        return min(30.0, 0.25 * 2.0 ** min(tries, 10)) * (0.5 + self.clock.random())


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt did not do: the error to raise in the end, and how another try would go."""

    kind: str
    error: BoxError
    reason: str = ""
    delay: float | None = None


# How often each kind of trouble is tried again; None: until the deadline.
TRIES: dict[str, int | None] = {
    "final": 0,
    "unauthorized": 0,
    "throttled": None,
    "unready": None,
    "blocked": None,
    "settling": 6,
    "server": 5,
    "lost": 5,
    "offline": 2,
}
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

    def authorization(self) -> str | None:
        """Return the `Authorization` header, or None."""
        return None

    def renew(self, _rejected: str) -> bool:
        """Get another authorization after Box refused that one; tell whether there is one."""
        return False


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
        gate, patience, body = gate or Gate(), Patience(self.clock, self.deadline), Body(request.data)
        while True:
            patience.check()
            gate.admit(request, patience)
            authorization = gate.authorization()
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
                timeout=(CONNECT_TIMEOUT, request.timeout),
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
    if status == 202 and "Retry-After" in outcome.headers and 202 not in request.ok and request.retry:
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


class Connections(requests.Session):
    """A pool that honours the environment's proxies and certificate authorities, and nothing else of it.

    `.netrc` is never read, loopback never goes through a proxy, and a redirect to another host carries nothing
    that says who we are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.auth = _as_it_is
        # Box needs none, and a cookie of one identity must not go with the next
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._settings: dict[object, dict[str, Any]] = {}
        self._usual = dict(self.headers)
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(pool_connections=POOL, pool_maxsize=POOL))

    def exchange(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        data: Any,
        headers: Mapping[str, str],
        stream: bool,
        follow: bool,
        timeout: tuple[float, float],
    ) -> requests.Response:
        """Return what `request` does, without what it does for cookies, hooks and `.netrc`: half of its own time.

        Args:
            method: The HTTP method.
            url: The whole address.
            params: The query.
            data: The body.
            headers: Those of this request.
            stream: Leave the answer's body on the wire.
            follow: Follow redirects.
            timeout: Seconds to connect, and without a byte.
        """
        prepared = requests.PreparedRequest()
        prepared.prepare(method, url, {**self._usual, **headers}, data=data, params=params, auth=_as_it_is)
        settings = {**self.merge_environment_settings(prepared.url, {}, stream, None, None), "timeout": timeout}
        response = self.get_adapter(prepared.url or url).send(prepared, **settings)
        if follow and response.is_redirect:
            answers = [response, *self._followed(response, prepared, settings)]
            response = answers.pop()
            response.history = answers
        if not stream:
            response.content  # noqa: B018  read now, so that the connection is free and a break is told here
        return response

    def _followed(
        self, response: requests.Response, prepared: requests.PreparedRequest, settings: Mapping[str, Any]
    ) -> Iterator[requests.Response]:
        yield from self.resolve_redirects(response, prepared, **settings)

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Return the environment's proxies and certificates for an address, looked up once a host for speed."""
        host = _host(url)
        if host not in self._settings:
            settings = super().merge_environment_settings(url, proxies, None, verify, cert)
            self._settings[host] = {**settings, "proxies": {}} if host[1] in LOOPBACK else dict(settings)
        return {**self._settings[host], "stream": stream}

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop what says who we are when a redirect leads to another host."""
        if _host(response.request.url) != _host(prepared_request.url):
            for name in ("Authorization", "As-User", "BoxApi"):
                prepared_request.headers.pop(name, None)

    def rebuild_proxies(self, prepared_request: Any, proxies: Any) -> Any:
        """Return the proxies for a redirect's target."""
        found = super().rebuild_proxies(prepared_request, proxies)  # type: ignore[no-untyped-call]
        return {} if urlsplit(str(prepared_request.url)).hostname in LOOPBACK else found


def _host(url: str | None) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url or "")
    return parts.scheme, parts.hostname, parts.port


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing: requests would read `.netrc` where a session has no `auth`."""
    return request


__all__ = ["CLOCK", "Clock", "Connections", "Gate", "Network", "OnWait", "Patience", "Request", "waiting"]
