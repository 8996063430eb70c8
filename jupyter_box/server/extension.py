"""The server extension: reads the credentials, registers the routes; what is heavy waits for the first request."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import IOLoop
from traitlets import TraitError

from jupyter_box.config import BoxConfig
from jupyter_box.errors import NotConfigured

from .backend import Backend
from .routes import handlers


class BoxExtension(ExtensionApp):
    """Box in the Jupyter server, under `<base_url>jupyter-box/`."""

    name = "jupyter_box"
    classes = [*ExtensionApp.classes, BoxConfig]  # noqa: RUF012  as traitlets has it

    def initialize_settings(self) -> None:
        """Read the credentials once, and take the secrets out of what kernels and terminals inherit."""
        self.backend = self._make_backend()
        if self._is_configured() or self.backend.config.secrets_given():
            self._hand_over()
            # the port may still move to the next free one before the loop runs
            IOLoop.current().add_callback(self._hand_over)

    def initialize_handlers(self) -> None:
        """Register the routes."""
        self.handlers.extend(handlers(self.backend))

    async def stop_extension(self) -> None:
        """End what still runs."""
        self.backend.close()

    def _make_backend(self) -> Backend:
        try:
            return self._backend_of(BoxConfig(parent=self))
        except TraitError as error:
            problem = NotConfigured(
                f"A setting of BoxConfig is wrong: {error}", hint="Correct Jupyter's configuration."
            )
            return self._backend_of(BoxConfig(), problem)

    def _backend_of(self, config: BoxConfig, problem: NotConfigured | None = None) -> Backend:
        allow_hidden = getattr(self._server.contents_manager, "allow_hidden", False)
        return Backend(config, problem, root=Path(self._server.root_dir), allow_hidden=allow_hidden)

    def _hand_over(self) -> None:
        if self.backend.config.scrub_environment:
            self._ensure_token()
            self.backend.config.hand_over(self._address(), _fingerprint(self._server.certfile))

    def _is_configured(self) -> bool:
        try:
            self.backend.config.credentials()
        except NotConfigured as problem:
            self.log.warning("jupyter_box: %s", problem)
            return False
        return True

    @property
    def _server(self) -> Any:
        return self.serverapp

    def _ensure_token(self) -> None:
        """Give a server that has only a password a token too: kernels cannot sign in with a password."""
        provider = self._server.identity_provider
        if provider.auth_enabled and not provider.token:
            provider.token = secrets.token_hex(24)

    def _address(self) -> str:
        server = self._server
        host = "127.0.0.1" if server.ip in {"", "0.0.0.0", "localhost"} else server.ip  # noqa: S104  not bound to here
        host = "::1" if host == "::" else host
        scheme = "https" if server.certfile else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{server.port}{server.base_url}"


def _fingerprint(certfile: str) -> str:
    """Return the SHA-256 of the certificate that a server shows, the first of its file; nothing where it has none."""
    if not certfile:
        return ""
    import hashlib
    import ssl

    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    _, _, rest = Path(certfile).read_text(encoding="ascii", errors="replace").partition(begin)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(begin + rest.partition(end)[0] + end)).hexdigest()
