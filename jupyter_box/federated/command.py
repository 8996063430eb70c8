"""The command line `jupyter box federate`: it parses, prints and exits; the modules beside it do the work."""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_box._usage import Parser
from jupyter_box.errors import InvalidName

if TYPE_CHECKING:
    from .config import RunConfig

PROG = "jupyter box federate"


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: The arguments after `jupyter box federate`; those of the process by default.

    Raises:
        BoxError: Something is wrong.
    """
    args = parser().parse_args(argv)
    _show_log()
    return int(args.action(args))


def _show_log() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log = logging.getLogger("jupyter_box.federated")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)


def parser() -> argparse.ArgumentParser:
    """Return the parser of these commands."""
    whole = Parser(prog=PROG, description="Train one model across organisations that share nothing but a Box folder.")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _fill_init(commands.add_parser("init", help="make a run in a folder"))
    _fill_server(commands.add_parser("server", help="run the server of a run; a killed one goes on where it stopped"))
    _fill_client(commands.add_parser("client", help="take part in a run"))
    _fill_status(commands.add_parser("status", help="show how a run stands"))
    _fill_verify(commands.add_parser("verify", help="check every signature of a run and compute its models anew"))
    return whole


def _fill_init(below: argparse.ArgumentParser) -> None:
    from .config import Schedule

    below.add_argument("folder", nargs="?", metavar="FOLDER", help="the run's folder in Box; made if it is not there")
    below.add_argument("--app", metavar="MODULE:APP", help="the ServerApp, installed at the server's site")
    below.add_argument("--client-app", metavar="MODULE:APP", help="the ClientApp, installed at each client's site")
    below.add_argument("--from-mila", type=Path, metavar="FILE", help="take over the options of a mila server's JSON")
    below.add_argument("--group", default="", help="let this Box group take part")
    below.add_argument(
        "--participant", action="append", default=[], metavar="NAME=ID", help="expect this Box user; may be repeated"
    )
    below.add_argument("--isolate", action="store_true", help="participants cannot read each other's updates")
    below.add_argument(
        "--no-check-shapes", action="store_true", help="an update may have other arrays than the model that was sent"
    )
    below.add_argument(
        "--rounds-count", type=int, metavar="N", help="sets num-server-rounds of the run's configuration"
    )
    below.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an entry of the run's configuration"
    )
    for name, default in vars(Schedule()).items():
        kind = type(default)
        option = f"--{name.replace('_', '-')}"
        below.add_argument(option, type=kind, metavar="N", help=f"{_schedule_help()[name]} (default: {default:g})")
    _add_state(below)
    below.set_defaults(action=_init)


def _fill_server(below: argparse.ArgumentParser) -> None:
    below.add_argument("folder", metavar="FOLDER", help="the run's folder in Box")
    below.add_argument("--resume", action="store_true", help="accepted for clearness: a server always goes on")
    _add_state(below)
    below.set_defaults(action=_server)


def _fill_client(below: argparse.ArgumentParser) -> None:
    below.add_argument("folder", metavar="FOLDER", help="the run's folder in Box; of an isolated run, the server's")
    below.add_argument("--name", required=True, help="this participant's name in the run")
    below.add_argument("--allow", metavar="MODULE:APP", help="run this ClientApp without asking")
    below.add_argument(
        "--node-config",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what the ClientApp learns of this site",
    )
    _add_state(below)
    below.set_defaults(action=_client)


def _fill_status(below: argparse.ArgumentParser) -> None:
    below.add_argument("folder", metavar="FOLDER", help="the run's folder in Box")
    below.add_argument("--json", action="store_true", help="print it as JSON")
    below.set_defaults(action=_status)


def _fill_verify(below: argparse.ArgumentParser) -> None:
    below.add_argument("folder", metavar="FOLDER", help="the run's folder in Box")
    below.add_argument("--no-replay", action="store_true", help="check signatures only; needs no ServerApp")
    below.add_argument("--json", action="store_true", help="print it as JSON")
    below.set_defaults(action=_verify)


def _add_state(below: argparse.ArgumentParser) -> None:
    below.add_argument(
        "--state", type=Path, metavar="DIR", help="where keys and progress are kept (default: Jupyter's data directory)"
    )


def _init(args: argparse.Namespace) -> int:
    from . import apps
    from .config import SERVER
    from .making import create, new_run_id
    from .state import State

    apps.require_extra()
    taken, run = _from_mila(args), new_run_id()
    config = _config(args, taken, run)
    folder = args.folder or taken.get("folder") or _needed(None, "FOLDER")
    group = args.group or taken.get("group", "")
    with _connect(taken.get("jwt_file")) as drive:
        made = create(drive, folder, config, State.of(run, SERVER, args.state).signer, group=group)
        place = made.folders[SERVER] if made.isolated else drive.stat(folder).id
    _show_made(args, taken, f"Run {run} is in {folder}.", shlex.quote(folder), place)
    return 0


def _config(args: argparse.Namespace, taken: dict[str, Any], run: str) -> RunConfig:
    from . import apps
    from .config import RunConfig, Schedule

    options = {name: getattr(args, name) for name in vars(Schedule()) if getattr(args, name) is not None}
    rounds = {} if args.rounds_count is None else {"num-server-rounds": args.rounds_count}
    return RunConfig(
        run=run,
        server_app=_needed(args.app, "--app"),
        client_app=_needed(args.client_app, "--client-app"),
        run_config={**taken.get("run_config", {}), **_pairs(args.set), **rounds},
        schedule=Schedule(**{**taken.get("schedule", {}), **options}),
        expected={name: str(user) for name, user in _texts(args.participant).items()},
        isolated=args.isolate,
        check_shapes=not args.no_check_shapes,
        versions=apps.versions(),
    )


def _show_made(args: argparse.Namespace, taken: dict[str, Any], made: str, folder: str, place: str) -> None:
    print(made)
    if taken.get("unused"):
        print(f"Not taken over, as they have no counterpart here: {', '.join(taken['unused'])}.")
    credentials = f"BOX_JWT_CONFIG_FILE={shlex.quote(taken['jwt_file'])} " if taken else ""
    print(f"Server:  {credentials}{PROG} server {folder}{_state_of(args)}")
    print(f"Clients: {PROG} client id:{place} --name NAME")


def _state_of(args: argparse.Namespace) -> str:
    return f" --state {shlex.quote(str(args.state))}" if args.state else ""


def _server(args: argparse.Namespace) -> int:
    from .server import serve

    with _connect() as drive:
        done = serve(drive, args.folder, state=args.state)
    print(json.dumps(done))
    return 0


def _client(args: argparse.Namespace) -> int:
    from .node import join

    with _connect() as drive:
        print(
            join(
                drive,
                args.folder,
                args.name,
                allow=lambda reference: _may_run(reference, args.allow),
                node_config=_pairs(args.node_config),
                state=args.state,
            )
        )
    return 0


def _status(args: argparse.Namespace) -> int:
    from .view import FederatedRun

    with _connect() as drive:
        run = FederatedRun(args.folder, drive=drive)
        print(json.dumps(run.status(), ensure_ascii=False) if args.json else str(run))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from .verify import verify

    with _connect() as drive:
        found = verify(drive, args.folder, replays=not args.no_replay)
    print(json.dumps(found.to_dict(), ensure_ascii=False) if args.json else str(found))
    return 0 if found.ok else 1


def _may_run(reference: str, allowed: str | None) -> bool:
    if allowed is not None:
        return allowed == reference
    if not sys.stdin.isatty():
        return False
    return input(f"The run asks to run {reference}, which is installed here. Run it? [y/N] ").strip().lower() == "y"


def _connect(jwt_file: str | None = None) -> Any:
    from jupyter_box.config import BoxConfig
    from jupyter_box.drive import Drive

    return Drive.connect(BoxConfig(**({"jwt_config_file": jwt_file} if jwt_file else {})))


def _from_mila(args: argparse.Namespace) -> dict[str, Any]:
    from .mila import convert

    return convert(args.from_mila) if args.from_mila else {}


def _needed(value: str | None, option: str) -> str:
    if not value:
        raise InvalidName(f"{option} is missing.", hint=f"{PROG} init --help explains.", code="missing_option")
    return value


def _texts(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (equals and name):
            raise InvalidName(f"{pair!r} is not NAME=VALUE.", hint="Write it with an equals sign.")
        found[name] = value
    return found


def _pairs(pairs: Sequence[str]) -> dict[str, Any]:
    return {name: _value(text) for name, text in _texts(pairs).items()}


def _value(text: str) -> Any:
    """Return a number or a truth value where the text is one, as Flower's configuration has them."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | str) else text


def _schedule_help() -> dict[str, str]:
    return {
        "minimum_clients": "with how many the run may begin, and go on",
        "maximum_clients": "with how many the registration closes at once",
        "client_wait_time": "seconds after the last registration before the run begins",
        "heartbeat_timeout": "seconds without a heartbeat after which a client is lost",
        "heartbeat_frequency": "seconds between two heartbeats",
        "registration_timeout": "seconds after which the run ends if too few came",
        "poll_interval": "seconds between two looks at the folder, while it is not known how long rounds take",
        "poll_ceiling": "longest time in seconds between two looks, once something is due",
    }
