"""How fsspec is told of an item, and the item that such an entry was made of."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any

from jupyter_box.items import Item

Entry = dict[str, Any]
_TYPES = {"file": "file", "folder": "directory", "web_link": "other"}


def entry(item: Item, path: str) -> Entry:
    """Return what `info` and `ls` say of an item.

    Args:
        item: The item.
        path: Its name for fsspec: the address that was asked for.
    """
    return {
        "name": path,
        "type": _TYPES[item.type],
        "size": (item.size if item.is_file else 0),
        "id": item.id,
        "etag": item.etag,
        "sha1": item.sha1,
        "version": item.version,
        "created": _utc(item.created),
        "modified": _utc(item.modified),
        "mtime": item.modified and item.modified.timestamp(),
    }


def item_of(details: Entry) -> Item:
    """Return a file as far as it takes to read it."""
    name = details["name"]
    return Item(
        details["id"],
        "file",
        name.rpartition("/")[2],
        path=name,
        size=details["size"],
        sha1=details["sha1"],
        version=details["version"],
    )


def fingerprint(details: Entry) -> str:
    """Return a text that is another one once the content is: by SHA-1 and version of a file, by etag of a folder."""
    state = (details["sha1"], details["version"]) if details["type"] == "file" else (details["etag"],)
    return sha256(repr((details["id"], *state)).encode()).hexdigest()


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(timezone.utc)


def refusal(number: int, path: str) -> OSError:
    """Return the error that Python has for this."""
    return OSError(number, os.strerror(number), path)
