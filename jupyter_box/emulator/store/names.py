"""What Box allows as an item's name; the key makes names equal that differ only in case."""

from __future__ import annotations

from jupyter_box.emulator.problems import Problem

LONGEST = 255
STRICTLY_FORBIDDEN = frozenset('<>:|?*"')


def key(name: str) -> str:
    """Return the form in which two names collide. No Unicode normalisation: Box documents none."""
    return name.casefold()


def check(name: object, *, strict: bool = False) -> str:
    """Return the name; raise `item_name_invalid` or `item_name_too_long`."""
    if not isinstance(name, str) or not name or name in (".", "..") or name.endswith(" "):
        raise _invalid(name)
    if any(character in "/\\" or ord(character) < 32 or ord(character) == 127 for character in name):
        raise _invalid(name)
    if strict and (name.startswith(" ") or STRICTLY_FORBIDDEN & set(name)):
        raise _invalid(name)
    if len(name) > LONGEST:
        raise Problem("item_name_too_long", "Item name too long")
    return name


def _invalid(name: object) -> Problem:
    errors = [{"reason": "invalid_parameter", "name": "name", "message": f"Invalid value '{name}'."}]
    return Problem("item_name_invalid", "Item name invalid", errors=errors)


def number_of(name: str, taken: set[str]) -> str:
    """Return the name, or the first of `name (1)`, `name (2)` … that is free."""
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    count, free = 0, name
    while key(free) in taken:
        count += 1
        free = f"{stem} ({count}){dot}{extension}"
    return free
