"""`box://` for every Python tool: Box as an fsspec file system; what Box does is for `drive`."""

from __future__ import annotations

from ._system import BoxFileSystem

__all__ = ["BoxFileSystem"]
