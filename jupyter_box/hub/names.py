"""Names in Box for Hub users: readable where they can be, and never one name for two users."""

from __future__ import annotations

import hashlib
import re

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def safe_name(hub_name: str) -> str:
    """Return a name for a Hub user that Box takes for a folder, with no other user's name the same in any case.

    A plain name (lower-case ASCII letters, digits, `.`, `_`, `-`, at most 64 characters) stays as it is. Any other
    becomes what is readable of it, `--`, and 128 bits of its SHA-256; a plain name has no `--` in it.
    """
    if _PLAIN.fullmatch(hub_name) and "--" not in hub_name:
        return hub_name
    readable = re.sub(r"[^a-z0-9]+", "-", hub_name.lower()).strip("-")[:40].rstrip("-") or "user"
    digest = hashlib.sha256(hub_name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{readable}--{digest}"
