"""The sample drive."""

from __future__ import annotations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_box.emulator.store import Store


def plant(store: Store) -> None:
    """Fill the drive."""
    store.insert("settings", name="seeded", value="1")
