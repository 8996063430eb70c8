"""The handlers that hand out access tokens: to this server's own kernels; and to a browser, if that is turned on."""

from __future__ import annotations

import ipaddress
from typing import Any

from tornado import web

from jupyter_box.errors import Denied

from .base import BoxHandler

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "X-Forwarded-Host", "Origin")


class KernelTokenHandler(BoxHandler):
    """The way for this server's kernels to Box: a short-lived token, where the secret stays with the server.

    It takes a token in the `Authorization` header, never a cookie, which a browser sends by itself; and it serves
    processes of this machine, never what came through a proxy.
    """

    _track_activity = False  # a notebook that runs on its own asks again and again

    def check_xsrf_cookie(self) -> None:
        """Skip the check: a page of another site cannot set the header that this handler asks for."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse whoever is no process of this machine with this server's token."""
        await super().prepare()
        if self.request.method != "OPTIONS" and not self._finished:
            self._check_header()
            self._check_peer()

    def _check_header(self) -> None:
        scheme = self.request.headers.get("Authorization", "").lower().partition(" ")[0]
        open_to_all = not self.identity_provider.auth_enabled
        if scheme not in {"token", "bearer"} or not (self.token_authenticated or open_to_all):
            raise web.HTTPError(403, "Kernels sign in with this server's token in the Authorization header.")

    def _check_peer(self) -> None:
        if any(name in self.request.headers for name in FORWARDED) or not _is_local(self.connection):
            raise web.HTTPError(403, "This route serves this server's own kernels only.")

    async def post(self) -> None:
        """Answer with a token, whom it is for in Box, and the drive's root."""
        token = await self.call(lambda drive: drive.access())
        self.set_header("Cache-Control", "no-store")
        self.answer(token)


class TokensHandler(BoxHandler):
    """Tokens for a browser client that talks to Box directly."""

    async def post(self) -> None:
        """Answer with a token for one item and a few scopes, if the administrator allows it."""
        if not self.backend.config.allow_browser_tokens:
            raise Denied(
                "This server hands no tokens to browsers.",
                hint="An administrator can turn it on with BoxConfig.allow_browser_tokens.",
                code="tokens_off",
            )
        wanted = self.body()
        token = await self.call(lambda drive: drive.token(wanted["path"], scopes=tuple(wanted["scopes"])))
        self.set_header("Cache-Control", "no-store")
        self.answer(token)


def _is_local(connection: Any) -> bool:
    """Tell whether the other end is on this machine: loopback, or the address that it has reached us by."""
    stream = connection.stream
    if stream.socket is None:  # it has gone
        return False
    peer, own = stream.socket.getpeername(), stream.socket.getsockname()
    if not isinstance(peer, tuple):  # a Unix socket
        return True
    return bool(peer[0] == own[0] or ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback)
