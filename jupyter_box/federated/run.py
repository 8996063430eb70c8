"""An open run: the files of its server in the folder, past what others put under their names; it needs no Flower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_box.drive import Drive
from jupyter_box.errors import NotFound
from jupyter_box.items import Item

from .config import CONFIG, SERVER, Participant, RunConfig
from .signing import Forged, unseal
from .store import Store, is_beside

PARTICIPANTS = "participants.json"
LOCK = "server.lock"
ENDED = "server_ended.txt"
LOST = ".lost_connection"
AUTHENTICATION = "_authentication.txt"
HEARTBEAT = "_heartbeat.txt"
MAILBOXES = {AUTHENTICATION: "authentications", HEARTBEAT: "heartbeats"}


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
            InvalidName: It is no folder.
            Forged: Its configuration is damaged.
        """
        store, public = Store(drive), drive.folder(folder)
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
        note = self._note(listing, ENDED)
        if note is None:
            return ""
        text = self.store.read(note).decode("utf-8", "replace").strip()
        return text.splitlines()[0] if text else "The run is over."

    def lost(self, listing: Mapping[str, Item], name: str) -> Item | None:
        """Return the server's note that a participant is lost, if there is one, whatever others put under the name."""
        return self._note(listing, f"{name}{LOST}")

    def participants(self, listing: Mapping[str, Item]) -> dict[str, Participant]:
        """Return who takes part, by name; empty before the registration is closed."""
        item = listing.get(PARTICIPANTS)
        if item is None or not self.by_server(item):
            return {}
        body = unseal(self.store.read(item), self.config.server_key)
        if body.get("run") != self.config.run:
            raise Forged(f"{PARTICIPANTS} is of another run.")
        return {entry["name"]: Participant(**entry) for entry in body["participants"]}

    def mail(self, ending: str) -> list[Item]:
        """Return the participants' files of one kind: a listing, or one for each participant of an isolated run.

        Args:
            ending: What the names end with: `AUTHENTICATION` or `HEARTBEAT`.
        """
        folders = self.config.mailboxes(MAILBOXES[ending])
        items = (item for folder in folders for item in self.store.list(folder).values())
        return [item for item in items if item.name.endswith(ending) and item.is_file]

    def _note(self, listing: Mapping[str, Item], name: str) -> Item | None:
        """Return the server's file of that name, or of the next where someone else has taken the name."""
        found = (item for _, item in sorted(listing.items()) if is_beside(name, item.name) and self.by_server(item))
        return next(found, None)
