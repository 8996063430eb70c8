"""Path words: pure functions on paths of the drive; what exists in Box is for `lookup` to say."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from .errors import InvalidName

ROOT = "/"
ID_PREFIX = "id:"
LONGEST_NAME = 255  # Box refuses a longer one with item_name_too_long


class Split(NamedTuple):
    """A path cut into its parent folder and its last name."""

    parent: str
    name: str


def normalise(path: str, cwd: str = ROOT) -> str:
    """Return the absolute path, without doubled, trailing or dotted parts.

    Args:
        path: Absolute (`/a/b`), relative to `cwd` (`a/b`), or an id (`id:123`, or `id:123/name` below it).
        cwd: The absolute folder that a relative path starts from.

    Raises:
        InvalidName: The path climbs above the root, or a part of it is no name for Box.
    """
    if path.startswith(ID_PREFIX):
        return _normalise_id(path)
    whole = path if path.startswith("/") else f"{cwd}/{path}"
    head = ""
    if whole.startswith(ID_PREFIX):
        head, _, whole = whole.partition("/")
    parts = _resolve_dots(path, whole)
    return head + "/" + "/".join(parts) if head and parts else head or "/" + "/".join(parts)


def _normalise_id(path: str) -> str:
    head, _, rest = path.partition("/")
    if not head[len(ID_PREFIX) :].isdigit():
        raise InvalidName(
            f"{path!r} is not an id.", hint="Write id: and the digits that Box shows in the item's address."
        )
    parts = _resolve_dots(path, rest)
    return "/".join([head, *parts])


def _resolve_dots(path: str, whole: str) -> list[str]:
    parts: list[str] = []
    for part in whole.split("/"):
        if part == "..":
            if not parts:
                raise InvalidName(f"{path!r} climbs above the drive's root.", hint="Start from / instead.")
            parts.pop()
        elif part not in {"", "."}:
            parts.append(check_name(part))
    return parts


def check_name(name: str) -> str:
    """Return the name if Box takes it as the name of a file or folder.

    The rules are those of Box's endpoint documents (`POST /files/content`, `POST /folders`).

    Raises:
        InvalidName: It says which rule the name breaks.
    """
    problem = _problem(name)
    if problem:
        raise InvalidName(f"Box does not take the name {_short(name)!r}: {problem}.", hint="Choose another name.")
    return name


def _problem(name: str) -> str:
    if not name:
        return "it is empty"
    if name in {".", ".."}:
        return "it is a relative path"
    if len(name) > LONGEST_NAME:
        return f"it has {len(name)} characters, more than {LONGEST_NAME}"
    if "/" in name or "\\" in name:
        return "it has a slash or a backslash"
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in name):
        return "it has a character that cannot be printed"
    return "it ends with a space" if name.endswith(" ") else ""


def _short(name: str) -> str:
    return name if len(name) <= 60 else name[:57] + "..."


def is_id(path: str) -> bool:
    """Tell whether the path is an item's id alone, as in `id:123`."""
    return path.startswith(ID_PREFIX) and "/" not in path


def split(path: str) -> Split:
    """Cut a normalised path into its parent folder and its last name; the root's name is empty."""
    parent, _, name = path.rpartition("/")
    return Split(parent or ROOT, name)


def below(folder: str, name: str) -> str:
    """Return the path of a name that Box gave; such a name is not checked."""
    return f"{folder.rstrip('/')}/{name}"


def join(folder: str, *names: str) -> str:
    """Return the path of names below a folder; the names are checked."""
    return "/".join([folder.rstrip("/"), *(check_name(name) for name in names)]) or ROOT


def parts(path: str) -> list[str]:
    """Return the names of a normalised path, root first; the root has none."""
    return [part for part in path.split("/") if part]


def key(name: str) -> str:
    """Return what Box compares names by: case does not count, Unicode forms do.

    Box documents no Unicode normalisation, so the composed and the decomposed form of a name are two names; nor that
    "ß" is "ss": if it were to Box, it would answer with a conflict, and nothing would be replaced unasked.
    """
    return name.lower()


def twins(name: str) -> set[str]:
    """Return the other names that look the same: an accent is one character in one form of Unicode, two in another."""
    return {unicodedata.normalize(form, name) for form in ("NFC", "NFD")} - {name}


def numbered(name: str) -> Iterator[str]:
    """Yield `name (1).csv`, `name (2).csv` … for `name.csv`, to choose the first that is free from."""
    stem, dot, ending = name.rpartition(".") if "." in name.lstrip(".") else (name, "", "")
    for number in count(1):
        yield f"{stem} ({number}){dot}{ending}"


def extension(name: str) -> str:
    """Return the part after the last dot in lower case, without the dot; empty if there is none."""
    _, dot, tail = name.rpartition(".")
    return tail.lower() if dot else ""
