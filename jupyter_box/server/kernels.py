"""The handlers for this server's own kernels and terminals: a token for Box, and what they tell of their transfers."""

from __future__ import annotations

import ipaddress
from typing import Any

from tornado import web

from jupyter_box.events import Progress

from .base import BoxHandler

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "X-Forwarded-Host", "Origin")


class KernelHandler(BoxHandler):
    """A handler for processes of this machine that have this server's token.

    It takes the token in the `Authorization` header, never a cookie, which a browser sends by itself; and it does not
    serve what came through a proxy.
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


class KernelTokenHandler(KernelHandler):
    """The way for kernels to Box: a short-lived token, where the secret stays with the server."""

    async def post(self) -> None:
        """Answer with a token, whom it is for in Box, and the drive's root."""
        token = await self.call(lambda drive: drive.access())
        self.set_header("Cache-Control", "no-store")
        self.answer(token)


class KernelTransferHandler(KernelHandler):
    """A transfer that a kernel does itself."""

    async def put(self, id: str) -> None:  # noqa: A002
        """Take note of where it stands; answer whether it is to end."""
        told = self.body()
        progress, is_plain, root = Progress(**told.pop("progress")), told.pop("is_plain"), told.pop("root")
        is_ours = is_plain and root == await self.call(lambda drive: drive.root_id)
        self.answer({"cancel": self.backend.reports.note(id, told, progress, is_ours=is_ours)})


def _is_local(connection: Any) -> bool:
    """Tell whether the other end is on this machine: loopback, or the address that it has reached us by."""
    stream = connection.stream
    if stream.socket is None:  # it has gone
        return False
    peer, own = stream.socket.getpeername(), stream.socket.getsockname()
    if not isinstance(peer, tuple):  # a Unix socket
        return True
    return bool(peer[0] == own[0] or ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback)
