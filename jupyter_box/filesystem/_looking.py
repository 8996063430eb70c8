"""What is in Box, in the words of fsspec: listings, details, addresses; it changes nothing and reads no content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fsspec import AbstractFileSystem

from jupyter_box import shared
from jupyter_box.errors import Denied, InvalidName, NotAuthorized, NotFound
from jupyter_box.paths import below

from ._addresses import parent, parse, strip
from ._entries import Entry, entry, fingerprint

if TYPE_CHECKING:
    from jupyter_box.drive import Drive


class Looking(AbstractFileSystem):  # type: ignore[misc]
    """Says what is there; a listing is remembered for a moment."""

    _settings: dict[str, Any]
    _state: object = None

    @property
    def drive(self) -> Drive:
        """The drive that this is a view of, connected when it is first asked for.

        Raises:
            NotConfigured: There are no credentials, or only half of them.
        """
        return shared.drive(**self._settings)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return [strip(one) for one in path] if isinstance(path, list) else strip(path)

    @classmethod
    def _parent(cls, path: str) -> str:
        return parent(strip(path))

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget a folder's listing, and that of the folder that an item is in; without a path, all listings."""
        super().invalidate_cache(path)
        if path is None:
            self.dircache.clear()
            return
        for folder in (strip(path), self._parent(path)):
            self.dircache.pop(folder, None)

    def ls(self, path: str, detail: bool = True, *, refresh: bool = False, **_: Any) -> list[Entry] | list[str]:
        """Return what is in a folder, or a file alone: its details, or names.

        Args:
            path: The folder or file.
            detail: Whether each is told with `type`, `size`, `id`, `etag`, `sha1`, `version`, `created`, `modified`.
            refresh: Whether to ask Box even if the folder was listed a moment ago.

        Raises:
            NotFound: There is no such thing.
        """
        path = strip(path)
        entries = None if refresh else self._remembered(path)
        if entries is None:
            entries = self._list(path)
        return list(entries) if detail else [one["name"] for one in entries]

    def _list(self, path: str) -> list[Entry]:
        state = self.drive.state
        try:
            entries = [entry(item, below(path, item.name)) for item in self.drive.list(path)]
        except InvalidName as error:
            if error.code != "not_a_folder":
                raise
            return [self._ask(path)]
        if self.drive.state is state:
            self.dircache[path] = entries
        return entries

    def _remembered(self, path: str) -> list[Entry] | None:
        """Return a listing of a moment ago, if this process has changed nothing in Box since."""
        if self._state is not self.drive.state:
            self._state = self.drive.state
            self.dircache.clear()
        try:
            entries: list[Entry] = self.dircache[path]
        except KeyError:
            return None
        return entries

    def _listed(self, path: str) -> Entry | None:
        return next((one for one in self._remembered(parent(path)) or () if one["name"] == path), None)

    def _ask(self, path: str, version: str | None = None) -> Entry:
        place, given = parse(path)
        version = version or given
        item = self.drive.stat_version(place, version) if version else self.drive.stat(place)
        return entry(item, path)

    def info(self, path: str, *, version: str | None = None, **_: Any) -> Entry:
        """Return an item's details, as `ls` gives them.

        Args:
            path: The item; with `?version=` that version of a file.
            version: The same, apart from the path.

        Raises:
            NotFound: There is no such item or version.
        """
        path = strip(path)
        listed = None if version or parse(path).version else self._listed(path)
        return dict(listed) if listed else self._ask(path, version)

    def _find_entry(self, path: str) -> Entry | None:
        try:
            return self.info(path)
        except (NotFound, InvalidName):
            return None

    def exists(self, path: str, **_: Any) -> bool:
        """Tell whether there is something at a path; raises if Box does not say."""
        return self._find_entry(path) is not None

    def isdir(self, path: str) -> bool:
        """Tell whether there is a folder at a path; raises if Box does not say."""
        found = self._find_entry(path)
        return found is not None and found["type"] == "directory"

    def isfile(self, path: str) -> bool:
        """Tell whether there is a file at a path; raises if Box does not say."""
        found = self._find_entry(path)
        return found is not None and found["type"] == "file"

    def created(self, path: str) -> Any:
        """Return when an item was made, in UTC."""
        return self.info(path)["created"]

    def modified(self, path: str) -> Any:
        """Return when Box last saw a change of an item, in UTC."""
        return self.info(path)["modified"]

    def ukey(self, path: str) -> str:
        """Return a text that is another one once a file's content is, by Box's SHA-1 and version."""
        return fingerprint(self._ask(strip(path)))

    def checksum(self, path: str) -> int:
        """Return the same as a number."""
        return int(self.ukey(path), 16)

    def sign(self, path: str, expiration: int = 100, **kwargs: Any) -> str:  # noqa: ARG002  fsspec's signature
        """Return an address of a file's content that works for anyone, for some minutes: Box says how many.

        Raises:
            NotImplementedError: This implementation of Box's API gives none.
        """
        place, version = parse(strip(path))
        url = self.drive.download_url(place, version=kwargs.get("version") or version)
        if url is None:
            raise NotImplementedError("This server of the Box API has no pre-signed addresses.")
        return str(url)

    def walk(
        self, path: str, maxdepth: int | None = None, topdown: bool = True, on_error: Any = "omit", **kwargs: Any
    ) -> Iterator[Any]:
        """Yield folder, folders and files in it, and so on below; one listing for each folder.

        Args:
            path: Where to begin.
            maxdepth: How many levels.
            topdown: Whether a folder comes before what is in it.
            on_error: `omit` leaves out what is not there or not ours to see, `raise` leaves out nothing, a function
                is told. That Box cannot be reached always raises, for else a part would look like the whole.
            kwargs: `detail`, and what `ls` takes.
        """
        handler = _omit_unseen if on_error == "omit" else on_error
        return super().walk(path, maxdepth, topdown, handler, **kwargs)  # type: ignore[no-any-return]

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """Return what matches a pattern; a `?version=` at its end is none."""
        stripped = strip(path)
        if not parse(stripped).version:
            return super().glob(path, maxdepth, **kwargs)
        found = {stripped: self.info(stripped)} if self.exists(stripped) else {}
        return found if kwargs.get("detail") else list(found)


def _omit_unseen(error: Exception) -> None:
    if not isinstance(error, NotFound | Denied) or isinstance(error, NotAuthorized):
        raise error
