"""What URLs say, in the drive's words."""

from __future__ import annotations

from jupyter_box import paths


def drive_path(text: str) -> str:
    """Return the path in the drive that a URL's path names: from the root, or an id as in `id:123`.

    Raises:
        InvalidName: It is no path for Box.
    """
    return paths.normalise(text if text.startswith(paths.ID_PREFIX) else f"/{text}")
