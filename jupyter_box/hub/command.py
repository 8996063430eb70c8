"""`jupyter box broker` on the command line: reads the settings, serves, and says in one line why it cannot."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from jupyter_box._usage import Parser
from jupyter_box.config import BoxConfig
from jupyter_box.errors import InvalidName

from .settings import BrokerConfig

PROG = "jupyter box broker"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    whole = Parser(
        prog=PROG,
        description="Hand each user of a JupyterHub a short-lived Box token; settings come from the environment.",
    )
    whole.add_argument("--config", metavar="FILE", help="a Jupyter configuration file (c.BrokerConfig, c.BoxConfig)")
    whole.add_argument(
        "--check", action="store_true", help="check the settings, the Hub, Box and the mapping's folder there, and end"
    )
    return whole


def run(argv: Sequence[str] | None = None) -> int:
    """Serve, or check; return the exit code 0.

    Args:
        argv: The arguments after `jupyter box broker`.

    Raises:
        BoxError: Something is not as it has to be.
    """
    args = parser().parse_args(argv)
    config = _file(args.config)
    work = _check if args.check else _serve
    asyncio.run(work(BrokerConfig(config=config), BoxConfig(config=config)))
    return 0


async def _serve(broker: BrokerConfig, box: BoxConfig) -> None:
    from .service import log_to_stdout, serve

    log_to_stdout()
    await serve(broker, box)


async def _check(broker: BrokerConfig, box: BoxConfig) -> None:
    from .account import Account
    from .broker import Broker
    from .metrics import Metrics

    made = Broker(broker.settings(), Account(box), lambda *_: None, Metrics())
    try:
        await made.ready()
    finally:
        await made.close()
    sys.stdout.write("The settings are whole, the Hub answers, and Box takes the credentials.\n")


def _file(name: str | None) -> Config:
    if not name:
        return Config()
    path = Path(name)
    if not path.is_file():
        raise InvalidName(f"There is no file {name}.", hint="Give --config a Jupyter configuration file.")
    try:
        return PyFileConfigLoader(path.name, str(path.parent)).load_config()
    except Exception as error:
        raise InvalidName(
            f"{name} cannot be run: {type(error).__name__}: {error}.", hint="Correct the file."
        ) from error
