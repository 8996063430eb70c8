"""The command line `jupyter box kubernetes`: it parses, prints and exits; the modules beside it do the work."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from jupyter_box._usage import Parser
from jupyter_box.errors import Denied, NotFound

from .cluster import BROKER, SINGLEUSER, Cluster, Json
from .credentials import CLIENT_CREDENTIALS, JWT, examine, from_person, gather, try_at_box
from .doctor import at_the_hub, diagnose, stale, values_of
from .names import subdomain
from .overlays import BROKER_URL, MODES, SECRET, overlay

PROG = "jupyter box kubernetes"
_MARKS = {"ok": "ok     ", "warning": "warning", "failure": "FAILURE"}


class _Parser(Parser):
    """A parser that never repeats what it was given, as that may be a secret in the wrong place."""

    def unknown(self, words: Sequence[str]) -> str:
        """Return the complaint; it names options up to their `=`."""
        names = [word.partition("=")[0] for word in words if word.startswith("--")]
        said = " ".join(names) or f"{len(words)} without a name"
        return f"unknown arguments: {said}; secrets are read from a prompt, a file or standard input only"


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: The arguments after `jupyter box kubernetes`; those of the process by default.

    Raises:
        BoxError: Something is wrong.
    """
    args = parser().parse_args(argv)
    return int(args.action(args))


def parser() -> argparse.ArgumentParser:
    """Return the parser of these commands."""
    whole = _Parser(prog=PROG, description="jupyter-box in a Kubernetes cluster.", allow_abbrev=False)
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    secret = commands.add_parser("secret", help="the Secret with the Box app's credentials", allow_abbrev=False)
    kinds = secret.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _fill_apply(kinds.add_parser("apply", help="make or change it", allow_abbrev=False))
    _fill_check(kinds.add_parser("check", help="say what is in it, without the values", allow_abbrev=False))
    _fill_rotate(kinds.add_parser("rotate", help="put in a new client secret or JWT file", allow_abbrev=False))
    _fill_values(commands.add_parser("values", help="print the values for Zero to JupyterHub", allow_abbrev=False))
    _fill_doctor(commands.add_parser("doctor", help="look whether all is well", allow_abbrev=False))
    return whole


def _fill_apply(below: argparse.ArgumentParser) -> None:
    _add_credentials(below)
    below.add_argument("--dry-run", action="store_true", help="let the API server check it, and change nothing")
    below.set_defaults(action=_apply)


def _fill_check(below: argparse.ArgumentParser) -> None:
    _add_secret(below)
    below.set_defaults(action=_check)


def _fill_rotate(below: argparse.ArgumentParser) -> None:
    _add_credentials(below)
    below.set_defaults(action=_rotate)


def _fill_values(below: argparse.ArgumentParser) -> None:
    below.add_argument("mode", choices=MODES, help="direct or broker; eks and eks-nlb go on top of either")
    below.add_argument(
        "--secret", metavar="NAME", default=SECRET, help="direct mode: the Secret (default: %(default)s)"
    )
    below.add_argument(
        "--broker-url", metavar="URL", default=BROKER_URL, help="broker mode: its address (default: %(default)s)"
    )
    below.set_defaults(action=_values)


def _fill_doctor(below: argparse.ArgumentParser) -> None:
    _add_secret(below)
    below.set_defaults(action=_doctor)


def _add_secret(below: argparse.ArgumentParser) -> None:
    below.add_argument("--name", metavar="NAME", default=SECRET, help="the Secret's name (default: %(default)s)")
    below.add_argument("-n", "--namespace", metavar="NAME", help="the namespace (default: the context's)")
    below.add_argument("--context", metavar="NAME", help="the kubeconfig's context (default: the current one)")


def _add_credentials(below: argparse.ArgumentParser) -> None:
    _add_secret(below)
    below.add_argument("--client-id", metavar="ID", help="the Box app's client id; asked for if missing")
    below.add_argument("--enterprise-id", metavar="ID", help="the Box enterprise's id; asked for if missing")
    below.add_argument(
        "--client-secret-file", metavar="FILE", help="the file with the client secret, or - for standard input"
    )
    below.add_argument(
        "--jwt-config-file",
        metavar="FILE",
        help="JWT instead: the JSON file from Box's console, or - for standard input",
    )
    below.add_argument("--skip-box", action="store_true", help="do not try the credentials at Box first")
    below.add_argument("--force-conflicts", action="store_true", help="take over keys that somebody set by other means")


def _apply(args: argparse.Namespace) -> int:
    name = subdomain(args.name, what="Secret")
    cluster = Cluster.connect(args.context, args.namespace)
    held = cluster.secret(name)
    _refuse_foreign(held, name)
    values = gather(_sources(args), {}, ask=from_person)
    _put(cluster, args, values)
    done = "The API server would take" if args.dry_run else "Applied"
    print(f"{done} Secret {name} in namespace {cluster.namespace}: {', '.join(values)}.")
    return 0


def _check(args: argparse.Namespace) -> int:
    cluster = Cluster.connect(args.context, args.namespace)
    held = _existing(cluster, args.name)
    reports = examine(values_of(held))
    for report in reports:
        length = "-" if report.length is None else f"{report.length} bytes"
        print(f"{report.key:<20} {length:>12}  {'; '.join(report.faults) or 'ok'}")
    return 1 if any(report.faults for report in reports) else 0


def _rotate(args: argparse.Namespace) -> int:
    cluster = Cluster.connect(args.context, args.namespace)
    held = _existing(cluster, args.name)
    _refuse_foreign(held, args.name)
    known = values_of(held)
    if JWT in known and "client-secret" not in known and not args.jwt_config_file:
        raise NotFound(f"Secret {args.name} is of a JWT app.", hint="Give --jwt-config-file.")
    values = gather(_sources(args), known, ask=from_person)
    if all(known.get(key) == value for key, value in values.items()):
        print(f"Secret {args.name} has these values already; nothing was changed.")
        return 0
    _put(cluster, args, values)
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"Applied Secret {args.name} in namespace {cluster.namespace}: {', '.join(values)}.")
    _roll_brokers(cluster, now)
    _tell_stale(cluster, args.name, now)
    return 0


def _values(args: argparse.Namespace) -> int:
    print(overlay(args.mode, secret=args.secret, broker_url=args.broker_url), end="")
    return 0


def _doctor(args: argparse.Namespace) -> int:
    cluster = Cluster.connect(args.context, args.namespace)
    cluster = cluster if args.namespace else at_the_hub(cluster)
    worst = 0
    for finding in diagnose(cluster, subdomain(args.name, what="Secret")):
        print(f"{_MARKS[finding.level]} {finding.text}" + (f"\n        {finding.hint}" if finding.hint else ""))
        worst = max(worst, ("ok", "warning", "failure").index(finding.level))
    return worst


def _sources(args: argparse.Namespace) -> Mapping[str, str]:
    given = (args.client_id, args.client_secret_file, args.enterprise_id)
    return {
        **{key: value or "" for key, value in zip(CLIENT_CREDENTIALS, given, strict=True)},
        JWT: args.jwt_config_file or "",
    }


def _put(cluster: Cluster, args: argparse.Namespace, values: Mapping[str, str]) -> None:
    if not args.skip_box:
        print(f"Box knows these credentials as {try_at_box(values)}.")
    cluster.apply_secret(args.name, values, force=args.force_conflicts, dry_run=getattr(args, "dry_run", False))


def _existing(cluster: Cluster, name: str) -> Json:
    held = cluster.secret(name)
    if held is None:
        raise NotFound(
            f"There is no Secret {name} in namespace {cluster.namespace}.",
            hint="Check --name and --namespace, or make it: jupyter box kubernetes secret apply.",
        )
    return held


def _refuse_foreign(held: Json | None, name: str) -> None:
    owners = ((held or {}).get("metadata") or {}).get("ownerReferences") or []
    if owners:
        raise Denied(
            f"Secret {name} is kept by {owners[0].get('kind')} {owners[0].get('name')}, which would undo the change.",
            hint="Change the credentials in the store that it reads.",
        )


def _roll_brokers(cluster: Cluster, version: str) -> None:
    brokers = cluster.deployments(BROKER)
    for broker in brokers:
        cluster.roll(broker, version)
        print(f"The broker {broker['metadata']['name']} replaces its pods.")
    if not brokers:
        print(f"There is no broker in namespace {cluster.namespace} to roll.")


def _tell_stale(cluster: Cluster, name: str, since: str) -> None:
    users = stale(cluster.pods(SINGLEUSER), name, since)
    if users:
        print(f"These users' servers run with the old secret until they are restarted: {', '.join(users)}.")
        print("Delete the old secret in Box's developer console after that.")
    else:
        print("No user's server holds the old secret. Delete it in Box's developer console once the brokers are ready.")
