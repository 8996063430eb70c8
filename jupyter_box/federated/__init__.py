"""Federated runs: organisations that share nothing but a Box folder train one model; Flower is the engine.

Importing it is light: Flower, safetensors and numpy (`jupyter-box[federated]`) are imported by what needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .view import FederatedRun

__all__ = ["FederatedRun", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run `jupyter box federate` and return its exit code: 0 done, 1 failed.

    Args:
        argv: The arguments after `jupyter box federate`; those of the process by default.

    Raises:
        BoxError: Something is wrong.
    """
    from .command import run

    return run(argv)


def __getattr__(name: str) -> Any:
    if name == "FederatedRun":
        from .view import FederatedRun

        return FederatedRun
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
