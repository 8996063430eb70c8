"""Who a Hub user is in Box: an app user, a managed user, or a folder of the service account; blocking."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_box._grants import Token
from jupyter_box.errors import BoxError, Denied, Exists, InvalidName, NotConfigured, NotFound

from .account import Account, Resource, mini
from .bounded import Aging
from .callers import Caller
from .names import safe_name
from .settings import FOLDER_SCOPES, READING, Role, Settings

USER_FIELDS = "id,type,name,login,status,role,external_app_user_id"
# Box's limit for a user's name (OpenAPI, POST /users)
LONGEST_NAME = 50
OWNERS_KEPT = 100_000
FOREVER = 365 * 86400.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What a Hub user has in Box.

    Attributes:
        box_user: Box's mini user as which their tokens act.
        root: The id of the folder that is their drive's root.
        owner: The Hub user's name.
    """

    box_user: Mapping[str, Any]
    root: str
    owner: str


@dataclass(frozen=True, slots=True)
class Less:
    """What a narrower token is to be good for: these scopes, none for all that the user may have; this item, or all."""

    scopes: frozenset[str] = frozenset()
    resource: Resource | None = None


WHOLE = Less()


class Way(ABC):
    """One way from Hub users to Box; every method may take seconds.

    Args:
        account: The service account.
        settings: The broker's.
    """

    def __init__(self, account: Account, settings: Settings) -> None:
        self._account, self._settings = account, settings

    def look(self) -> None:  # noqa: B027  most ways need nothing else
        """Return if Box gives the service account what this way needs, beside a token.

        Raises:
            NotConfigured: It does not.
        """

    @abstractmethod
    def identify(self, caller: Caller) -> Identity:
        """Return what a Hub user has in Box; it is made at the first call."""

    @abstractmethod
    def token(self, identity: Identity, caller: Caller) -> Token:
        """Return a new token for all that the user has."""

    @abstractmethod
    def narrower(self, identity: Identity, whole: Token, caller: Caller, less: Less) -> Token:
        """Return a new token for less than the whole one that the user has."""


class Users(Way):
    """What the two mappings to Box users have in common: the token acts as that user."""

    def identify(self, caller: Caller) -> Identity:
        """Return the Box user of a Hub user, who shares the folders of their groups from then on."""
        user = self._user(caller)
        if user.get("status") == "inactive":
            raise Denied(
                f"The Box account of the Hub user {caller.name} is inactive.",
                hint="A Box administrator activates it in the Admin Console.",
                code="box_user_inactive",
            )
        Shares(self._account, self._settings).settle(str(user["id"]), caller.groups)
        return Identity(mini(user), "0", caller.name)

    def token(self, identity: Identity, caller: Caller) -> Token:
        """Return a token that acts as the user, with the scopes of the settings where there are any."""
        token, scopes = self._account.user_token(str(identity.box_user["id"])), self._settings.scopes_of(caller.groups)
        return self._account.narrowed(token, scopes, None) if scopes else token

    def narrower(self, identity: Identity, whole: Token, caller: Caller, less: Less) -> Token:
        """Return a token for less; Box itself knows what the user may see."""
        allowed = self._settings.scopes_of(caller.groups)
        if not allowed:
            return self._account.narrowed(whole, less.scopes or frozenset(FOLDER_SCOPES.split()), less.resource)
        # the whole one is an exchange's own already, and Box does not say that those can be exchanged
        parent = self._account.user_token(str(identity.box_user["id"]))
        return self._account.narrowed(parent, permitted(less.scopes or allowed, allowed), less.resource)

    @abstractmethod
    def _user(self, caller: Caller) -> dict[str, Any]:
        """Return Box's user of a Hub user."""


class AppUsers(Users):
    """One Box app user for each Hub user, found again by `external_app_user_id`."""

    def _user(self, caller: Caller) -> dict[str, Any]:
        external = self._settings.user_prefix + safe_name(caller.name)
        return self._found(external) or self._made(external, caller.name)

    def _found(self, external: str) -> dict[str, Any] | None:
        params = {"external_app_user_id": external, "fields": USER_FIELDS}
        users = self._account.entries("/users", params)
        same = [user for user in users if user.get("external_app_user_id") == external]
        # two brokers may have made one each at the same moment: both go on with the elder
        return min(same, key=lambda user: int(user["id"]), default=None)

    def _made(self, external: str, name: str) -> dict[str, Any]:
        body = {
            "name": name[:LONGEST_NAME].strip() or external[:LONGEST_NAME],
            "is_platform_access_only": True,
            "external_app_user_id": external,
        }
        params = {"fields": USER_FIELDS}
        try:
            made: dict[str, Any] = self._account.call(
                "POST", "/users", json=body, params=params, what=f"the app user of the Hub user {name}"
            )
        except Exists:
            made = {}
        chosen = self._found(external) or made
        if made and chosen["id"] != made["id"]:
            self._account.call("DELETE", f"/users/{made['id']}", what="a second app user")
        if not chosen:
            raise NotConfigured(
                f"Box says that the app user {external} is there, but does not show it.",
                hint="The Hub's administrator looks for it in the Admin Console; it may be another app's.",
                code="app_user_hidden",
            )
        return chosen


class ManagedUsers(Users):
    """The Box account whose login fits a template of the Hub user's name or address."""

    def __init__(self, account: Account, settings: Settings) -> None:
        super().__init__(account, settings)
        self._owners: Aging[str, str] = Aging(FOREVER, OWNERS_KEPT)
        self._lock = threading.Lock()

    def _user(self, caller: Caller) -> dict[str, Any]:
        login = self._login(caller)
        params = {"filter_term": login, "user_type": "managed", "fields": USER_FIELDS}
        for user in self._account.entries("/users", params):
            if str(user["login"]).lower() == login:
                return self._checked(user)
        raise NotFound(
            f"No Box account of the enterprise has the login {login}.",
            hint="A Box administrator invites that address, or the Hub's administrator changes BOX_BROKER_LOGIN.",
            code="no_box_user",
        )

    def _login(self, caller: Caller) -> str:
        if "{email}" in self._settings.login and not caller.email:
            raise Denied(
                f"The Hub knows no address of the user {caller.name}.",
                hint="The Hub's administrator sets BOX_BROKER_LOGIN to a template with {name}.",
                code="no_email",
            )
        login = self._settings.login.format(name=caller.name, email=caller.email)
        # Box's logins know no case, and Hub names may: `Alice` must not become who `alice` is
        if login != login.lower():
            raise self._twins(caller.name, login.lower())
        with self._lock:
            owner = self._owners.get(login)
            if owner not in (None, caller.name):
                raise self._twins(caller.name, login)
            self._owners.put(login, caller.name)
        return login

    def _twins(self, name: str, login: str) -> Denied:
        return Denied(
            f"The Hub user {name} would have the Box login {login}, which is another Hub user's too.",
            hint="Only one of them can have it: the Hub's administrator renames one, or changes BOX_BROKER_LOGIN.",
            code="login_taken",
        )

    def _checked(self, user: dict[str, Any]) -> dict[str, Any]:
        if user.get("role") in ("admin", "coadmin"):
            raise Denied(
                f"The Box account {user['login']} is an administrator's; its tokens would rule the whole enterprise.",
                hint="Use an ordinary Box account on the Hub.",
                code="box_administrator",
            )
        return user


class Folders(Way):
    """The service account, confined to a folder of the user's own below the configured one."""

    def look(self) -> None:
        """Return if the service account may make folders where the users' are to be.

        Raises:
            NotConfigured: It may not.
        """
        try:
            parent = self._account.call(
                "GET", f"/folders/{self._settings.folder}", params={"fields": "permissions"}, what="BOX_BROKER_FOLDER"
            )
        except (NotFound, Denied) as error:
            raise self._no_parent(error) from None
        if not (parent.get("permissions") or {}).get("can_upload", True):
            raise self._no_parent(Denied("It is no editor of it."))

    def identify(self, caller: Caller) -> Identity:
        """Return the user's folder; it is made where it is not there."""
        name = safe_name(caller.name)
        what = f"the folder {name} of the Hub user {caller.name}"
        try:
            folder_id = self._made(name, what)
        except Exists as error:
            if not error.item_id:
                raise
            folder_id = error.item_id
        folder = self._account.call("GET", f"/folders/{folder_id}", params={"fields": "name,parent"}, what=what)
        parent = folder.get("parent") or {}
        if (folder["name"], str(parent.get("id"))) != (name, self._settings.folder):
            raise InvalidName(
                f"Box has something else than {what} under BOX_BROKER_FOLDER.",
                hint="The Hub's administrator moves or renames it.",
                code="folder_name_taken",
            )
        return Identity(self._account.me(), str(folder["id"]), caller.name)

    def token(self, identity: Identity, caller: Caller) -> Token:
        """Return a token for the user's folder and nothing beside it."""
        scopes = self._settings.scopes_of(caller.groups)
        return self._account.own_narrowed(scopes, Resource("folder", identity.root))

    def narrower(self, identity: Identity, _whole: Token, caller: Caller, less: Less) -> Token:
        """Return a token for an item in the user's folder, or in a folder of their groups."""
        root = Resource("folder", identity.root)
        resource = less.resource or root
        role = "editor" if resource == root else self._role(resource, root, caller)
        allowed = self._settings.scopes_of(caller.groups)
        if role == "viewer":
            allowed &= frozenset(READING)
        return self._account.own_narrowed(permitted(less.scopes or allowed, allowed), resource)

    def _made(self, name: str, what: str) -> str:
        body = {"name": name, "parent": {"id": self._settings.folder}}
        try:
            return str(self._account.call("POST", "/folders", json=body, params={"fields": "id"}, what=what)["id"])
        except (NotFound, Denied) as error:
            raise self._no_parent(error) from None

    def _no_parent(self, error: BoxError) -> NotConfigured:
        return NotConfigured(
            f"The service account cannot make folders in the folder {self._settings.folder} of BOX_BROKER_FOLDER.",
            hint="The Hub's administrator checks the id; the folder's owner makes the service account its editor.",
            code=error.code,
            request_id=error.request_id,
        )

    def _role(self, resource: Resource, root: Resource, caller: Caller) -> Role:
        """Return what the user is to an item, by the folders above it."""
        try:
            item = self._account.call("GET", resource.path, params={"fields": "path_collection"})
        except (NotFound, Denied):
            raise _not_yours(resource) from None
        above = {str(folder["id"]) for folder in item["path_collection"]["entries"]}
        if resource.type == "folder":
            above.add(resource.id)
        if root.id in above:
            return "editor"
        shared = self._settings.folders_of(caller.groups)
        roles = {role for folder, role in shared.items() if folder in above}
        if not roles:
            raise _not_yours(resource)
        return "editor" if "editor" in roles else "viewer"


def _not_yours(resource: Resource) -> NotFound:
    return NotFound(
        f"The {resource.type} {resource.id} is not in your folder in Box.",
        hint="A token is for what is in your own folder, or in one of your groups'.",
        code="not_in_your_folder",
    )


def permitted(scopes: frozenset[str], allowed: frozenset[str]) -> frozenset[str]:
    """Return the scopes; raise `Denied` for one that is not allowed."""
    beyond = sorted(scopes - allowed)
    if beyond:
        raise Denied(
            f"The broker gives no tokens with {', '.join(beyond)}.",
            hint=f"It gives {', '.join(sorted(allowed))}; BOX_BROKER_SCOPES and BOX_BROKER_GROUPS say so.",
            code="scope_not_allowed",
        )
    return scopes


@dataclass(frozen=True, slots=True)
class Shares:
    """Keeps Box users in the folders of their Hub groups, by collaborations of the service account's."""

    _account: Account
    _settings: Settings

    def settle(self, user_id: str, groups: Iterable[str]) -> None:
        """Let a user into the folders of their groups, and out of those of groups that they have left."""
        wanted = self._settings.folders_of(groups)
        for folder in sorted({folder for rule in self._settings.groups.values() for folder in rule.folders}):
            self._settle_one(user_id, folder, wanted.get(folder))

    def _settle_one(self, user_id: str, folder: str, role: Role | None) -> None:
        try:
            self._change(user_id, folder, role)
        except (NotFound, Denied) as error:
            raise NotConfigured(
                f"The service account cannot share the folder {folder} of BOX_BROKER_GROUPS.",
                hint="The Hub's administrator checks the id; its owner makes the service account a co-owner.",
                code=error.code,
                request_id=error.request_id,
            ) from None

    def _change(self, user_id: str, folder: str, role: Role | None) -> None:
        mine = self._given(user_id, folder)
        if mine and not role and self._by_us(mine):
            self._account.call("DELETE", f"/collaborations/{mine['id']}")
        elif mine and role and mine["role"] != role and self._by_us(mine):
            self._account.call("PUT", f"/collaborations/{mine['id']}", json={"role": role})
        elif role and not mine:
            self._invite(user_id, folder, role)

    def _given(self, user_id: str, folder: str) -> dict[str, Any] | None:
        params = {"fields": "accessible_by,created_by,role"}
        everyone = self._account.entries(f"/folders/{folder}/collaborations", params)
        return next((one for one in everyone if str((one["accessible_by"] or {}).get("id")) == user_id), None)

    def _by_us(self, collaboration: Mapping[str, Any]) -> bool:
        # what somebody else has given is theirs to take back
        by = collaboration.get("created_by") or {}
        return str(by.get("id")) == str(self._account.me()["id"])

    def _invite(self, user_id: str, folder: str, role: Role) -> None:
        body = {
            "item": {"type": "folder", "id": folder},
            "accessible_by": {"type": "user", "id": user_id},
            "role": role,
        }
        try:
            self._account.call("POST", "/collaborations", json=body, params={"notify": False})
        except Exists:
            return


MAPPINGS: Mapping[str, type[AppUsers | ManagedUsers | Folders]] = {
    "app-user": AppUsers,
    "managed-user": ManagedUsers,
    "folder": Folders,
}
