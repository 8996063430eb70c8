"""Other people: shared links, collaborations, locks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import Literal

from jupyter_box._paging import PAGE_SIZE, by_marker
from jupyter_box.errors import BoxError, Denied, Exists, InvalidName, NotFound
from jupyter_box.items import ALL_FILES, ROLES, Collaboration, Item, Json, SharedLink

from ._core import Core, address

Access = Literal["open", "company", "collaborators"]
Removable = Literal["password", "expires"]
_ACCESS = ("open", "company", "collaborators")
# Box's OpenAPI tells it of the password alone; that it takes null for the end, too, is seen in its CLI's issue 222
_NULLABLE = {"password": "password", "expires": "unshared_at"}


class Sharing(Core):
    """Lets others in, and keeps them out."""

    def share(
        self,
        path: str,
        *,
        access: Access | None = None,
        password: str | None = None,
        expires: datetime | None = None,
        can_download: bool | None = None,
        without: Collection[Removable] = (),
    ) -> SharedLink:
        """Return the item's shared link, made or changed as asked; what is not given stays as it is.

        Args:
            path: The item.
            access: Who may use the link: `open` (anyone), `company` or `collaborators`; None for what the
                administrator has set, where the link is new.
            password: A password that the link asks for; only with `open`.
            expires: When it ends; a time without a zone is local.
            can_download: Whether it allows the download; not with `collaborators`.
            without: What the link is to lose: `password`, `expires` (its end), or both.

        Raises:
            NotFound: The item is not there.
            InvalidName: Box does not take this combination.
            Denied: Our role, or the administrator, does not allow it.
        """
        item = self._sharable(path)
        given = _given(access, password, expires, can_download)
        wanted = _link(item.shared_link, {**_removed(without), **given})
        if item.shared_link and not wanted:
            return item.shared_link
        shared = self._update(item, shared_link=wanted).shared_link
        if shared is None:
            raise BoxError(f"Box made no shared link for {item.path}.", hint="Try again.")
        if shared.expires and "expires" in without and not expires:
            raise Denied(
                f"Box keeps the end of the shared link of {item.path}.",
                hint="The Box administrator may want every link to end.",
                code="end_required",
            )
        return shared

    def unshare(self, path: str) -> Item:
        """Remove the item's shared link, at once and for everyone who has it; returns the item.

        Raises:
            NotFound: The item is not there.
            Denied: Our role does not allow it.
        """
        return self._update(self._item(path), shared_link=None)

    def invite(self, path: str, who: str, *, role: str = "viewer", group: bool = False) -> Collaboration:
        """Let a person or a group work with an item.

        Args:
            path: The folder or file.
            who: A person's login (e-mail address) or user id; of a group, its name or id.
            role: `editor`, `viewer`, `previewer`, `uploader`, `previewer uploader`, `viewer uploader` or `co-owner`.
            group: Whether `who` is a group.

        Returns:
            The collaboration; `pending` until someone from outside has accepted.

        Raises:
            InvalidName: No such role; or several groups have the name.
            Exists: They work with it already, in another role.
            NotFound: The item, the person or the group is not there.
            Denied: Our role, or the administrator, does not allow it.
        """
        role = _role(role)
        item = self._sharable(path)
        whom = self._group(who) if group else _person(who)
        body = {"item": {"type": item.type, "id": item.id}, "accessible_by": whom, "role": role}
        try:
            return Collaboration.of(self._session.call("POST", "/collaborations", json=body, what=item.path))
        except BoxError as error:
            if error.code != "user_already_collaborator":
                raise
            return self._already(item, whom.get("id") or who, role)

    def collaborators(self, path: str) -> list[Collaboration]:
        """Return who works with an item, and in which role.

        Raises:
            NotFound: The item is not there.
            Denied: Our role does not show it.
        """
        return list(self._collaborations(self._item(path)))

    def uninvite(self, path: str, who: str) -> None:
        """End a collaboration.

        Args:
            path: The item.
            who: A login, a user's or group's id or name, or the collaboration's own id.

        Raises:
            NotFound: They do not work with this item; perhaps with a folder above it.
            Denied: Our role does not allow it.
        """
        item = self._item(path)
        collaboration = self._collaboration(item, who)
        with suppress(NotFound):
            self._session.call("DELETE", f"/collaborations/{collaboration.id}", what=item.path)

    def set_role(self, path: str, who: str, role: str) -> Collaboration:
        """Change the role in which someone works with an item.

        Args:
            path: The item.
            who: As in `uninvite`.
            role: As in `invite`.

        Raises:
            InvalidName: No such role.
            NotFound: They do not work with this item.
            Denied: Our role does not allow it.
        """
        body = {"role": _role(role)}
        item = self._item(path)
        collaboration = self._collaboration(item, who)
        return Collaboration.of(
            self._session.call("PUT", f"/collaborations/{collaboration.id}", json=body, what=item.path)
        )

    def lock(self, path: str, *, expires: datetime | None = None, prevent_download: bool = False) -> Item:
        """Lock a file, so that only we can change it; returns it.

        Args:
            path: The file.
            expires: When the lock ends; None for never; a time without a zone is local.
            prevent_download: Whether others may not even download it meanwhile.

        Raises:
            InvalidName: It is no file, or the time is past.
            Denied: Someone else has locked it, or our role does not allow it.
        """
        lock = {"access": "lock", "is_download_prevented": prevent_download}
        return self._update(self._file(path), lock=lock | ({"expires_at": _future(expires)} if expires else {}))

    def unlock(self, path: str) -> Item:
        """Remove a file's lock; returns the file.

        Raises:
            InvalidName: It is no file.
            Denied: The lock is someone else's.
        """
        return self._update(self._file(path), lock=None)

    def _sharable(self, path: str) -> Item:
        item = self._item(path)
        if item.id == ALL_FILES and item.is_folder:
            raise Denied("An account's own root cannot be shared.", hint="Share a folder in it.", code="root_folder")
        return item

    def _group(self, who: str) -> dict[str, str]:
        if who.isdecimal():
            return {"type": "group", "id": who}
        groups = self._session.call(
            "GET", "/groups", params={"filter_term": who, "limit": PAGE_SIZE}, what=f"the group {who}"
        )
        ids = [json["id"] for json in groups["entries"] if json["name"].casefold() == who.casefold()]
        if not ids:
            raise NotFound(f"There is no group {who!r}.", hint="Give its id, if this account cannot see it.")
        if len(ids) > 1:
            raise InvalidName(f"Several groups are named {who!r}.", hint=f"Give one's id: {', '.join(ids)}.")
        return {"type": "group", "id": ids[0]}

    def _already(self, item: Item, who: str, role: str) -> Collaboration:
        """Return the collaboration that is there: with the same role it is what was asked for, perhaps by us."""
        there = self._collaboration(item, who)
        if there.role == role:
            return there
        raise Exists(f"{who} works with {item.path} already, as {there.role}.", hint="Change the role instead.")

    def _collaboration(self, item: Item, who: str) -> Collaboration:
        for collaboration in self._collaborations(item):
            if who.casefold() in _names(collaboration):
                return collaboration
        raise NotFound(
            f"{who} is no collaborator of {item.path}.", hint="Perhaps of a folder above it; list the collaborators."
        )

    def _collaborations(self, item: Item) -> Iterator[Collaboration]:
        for page in by_marker(self._session, f"{address(item)}/collaborations", what=item.path):
            yield from map(Collaboration.of, page)


def _person(who: str) -> dict[str, str]:
    return {"type": "user", "id" if who.isdecimal() else "login": who}


def _names(collaboration: Collaboration) -> set[str]:
    who = collaboration.who
    names = {collaboration.id, collaboration.invited, *((who.id, who.login, who.name) if who else ())}
    return {name.casefold() for name in names if name}


def _role(role: str) -> str:
    if role not in ROLES:
        raise InvalidName(f"Box has no role {role!r}.", hint=f"Take one of: {', '.join(ROLES)}.", code="invalid_role")
    return role


def _removed(without: Iterable[str]) -> Json:
    names = set(without)
    if unknown := names - _NULLABLE.keys():
        raise InvalidName(f"A shared link cannot lose its {', '.join(unknown)}.", hint="Take password or expires.")
    return {_NULLABLE[name]: None for name in names}


def _given(access: str | None, password: str | None, expires: datetime | None, can_download: bool | None) -> Json:
    given = {
        "access": access,
        "password": password,
        "unshared_at": _future(expires) if expires else None,
        "permissions": None if can_download is None else {"can_download": can_download},
    }
    return {name: value for name, value in given.items() if value is not None}


def _link(now: SharedLink | None, wanted: Json) -> Json:
    """Return what Box is to be asked for, so that nothing else of the link changes."""
    if now and wanted:
        # without it Box falls back to the administrator's default
        wanted = {"access": now.access, **wanted}
    _check_link(wanted)
    return wanted


def _check_link(wanted: Json) -> None:
    access = wanted.get("access")
    if access not in {None, *_ACCESS}:
        raise InvalidName(f"A shared link has no access {access!r}.", hint=f"Take one of: {', '.join(_ACCESS)}.")
    if wanted.get("password") == "":
        raise InvalidName("The password of a shared link is empty.", hint="Give one, or none at all.")
    if wanted.get("password") and access not in {None, "open"}:
        raise InvalidName("Only a link that is open to anyone has a password.", hint="Take the access open.")
    if "permissions" in wanted and access == "collaborators":
        raise InvalidName(
            "A link for collaborators has no download setting of its own.", hint="Their roles decide what they may do."
        )


def _future(moment: datetime) -> str:
    """Return a time to come as Box writes it."""
    moment = moment.astimezone()
    if moment <= datetime.now(timezone.utc):
        raise InvalidName(f"{moment.isoformat()} is past.", hint="Give a time to come.", code="past")
    return moment.isoformat(timespec="seconds")
