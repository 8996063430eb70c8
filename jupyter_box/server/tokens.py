"""The handler that hands a browser an access token, if that is turned on."""

from __future__ import annotations

from jupyter_box.errors import Denied

from .base import BoxHandler


class TokensHandler(BoxHandler):
    """Tokens for a browser client that talks to Box directly."""

    async def post(self) -> None:
        """Answer with a token for one item and a few scopes, and where Box is, if the administrator allows it."""
        if not self.backend.config.allow_browser_tokens:
            raise Denied(
                "This server hands no tokens to browsers.",
                hint="An administrator can turn it on with BoxConfig.allow_browser_tokens.",
                code="tokens_off",
            )
        wanted = self.body()
        token = await self.call(lambda drive: drive.token(wanted["path"], scopes=tuple(wanted["scopes"])))
        self.set_header("Cache-Control", "no-store")
        places = self.backend.config.endpoints()
        self.answer({**token, "api_url": places.api, "upload_url": places.upload})
