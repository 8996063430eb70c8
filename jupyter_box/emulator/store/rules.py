"""The figures a drive lives by, each a switch of the emulator; defaults are Box's where Box publishes one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Rules:
    """Lifetimes in seconds, sizes in bytes."""

    token_lifetime: float = 4200.0
    refresh_lifetime: float = 60 * 86400.0
    session_lifetime: float = 7 * 86400.0
    url_lifetime: float = 900.0
    trash_lifetime: float = 30 * 86400.0
    trash_enabled: bool = True
    poll_timeout: float = 610.0
    clock_offset: float = 0.0
    search_delay: float = 0.0
    part_size: int = 8 * 1024 * 1024
    smallest_session: int = 20_000_000
    max_file_size: int = 150 * 1024**3
    quota: int | None = None
    max_versions: int = 100
    strict_names: bool = False
    fields_are_bare: bool = False
    rate_limit: str | None = None
    default_limit: int = 100

    def change(self, name: str, value: Any) -> None:
        """Set the switch `name`."""
        setattr(self, name, value)

    @classmethod
    def names(cls) -> frozenset[str]:
        """Return the names of all switches."""
        return frozenset(field.name for field in fields(cls))
