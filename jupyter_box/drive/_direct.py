"""What a file system needs beyond paths: ranges of a file that is known already, and a file that must be new."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from jupyter_box._paging import folder_pages
from jupyter_box.events import Listener, Transfer, ignore
from jupyter_box.items import LISTING_FIELDS, Item
from jupyter_box.lookup import Ref
from jupyter_box.transfer import Report
from jupyter_box.transfer.download import verify_bytes
from jupyter_box.transfer.hashing import pieces_of
from jupyter_box.transfer.taken import taken

from ._content import Content
from ._core import check_id

PIECE = 4 << 20  # bytes of one range of a whole file, at most
LEAST = 1 << 20  # at least, where a smaller file comes in four


class Direct(Content):
    """Reads and writes without a second look-up."""

    @property
    def state(self) -> object:
        """Stands for Box as this process last changed it: another object after each change."""
        return self._session.state

    def stat_version(self, path: str, version: str) -> Item:
        """Return a file with the size, SHA-1 and version id of one of its versions.

        Raises:
            NotFound: There is no such file, or it has no such version.
            InvalidName: It is no file, or the version is no id.
        """
        known = check_id(version, "List the file's versions to see theirs.")
        return self._transfers.whole(self._file(path), known)

    def ranges(self, item: Item, ranges: Sequence[tuple[int, int]], *, version: str | None = None) -> list[bytes]:
        """Return the bytes of several ranges of a file, fetched side by side; one of the whole file is verified.

        Args:
            item: The file, with its size.
            ranges: The first byte and the byte after the last, of each.
            version: The id of a past version; None for the current one.

        Raises:
            Changed: It has another size in Box by now.
            Corrupted: It has other content in Box by now, and the whole was asked for.
            NotFound: It is gone.
        """
        found = self._transfers.read_ranges(item, ranges, version=version)
        for (start, end), data in zip(ranges, found, strict=True):
            if start <= 0 and end >= (item.size or 0):
                verify_bytes(item, data)
        return found

    def folder(self, path: str) -> Item:
        """Return a folder, no more of it than id, name and path: what the calls need that take one as known already.

        Raises:
            NotFound: There is nothing at that path.
            InvalidName: It is no folder.
        """
        found = self._folder(path)
        return Item(found.id, "folder", found.path.rpartition("/")[2], found.path)

    def content(self, item: Item, *, version: str | None = None) -> bytes:
        """Return all bytes of a file, fetched in ranges side by side and verified by its SHA-1.

        Args:
            item: The file, with its size and SHA-1.
            version: The id of the past version that these are of; None for the current one.

        Raises:
            Corrupted: What came is not what Box has.
            Changed: It has another size in Box by now.
        """
        size = item.size or 0
        piece = min(PIECE, max(LEAST, -(-size // 4)))
        data = b"".join(self._transfers.read_ranges(item, pieces_of(size, piece), version=version))
        verify_bytes(item, data)
        return data

    def entries(self, folder: Item) -> list[Item]:
        """Return what is in a folder that is known already, each with who changed it last; a call for a thousand.

        Raises:
            NotFound: The folder is gone, or no longer shared with us.
        """
        fields = f"{LISTING_FIELDS},modified_by"
        pages = folder_pages(self._session, folder.id, what=folder.path or f"id:{folder.id}", fields=fields)
        return [Item.of(json) for page in pages for json in page]

    def add_folder(self, folder: Item, name: str) -> Item:
        """Make a folder in one that is known already, or return what is there; twins are reconciled as by `mkdir`.

        Raises:
            Exists: A file has the name.
            NotFound: The folder is gone, or no longer shared with us.
        """
        return self._make_folder(Ref(folder.id, "folder", folder.path), name)

    def add(self, folder: Item, name: str, data: bytes) -> Item:
        """Write a file that must be new into a folder that is known already: one call.

        Raises:
            Exists: The name is taken, and not by the same content.
            NotFound: The folder is gone, or no longer shared with us.
        """
        return self._transfers.upload_file(io.BytesIO(data), folder.id, name)

    def replace(self, item: Item, data: bytes, *, if_match: str | None = None) -> Item:
        """Write the next version of a file that is known already: one call; equal content is not sent.

        Raises:
            Changed: The file has another etag than `if_match`.
            NotFound: The file is gone.
        """
        return self._transfers.upload_file(
            io.BytesIO(data), item.parent_id or "", item.name, existing=item, if_match=if_match
        )

    def download_contents(self, path: str, local: Path, *, on_progress: Listener = ignore) -> Report:
        """Download what is in a folder into a local folder, whatever that is called; local files are overwritten.

        Args:
            path: The folder in Box.
            local: The local folder; it is made if it is not there.
            on_progress: Told how far it is.

        Returns:
            What became of every file.

        Raises:
            NotFound: The folder is not in Box.
        """
        folder = self._item(path)
        transfer = Transfer("download", folder.path, str(local.resolve()), overwrite=True, is_plain=False)
        on_progress, cancel = self._observed(transfer, on_progress, None)
        return self._transfers.download_tree(folder, local, overwrite=True, on_progress=on_progress, cancel=cancel)

    def create(self, path: str, data: BinaryIO) -> Item:
        """Write a file that must be new: Box itself refuses a name that is taken.

        Args:
            path: The file; its folder must exist.
            data: The whole content.

        Raises:
            Exists: The name is taken.
            NotFound: The folder is not there.
        """
        whole = self._path(path)
        if existing := self._lookup.find(whole):
            raise taken(existing)
        folder, name = self._place(None, whole)
        return self._send(data, folder, name, None)
