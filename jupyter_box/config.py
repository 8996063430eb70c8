"""Every setting, its help and its environment default; the only reader of the process environment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from traitlets import Bool, Int, Unicode
from traitlets.config import Configurable

from .errors import NotConfigured

SECRETS = ("BOX_CLIENT_SECRET", "BOX_JWT_CONFIG", "BOX_DEVELOPER_TOKEN")


class Secret(str):
    """A text that no traceback, report or log shows by accident: its `repr` is not its value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The client credentials grant: acts as the service account, or as the user whose id is given."""

    client_id: str
    client_secret: str = field(repr=False)
    enterprise_id: str = ""
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class JwtCredentials:
    """Server authentication with JWT: the app's parsed configuration file; acts as the user, if one is given."""

    settings: Mapping[str, Any] = field(repr=False)
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class DeveloperToken:
    """A token from the developer console; it lives an hour and cannot be refreshed."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """The Hub's broker, the Hub token that this server has there, and the id of a folder, where one is wanted."""

    url: str
    hub_token: str = field(repr=False)
    folder: str = ""


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """The Jupyter server that started this kernel, the token that it knows us by, and its certificate's SHA-256."""

    url: str
    token: str = field(repr=False)
    fingerprint: str = ""


Credentials = ClientCredentials | JwtCredentials | DeveloperToken | BrokerAccess | ServerAccess


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where Box is: three base URLs without a trailing slash."""

    api: str
    upload: str
    oauth: str


BOX = Endpoints("https://api.box.com", "https://upload.box.com/api", "https://account.box.com/api/oauth2")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What one identity may send a minute; None where there is no limit.

    The defaults are Box's own figures (developer guide, "Rate limits").
    """

    calls: int | None = 1000
    uploads: int | None = 240
    searches: int | None = 60


class Setting(Unicode[str, str | bytes]):
    """A text setting whose default is an environment variable, read when an object first asks for it.

    Args:
        env: The variable's name.
        otherwise: The value when the variable is not set.
        help: What the setting is for.
    """

    def __init__(self, env: str, otherwise: str = "", *, help: str) -> None:  # noqa: A002  traitlets' own word
        super().__init__(otherwise, help=f"{help} [{env}]")
        self.env = env
        self.tag(config=True)

    def default(self, obj: object = None) -> str:
        """Return the variable's value for an object, the fixed default for the class (its documentation)."""
        return str(self.default_value if obj is None else os.environ.get(self.env) or self.default_value)


class BoxConfig(Configurable):
    """The settings of jupyter-box; the environment variable in brackets gives each its default.

    Secrets themselves are no settings, as Jupyter prints and logs those: they come from the environment
    (`BOX_CLIENT_SECRET`, `BOX_JWT_CONFIG`, `BOX_DEVELOPER_TOKEN`) or from the files named here.
    """

    client_id = Setting("BOX_CLIENT_ID", help="The client id of the Box app.")
    client_secret_file = Setting("BOX_CLIENT_SECRET_FILE", help="The file that holds the Box app's client secret.")
    enterprise_id = Setting("BOX_ENTERPRISE_ID", help="The enterprise whose service account we act as.")
    user_id = Setting("BOX_USER_ID", help="Act as this Box user instead of the service account.")
    jwt_config_file = Setting(
        "BOX_JWT_CONFIG_FILE",
        help="The JSON file that Box's developer console gives for server authentication with JWT.",
    )
    developer_token_file = Setting(
        "BOX_DEVELOPER_TOKEN_FILE", help="The file that holds a developer token, for an hour's try."
    )
    broker_url = Setting("BOX_BROKER_URL", help="Ask the Hub's broker at this address for tokens.")
    server_url = Setting(
        "BOX_SERVER_URL",
        help="The Jupyter server that hands this kernel its tokens; the server extension sets it for its kernels.",
    )
    server_fingerprint = Setting(
        "BOX_SERVER_FINGERPRINT",
        help="The SHA-256 in hex of the certificate of the server at `server_url`; no other is trusted. Set with it.",
    )
    root_folder = Setting(
        "BOX_ROOT_FOLDER",
        "0",
        help="Id or path of the folder that is the drive's root; nothing above it can be reached.",
    )
    url = Setting("BOX_URL", help="Sets the three addresses below at once, for another implementation of the Box API.")
    api_url = Setting("BOX_API_URL", help="Where the Box API is.")
    upload_url = Setting("BOX_UPLOAD_URL", help="Where uploads go.")
    oauth_url = Setting(
        "BOX_OAUTH_URL", help="Where Box's OAuth pages are; tokens, too, where the API's address has none."
    )
    rate_limit = Setting(
        "BOX_RATE_LIMIT", "1000,240,60", help="`off`, or the calls, uploads and searches a minute per identity."
    )
    chunked_upload_threshold = Int(
        20_000_000,
        min=20_000_000,
        max=50_000_000,
        help="Files of this many bytes and more go to Box in parts, which Box takes from 20,000,000 on.",
    ).tag(config=True)
    max_parallel_transfers = Int(
        16, min=1, max=64, help="The most requests that the transfers of one process have under way at once."
    ).tag(config=True)
    retry_deadline = Int(
        600, min=1, help="The longest, in seconds, that one call waits and tries again before it gives up."
    ).tag(config=True)
    scrub_environment = Bool(
        True,
        help="Remove the secrets from the server's environment at its start, so that kernels do not inherit them.",
    ).tag(config=True)
    allow_browser_tokens = Bool(
        False,
        help="Let `POST jupyter-box/tokens` hand the browser a token for one item, to talk to Box directly.",
    ).tag(config=True)

    max_document_size = Int(
        50_000_000,
        min=1,
        help="Files of more bytes are not opened in an editor of the browser, through JSON, but downloaded.",
    ).tag(config=True)
    keep_autosaves = Bool(
        True,
        help="Keep every autosave as a version in Box; if not, the next save takes it away, so that the versions of "
        "manual saves stay.",
    ).tag(config=True)
    upload_folder = Unicode(
        "",
        help="Where uploads from the browser wait on this machine until Box has them; empty for Jupyter's data "
        "directory. What outlives a restart of the pod must be on a volume that does.",
    ).tag(config=True)
    max_upload_folder_size = Int(
        50_000_000_000, min=1, help="The most bytes that uploads from the browser may take there together."
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kept: dict[str, str] = {}

    def endpoints(self) -> Endpoints:
        """Return where Box is: Box itself, unless other addresses are set.

        Raises:
            NotConfigured: An address is no http(s) URL, or has `/2.0` at its end.
        """
        url = _base("BOX_URL", self.url)
        return Endpoints(
            api=_base("BOX_API_URL", self.api_url) or url or BOX.api,
            upload=_base("BOX_UPLOAD_URL", self.upload_url) or (url and f"{url}/api") or BOX.upload,
            oauth=_base("BOX_OAUTH_URL", self.oauth_url) or (url and f"{url}/api/oauth2") or BOX.oauth,
        )

    def limits(self) -> RateLimit:
        """Return the rate limit as numbers.

        Raises:
            NotConfigured: The setting is neither `off` nor three numbers.
        """
        if self.rate_limit.strip().lower() == "off":
            return RateLimit(None, None, None)
        if not re.fullmatch(r"\s*[1-9]\d*\s*(,\s*[1-9]\d*\s*){2}", self.rate_limit):
            raise NotConfigured(
                f"BOX_RATE_LIMIT is {self.rate_limit!r}.",
                hint="Write `off`, or calls, uploads and searches a minute: 1000,240,60.",
            )
        return RateLimit(*(int(number) for number in self.rate_limit.split(",")))

    def root(self) -> str:
        """Return the id or path of the folder that is the drive's root.

        Raises:
            NotConfigured: It begins or ends with white space.
        """
        if self.root_folder != self.root_folder.strip():
            raise NotConfigured(
                "BOX_ROOT_FOLDER has white space at its beginning or end, often a trailing newline.",
                hint="Set it again without.",
            )
        return self.root_folder

    def credentials(self) -> Credentials:
        """Return how we are known to Box, from the settings, the environment and the secret files.

        Raises:
            NotConfigured: Nothing is set, half of a set is missing, or two ways are set at once; it names them.
        """
        # a secret in a kernel's environment was put there by its user, who means it
        server = self.server()
        if server and not self.broker_url and not self.secrets_given():
            return server
        given = {way: names for way, names in self._given().items() if names}
        if set(given) == {"client_credentials", "jwt"} and self._same_app():
            del given["jwt"]
        if not given:
            raise NotConfigured("No Box credentials are set.", hint=_HOW_TO_START)
        if len(given) > 1 or any(len(names) > 1 for names in given.values()):
            names = ", ".join(name for names in given.values() for name in names)
            raise NotConfigured(f"Several ways to sign in to Box are set at once: {names}.", hint="Keep one of them.")
        return getattr(self, f"_{next(iter(given))}")()  # type: ignore[no-any-return]

    def server(self) -> ServerAccess | None:
        """Return the Jupyter server that this process was started by; None in a server itself, and elsewhere.

        Raises:
            NotConfigured: Its address is no http(s) URL.
        """
        if not self.server_url:
            return None
        token = Secret(os.environ.get("JUPYTERHUB_API_TOKEN", ""))
        return ServerAccess(web_address("BOX_SERVER_URL", self.server_url), token, self.server_fingerprint)

    def is_direct(self) -> bool:
        """Tell whether we are a Hub's server that holds the Box app's own credentials, where its user can read them."""
        own = (ClientCredentials, JwtCredentials)
        return bool(os.environ.get("JUPYTERHUB_API_TOKEN")) and isinstance(self.credentials(), own)

    def secrets_given(self) -> tuple[str, ...]:
        """Return the names of the environment variables that hold a secret itself."""
        return tuple(name for name in SECRETS if self._environ(name))

    def hand_over(self, server_url: str, fingerprint: str = "") -> None:
        """Move the secrets from this process's environment into this object and tell children which server has them.

        Children inherit the addresses and limits too; the drive's root they learn from the server, with the token.
        What this protects from and what it does not stands in the administrator's guide.
        """
        inherited = {setting.env: setting.get(self) for setting in self._inherited()}
        self._kept.update({name: os.environ.pop(name) for name in SECRETS if name in os.environ})
        if not self.broker_url:
            os.environ.pop("BOX_ROOT_FOLDER", None)
        os.environ.update({name: value for name, value in inherited.items() if value})
        os.environ.update({"BOX_SERVER_URL": server_url, "BOX_SERVER_FINGERPRINT": fingerprint})

    def _inherited(self) -> list[Setting]:
        names = {"broker_url", "url", "api_url", "upload_url", "oauth_url", "rate_limit"}
        # fixed for this process before its environment changes
        _ = self.server_url, self.server_fingerprint, self.root_folder
        return [trait for name, trait in self.traits().items() if name in names and isinstance(trait, Setting)]

    def _secret(self, name: str, file: str) -> Secret:
        return _read_secret(f"{name}_FILE", file) if file else self._environ(name)

    def _word(self, name: str, file: str) -> Secret:
        secret = self._secret(name, file)
        _check_whole(f"{name}_FILE" if file else name, secret)
        return secret

    def _environ(self, name: str) -> Secret:
        return Secret(self._kept.get(name) or os.environ.get(name, ""))

    def _given(self) -> dict[str, list[str]]:
        ways = {
            "client_credentials": {"BOX_CLIENT_SECRET": "", "BOX_CLIENT_SECRET_FILE": self.client_secret_file},
            "jwt": {"BOX_JWT_CONFIG": "", "BOX_JWT_CONFIG_FILE": self.jwt_config_file},
            "developer_token": {"BOX_DEVELOPER_TOKEN": "", "BOX_DEVELOPER_TOKEN_FILE": self.developer_token_file},
            "broker": {"BOX_BROKER_URL": self.broker_url},
        }
        given = {way: [n for n, value in names.items() if value or self._environ(n)] for way, names in ways.items()}
        if not any(given.values()) and (self.client_id or self.enterprise_id or self.user_id):
            given["client_credentials"] = ["BOX_CLIENT_ID"]
        return given

    def _same_app(self) -> bool:
        """Tell whether the JWT configuration is of the app that the client credentials are of, so that they agree."""
        try:
            app = self._jwt().settings.get("boxAppSettings")
        except NotConfigured:
            return False
        return isinstance(app, dict) and app.get("clientID") == self.client_id

    def _client_credentials(self) -> ClientCredentials:
        secret = self._word("BOX_CLIENT_SECRET", self.client_secret_file)
        values = {"BOX_CLIENT_ID": self.client_id, "BOX_CLIENT_SECRET (or BOX_CLIENT_SECRET_FILE)": secret}
        values["BOX_ENTERPRISE_ID (or BOX_USER_ID)"] = self.enterprise_id or self.user_id
        missing = [name for name, value in values.items() if not value]
        if missing:
            raise NotConfigured(
                f"The client credentials are incomplete without {' and '.join(missing)}.", hint="Set all of them."
            )
        _check_whole("BOX_CLIENT_ID", self.client_id)
        return ClientCredentials(
            self.client_id,
            secret,
            _number("BOX_ENTERPRISE_ID", self.enterprise_id),
            _number("BOX_USER_ID", self.user_id),
        )

    def _jwt(self) -> JwtCredentials:
        name = "BOX_JWT_CONFIG_FILE" if self.jwt_config_file else "BOX_JWT_CONFIG"
        return JwtCredentials(
            _json_object(name, self._secret("BOX_JWT_CONFIG", self.jwt_config_file)),
            _number("BOX_USER_ID", self.user_id),
        )

    def _developer_token(self) -> DeveloperToken:
        return DeveloperToken(self._word("BOX_DEVELOPER_TOKEN", self.developer_token_file))

    def _broker(self) -> BrokerAccess:
        hub_token = Secret(os.environ.get("JUPYTERHUB_API_TOKEN", ""))
        if not hub_token:
            raise NotConfigured(
                "BOX_BROKER_URL is set, but JUPYTERHUB_API_TOKEN is not.",
                hint="The broker serves servers that a JupyterHub started.",
            )
        root = self.root().removeprefix("id:")
        folder = root if root.isdigit() and root != "0" else ""
        return BrokerAccess(web_address("BOX_BROKER_URL", self.broker_url), hub_token, folder)


_HOW_TO_START = (
    "Set BOX_CLIENT_ID, BOX_CLIENT_SECRET and BOX_ENTERPRISE_ID, or BOX_JWT_CONFIG_FILE, or BOX_DEVELOPER_TOKEN, "
    "or BOX_BROKER_URL; `jupyter box demo` needs none of them."
)


def _read_secret(name: str, file: str) -> Secret:
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise NotConfigured(
            f"{name} names {file}, which cannot be read: {reason}.", hint="Check the path, or the mount."
        ) from None
    if not text.strip():
        raise NotConfigured(f"{name} names {file}, which is empty.", hint="Write the secret to it.")
    # a text file ends with a newline by custom; in an environment variable it is a mistake of `echo | base64`
    return Secret(text.removesuffix("\n").removesuffix("\r"))


def _check_whole(name: str, value: str) -> None:
    if value != value.strip() or any(char.isspace() for char in value):
        raise NotConfigured(
            f"{name} has white space in it, often a trailing newline.",
            hint="Set it again without; `echo -n`, or stringData in a Kubernetes Secret, adds none.",
        )


def _number(name: str, value: str) -> str:
    if value and not (value.isascii() and value.isdigit()):
        raise NotConfigured(
            f"{name} is not a Box id.", hint="It has digits only and no white space, not even a newline at its end."
        )
    return value


def _json_object(name: str, text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text, object_hook=_veiled)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise NotConfigured(
            f"{name} does not give a JSON object.",
            hint="BOX_JWT_CONFIG takes what is in the file that Box's developer console made, BOX_JWT_CONFIG_FILE its "
            "name.",
        )
    return value


def _veiled(json: dict[str, Any]) -> dict[str, Any]:
    return {name: Secret(value) if isinstance(value, str) else value for name, value in json.items()}


def _base(name: str, value: str) -> str:
    address = value and web_address(name, value)
    if address.endswith("/2.0"):
        raise NotConfigured(f"{name} ends with /2.0.", hint="Leave that out: each request adds it.")
    return address


def web_address(name: str, value: str) -> str:
    """Return an http(s) address without its trailing slash.

    Args:
        name: The variable that it comes from, for the message.
        value: The address.

    Raises:
        NotConfigured: It is no such address, or has a user or a query.
    """
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        raise NotConfigured(
            f"{name} is no web address.", hint="Write https://host or http://host:port, without a user or a query."
        )
    return value.rstrip("/")
