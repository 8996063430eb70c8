"""A run's folder: the names of its files, what `cfg.json` says, and who takes part; it needs no Flower."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from jupyter_box.drive import Drive
from jupyter_box.errors import Denied, Exists, InvalidName, NotAuthorized, NotFound
from jupyter_box.items import Item

from .signing import Forged, Signer, parse, unseal
from .store import Store, folder_of

CONFIG = "cfg.json"
PARTICIPANTS = "participants.json"
LOCK = "server.lock"
ENDED = "server_ended.txt"
SERVER = "server"
FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ENDED = re.compile(r"server_ended(\.\d+)?\.txt")
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True)
class Schedule:
    """How many take part, and how long the run waits; the names are mila's, times in seconds.

    Attributes:
        minimum_clients: With how many the run may begin, and go on.
        maximum_clients: With how many the registration closes at once.
        client_wait_time: Closes the registration when so long after the last one no other came.
        heartbeat_timeout: Without a heartbeat for so long a client is lost.
        heartbeat_frequency: Between two heartbeats.
        registration_timeout: The run ends if it has not enough clients by then.
        poll_interval: Between two looks at the folder, while it is not known how long rounds take.
        poll_ceiling: The longest, once something is due.
    """

    minimum_clients: int = 2
    maximum_clients: int = 100
    client_wait_time: float = 10.0
    heartbeat_timeout: float = 300.0
    heartbeat_frequency: float = 60.0
    registration_timeout: float = 86_400.0
    poll_interval: float = 2.0
    poll_ceiling: float = 30.0

    def check(self) -> Schedule:
        """Return it, if it can work.

        Raises:
            InvalidName: It cannot; it says why.
        """
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
                raise InvalidName(f"{name} is {value!r}.", hint="Give a number above zero.", code="invalid_option")
        if self.minimum_clients > self.maximum_clients:
            raise InvalidName("minimum_clients is above maximum_clients.", hint="Lower it.", code="invalid_option")
        if self.heartbeat_timeout < 2 * self.heartbeat_frequency:
            raise InvalidName(
                "heartbeat_timeout is less than two heartbeats.",
                hint="Give at least twice heartbeat_frequency.",
                code="invalid_option",
            )
        return self


@dataclass(frozen=True)
class Participant:
    """Whom a name stands for: a Box user and the key that signs; both are fixed when the run begins."""

    name: str
    box_user: str
    public_key: str = ""

    @property
    def node_id(self) -> int:
        """The number that Flower knows the participant by: equal in every run, and never Flower's own."""
        return 2 + int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:7], "big")


@dataclass(frozen=True)
class RunConfig:
    """What `cfg.json` says; data only: code is named, never sent.

    Attributes:
        run: The run's id.
        server_app: Flower's ServerApp as `module:attribute`, installed at the server's site.
        client_app: Flower's ClientApp, installed at each client's site.
        run_config: What the apps read as `context.run_config`.
        schedule: How many take part, and how long the run waits.
        server_user: The Box user id of the server.
        server_key: The key that signs the server's messages, in hex.
        folders: The ids of the run's folders by name; isolated participants have `from-<name>` each.
        expected: Box user ids of those who may take part, by name; empty for all who can write to the folder.
        isolated: Whether participants cannot read each other's updates.
        check_shapes: Whether an update must have the arrays, types and shapes of the model that was sent.
        versions: Of Flower and of jupyter-box, where the run was made.
    """

    run: str
    server_app: str
    client_app: str
    run_config: dict[str, Any] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)
    server_user: str = ""
    server_key: str = ""
    folders: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)
    isolated: bool = False
    check_shapes: bool = True
    versions: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @classmethod
    def of(cls, data: bytes) -> RunConfig:
        """Return the configuration of a file's content, signed with the key that is in it.

        Raises:
            Forged: It is damaged.
            InvalidName: It is of a version that we do not know.
        """
        body = unseal(data, str(parse(data).get("server_key")))
        if body.get("format") != FORMAT:
            raise InvalidName("The run is of another version of jupyter-box.", hint="Install the same at each site.")
        try:
            schedule = Schedule(**body.pop("schedule")).check()
            return cls(schedule=schedule, **body)
        except TypeError:
            raise Forged(f"{CONFIG} has options that this version does not know.") from None

    def seal(self, signer: Signer) -> bytes:
        """Return the file's content, signed."""
        return signer.seal(asdict(self))

    @property
    def run_number(self) -> int:
        """The id as the number that Flower asks for."""
        return int(self.run, 16)

    def folder(self, name: str) -> Item:
        """Return one of the run's folders."""
        return folder_of(self.folders[name], name)

    def mailboxes(self) -> list[tuple[Item, str]]:
        """Return where participants write, each with the name whose it is, empty for everyone's."""
        if self.isolated:
            return [(self.folder(f"from-{name}"), name) for name in sorted(self.expected)]
        return [(self.folder("authentications"), "")]

    def authentications(self, name: str) -> Item:
        """Return the folder where a participant registers."""
        return self.folder(f"from-{name}" if self.isolated else "authentications")

    def heartbeats(self, name: str) -> Item:
        """Return the folder of a participant's heartbeat."""
        return self.folder(f"from-{name}" if self.isolated else "heartbeats")


@dataclass(frozen=True)
class Run:
    """An open run.

    Attributes:
        config: What its `cfg.json` says.
        store: Its files.
        public: The folder that all participants read.
        listing: What was in that when the run was opened.
    """

    config: RunConfig
    store: Store
    public: Item
    listing: Mapping[str, Item]

    @classmethod
    def open(cls, drive: Drive, folder: str) -> Run:
        """Return the run of a folder.

        Args:
            drive: The way to Box.
            folder: The run's folder, or that of its server in an isolated run; a path or `id:123`.

        Raises:
            NotFound: There is no such folder, or no run in it.
            Forged: Its configuration is damaged.
        """
        store, public = Store(drive), drive.stat(folder)
        if not public.is_folder:
            raise InvalidName(f"{folder} is a file.", hint="Name the run's folder.")
        found = store.list(public)
        if CONFIG not in found and SERVER in found and found[SERVER].is_folder:
            public = found[SERVER]
            found = store.list(public)
        if CONFIG not in found:
            raise NotFound(
                f"There is no federated run in {folder}.",
                hint="`jupyter box federate init` makes one; or it is in another folder.",
                code="no_run",
            )
        config = RunConfig.of(store.read(found[CONFIG]))
        writer = found[CONFIG].modified_by
        if writer is not None and writer.id != config.server_user:
            raise Forged(
                f"{CONFIG} was last written by {writer.name or writer.id}, who is not the run's server.",
                hint="Ask the folder's owner which version is right.",
            )
        return cls(config, store, public, found)

    def by_server(self, item: Item | None) -> bool:
        """Tell whether a file is there and Box says that the server wrote it."""
        return item is not None and (item.modified_by is None or item.modified_by.id == self.config.server_user)

    def ended(self, listing: Mapping[str, Item]) -> str:
        """Return the server's line of how the run ended; empty before that, whatever others put under the name."""
        notes = (item for name, item in sorted(listing.items()) if _ENDED.fullmatch(name) and self.by_server(item))
        note = next(notes, None)
        if note is None:
            return ""
        text = self.store.read(note).decode("utf-8", "replace").strip()
        return text.splitlines()[0] if text else "The run is over."

    def participants(self, listing: Mapping[str, Item]) -> dict[str, Participant]:
        """Return who takes part, by name; empty before the registration is closed."""
        item = listing.get(PARTICIPANTS)
        if item is None or not self.by_server(item):
            return {}
        body = unseal(self.store.read(item), self.config.server_key)
        if body.get("run") != self.config.run:
            raise Forged(f"{PARTICIPANTS} is of another run.")
        return {entry["name"]: Participant(**entry) for entry in body["participants"]}


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
    me = who_am_i(drive)
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


def who_am_i(drive: Drive) -> str:
    """Return our Box user id.

    Raises:
        BoxError: There is no connection; it says why.
    """
    status = drive.status()
    if status.account is None:
        raise NotAuthorized(status.message, hint=status.hint, code=status.code)
    return status.account.id


def check(config: RunConfig) -> None:
    """Check what can be checked before anything is made.

    Raises:
        InvalidName: A reference, a name or a number makes no sense.
    """
    for reference in (config.server_app, config.client_app):
        if not _REFERENCE.fullmatch(reference):
            raise InvalidName(f"{reference!r} names no app.", hint="Write module:attribute, as in plant.models:app.")
    for name, user in config.expected.items():
        check_name(name)
        if not user.isdecimal():
            raise InvalidName(f"{user!r} is no Box user id.", hint="Write NAME=ID; the id is on the Box account page.")
    if config.isolated and not config.expected:
        raise InvalidName(
            "An isolated run needs its participants by name.", hint="Add --participant NAME=BOX-USER-ID for each."
        )
    config.schedule.check()


def new_run_id() -> str:
    """Return a new run's id: 15 hex digits, a number that Flower's 63 bits hold."""
    return f"{secrets.randbits(60) | 1 << 59:015x}"


def check_name(name: str) -> str:
    """Return a participant's name, if it is one.

    Raises:
        InvalidName: It has other characters than letters, digits, `_` and `-`, or is the server's.
    """
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"{name!r} cannot be a participant's name.", hint="Take up to 64 letters, digits, - and _ of ASCII."
        )
    if name.casefold() == SERVER:
        raise InvalidName("The name server is the server's own.", hint="Take another name.")
    return name


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


def field_names() -> frozenset[str]:
    """Return the names of the schedule's options."""
    return frozenset(option.name for option in fields(Schedule))
