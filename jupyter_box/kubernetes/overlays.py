"""The ready values for Zero to JupyterHub that come with the package, adapted to an installation's names."""

from __future__ import annotations

import re
from pathlib import Path

from jupyter_box.errors import InvalidName

from .names import subdomain

MODES = ("direct", "broker", "eks", "eks-nlb")
SECRET = "jupyter-box"  # noqa: S105  the name of a Secret, not one
BROKER_URL = "http://jupyter-box-broker:8080"


def overlay(mode: str, *, secret: str = SECRET, broker_url: str = BROKER_URL) -> str:
    """Return the overlay of a mode as YAML.

    Args:
        mode: One of `MODES`.
        secret: The Secret that direct mode reads.
        broker_url: Where the broker is, as a user's pod sees it; the chart's notes say it.

    Raises:
        InvalidName: Kubernetes takes no Secret of that name, or the address is none.
    """
    if not re.fullmatch(r"https?://[-.\w]+(:\d+)?(/[-./\w]*)?", broker_url):
        raise InvalidName("The broker's address is no web address.", hint="Write http://SERVICE.NAMESPACE:PORT.")
    text = (_folder() / f"{mode}.yaml").read_text(encoding="utf-8")
    text = text.replace(f'name: "{SECRET}"', f'name: "{subdomain(secret, what="Secret")}"')
    return text.replace(f'"{BROKER_URL}"', f'"{broker_url}"')


def _folder() -> Path:
    packaged = Path(__file__).parent / "values"
    # an editable install has the overlays only where the repository keeps them
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "helm" / "values"
