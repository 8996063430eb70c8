"""Makes a run: its folders, who may work in them, and `cfg.json`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace

from jupyter_box.drive import Drive
from jupyter_box.errors import Denied, Exists, NotFound
from jupyter_box.items import Item

from .config import CONFIG, SERVER, RunConfig, check
from .run import ENDED
from .signing import Signer
from .store import Store


def new_run_id() -> str:
    """Return a new run's id: 15 hex digits, a number that Flower's 63 bits hold."""
    return f"{secrets.randbits(60) | 1 << 59:015x}"


def create(
    drive: Drive,
    folder: str,
    config: RunConfig,
    signer: Signer,
    *,
    group: str = "",
) -> RunConfig:
    """Make a run's folders and its `cfg.json`, and return that.

    Args:
        drive: The way to Box, as the server.
        folder: The run's folder; it is made if it is not there.
        config: The run without what is only known in Box.
        signer: The server's key.
        group: The Box group that may take part; it is invited to the folder.

    Raises:
        Exists: There is a run in the folder already, perhaps a finished one.
        NotFound: There is no such group, or no such user.
        InvalidName: A reference, a name or a number makes no sense.
    """
    check(config)
    root = drive.mkdir(folder)
    store = Store(drive)
    _check_new(store.list(root), folder)
    me = drive.me().id
    if config.isolated:
        folders, public = _isolated_folders(store, root, config)
    else:
        folders = {name: store.below(root, name).id for name in ("authentications", "heartbeats", "rounds")}
        public = root
    whole = replace(config, folders=folders, server_user=me, server_key=signer.public)
    store.create(public, CONFIG, whole.seal(signer))
    if group:
        invite_group(drive, public, group, "viewer" if config.isolated else "viewer uploader")
    return whole


def invite_group(drive: Drive, folder: Item, group: str, role: str) -> None:
    """Let a Box group work with a folder.

    Raises:
        NotFound, Denied: It says which of the Box administrator's steps is missing.
    """
    try:
        drive.invite(f"id:{folder.id}", group, role=role, group=True)
    except Exists:
        return  # it has another role there, which the administrator chose
    except NotFound as error:
        raise NotFound(
            f"This account sees no Box group {group!r}.",
            hint="The Box administrator makes it under Users & Groups, and puts the participants into it.",
            code=error.code,
        ) from error
    except Denied as error:
        raise Denied(
            f"This account may not invite the group {group!r}.",
            hint="The Box administrator gives the app the scope Manage groups and authorises it again.",
            code=error.code,
        ) from error


def _isolated_folders(store: Store, root: Item, config: RunConfig) -> tuple[dict[str, str], Item]:
    drive = store.drive
    public = store.below(root, SERVER)
    folders = {SERVER: public.id, "rounds": store.below(public, "rounds").id}
    for name, user in config.expected.items():
        own = store.below(root, f"from-{name}")
        folders[f"from-{name}"] = own.id
        _invite(drive, own, user, "viewer uploader")
        _invite(drive, public, user, "viewer")
    return folders, public


def _invite(drive: Drive, folder: Item, user: str, role: str) -> None:
    try:
        drive.invite(f"id:{folder.id}", user, role=role)
    except Exists:
        drive.set_role(f"id:{folder.id}", user, role)


def _check_new(found: Mapping[str, Item], folder: str) -> None:
    taken = CONFIG in found or (SERVER in found and found[SERVER].is_folder)
    if taken:
        how = "a finished run" if ENDED in found else "a run"
        raise Exists(
            f"{folder} has {how} already.", hint="Take another folder: each run has its own.", code="run_exists"
        )
