"""The names that Kubernetes takes, checked before the API server would; no cluster is asked."""

from __future__ import annotations

import re

from jupyter_box.errors import InvalidName

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"


def subdomain(name: str, *, what: str) -> str:
    """Return the name if an object such as a Secret can have it (RFC 1123 subdomain, 253 characters).

    Args:
        name: The name.
        what: What it names, for the message: "Secret".

    Raises:
        InvalidName: Kubernetes would refuse it.
    """
    if len(name) <= 253 and re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name):
        return name
    better = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:253]
    raise InvalidName(
        f"Kubernetes takes no {what} with the name {name!r}.",
        hint=f"Use lowercase letters, digits, '-' and '.', such as {better or 'jupyter-box'!r}.",
    )


def label(name: str, *, what: str) -> str:
    """Return the name if a namespace can have it (RFC 1123 label, 63 characters).

    Raises:
        InvalidName: Kubernetes would refuse it.
    """
    if len(name) <= 63 and re.fullmatch(_LABEL, name):
        return name
    raise InvalidName(
        f"Kubernetes takes no {what} with the name {name!r}.",
        hint="Use at most 63 lowercase letters, digits and '-', with a letter or digit at both ends.",
    )
