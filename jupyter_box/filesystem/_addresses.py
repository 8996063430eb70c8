"""What a `box://` address says: a path in the drive, and perhaps a version; pure text."""

from __future__ import annotations

import re
from glob import has_magic
from typing import Any, NamedTuple

from fsspec.utils import stringify_path

from jupyter_box import paths, shared

PROTOCOL = "box"
_VERSION = re.compile(r"(.+)\?version=(\d+)")
_RELATIVE = re.compile(r"\.\.?(/|$)")


class Address(NamedTuple):
    """A path of the drive, and the id of a version; None for the current one."""

    path: str
    version: str | None


def strip(address: object) -> str:
    """Return the path of an address, with its version: absolute, or `id:123`, or below that.

    Args:
        address: With or without `box://`. What begins with `./` or `../` starts from the current folder of the magics,
            all else from the drive's root.

    Raises:
        InvalidName: A relative address climbs above the root.
    """
    path = str(stringify_path(address)).removeprefix(f"{PROTOCOL}://").removeprefix(f"{PROTOCOL}::").rstrip("/")
    if path.startswith(paths.ID_PREFIX):
        return path
    if _RELATIVE.match(path):
        return paths.normalise(path, shared.cwd())
    return paths.ROOT + path.lstrip("/")


def parse(path: str) -> Address:
    """Return what a stripped address says."""
    found = _VERSION.fullmatch(path)
    return Address(found[1], found[2]) if found else Address(path, None)


def parent(path: str) -> str:
    """Return the folder of a stripped address; of an id and of the root, the root."""
    return parse(path).path.rpartition("/")[0] or paths.ROOT


def name(path: str) -> str:
    """Return the last name of a stripped address."""
    return parse(path).path.rpartition("/")[2]


def is_plain(source: Any, target: Any, maxdepth: int | None) -> bool:
    """Tell whether fsspec's rules for patterns, lists and depths are not needed."""
    is_text = isinstance(source, str) and isinstance(target, str)
    return is_text and maxdepth is None and not has_magic(source)
