"""Takes over the configuration of kMol's mila: its server's JSON, and the JSON about Box beside it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from jupyter_box.errors import InvalidName

from .config import field_names

BOX = "box_configuration"
# mila's own machinery, for which this one has no counterpart or no need
UNUSED = frozenset({
    "server_type", "server_manager_type", "client_type", "aggregator_type", "aggregator_options", "executor_type",
    "config_type", "workers", "blacklist", "whitelist", "use_whitelist", "grpc_configuration",
    "task_configuration_file", "retry_timeout",
})  # fmt: skip
KNOWN = frozenset({"rounds_count", "start_point", "save_path", BOX}) | field_names() | UNUSED


def convert(path: Path, now: datetime | None = None) -> dict[str, Any]:
    """Return what `init` takes from a mila server's configuration.

    Args:
        path: The JSON file; a relative path in it is relative to it.
        now: The time that names the run's folder, as mila names it.

    Returns:
        `schedule`, `run_config`, `folder`, `group`, `jwt_file`, and `unused`: the options that have no counterpart.

    Raises:
        InvalidName: The file cannot be read, or lacks what leads to Box; it names the option.
    """
    options = _read(path)
    unknown = sorted(set(options) - KNOWN)
    if unknown:
        raise InvalidName(f"{path} has options that mila does not know: {', '.join(unknown)}.", hint="Correct them.")
    box = options.get(BOX) or {}
    stamp = (now or datetime.now(timezone.utc).astimezone()).strftime("%Y-%m-%d_%H-%M-%S")
    parts = (_text(box, "shared_dir_name", path), str(box.get("save_path", "")).strip("/"), stamp)
    return {
        "schedule": {name: options[name] for name in field_names() & options.keys()},
        "run_config": _run_config(options),
        "folder": "/" + "/".join(part for part in parts if part),
        "group": box.get("group_name") or "",
        "jwt_file": str(path.parent / _text(box, "box_configuration_path", path)),
        "unused": sorted(options.keys() & UNUSED),
    }


def _run_config(options: dict[str, Any]) -> dict[str, Any]:
    names = {"rounds_count": "num-server-rounds", "start_point": "start-point"}
    return {ours: options[theirs] for theirs, ours in names.items() if options.get(theirs) is not None}


def _read(path: Path) -> dict[str, Any]:
    try:
        options = json.loads(path.read_text())
    except OSError as error:
        raise InvalidName(f"{path} cannot be read: {error.strerror}.", hint="Name mila's server JSON.") from None
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise InvalidName(f"{path} is no JSON object.", hint="Name mila's server JSON.")
    return options


def _text(box: dict[str, Any], name: str, path: Path) -> str:
    value = box.get(name)
    if not isinstance(value, str) or not value.strip("/"):
        raise InvalidName(f"{path} has no {BOX}.{name}.", hint="mila needs it to reach Box, and so do we.")
    return value.rstrip("/") if name != "shared_dir_name" else value.strip("/")
