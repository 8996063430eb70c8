"""A small local server that speaks the Box Content API, for demos and tests; not Box, and it imports nothing of ours.

Everything heavy is imported on first use: `Emulator` runs one in a thread, `main` is `jupyter box emulator`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_box.emulator.command import main
    from jupyter_box.emulator.running import Emulator

__all__ = ["Emulator", "main"]


def __getattr__(name: str) -> Any:
    if name == "Emulator":
        from jupyter_box.emulator.running import Emulator

        return Emulator
    if name == "main":
        from jupyter_box.emulator.command import main

        return main
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
