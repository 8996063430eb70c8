"""`jupyter box kubernetes`: the Secret, the values and the health of jupyter-box in a cluster; Helm installs the rest.

It is imported without the `kubernetes` client, which only the commands that call a cluster need.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed; of `doctor`: 0 well, 1 warnings, 2 failures.

    Args:
        argv: The arguments after `jupyter box kubernetes`; those of the process by default.
    """
    from .command import run

    return run(argv)
