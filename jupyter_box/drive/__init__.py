"""The drive: Box's operations on paths, all that the faces know; each group of them has a module here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.config import BoxConfig
from jupyter_box.errors import BoxError
from jupyter_box.events import Observer, unobserved
from jupyter_box.items import ALL_FILES, Account
from jupyter_box.lookup import Lookup
from jupyter_box.reporting import observer_of
from jupyter_box.session import Session
from jupyter_box.transfer import Transfers

from ._archive import Archives
from ._core import Core, address
from ._direct import Direct
from ._finding import Finding
from ._history import History
from ._listing import Listing
from ._receiving import Destination, Receiving
from ._sharing import Sharing
from ._status import Quota, Status, mode, versions
from ._syncing import PendingUpload, Syncing
from ._watching import EVERYTHING, Changes, Watching

if TYPE_CHECKING:
    from box_sdk_gen import BoxClient
    from typing_extensions import Self

__all__ = ["EVERYTHING", "Changes", "Destination", "Drive", "PendingUpload", "Quota", "Status"]

# what a token may do unless more is asked for: look, and download
READ_SCOPES = ("base_explorer", "item_preview", "item_download")

# what a kernel's token may do where the drive is one folder: everything, below that
KERNEL_SCOPES = (
    "base_explorer",
    "base_upload",
    "item_preview",
    "item_download",
    "item_upload",
    "item_rename",
    "item_delete",
    "item_share",
)


class Drive(Archives, Direct, Receiving, Syncing, Watching, Finding, History, Sharing, Listing, Core):
    """Box as the settings show it: a tree of folders and files below one root; safe to use from several threads.

    A path is absolute from the drive's root (`/Maintenance/logs.csv`), relative to `cwd`, or an id (`id:1234`). A
    `BoxError` of any kind says in one sentence what is wrong and what to do. Make one with `jupyter_box.connect()`.

    Args:
        session: The way to Box.
        lookup: Finds items below the drive's root.
        transfers: Carries bytes.
        mode: How we sign in, as `status` tells it.
        observer: Is told of all transfers.
    """

    def __init__(
        self,
        session: Session,
        lookup: Lookup,
        transfers: Transfers,
        mode: str = "",
        observer: Observer = unobserved,
    ) -> None:
        super().__init__(session, lookup, transfers, observer)
        self._mode = mode

    @classmethod
    def connect(cls, config: BoxConfig) -> Drive:
        """Return the drive of the settings; nothing is sent before the first operation.

        Raises:
            NotConfigured: There are no credentials, or only half of them; it names the settings.
        """
        session = Session.connect(config)
        transfers = Transfers(
            session, threshold=config.chunked_upload_threshold, parallel=config.max_parallel_transfers
        )
        credentials = config.credentials()
        lookup = Lookup(session, config.root())
        return cls(session, lookup, transfers, mode(credentials), observer_of(config.server()))

    @property
    def client(self) -> BoxClient:
        """Box's own SDK client, signed in as the drive is; it knows nothing of the drive's root."""
        return self._session.client

    def close(self) -> None:
        """Close the connections to Box."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Drive cwd={self.cwd!r}>"

    def status(self) -> Status:
        """Return how the connection stands; never raises a `BoxError`, but tells why there is none and what to do."""
        account = None
        try:
            account = Account.of(self._session.me(fresh=True))
            return self._connected(account)
        except BoxError as error:
            return Status.disconnected(error, self._mode, account)

    def me(self) -> Account:
        """Return the Box user that we act as."""
        return Account.of(self._session.me())

    def token(self, path: str | None = None, scopes: tuple[str, ...] | list[str] = READ_SCOPES) -> dict[str, Any]:
        """Return a token that can do less than ours, for a client that talks to Box itself.

        Args:
            path: The item that it is good for, with all below; None for the whole drive.
            scopes: What it may do, in Box's words.

        Returns:
            Box's answer: `access_token`, `expires_in` (seconds), `token_type`, `restricted_to`.

        Raises:
            NotFound: The item is not there.
            NotAuthorized: Our own token has not those scopes.
        """
        item = self._item(path if path is not None else "/")
        if item.is_folder and item.id == ALL_FILES:
            return self._session.downscope(list(scopes))
        return self._session.downscope(list(scopes), address(item))

    def access(self) -> dict[str, Any]:
        """Return a token for another process of ours, which then has the same drive.

        It is our own where we may use all of it; where the drive's root is one folder, it is good for that alone.

        Returns:
            `access_token`, `expires_in` (seconds, None if not known), `box_user` (its id, name and login), and `root`,
            the id of the drive's root.

        Raises:
            BoxError: There is none to be had.
        """
        root, auth = self._lookup.root_id, self._session.auth
        if root in {ALL_FILES, auth.root}:
            own = auth.remaining()
            token = {"access_token": own.value, "expires_in": own.expires_in}
        else:
            token = self._session.downscope(list(KERNEL_SCOPES), f"/folders/{root}")
        me = self._session.me()
        return {
            "access_token": token["access_token"],
            "expires_in": token["expires_in"],
            "box_user": {name: me.get(name) for name in ("id", "name", "login")},
            "root": root,
        }

    def _connected(self, account: Account) -> Status:
        return Status(
            connected=True,
            mode=self._mode,
            account=account,
            root=self._item("/"),
            quota=Quota(account.space_used, account.space_amount),
            versions=versions(),
            hint=self._lookup.absence.of_everything(),
        )
