"""The only way to Box: builds the SDK's client and carries each call with the token, the rate limit and the retries.

Paths, items and what a call means are left to `lookup`, `transfer` and `drive`.
"""

from __future__ import annotations

import json as jsonlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, cast

import requests
from box_sdk_gen import BaseUrls, BoxClient, FetchOptions, NetworkSession
from box_sdk_gen.networking.fetch_response import FetchResponse
from box_sdk_gen.networking.multipart_stream import MultipartStream
from box_sdk_gen.networking.network_client import NetworkClient

from ._network import (
    CLOCK,
    READ_TIMEOUT,
    Clock,
    Network,
    Patience,
    Placed,
    Request,
    current_place,
    holding,
    rest,
    waiting,
)
from ._problems import no_answer, refusal
from ._ratelimit import Kind, RateLimiter, limiter_of
from .auth import Auth
from .config import BoxConfig, Endpoints, RateLimit
from .errors import BoxError, Busy, InvalidName, Unreachable

if TYPE_CHECKING:
    from typing_extensions import Self

ACCOUNT_FIELDS = "id,type,name,login,space_amount,space_used,max_upload_size,enterprise"
_READING = ("GET", "HEAD", "OPTIONS")
_PER_MINUTE = {"upload": "uploads", "search": "searches"}


@dataclass(frozen=True, slots=True)
class _Manner:
    """How one call through the SDK's client is to be treated."""

    kind: Kind = "call"
    what: str = ""
    retry: bool = True


class Session:
    """A connection to Box as one identity; safe to use from many threads, and as a context manager.

    Args:
        auth: Who we are.
        endpoints: Where Box is.
        limits: What may be sent a minute; shared by all sessions of this identity in the process.
        deadline: Seconds that one call may take with all its waits and tries.
        clock: The time.

    Attributes:
        state: Stands for Box as this process last changed it: another object after each request that may have changed
            something, by whichever session; for those who remember listings.
    """

    state: ClassVar[object] = object()

    def __init__(
        self,
        auth: Auth,
        endpoints: Endpoints,
        limits: RateLimit,
        *,
        deadline: float = 600,
        clock: Clock = CLOCK,
    ) -> None:
        self.auth = auth
        self.endpoints = endpoints
        self.network = Network(clock=clock, deadline=deadline)
        self._gate = _Gate(auth, limiter_of(auth.identity, limits, clock))
        self._bare_gate = Placed()
        self._urls = BaseUrls(base_url=endpoints.api, upload_url=endpoints.upload, oauth_2_url=endpoints.oauth)
        self._sdk = NetworkSession(network_client=_Carrier(self, _Manner()), base_urls=self._urls)
        self.client = BoxClient(auth, network_session=self._sdk)
        self._me: dict[str, Any] | None = None
        self._lock = threading.Lock()

    @classmethod
    def connect(cls, config: BoxConfig) -> Session:
        """Return a session as the settings say; nothing is sent yet.

        Raises:
            NotConfigured: The settings do not say who we are.
        """
        endpoints = config.endpoints()
        auth = Auth(config.credentials(), endpoints, reread=config.credentials)
        return cls(auth, endpoints, config.limits(), deadline=config.retry_deadline)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        """Say who we are, and nothing of the secret."""
        return f"<Session {self.identity}>"

    def close(self) -> None:
        """Close the connections."""
        self.network.close()
        self.auth.close()

    @property
    def identity(self) -> str:
        """A key for caches and limits: the same for every session of this app and subject, without any secret."""
        return self.auth.identity

    @property
    def root(self) -> str | None:
        """The id of the folder that the Hub's broker or the Jupyter server gave us as the root; None without one."""
        if self.auth.mode in ("BrokerAccess", "ServerAccess"):
            self.auth.token()
        return self.auth.root

    def me(self, *, fresh: bool = False) -> dict[str, Any]:
        """Return Box's JSON of the user we act as; asked once, or again when `fresh`."""
        with self._lock:
            if self._me is None or fresh:
                self._me = self.call("GET", "/users/me", params={"fields": ACCOUNT_FIELDS}, what="our own user")
            return dict(self._me or {})

    def clock_skew(self) -> float | None:
        """Return by how many seconds Box's clock is ahead of ours, as of its last answer; None before the first."""
        skew = self.network.skew()
        return self.auth.skew() if skew is None else skew

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        what: str = "",
        retry: bool = True,
    ) -> Any:
        """Return Box's parsed JSON, or None where it answers with nothing.

        Args:
            method: GET, POST, PUT, DELETE or OPTIONS.
            path: The path below `/2.0` on the API host, e.g. `/folders/0/items`.
            params: The query; None values are left out, lists are joined by commas.
            json: The body.
            headers: Further headers, e.g. `If-Match`.
            what: The thing by the name that the user knows, for the messages: "Reports/q3.csv".
            retry: Whether to try again; a renewed token is always tried.

        Raises:
            BoxError: Box refuses or does not answer.
        """
        kind: Kind = "search" if path.startswith("/search") else "call"
        carrier = _Carrier(self, _Manner(kind, what, retry))
        options = FetchOptions(
            f"{self.endpoints.api}/2.0{path}",
            method,
            params=_query(params),
            headers=dict(headers or {}),
            data=json,
            network_session=self._sdk.with_network_client(carrier),
        )
        return self.client.make_request(options).data

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        params: Mapping[str, Any] | None = None,
        stream: bool = False,
        authorize: bool = True,
        kind: Kind = "call",
        retry: bool = True,
        ok: Collection[int] = (),
        follow: bool = True,
        what: str = "",
        timeout: float = READ_TIMEOUT,
    ) -> requests.Response:
        """Return Box's raw answer to a request with raw bytes; the caller closes it when `stream` is set.

        Args:
            method: The HTTP method.
            url: The whole address.
            headers: Further headers.
            data: The body, sent without a copy: bytes, a memoryview, a stream, an iterator, or a function that makes
                one of these for each try. A body that cannot be rewound is sent once.
            params: The query; None values are left out, lists are joined by commas.
            stream: Leave the answer's body on the wire, uncompressed, to be read by `response.raw.readinto`.
            authorize: Send our token; it is dropped when a redirect leads to another host.
            kind: What the request counts as; an `urgent` one counts, but does not wait for our own limit.
            retry: Whether to try again; a renewed token is always tried.
            ok: Statuses beside success that are answers and raise nothing.
            follow: Follow redirects.
            what: The thing by the name that the user knows, for the messages.
            timeout: Seconds without a byte after which the connection counts as lost.

        Raises:
            BoxError: Box refuses, does not answer, or asks us to wait past the deadline.
        """
        request = Request(
            method,
            url,
            headers=headers or {},
            params=_query(params),
            data=data,
            stream=stream,
            follow=follow,
            retry=retry,
            ok=ok,
            what=what,
            kind=kind,
            timeout=timeout,
        )
        try:
            return self.network.send(request, self._gate if authorize else self._bare_gate)
        finally:
            if method not in _READING:
                Session.state = object()

    def translate(self, trouble: requests.Response | BaseException, what: str = "", *, url: str = "") -> BoxError:
        """Return our error for an answer that is no success, or for an exception of the network.

        Args:
            trouble: The answer, or what its `raw` raised while it was read.
            what: The thing by the name that the user knows.
            url: Where it came from; the API by default.
        """
        if isinstance(trouble, requests.Response):
            return refusal(trouble, what)
        return no_answer(trouble, url or self.endpoints.api)

    def downscope(
        self, scopes: Sequence[str], resource: str | None = None, *, shared_link: str | None = None
    ) -> dict[str, Any]:
        """Return `access_token`, `expires_in`, `token_type` and `restricted_to` of a token that may do less.

        Args:
            scopes: Box's names, e.g. `item_download`, `base_preview`.
            resource: The one item it is good for: its path below `/2.0` (`/files/123`) or its whole address.
            shared_link: The shared link it is good for, instead.

        Raises:
            Denied: Box gives no such token.
        """
        if resource and not resource.startswith("http"):
            resource = f"{self.endpoints.api}/2.0/{resource.lstrip('/')}"
        return cast("dict[str, Any]", self.auth.downscope(scopes, resource, shared_link))


def _query(params: Mapping[str, Any] | None) -> dict[str, str] | None:
    return {name: _word(value) for name, value in params.items() if value is not None} if params else None


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    if any("\ud800" <= char <= "\udfff" for char in text):  # what Python makes of bytes that are no UTF-8
        raise InvalidName(f"{text!r} is not UTF-8.", hint="Write it in UTF-8.")
    return text


class _Gate(Placed):
    """The rate limit and the token before each attempt."""

    def __init__(self, auth: Auth, limiter: RateLimiter) -> None:
        self._auth = auth
        self._limiter = limiter

    def admit(self, request: Request, patience: Patience) -> None:
        now = patience.clock.monotonic()
        if request.kind == "urgent":
            self._limiter.reserve(request.kind, now, float("inf"))
            return
        at = self._limiter.reserve(request.kind, now, patience.until)
        unit = _PER_MINUTE.get(request.kind, "calls")
        if at > patience.until:
            raise Busy(
                f"Our own limit of {unit} a minute (BOX_RATE_LIMIT) is used up.",
                hint="Do less at once, or wait a minute.",
                code="own_rate_limit",
                retry_after=at - now,
            )
        if at > now:
            patience.wait(at - now, f"Keeping within Box's limit of {unit} a minute: waiting")

    def authorization(self) -> str | None:
        return self._auth.header()

    def renew(self, rejected: str) -> bool:
        self._auth.renew(rejected)
        return True


class _Carrier(NetworkClient):
    """The SDK's requests, carried by the session in place of the SDK's own network client."""

    def __init__(self, session: Session, manner: _Manner) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._session = session
        self._manner = manner

    def fetch(self, options: FetchOptions) -> FetchResponse:
        """Return the answer in the SDK's form."""
        headers, data = _sdk_headers(options), _sdk_body(options)
        if data is not None:
            headers.update(data.headers)
        authorize = options.auth is self._session.auth
        if options.auth and not authorize:
            headers["Authorization"] = options.auth.retrieve_authorization_header(
                network_session=options.network_session
            )
        is_binary = options.response_format == "binary"
        response = self._session.send(
            options.method,
            options.url,
            headers=headers,
            data=data and data.make,
            params=cast("dict[str, Any] | None", options.params),
            stream=is_binary,
            authorize=authorize,
            kind=self._kind(options.url),
            retry=self._manner.retry,
            follow=options.follow_redirects is not False,
            what=self._manner.what,
        )
        return _sdk_response(response, is_binary)

    def _kind(self, url: str) -> Kind:
        if self._manner.kind == "call" and url.startswith(f"{self._session.endpoints.upload}/"):
            is_api = self._session.endpoints.upload == self._session.endpoints.api
            return "call" if is_api else "upload"
        return self._manner.kind


@dataclass(frozen=True, slots=True)
class _Body:
    make: Callable[[], Any]
    headers: dict[str, str]


def _sdk_headers(options: FetchOptions) -> dict[str, str]:
    shared = options.network_session.additional_headers if options.network_session else {}
    return {**shared, **(options.headers or {})}


def _sdk_body(options: FetchOptions) -> _Body | None:
    if options.content_type == "multipart/form-data":
        return _multipart(options)
    if options.file_stream is not None:
        start = options.file_stream.tell() if options.file_stream.seekable() else None
        return _Body(lambda: _from(options.file_stream, start), {"Content-Type": options.content_type})
    if options.data is None:
        return None
    if options.content_type == "application/x-www-form-urlencoded":
        form = {name: str(value) for name, value in cast("dict[str, Any]", options.data).items() if value is not None}
        return _Body(lambda: form, {})
    text = options.data if isinstance(options.data, str) else jsonlib.dumps(options.data)
    return _Body(text.encode, {"Content-Type": options.content_type})


def _multipart(options: FetchOptions) -> _Body:
    parts = options.multipart_data or []
    streams = [part.file_stream for part in parts if part.file_stream is not None]
    starts = [stream.tell() if stream.seekable() else None for stream in streams]
    fields: list[Any] = [
        (part.part_name, None, jsonlib.dumps(part.data), None)
        if part.data is not None
        else (part.part_name, part.file_name or "", part.file_stream, part.content_type)
        for part in parts
    ]

    def make() -> MultipartStream:
        for stream, start in zip(streams, starts, strict=True):
            _from(stream, start)
        return MultipartStream(fields)

    return _Body(make, {})


def _from(stream: Any, start: int | None) -> Any:
    if start is not None:
        stream.seek(start)
    return stream


def _sdk_response(response: requests.Response, is_binary: bool) -> FetchResponse:
    headers = cast("dict[str, str]", response.headers)
    if is_binary:
        response.raw.decode_content = True
        return FetchResponse(response.status_code, headers, url=response.url, content=cast("Any", response.raw))
    data = _parsed(response) if response.content else None
    return FetchResponse(
        response.status_code, headers, url=response.url, data=data, content=cast("Any", BytesIO(response.content))
    )


def _parsed(response: requests.Response) -> Any:
    if response.status_code in (204, 404):
        return None
    try:
        return jsonlib.loads(response.content)
    except ValueError:
        return _not_json(response)


def _not_json(response: requests.Response) -> Any:
    if "html" not in response.headers.get("Content-Type", ""):
        return None
    raise Unreachable(
        "Something that is not Box answered: a proxy, a firewall or a sign-in page.",
        hint="Check the addresses (BOX_URL) and the proxy (HTTPS_PROXY, NO_PROXY).",
        code="not_box",
    ) from None


__all__ = ["Session", "current_place", "holding", "rest", "waiting"]
