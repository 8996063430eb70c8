"""One pool of connections: which proxies and certificates it heeds, what it sends of us, and how it is stopped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from ._stopping import STOPPER
from ._waiting import current_cancel

POOL = 32
_WITH_CONTENT = (200, 206)  # what else is answered is short, even where a file was asked for
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Stoppable(HTTPConnection):
    """A connection that whoever asked for its present request can stop."""

    cancel: threading.Event | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        STOPPER.use(self, current_cancel())
        super().request(*args, **kwargs)

    def stop(self) -> None:
        line = self.sock
        if isinstance(line, socket.socket):
            # TLS's own farewell would wait for the other side
            with suppress(OSError):
                socket.socket.shutdown(line, socket.SHUT_RDWR)


class _StoppableSecure(_Stoppable, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Stoppable


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _StoppableSecure


class _Adapter(HTTPAdapter):
    """Keeps connections, to Box itself or to a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager


class _Pinned(_Adapter):
    """Connects to whoever has one certificate, whatever name it is for and whoever has signed it."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__(pool_connections=POOL, pool_maxsize=POOL)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, assert_fingerprint=self._fingerprint)


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
            self.mount(scheme, _Adapter(pool_connections=POOL, pool_maxsize=POOL))

    def pin(self, url: str, fingerprint: str) -> None:
        """Trust the server at an address by its certificate alone.

        Args:
            url: The address.
            fingerprint: The certificate's SHA-256 in hex; none to trust it as any other.
        """
        if fingerprint:
            self.mount(url, _Pinned(fingerprint))
            # the signatures are not looked at, as most such certificates have but their own
            self._settings[_host(url)] = {"proxies": {}, "verify": False, "cert": None}

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
        if not stream or response.status_code not in _WITH_CONTENT:
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
