"""Flower's apps and Flower's idea of who this process is; a reference leads to code that the site has installed."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jupyter_box.errors import InvalidName, NotConfigured

EXTRA = ("flwr", "safetensors", "numpy", "cryptography")
SERVER_NODE = 1  # Flower's SUPERLINK_NODE_ID
FAILED = 2  # Flower's ErrorCode.CLIENT_APP_RAISED_EXCEPTION
GONE = 5  # Flower's ErrorCode.NODE_UNAVAILABLE


def require_extra() -> None:
    """Raise NotConfigured with the line that installs what is missing, unless the extra is there."""
    missing = [name for name in EXTRA if installed(name) is None]
    if missing:
        raise NotConfigured(
            f"Federated runs need {', '.join(missing)}.", hint="pip install 'jupyter-box[federated]'", code="no_extra"
        )


def installed(name: str) -> str | None:
    """Return a distribution's version, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Return the versions that must fit together at all sites."""
    return {"flwr": installed("flwr") or "", "jupyter-box": installed("jupyter-box") or ""}


def check_flower(run: Mapping[str, str]) -> None:
    """Raise InvalidName unless the Flower of a run's versions is installed here."""
    here, there = versions()["flwr"], run.get("flwr", "")
    if there and there != here:
        raise InvalidName(
            f"The run uses Flower {there}, and here is {here}.",
            hint=f"pip install 'flwr=={there}'",
            code="other_flower",
        )


def identify(run: int, node: int) -> None:
    """Tell Flower which run and node this process is; its messages need that."""
    from flwr.supercore.task_identity import TaskIdentity

    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = run, node, run
    # its own runners send usage figures by default; ours does not, and neither shall what an app starts
    os.environ["FLWR_TELEMETRY_ENABLED"] = "0"


def load(reference: str, folder: Path) -> Any:
    """Return the app of a reference `module:attribute`.

    Args:
        reference: What is imported.
        folder: Where a module may be that is not installed.

    Raises:
        InvalidName: There is no such module or attribute.
    """
    from flwr.supercore.object_ref import load_app

    class _NotThereError(Exception):
        pass

    try:
        return load_app(reference, _NotThereError, folder)
    except (ImportError, _NotThereError) as error:
        raise InvalidName(
            f"{reference} cannot be loaded: {str(error).strip().splitlines()[0]}.",
            hint=f"Install it for {sys.executable}, or start in the folder of its module.",
            code="no_app",
        ) from error


def seed(run: int) -> None:
    """Seed what is random from the run, so that a restarted ServerApp computes the same again."""
    import numpy as np

    random.seed(run)
    np.random.seed(run % 2**32)  # noqa: NPY002  apps use the global generator


def train(app: Any, grid: Any, run: int, config: Mapping[str, Any], folder: Path) -> Any:
    """Run a ServerApp to its end, and return the state that it leaves.

    Args:
        app: The ServerApp.
        grid: Its way to the participants.
        run: The run, as Flower's number.
        config: What the app reads as `context.run_config`.
        folder: Of the app's module.
    """
    from flwr.app import Context, RecordDict
    from flwr.server.run_serverapp import run as run_app

    context = Context(run, SERVER_NODE, {}, RecordDict(), dict(config))
    seed(run)
    run_app(grid=grid, context=context, server_app_dir=str(folder), loaded_server_app=app)
    return context.state
