"""Who calls: asked of the Hub with the caller's own token, and kept for a minute at most."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tornado.httpclient import HTTPError, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from jupyter_box._network import CLOCK, USER_AGENT, Clock
from jupyter_box.errors import BoxError, Busy, Denied, NotAuthorized

from .bounded import Aging, Flights
from .settings import Settings

KEPT = 20_000
# a role that has just been given should not have to wait for long
REFUSAL_SECONDS = 10
TIMEOUT = 10.0
TRY_AGAIN = 5.0


@dataclass(frozen=True, slots=True)
class Caller:
    """A Hub user, as the Hub tells it; `token_id` is the Hub's own name for the token, and no secret."""

    name: str
    groups: frozenset[str] = frozenset()
    email: str = ""
    token_id: str = ""


def fingerprint(token: str) -> str:
    """Return a key for a token that tells nothing of it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Callers:
    """Asks the Hub who has a token; must be used from one event loop.

    Args:
        settings: The broker's.
        on_call: Told the outcome of each call of the Hub: `ok`, `refused` or `failed`.
        clock: The time.
    """

    def __init__(
        self, settings: Settings, on_call: Callable[[str], None] = lambda _: None, clock: Clock = CLOCK
    ) -> None:
        self._settings, self._on_call = settings, on_call
        self._http = SimpleAsyncHTTPClient(force_instance=True, max_clients=64, max_body_size=1 << 20)
        self._known: Aging[str, Caller] = Aging(settings.cache_seconds, KEPT, clock)
        # kept apart, so that a flood of bad tokens drives out no good one
        self._refused: Aging[str, BoxError] = Aging(min(REFUSAL_SECONDS, settings.cache_seconds), KEPT, clock)
        self._flights = Flights()

    def known(self, token: str) -> Caller | None:
        """Return whose token it is if the Hub's good word about it still holds; the Hub is not asked."""
        return self._known.get(fingerprint(token))

    async def caller(self, token: str, *, fresh: bool = False) -> Caller:
        """Return the user whose token it is.

        Args:
            token: The caller's Hub token.
            fresh: Ask the Hub, whatever it said before.

        Raises:
            NotAuthorized: The Hub does not know the token.
            Denied: It is no user's, or may not ask for Box tokens.
            Busy: The Hub does not answer, so nobody gets anything.
        """
        if not re.fullmatch(r"[\x21-\x7e]{1,512}", token):
            raise _not_known()
        key = fingerprint(token)
        known, refused = self._known.get(key), self._refused.get(key)
        if known and not fresh:
            return known
        if refused and not fresh:
            raise type(refused)(refused.message, **refused.details())
        return await self._flights.join(key, lambda: self._ask(key, token))

    async def reachable(self) -> None:
        """Return if the Hub's API answers.

        Raises:
            Busy: It does not.
        """
        answer = await self._get("/", {})
        if answer.code != 200 or "version" not in _json(answer):
            raise _no_hub(f"answers {answer.code} and does not tell its version")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    async def _ask(self, key: str, token: str) -> Caller:
        try:
            caller = await self._asked(token)
        except (NotAuthorized, Denied) as error:
            self._on_call("refused")
            self._known.forget(key)
            self._refused.put(key, error)
            raise
        except Busy:
            self._on_call("failed")
            raise
        self._on_call("ok")
        self._refused.forget(key)
        self._known.put(key, caller)
        return caller

    async def _asked(self, token: str) -> Caller:
        answer = await self._get("/user", {"Authorization": f"token {token}"})
        if answer.code in (401, 403):
            raise _not_known()
        model = _json(answer)
        if answer.code != 200 or not isinstance(model.get("name"), str) or "kind" not in model:
            raise _no_hub(f"answers {answer.code} and does not say who has a token")
        return self._admitted(model)

    def _admitted(self, model: dict[str, Any]) -> Caller:
        if model["kind"] != "user":
            raise Denied(
                f"The Hub token is of a {model['kind']}; only users have something in Box.",
                hint="Use the token that a user's server has as JUPYTERHUB_API_TOKEN.",
                code="not_a_user",
            )
        if self._settings.hub_scope not in (model.get("scopes") or ()):
            raise Denied(
                "The Hub token of this server may not ask for Box tokens.",
                hint="A server that was started before Box was set up: stop it and start it again from the Hub. "
                f"Otherwise the Hub's administrator gives the roles `user` and `server` {self._settings.hub_scope}.",
                code="hub_scope_missing",
            )
        state = model.get("auth_state")
        email = str(state.get("email") or "") if isinstance(state, dict) else ""
        name = str(model["name"])
        return Caller(
            name,
            frozenset(map(str, model.get("groups") or ())),
            email or (name if "@" in name else ""),
            str(model.get("token_id") or ""),
        )

    async def _get(self, path: str, headers: dict[str, str]) -> HTTPResponse:
        request = HTTPRequest(
            f"{self._settings.hub_api_url}{path}",
            headers={"Accept": "application/json", **headers},
            user_agent=USER_AGENT,
            connect_timeout=TIMEOUT / 2,
            request_timeout=TIMEOUT,
            follow_redirects=False,
        )
        try:
            answer = await self._http.fetch(request, raise_error=False)
        except (HTTPError, OSError) as error:
            raise _no_hub("does not answer") from error
        if answer.code >= 500:
            raise _no_hub("does not answer" if answer.code == 599 else f"answers {answer.code}")
        return answer


def _json(answer: HTTPResponse) -> dict[str, Any]:
    try:
        value = json.loads(answer.body or b"")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _not_known() -> NotAuthorized:
    return NotAuthorized(
        "The Hub does not know this token.",
        hint="Send `Authorization: token <JUPYTERHUB_API_TOKEN>` of a server that runs; restart the server otherwise.",
        code="hub_token_refused",
    )


def _no_hub(what: str) -> Busy:
    return Busy(
        f"The Hub {what}, so the broker cannot tell who calls.",
        hint="Try again in a minute; the Hub's administrator checks the Hub and JUPYTERHUB_API_URL.",
        code="hub_unreachable",
        retry_after=TRY_AGAIN,
    )
