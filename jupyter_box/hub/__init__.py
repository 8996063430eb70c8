"""The broker: a JupyterHub service that alone holds Box's credentials and hands each Hub user a short-lived token.

`settings` are its traits, `callers` asks the Hub who calls, `mapping` says who that is in Box, `vault` keeps the
tokens, `broker` puts these together, and `service` speaks HTTP. Reading and writing files is none of its work.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it, and return the exit code 0.

    Args:
        argv: The arguments after `jupyter box broker`; those of the process by default.

    Raises:
        BoxError: It cannot serve.
    """
    from .command import run

    return run(argv)
