"""What each kind of credentials sends for a token, and what its refusal means; keeping the token is `auth`'s work."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from ._network import Network, Request
from ._problems import json_of
from .config import BrokerAccess, ClientCredentials, Credentials, DeveloperToken, Endpoints, JwtCredentials, Secret
from .errors import BoxError, Denied, NotAuthorized, NotConfigured, Unreachable, is_ours, of_dict

BROKER = "the Hub's broker"
# Box takes this audience only, whatever address the request goes to
AUDIENCE = "https://api.box.com/oauth2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  a name of RFC 8693
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a name of RFC 8693
# Box takes an assertion that expires at most 60 s ahead; half of it leaves room for a clock on either side
ASSERTION_LIFE = 30
# the OAuth endpoint refuses with these; they are answers, to be worded here
REFUSED = (400, 401, 403)
NOT_THERE = (404, 405, 501)
WHOLE_FILE = "Download the app's configuration again from Box's developer console and give the whole file."


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and what came with it; `value` is shown nowhere."""

    value: str = field(repr=False)
    expires_in: float | None = None
    restricted_to: tuple[Any, ...] = ()
    box_user: Mapping[str, Any] | str | None = None
    root: str | None = None

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Token:
        """Return the token of an OAuth answer."""
        root = json.get("root")
        root = root.get("id") if isinstance(root, dict) else root
        return cls(
            Secret(json["access_token"]),
            float(json.get("expires_in") or 3600),
            tuple(json.get("restricted_to") or ()),
            json.get("box_user"),
            str(root) if root else None,
        )


@dataclass(frozen=True, slots=True)
class Grants:
    """Gets tokens over one network, from one set of endpoints."""

    endpoints: Endpoints
    network: Network

    def token(self, credentials: Credentials, *, fresh: bool = False) -> Token:
        """Return a new token.

        Args:
            credentials: How we are known.
            fresh: Box has refused the last one, so that the broker must not give it again.

        Raises:
            NotConfigured: The credentials themselves are no good.
            NotAuthorized: Box, the broker or the server refuses them.
            Unreachable: Nobody answers.
        """
        if isinstance(credentials, ClientCredentials):
            return Token.of(self._post(client_credentials_form(credentials)))
        if isinstance(credentials, JwtCredentials):
            return self._by_assertion(credentials)
        if isinstance(credentials, DeveloperToken):
            return Token(credentials.token)
        if isinstance(credentials, BrokerAccess):
            return self._from_broker(credentials, fresh=fresh)
        self.network.http.pin(credentials.url, credentials.fingerprint)
        token = credentials.token or server_token(credentials.url)
        url = f"{credentials.url}/jupyter-box/kernel-token"
        return self._from("the Jupyter server", url, token, {"kernel": True})

    def exchange(self, token: str, scopes: list[str], resource: str | None, shared_link: str | None) -> dict[str, Any]:
        """Return Box's answer to the exchange of a token for one that may do less."""
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": token,
            "subject_token_type": ACCESS_TOKEN,
            "scope": " ".join(scopes),
            "resource": resource,
            "box_shared_link": shared_link,
        }
        return self._post({name: value for name, value in form.items() if value})

    def revoke(self, credentials: Credentials, token: str) -> None:
        """Make a token worthless."""
        self._answer("revoke", {"token": token, **_app_of(credentials)})

    def _by_assertion(self, credentials: JwtCredentials) -> Token:
        settings = JwtSettings.of(credentials)
        try:
            return Token.of(self._post(settings.form(self.network.clock.time())))
        except NotAuthorized:
            skew = self.network.skew() or 0.0
            if abs(skew) < ASSERTION_LIFE / 3:
                raise
        # our clock is wrong: the assertion is dated by Box's
        return Token.of(self._post(settings.form(self.network.clock.time() + skew)))

    def _post(self, form: Mapping[str, str]) -> dict[str, Any]:
        response, body = self._answer("token", form)
        if not body or not body.get("access_token"):
            raise _no_token("Box's token endpoint", response.url)
        return {**body, "access_token": Secret(body["access_token"])}

    def _answer(self, action: str, form: Mapping[str, str]) -> tuple[requests.Response, dict[str, Any] | None]:
        response = self._asked(action, form)
        body = json_of(response)
        if response.status_code in REFUSED:
            raise oauth_error(body or {}, form, self.network.skew())
        if response.status_code in NOT_THERE:
            raise _no_token("Box's token endpoint", response.url)
        return response, body

    def _asked(self, action: str, form: Mapping[str, str]) -> requests.Response:
        """Ask where Box has it, below the API, as the SDK does; if nothing is there, below the OAuth address."""
        url, other = f"{self.endpoints.api}/oauth2/{action}", f"{self.endpoints.oauth}/{action}"
        request = Request("POST", url, data=dict(form), ok=(*REFUSED, *NOT_THERE), follow=False)
        response = self.network.send(request)
        is_there = other == url or response.status_code not in NOT_THERE
        return response if is_there else self.network.send(replace(request, url=other))

    def _from_broker(self, credentials: BrokerAccess, *, fresh: bool) -> Token:
        url, folder = f"{credentials.url}/token", credentials.folder
        token = self._from(BROKER, url, credentials.hub_token, {}, fresh=fresh)
        if not folder or token.root in (None, "0", folder):
            return token
        # who is confined to a folder of their own has another one, such as their group's, by asking for it
        other = self._from(BROKER, url, credentials.hub_token, {"resource": f"/folders/{folder}"}, fresh=fresh)
        return replace(other, root=folder)

    def _from(self, who: str, url: str, token: str, body: Mapping[str, Any], *, fresh: bool = False) -> Token:
        cache = {"Cache-Control": "no-cache"} if fresh else {}
        request = Request(
            "POST",
            url,
            headers={"Authorization": Secret(f"token {token}"), "Content-Type": "application/json", **cache},
            data=json.dumps(body).encode(),
            ok=[status for status in range(400, 500) if status != 429],
            follow=False,
            awaited=True,
        )
        response = self.network.send(request)
        answer = json_of(response)
        if response.status_code >= 300 or answer is None or not answer.get("access_token"):
            raise _refused_by(who, url, response, answer)
        return Token.of(answer)


def client_credentials_form(credentials: ClientCredentials) -> dict[str, str]:
    """Return the form of the client credentials grant; the user is the subject where one is given."""
    return {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "box_subject_type": "user" if credentials.user_id else "enterprise",
        "box_subject_id": credentials.user_id or credentials.enterprise_id,
    }


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """The app's configuration for server authentication with JWT, checked."""

    client_id: str
    client_secret: str = field(repr=False)
    key_id: str
    private_key: Any = field(repr=False)
    subject_type: str
    subject_id: str

    @classmethod
    def of(cls, credentials: JwtCredentials) -> JwtSettings:
        """Return the settings of a configuration file.

        Raises:
            NotConfigured: Something in the file is missing or unusable; it names the entry, never its value.
        """
        app = _section(credentials.settings, "boxAppSettings")
        key = _section(app, "appAuth", "boxAppSettings.")
        user = credentials.user_id or str(credentials.settings.get("userID") or "")
        enterprise = str(credentials.settings.get("enterpriseID") or "")
        if not user and not enterprise:
            raise NotConfigured(
                "The JWT configuration has no enterpriseID.",
                hint="Add the enterprise's id, or set BOX_USER_ID to act as a user.",
            )
        if "clientID" not in app and "clientId" in app:
            raise NotConfigured(
                "The JWT configuration says clientId where Box writes clientID.", hint="Correct the spelling."
            )
        return cls(
            _entry(app, "clientID", "boxAppSettings."),
            _entry(app, "clientSecret", "boxAppSettings."),
            _entry(key, "publicKeyID", "boxAppSettings.appAuth."),
            _private_key(key),
            "user" if user else "enterprise",
            user or enterprise,
        )

    def form(self, now: float) -> dict[str, str]:
        """Return the form of the JWT grant, its assertion dated by `now` in seconds since 1970."""
        import jwt

        claims = {
            "iss": self.client_id,
            "sub": self.subject_id,
            "box_sub_type": self.subject_type,
            "aud": AUDIENCE,
            "jti": uuid.uuid4().hex,
            "exp": int(now) + ASSERTION_LIFE,
        }
        assertion = Secret(jwt.encode(claims, self.private_key, algorithm="RS256", headers={"kid": self.key_id}))
        return {
            "grant_type": JWT_BEARER,
            "assertion": assertion,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


def _section(json: Mapping[str, Any], name: str, where: str = "") -> Mapping[str, Any]:
    value = json.get(name)
    if not isinstance(value, dict):
        raise NotConfigured(f"The JWT configuration has no {where}{name}.", hint=WHOLE_FILE)
    return value


def _entry(json: Mapping[str, Any], name: str, where: str) -> str:
    value = json.get(name)
    if not isinstance(value, str) or not value.strip():
        raise NotConfigured(f"The JWT configuration has no {where}{name}.", hint=WHOLE_FILE)
    return value


def _private_key(key: Mapping[str, Any]) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = Secret(_entry(key, "privateKey", "boxAppSettings.appAuth.").replace("\\n", "\n"))
    passphrase = key.get("passphrase")
    problem = _private_key_problem(pem, passphrase)
    if problem is None:
        try:
            opened = load_pem_private_key(pem.encode(), str(passphrase).encode())
        except (ValueError, TypeError, UnsupportedAlgorithm):
            problem = "The JWT configuration's passphrase does not open its privateKey, or the key is damaged."
        else:
            if isinstance(opened, RSAPrivateKey):
                return opened
            problem = "The JWT configuration's privateKey is no RSA key; Box takes no other."
    raise NotConfigured(problem, hint=WHOLE_FILE) from None


def _private_key_problem(pem: str, passphrase: object) -> str | None:
    where = "The JWT configuration's privateKey"
    if "-----BEGIN" not in pem or "-----END" not in pem:
        return f"{where} is no PEM: its BEGIN or END line is missing."
    if "ENCRYPTED" not in pem:
        return f"{where} is not encrypted; Box's console makes encrypted ones."
    if not isinstance(passphrase, str) or not passphrase:
        return "The JWT configuration has no boxAppSettings.appAuth.passphrase."
    return None


def oauth_error(body: Mapping[str, Any], form: Mapping[str, str], skew: float | None) -> BoxError:
    """Return our error for a refusal of the token endpoint, whose words are `error` and `error_description`.

    Args:
        body: Box's answer.
        form: What was sent; it says which grant and which subject, and none of its values reaches the message.
        skew: By how many seconds Box's clock is ahead of ours, where it is known.
    """
    error, says = str(body.get("error") or "unauthorized"), str(body.get("error_description") or "").lower()
    grant, subject = form.get("grant_type"), form.get("box_subject_type", "")
    if skew is not None and abs(skew) >= ASSERTION_LIFE / 3 and grant == JWT_BEARER:
        return _wrong_clock(skew)
    for words, row in _OAUTH:
        if all(word in f"{error} {says}" for word in words):
            return NotAuthorized(row[0], hint=row[1], code=error)
    if grant == TOKEN_EXCHANGE:
        return Denied("Box refuses a token with these scopes for this item.", hint=_CHECK_SCOPES, code=error)
    if error == "invalid_grant" and subject == "user":
        return NotAuthorized("Box refuses a token for the user that BOX_USER_ID names.", hint=_CHECK_USER, code=error)
    hint = _CHECK_JWT if grant == JWT_BEARER else _CHECK_APP
    return NotAuthorized("Box refuses the app's credentials.", hint=hint, code=error)


_CHECK_SCOPES = "The app must have the scopes itself, and see the item."
_CHECK_USER = (
    "Check the id, the client secret, and in the developer console: App + Enterprise Access, and Generate User Access "
    "Tokens; then let a Box administrator authorise the app again."
)
_CHECK_APP = (
    "Check BOX_CLIENT_ID, BOX_CLIENT_SECRET and BOX_ENTERPRISE_ID; the app must use the client credentials grant and "
    "be authorised by a Box administrator."
)
_CHECK_JWT = (
    "Download the JWT configuration again; the app must use server authentication with JWT and be authorised by a Box "
    "administrator."
)
_AUTHORISE = "A Box administrator authorises it under Admin Console > Integrations > Platform Apps Manager."
_OAUTH: tuple[tuple[tuple[str, ...], tuple[str, str]], ...] = (
    (("not authorized by the enterprise",), ("The Box administrator has not authorised this app.", _AUTHORISE)),
    (("cannot obtain",), ("The app may not act for this Box user.", _CHECK_USER)),
    (("'exp'",), ("Box finds the assertion out of date: a clock is wrong.", "Set this machine's clock by NTP.")),
    (("'jti'",), ("Box has seen this assertion before.", "Try again.")),
    (("'kid'",), ("Box does not know the public key of the JWT configuration.", WHOLE_FILE)),
    (("signature",), ("Box does not accept the signature of the JWT assertion.", WHOLE_FILE)),
    (("'iss'",), ("Box does not accept the client id of the JWT configuration.", WHOLE_FILE)),
    (("'sub'",), ("Box does not know the enterprise or user of the JWT configuration.", "Check the ids.")),
    (
        ("invalid_client",),
        (
            "Box does not accept the client id and secret.",
            "Check BOX_CLIENT_ID and BOX_CLIENT_SECRET, or the JWT configuration's clientID and clientSecret.",
        ),
    ),
    (("invalid_token",), ("Box does not accept the token any more.", "Get a new one.")),
    (("unauthorized_client",), ("This app may not get tokens this way.", _AUTHORISE)),
)


def _wrong_clock(skew: float) -> NotAuthorized:
    way = "behind" if skew > 0 else "ahead"
    return NotAuthorized(
        f"This machine's clock is {abs(skew):.0f} s {way} of Box's, so Box refuses the JWT assertion.",
        hint="Set the clock by NTP.",
        code="clock_skew",
    )


def _refused_by(who: str, url: str, response: requests.Response, answer: Mapping[str, Any] | None) -> BoxError:
    if answer and is_ours(answer) and response.status_code >= 400:
        return of_dict(answer, response.status_code)
    if who == BROKER:
        return _no_broker(url, response.status_code)
    if response.status_code in (401, 403):
        return NotAuthorized(
            f"{who[:1].upper()}{who[1:]} does not accept this server's token.",
            hint="Restart the server from the Hub, or the kernel.",
        )
    return _no_token(who, url)


def _no_broker(url: str, status: int) -> BoxError:
    """Return what is wrong where a proxy, a sign-in page or the Hub answers, which speak no JSON of ours."""
    if status not in (401, 403, 404, 405):
        return _no_token(BROKER, url)
    # the Hub itself answers a POST that its proxy has no route for with 403 and nothing, which is no refusal
    return Unreachable(
        f"At {urlsplit(url).hostname} something else answers than {BROKER}: HTTP {status}, as the Hub or a proxy does.",
        hint="The Hub's administrator checks that the broker runs and that BOX_BROKER_URL is its address.",
        code="not_the_broker",
    )


def _no_token(who: str, url: str) -> Unreachable:
    return Unreachable(
        f"At {urlsplit(url).hostname} something else answers than {who}: the answer is no token.",
        hint="Check the address; a proxy, the Hub or a sign-in page may be in the way.",
        code="not_a_token",
    )


def server_token(url: str) -> str:
    """Return the token of the Jupyter server at an address, from the runtime file that it wrote for its own user.

    Raises:
        NotConfigured: No running server of this user has that address.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    for path in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
        info = _server_info(path)
        if _same_server(str(info.get("url") or ""), url):
            return Secret(info.get("token") or "")
    raise NotConfigured(
        "The Jupyter server that BOX_SERVER_URL names is not running here.",
        hint="Restart the kernel, or set Box's credentials for it.",
    )


def _server_info(path: Path) -> dict[str, Any]:
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return info if isinstance(info, dict) else {}


def _same_server(one: str, other: str) -> bool:
    left, right = urlsplit(one), urlsplit(other)
    return bool(left.port and left.port == right.port and left.path.rstrip("/") == right.path.rstrip("/"))


def identity_of(credentials: Credentials, endpoints: Endpoints) -> str:
    """Return who we are to Box as a key without secrets: the same for two sessions of one app and subject."""
    return f"{endpoints.api}#{_who(credentials)}"


def _who(credentials: Credentials) -> str:
    if isinstance(credentials, ClientCredentials):
        subject = f"user:{credentials.user_id}" if credentials.user_id else f"enterprise:{credentials.enterprise_id}"
        return f"{credentials.client_id}:{subject}"
    if isinstance(credentials, JwtCredentials):
        settings = credentials.settings
        user = credentials.user_id or settings.get("userID")
        subject = f"user:{user}" if user else f"enterprise:{settings.get('enterpriseID')}"
        return f"{_app_of(credentials).get('client_id')}:{subject}"
    if isinstance(credentials, DeveloperToken):
        return f"developer:{_fingerprint(credentials.token)}"
    if isinstance(credentials, BrokerAccess):
        return f"broker:{credentials.url}:{_fingerprint(credentials.hub_token)}"
    return f"server:{credentials.url}"


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _app_of(credentials: Credentials) -> dict[str, str]:
    if isinstance(credentials, ClientCredentials):
        return {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
    if isinstance(credentials, JwtCredentials):
        app = credentials.settings.get("boxAppSettings")
        app = app if isinstance(app, dict) else {}
        return {"client_id": str(app.get("clientID") or ""), "client_secret": Secret(app.get("clientSecret") or "")}
    return {}
