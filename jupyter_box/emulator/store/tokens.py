"""Apps and the tokens made by them; whether a caller may have one is decided by the views."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


class Tokens:
    """Apps, access tokens, refresh tokens and used assertions."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def app(self, client_id: str) -> Row | None:
        """Return the app with this client id."""
        return self.store.one("SELECT * FROM apps WHERE id = ?", client_id)

    def add_app(self, name: str, enterprise: int, scopes: str, **details: Any) -> Row:
        """Register an app and its service account, as the developer console does."""
        client_id, secret = details.pop("id", secrets.token_hex(16)), details.pop("secret", secrets.token_hex(16))
        number = 1000000 + int(self.store.value("SELECT COUNT(*) FROM apps"))
        login = f"AutomationUser_{number}_{secrets.token_hex(5)}@boxdevedition.com"
        account = self.store.people.add(name, login, enterprise, kind="service", space_amount=10 * 1024**3)
        values = {"authorized": 1, "enterprise_access": 1, "user_tokens": 1, "as_user": 1} | details
        self.store.insert(
            "apps",
            id=client_id,
            name=name,
            secret=secret,
            enterprise=enterprise,
            scopes=scopes,
            service_account=account,
            **values,
        )
        app = self.app(client_id)
        assert app is not None
        return app

    def issue(self, user: int, app: str, lifetime: float, **details: Any) -> str:
        """Make a token of `kind` access or refresh; return it."""
        token = secrets.token_urlsafe(24)
        kind = details.pop("kind", "access")
        self.store.insert(
            "tokens", token=token, kind=kind, user=user, app=app, expires_at=self.store.now() + lifetime, **details
        )
        return token

    def get(self, token: str, kind: str = "access") -> Row | None:
        """Return the token, expired or not."""
        return self.store.one("SELECT * FROM tokens WHERE token = ? AND kind = ?", token, kind)

    def revoke(self, token: str) -> None:
        """Forget a token, and its refresh or access token with it."""
        self.store.run("DELETE FROM tokens WHERE token = ? OR parent = ?", token, token)

    def expire_all(self) -> None:
        """Make every access token one that has expired."""
        self.store.run("UPDATE tokens SET expires_at = 0 WHERE kind = 'access'")

    def first_use(self, jti: str, expires_at: float) -> bool:
        """Remember an assertion; return whether it was new."""
        self.store.run("DELETE FROM assertions WHERE expires_at < ?", self.store.now() - 120)
        if self.store.one("SELECT 1 FROM assertions WHERE jti = ?", jti):
            return False
        self.store.insert("assertions", jti=jti, expires_at=expires_at)
        return True
