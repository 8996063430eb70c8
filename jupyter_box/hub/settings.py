"""The broker's settings: traits with environment defaults, and the checked values that the rest of it receives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args
from urllib.parse import urlsplit

from traitlets.config import Configurable

from jupyter_box.config import Setting, web_address
from jupyter_box.errors import NotConfigured

MappingName = Literal["app-user", "managed-user", "folder"]
Role = Literal["viewer", "editor"]
# Box's scopes for downscoped tokens (developer guide, "Downscope a token"); none of them reaches users or settings.
READING = ("base_explorer", "base_picker", "base_preview", "base_sidebar", "item_preview", "item_download", "item_read")
WRITING = ("base_upload", "item_upload", "item_rename", "item_delete", "item_share", "item_comment", "item_task")
ANNOTATING = ("annotation_edit", "annotation_view_all", "annotation_view_self")
KNOWN_SCOPES = frozenset((*READING, *WRITING, *ANNOTATING, "root_readonly", "root_readwrite"))
FOLDER_SCOPES = "base_explorer base_preview base_upload item_download item_upload item_rename item_delete"
LONGEST_CACHE = 60


@dataclass(frozen=True, slots=True)
class GroupRule:
    """What members of one Hub group get beside their own: folder ids with a role in each, and further scopes."""

    folders: Mapping[str, Role] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settings:
    """The broker's settings, checked; seconds are seconds, and paths have a slash at both ends."""

    hub_api_url: str
    mapping: MappingName = "app-user"
    folder: str = ""
    login: str = "{name}"
    user_prefix: str = "jupyterhub:"
    scopes: frozenset[str] = frozenset()
    groups: Mapping[str, GroupRule] = field(default_factory=dict)
    hub_scope: str = "custom:jupyter-box:token"
    ip: str = ""
    port: int = 8080
    path: str = "/"
    cache_seconds: int = LONGEST_CACHE
    recheck_seconds: int = 300
    requests_per_minute: int = 60
    certfile: str = ""
    keyfile: str = ""

    def scopes_of(self, groups: Iterable[str]) -> frozenset[str]:
        """Return the scopes that a member of these groups may have; empty stands for all that the Box user has."""
        further = (self.groups[group].scopes for group in groups if group in self.groups)
        return self.scopes.union(*further) if self.scopes else self.scopes

    def folders_of(self, groups: Iterable[str]) -> dict[str, Role]:
        """Return the shared folders of these groups by id, each with the strongest role."""
        given: dict[str, Role] = {}
        for group in groups:
            for folder, role in (self.groups[group].folders if group in self.groups else {}).items():
                given[folder] = "editor" if "editor" in (role, given.get(folder)) else role
        return given


class BrokerConfig(Configurable):
    """The settings of the broker; the environment variable in brackets gives each its default.

    Box's credentials and addresses are the settings of `BoxConfig`, as in every other part.
    """

    hub_api_url = Setting("JUPYTERHUB_API_URL", help="The Hub's API, which is asked who a caller is.")
    ip = Setting("BOX_BROKER_IP", help="The address to listen on: all, or only 127.0.0.1 where the Hub manages us.")
    port = Setting("BOX_BROKER_PORT", "8080", help="The port to listen on.")
    mapping = Setting(
        "BOX_BROKER_MAPPING",
        "app-user",
        help="How a Hub user becomes a Box identity: `app-user`, `managed-user` or `folder`.",
    )
    folder = Setting(
        "BOX_BROKER_FOLDER", help="The id of the folder under which the mapping `folder` makes a folder for each user."
    )
    login = Setting(
        "BOX_BROKER_LOGIN",
        "{name}",
        help="For `managed-user`: the Box login of a Hub user, with `{name}` or `{email}` in it.",
    )
    user_prefix = Setting(
        "BOX_BROKER_USER_PREFIX",
        "jupyterhub:",
        help="For `app-user`: what the external ids of app users begin with; one for each Hub of an enterprise.",
    )
    scopes = Setting(
        "BOX_BROKER_SCOPES",
        help="The scopes of the tokens, by spaces; empty: those of a folder's editor in the mapping `folder`, "
        "all that the Box user has in the others.",
    )
    groups = Setting(
        "BOX_BROKER_GROUPS",
        help="What Hub groups get beside their own, as JSON: "
        '`{"students": {"folders": {"123": "viewer"}, "scopes": ["item_share"]}}`.',
    )
    hub_scope = Setting(
        "BOX_BROKER_HUB_SCOPE", "custom:jupyter-box:token", help="The Hub's scope that a caller must have."
    )
    cache_seconds = Setting(
        "BOX_BROKER_CACHE_SECONDS", "60", help="For how long the Hub's answer about a caller holds, at most 60."
    )
    recheck_seconds = Setting(
        "BOX_BROKER_RECHECK_SECONDS",
        "300",
        help="How often the Hub is asked whether those who hold tokens are still there; who is not has them revoked.",
    )
    requests_per_minute = Setting(
        "BOX_BROKER_REQUESTS_PER_MINUTE", "60", help="The requests for tokens that one Hub user may make a minute."
    )
    certfile = Setting("BOX_BROKER_CERTFILE", help="The certificate to serve HTTPS with.")
    keyfile = Setting("BOX_BROKER_KEYFILE", help="The certificate's private key.")
    service_name = Setting("JUPYTERHUB_SERVICE_NAME", help="Our name as a service that the Hub manages; set by it.")
    service_url = Setting("JUPYTERHUB_SERVICE_URL", help="Where the Hub wants us to listen; set by it.")
    service_prefix = Setting("JUPYTERHUB_SERVICE_PREFIX", "/", help="Our path behind the Hub's proxy; set by it.")

    def settings(self) -> Settings:
        """Return the checked values.

        Raises:
            NotConfigured: One is missing or wrong; it names the variable and says what it takes.
        """
        if not self.hub_api_url:
            raise NotConfigured(
                "JUPYTERHUB_API_URL is not set.", hint="Set it to the Hub's API, such as http://hub:8081/hub/api."
            )
        mapping, folder = _one_of("BOX_BROKER_MAPPING", self.mapping, MappingName), self.folder.strip()
        if mapping == "folder" and not re.fullmatch(r"\d{1,20}", folder):
            raise NotConfigured(
                "The mapping `folder` needs BOX_BROKER_FOLDER, the id of a folder in Box.",
                hint="It is the number at the end of the folder's address; the service account must be its editor.",
            )
        if bool(self.certfile) != bool(self.keyfile):
            raise NotConfigured("BOX_BROKER_CERTFILE and BOX_BROKER_KEYFILE belong together.", hint="Set both.")
        ip, port = self._where()
        scopes = _scopes("BOX_BROKER_SCOPES", self.scopes.split())
        return Settings(
            hub_api_url=web_address("JUPYTERHUB_API_URL", self.hub_api_url),
            mapping=cast("MappingName", mapping),
            folder=folder,
            login=_login(self.login),
            user_prefix=self.user_prefix,
            scopes=scopes or (frozenset(FOLDER_SCOPES.split()) if mapping == "folder" else scopes),
            groups=_groups(self.groups),
            hub_scope=self.hub_scope,
            ip=ip,
            port=port,
            path=f"/{self.service_prefix.strip('/')}/".replace("//", "/"),
            cache_seconds=_whole("BOX_BROKER_CACHE_SECONDS", self.cache_seconds, 0, LONGEST_CACHE),
            recheck_seconds=_whole("BOX_BROKER_RECHECK_SECONDS", self.recheck_seconds, 1, 86400),
            requests_per_minute=_whole("BOX_BROKER_REQUESTS_PER_MINUTE", self.requests_per_minute, 1, 100_000),
            certfile=self.certfile,
            keyfile=self.keyfile,
        )

    def _where(self) -> tuple[str, int]:
        if self.service_url:
            url = urlsplit(web_address("JUPYTERHUB_SERVICE_URL", self.service_url))
            return url.hostname or "127.0.0.1", url.port or 80
        ip = self.ip or ("127.0.0.1" if self.service_name else "")
        return ip, _whole("BOX_BROKER_PORT", self.port, 0, 65535)


def _one_of(name: str, value: str, choice: Any) -> str:
    if value not in get_args(choice):
        raise NotConfigured(f"{name} is {value!r}.", hint=f"It is one of {', '.join(get_args(choice))}.")
    return value


def _whole(name: str, value: str, least: int, most: int) -> int:
    text = value.strip()
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise NotConfigured(f"{name} is {value!r}.", hint=f"It is a whole number from {least} to {most}.")
    return int(text)


def _scopes(name: str, scopes: Iterable[str]) -> frozenset[str]:
    found = frozenset(scopes)
    unknown = sorted(str(scope) for scope in found - KNOWN_SCOPES)
    if unknown:
        raise NotConfigured(
            f"{name} has {', '.join(unknown)}, which Box does not know as a scope of a downscoped token.",
            hint=f"Take from {' '.join(sorted(KNOWN_SCOPES))}.",
        )
    return found


def _login(template: str) -> str:
    names = re.findall(r"{([^{}]*)}", template)
    if len(names) != 1 or names[0] not in ("name", "email"):
        raise NotConfigured(
            f"BOX_BROKER_LOGIN is {template!r}.",
            hint="It has {name} or {email} in it once, or all Hub users would be one Box user.",
        )
    return template


def _groups(text: str) -> dict[str, GroupRule]:
    try:
        whole = json.loads(text or "{}")
        return {str(name): _rule(str(name), dict(rule)) for name, rule in dict(whole).items()}
    except (ValueError, TypeError):
        raise NotConfigured(
            "BOX_BROKER_GROUPS is not the JSON that is expected.",
            hint='It looks so: {"students": {"folders": {"123": "viewer"}, "scopes": ["item_share"]}}.',
        ) from None


def _rule(group: str, rule: dict[str, Any]) -> GroupRule:
    unknown = set(rule) - {"folders", "scopes"}
    folders = {str(folder): role for folder, role in dict(rule.get("folders") or {}).items()}
    wrong = [f"{folder}: {role}" for folder, role in folders.items() if not _is_share(folder, role)]
    if unknown or wrong:
        raise NotConfigured(
            f"BOX_BROKER_GROUPS has for the group {group} what is not known: {', '.join([*sorted(unknown), *wrong])}.",
            hint="A group has `folders`, ids with the role viewer or editor, and `scopes`, a list.",
        )
    return GroupRule(folders, _scopes("BOX_BROKER_GROUPS", rule.get("scopes") or ()))


def _is_share(folder: str, role: object) -> bool:
    return bool(re.fullmatch(r"[1-9]\d{0,19}", folder)) and role in get_args(Role)
