"""What `cfg.json` says of a run: its apps, its schedule, its folders and keys; data alone, which is checked here."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from jupyter_box.errors import InvalidName
from jupyter_box.items import Item

from .signing import Forged, Signer, parse, unseal
from .store import folder_of

CONFIG = "cfg.json"
SERVER = "server"
FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
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

    def mailboxes(self, name: str) -> list[Item]:
        """Return where participants write: the folder of that name or, isolated, one for each of them."""
        names = [f"from-{who}" for who in sorted(self.expected)] if self.isolated else [name]
        return [self.folder(name) for name in names]

    def authentications(self, name: str) -> Item:
        """Return the folder where a participant registers."""
        return self.folder(f"from-{name}" if self.isolated else "authentications")

    def heartbeats(self, name: str) -> Item:
        """Return the folder of a participant's heartbeat."""
        return self.folder(f"from-{name}" if self.isolated else "heartbeats")


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


def field_names() -> frozenset[str]:
    """Return the names of the schedule's options."""
    return frozenset(option.name for option in fields(Schedule))
