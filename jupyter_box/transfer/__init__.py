"""Bytes between this machine and Box: parts, ranges, SHA-1, trees; what to move is decided by `drive`."""

from __future__ import annotations

from .download import Download, verify
from .engine import Transfers
from .report import OnConflict, Outcome, Report
from .sync import Options as SyncOptions

__all__ = [
    "Download",
    "OnConflict",
    "Outcome",
    "Report",
    "SyncOptions",
    "Transfers",
    "verify",
]
