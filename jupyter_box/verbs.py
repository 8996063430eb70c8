"""The verbs that a person types, in one table: the magics and the command line are two ways to it.

A verb parses nothing by itself and shows nothing: it names its arguments for argparse, and its action asks the drive
and returns a value.
"""

from __future__ import annotations

import argparse
import glob
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from .errors import BoxError, Exists, InvalidName
from .items import KINDS, ROLES

if TYPE_CHECKING:
    from .drive import Drive
    from .items import Item
    from .show import Table
    from .transfer.report import Report

BOX = "box:"  # marks a path that is in Box, as JupyterLab does
SCREENFUL = 1000  # rows: Box gives a page of 1,000 by one request, and a person reads no more


@dataclass(frozen=True, slots=True)
class Face:
    """What a verb needs of the face that runs it.

    Attributes:
        content: Returns what `write` is to save: the cell's text, or standard input.
        browse: Shows a folder of the drive to browse.
        out: Where a file's content goes as it comes; None to return it.
    """

    content: Callable[[], str | bytes | BinaryIO]
    browse: Callable[[Drive, str], Any]
    out: BinaryIO | None = None


Action = Callable[["Drive", argparse.Namespace, Face], Any]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a verb, in argparse's words.

    Attributes:
        flags: Its name, or its option strings.
        options: What argparse's `add_argument` takes besides.
        completes: What a Tab offers for it: paths in Box, local paths, both, or nothing.
    """

    flags: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    completes: Literal["box", "local", "both", ""] = ""

    @property
    def help(self) -> str:
        """What it is for, in a phrase."""
        return str(self.options["help"])

    @property
    def is_option(self) -> bool:
        """Whether it is given by name and not by place."""
        return self.flags[0].startswith("-")


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that a person can ask of Box.

    Attributes:
        name: As typed: `%box_NAME`, `jupyter box NAME`.
        help: What it does, in one sentence.
        action: Does it, and returns a value worth showing, or None.
        arguments: What it takes.
        examples: Command lines without the verb's own name.
        cell: Whether the magic takes a cell.
    """

    name: str
    help: str
    action: Action
    arguments: tuple[Argument, ...] = ()
    examples: tuple[str, ...] = ()
    cell: bool = False

    def parser(self, prog: str, kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> Any:
        """Return the parser of the verb's arguments.

        Args:
            prog: How the verb is called where it is typed.
            kind: The class of the parser, where a face has its own.
        """
        return self.fill(kind(**self.labels(prog)))

    def labels(self, prog: str) -> dict[str, Any]:
        """Return how the parser names and explains itself, as arguments of its class."""
        examples = "".join(f"\n  {prog} {example}" for example in self.examples)
        return {
            "prog": prog,
            "description": self.help,
            "epilog": f"examples:{examples}" if examples else None,
            "formatter_class": argparse.RawDescriptionHelpFormatter,
        }

    def fill(self, parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
        """Give the parser the verb's arguments, and the parsed values a way to refuse their combination."""
        for argument in self.arguments:
            parser.add_argument(*argument.flags, **argument.options)
        parser.set_defaults(refuse=parser.error, verb=self)
        return parser


def verbs() -> tuple[Verb, ...]:
    """Return every verb, in the order in which a person meets them; the reference is generated from it."""
    return VERBS


def run(args: argparse.Namespace, connect: Callable[[], Drive], face: Face) -> Any:
    """Do what the parsed arguments ask, and return what there is to show.

    Args:
        args: What a verb's parser made of a line.
        connect: Returns the drive.
        face: What the face lends.

    Raises:
        BoxError: Something is wrong; but `status` tells instead of raising why there is no connection.
    """
    try:
        drive = connect()
    except BoxError as error:
        if args.verb.name != "status":
            raise
        from .drive import Status

        return Status.disconnected(error)
    return args.verb.action(drive, args, face)


def arg(*flags: str, completes: Literal["box", "local", "both", ""] = "", **options: Any) -> Argument:
    """Return an argument as `add_argument` would take it; a path is never empty."""
    if completes:
        options.setdefault("type", filled)
    return Argument(flags, options, completes)


def filled(text: str) -> str:
    """Return the text, which is a path.

    Raises:
        ArgumentTypeError: It is empty, which Python would take as the current folder.
    """
    if not text:
        raise argparse.ArgumentTypeError("a path cannot be empty; . is the current folder")
    return text


def later(text: str) -> datetime:
    """Return the moment of `2026-12-31`, `2026-12-31T18:00` (local time), or of `36h`, `7d`, `4w` from now.

    Raises:
        ArgumentTypeError: It is none of these, or is over already.
    """
    span = re.fullmatch(r"(\d{1,5})([hdw])", text)
    if span:
        hours = {"h": 1, "d": 24, "w": 168}[span[2]] * int(span[1])
        return datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=hours)
    try:
        moment = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write 2026-12-31, or 7d for in seven days") from None
    if moment <= datetime.now(timezone.utc):
        raise argparse.ArgumentTypeError(f"{text!r} is in the past")
    return moment


def count(text: str) -> int:
    """Return a whole number of 0 and more.

    Raises:
        ArgumentTypeError: It is none.
    """
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def text_of(words: Sequence[str]) -> str:
    """Return what several words say together, as in a search without quotes."""
    return " ".join(words)


def _items(items: Iterable[Item], note: str = "", by: Literal["name", "path"] = "name") -> Table[Any]:
    from .show import item_table

    return item_table(items, note=note, by=by)


def _status(drive: Drive, _args: argparse.Namespace, _face: Face) -> Any:
    return drive.status()


def _ls(drive: Drive, args: argparse.Namespace, _face: Face) -> Any:
    item = drive.stat(args.path)
    if not item.is_folder:
        return _items([item])
    found = drive.list(args.path, sort=args.sort, direction="desc" if args.reverse else "asc")
    return _first(found, args.limit)


def _first(found: Iterable[Item], limit: int, by: Literal["name", "path"] = "name") -> Table[Any]:
    items = list(islice(found, limit + 1) if limit else found)
    if not limit or len(items) <= limit:
        return _items(items, by=by)
    return _items(items[:limit], note=f"The first {limit:,}; --limit 0 gives all.", by=by)


def _stat(drive: Drive, args: argparse.Namespace, _face: Face) -> Any:
    return drive.stat(args.path)


def _cd(drive: Drive, args: argparse.Namespace, _face: Face) -> str:
    return drive.cd(args.path)


def _pwd(drive: Drive, _args: argparse.Namespace, _face: Face) -> str:
    return drive.cwd


def _mkdir(drive: Drive, args: argparse.Namespace, _face: Face) -> Any:
    return _one_or_all([drive.mkdir(path) for path in args.path])


def _one_or_all(items: list[Item], note: str = "") -> Any:
    return items[0] if len(items) == 1 and not note else _items(items, note=note, by="path")


def _upload(drive: Drive, args: argparse.Namespace, _face: Face) -> Report:
    sources, folder = _sources_and_target(args)
    local = [path for source in sources for path in _local_paths(source)]
    if args.name and len(local) > 1:
        args.refuse("--name goes with one file or folder")
    return _each(
        args,
        local,
        lambda path, tell, cancel: drive.upload(
            path, folder, name=args.name, on_conflict=args.on_conflict, on_progress=tell, cancel=cancel
        ),
        f"Uploading to {folder}",
    )


def _sources_and_target(args: argparse.Namespace) -> tuple[list[str], str]:
    """Return what to transfer and where to, as `cp` reads it: the last of several is the target."""
    if len(args.source) == 1:
        return args.source, "."
    *sources, target = args.source
    if args.verb.name == "upload" and not target.startswith(("/", "id:")) and Path(target).is_file():
        args.refuse(f"{target} is a local file; the last argument is the folder in Box, such as . or /{target}")
    return sources, target


def _local_paths(source: str) -> list[Path]:
    """Return the local paths that a pattern matches, or the path itself."""
    path = Path(source).expanduser()
    if path.exists() or path.is_symlink() or not glob.has_magic(source):
        return [path]
    return [Path(match) for match in sorted(glob.glob(str(path), recursive=True))] or [path]  # noqa: PTH207  patterns may be absolute


def _each(args: argparse.Namespace, sources: list[Any], transfer: Callable[..., Report], title: str) -> Report:
    from .bar import watched
    from .transfer.report import join_reports

    def begin(source: Any) -> Report:
        return watched(partial(transfer, source), title, not args.quiet)

    save_to = _report_file(args)
    reports = [begin(source) if len(sources) == 1 else _one_of_several(begin, source) for source in sources]
    report = reports[0] if len(reports) == 1 else join_reports(reports, sum(one.seconds for one in reports))
    if save_to:
        report.save(save_to)
    return report


def _one_of_several(begin: Callable[[Any], Report], source: Any) -> Report:
    """Return the report of one transfer among others; what only this one fails for stops none of them."""
    from .transfer.report import Outcome, Report
    from .transfer.tree import ends_all

    try:
        return begin(source)
    except (BoxError, OSError) as error:
        problem = problem_of(error)
        if ends_all(problem):
            raise
        return Report((Outcome(str(source), "", "failed", reason=str(problem), code=problem.code),))


def _report_file(args: argparse.Namespace) -> Path | None:
    """Return where the report is to be saved; what is wrong with that is said before anything is transferred."""
    if not args.report:
        return None
    file = Path(args.report).expanduser()
    if file.is_dir() or not file.parent.is_dir():
        args.refuse(f"--report {args.report}: {'that is a folder' if file.is_dir() else 'there is no such folder'}")
    return file


def _download(drive: Drive, args: argparse.Namespace, _face: Face) -> Report:
    sources, target = _sources_and_target(args)
    if args.version and len(sources) > 1:
        args.refuse("--version goes with one file")
    return _fetch(drive, sources, target, args, version=args.version)


def _fetch(
    drive: Drive, paths: list[str], local: str, args: argparse.Namespace, *, version: str | None = None
) -> Report:
    target = Path(local).expanduser()
    if len(paths) > 1:
        _make_local_folder(target)
    try:
        return _each(
            args,
            paths,
            lambda path, tell, cancel: drive.download(
                path, target, version=version, overwrite=args.overwrite, on_progress=tell, cancel=cancel
            ),
            "Downloading",
        )
    except Exists as error:
        raise Exists(error.message, hint="--overwrite replaces it.", code=error.code) from None


def _make_local_folder(folder: Path) -> None:
    from .transfer.local import local_errors

    with local_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _sync(drive: Drive, args: argparse.Namespace, _face: Face) -> Report:
    local, box, direction = _ends(args)
    return _each(
        args,
        [local],
        lambda folder, tell, cancel: drive.sync(
            folder,
            box,
            direction=direction,
            delete=args.delete,
            max_delete=args.max_delete,
            dry_run=args.dry_run,
            include=args.include,
            exclude=args.exclude,
            on_progress=tell,
            cancel=cancel,
        ),
        f"Syncing to {box if direction == 'up' else local}",
    )


def _ends(args: argparse.Namespace) -> tuple[str, str, Literal["up", "down"]]:
    """Return the local folder, the folder in Box, and the direction; `box:` marks Box, and then the source is first."""
    first, second = args.local, args.box
    if not first.startswith(BOX):
        return first, _unmarked(second), args.direction or "up"
    if second.startswith(BOX):
        args.refuse("one of the two folders has to be on this machine; cp copies within Box")
    if args.direction == "up":
        args.refuse(f"{first} stands first and so is the source; leave --up out, or put it second")
    return second, _unmarked(first), "down"


def _unmarked(path: str) -> str:
    """Return a path in Box without `box:`, after which it starts at the root, as in JupyterLab and `box://`."""
    if not path.startswith(BOX):
        return path
    rest = path.removeprefix(BOX).removeprefix("//")
    return rest if rest.startswith(("/", "id:", "./")) else f"/{rest}"


def _uploads(drive: Drive, args: argparse.Namespace, _face: Face) -> Table[Any]:
    from .show import upload_table

    for given in _to_abort(drive, args.abort):
        drive.abort_upload(given)
    left = drive.uploads()
    return upload_table(left, "The same upload again goes on where it stopped." if left else "No upload is pending.")


def _to_abort(drive: Drive, given: str | None) -> list[str]:
    """Return the ids to give up; `all` spares what is under way."""
    if given == "all":
        return [upload.id for upload in drive.uploads() if upload.state != "running"]
    return [] if given is None else [given]


def _cat(drive: Drive, args: argparse.Namespace, face: Face) -> str | bytes | None:
    if face.out:
        with drive.open(args.path, version=args.version) as chunks:
            face.out.writelines(chunks)
        return None
    data = drive.read(args.path, version=args.version)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _write(drive: Drive, args: argparse.Namespace, face: Face) -> Item:
    return drive.write(args.path, face.content(), if_match=args.if_match)


def _search(drive: Drive, args: argparse.Namespace, _face: Face) -> Any:
    query = text_of(args.query)
    if args.download:
        item = drive.find(query, folder=args.folder)
        return _fetch(drive, [f"id:{item.id}"], args.to, args)
    extensions = tuple(part.lstrip(".") for given in args.extension for part in given.split(",") if part)
    found = drive.search(query, type=args.type, extensions=extensions, folder=args.folder, limit=args.limit)
    return _items(found, note=_LAG if not found else "", by="path")


_LAG = "Nothing found. Box's index takes up to ten minutes to know a new or changed file."


def _mv(drive: Drive, args: argparse.Namespace, _face: Face) -> Item:
    return drive.move(args.path, args.target)


def _cp(drive: Drive, args: argparse.Namespace, _face: Face) -> Item:
    return drive.copy(args.path, args.target)


def _rm(drive: Drive, args: argparse.Namespace, _face: Face) -> Table[Any]:
    items = [drive.stat(path) for path in args.path]
    folder = next((item for item in items if item.is_folder and not args.recursive), None)
    if folder is not None:
        args.refuse(f"{folder.path or folder.name} is a folder; -r moves it and all in it to the trash")
    for item in items:
        drive.remove(f"id:{item.id}", recursive=args.recursive)
    return _items(items, note="Moved to Box's trash; restore id:NUMBER brings it back.", by="path")


def _trash(drive: Drive, args: argparse.Namespace, _face: Face) -> Table[Any]:
    return _first(drive.trash(limit=args.limit + 1 if args.limit else None), args.limit)


def _restore(drive: Drive, args: argparse.Namespace, _face: Face) -> Item:
    return drive.restore(_number(args.id), name=args.name, folder=args.folder)


def _purge(drive: Drive, args: argparse.Namespace, _face: Face) -> Table[Any]:
    if not args.yes:
        args.refuse("what is purged is gone for good; say --yes if that is meant")
    from .show import text_table

    for item in args.id:
        drive.purge(_number(item))
    return text_table([_number(item) for item in args.id], "Gone for good")


def _number(item: str) -> str:
    return item.removeprefix("id:")


def _share(drive: Drive, args: argparse.Namespace, _face: Face) -> Any:
    return drive.share(
        args.path,
        access=args.access,
        password=_password(args),
        expires=args.expires,
        can_download=args.can_download,
        without=args.without,
    )


def _password(args: argparse.Namespace) -> str | None:
    """Return the link's password from a prompt or a file: on a command line, others could read it."""
    if args.password_file:
        from .transfer.local import local_errors

        with local_errors(args.password_file):
            return _line_of(Path(args.password_file).expanduser())
    if not args.password:
        return None
    from getpass import getpass

    try:
        return getpass("Password of the shared link: ")
    except (EOFError, NotImplementedError):  # IPython's word for a notebook that runs without a person
        raise InvalidName("There is nobody to ask for the password.", hint="Use --password-file FILE.") from None


def _line_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise InvalidName(f"{file} is not UTF-8.", hint="Save it as UTF-8.") from None


def _unshare(drive: Drive, args: argparse.Namespace, _face: Face) -> Item:
    drive.unshare(args.path)
    return drive.stat(args.path)


def _invite(drive: Drive, args: argparse.Namespace, _face: Face) -> Any:
    return drive.invite(args.path, args.who, role=args.role, group=args.group)


def _collaborators(drive: Drive, args: argparse.Namespace, _face: Face) -> Table[Any]:
    from .show import collaboration_table

    return collaboration_table(drive.collaborators(args.path))


def _role(drive: Drive, args: argparse.Namespace, _face: Face) -> Any:
    return drive.set_role(args.path, args.who, args.role)


def _uninvite(drive: Drive, args: argparse.Namespace, face: Face) -> Table[Any]:
    drive.uninvite(args.path, args.who)
    return _collaborators(drive, args, face)


def _versions(drive: Drive, args: argparse.Namespace, _face: Face) -> Table[Any]:
    from .show import version_table

    if args.promote:
        drive.promote(args.path, args.promote)
    if args.delete:
        drive.delete_version(args.path, args.delete)
    return version_table(drive.versions(args.path))


def _lock(drive: Drive, args: argparse.Namespace, _face: Face) -> Item:
    return drive.lock(args.path, expires=args.expires, prevent_download=args.prevent_download)


def _unlock(drive: Drive, args: argparse.Namespace, _face: Face) -> Item:
    return drive.unlock(args.path)


def _favourites(drive: Drive, args: argparse.Namespace, _face: Face) -> Table[Any]:
    for path in args.add:
        drive.add_favourite(path)
    for path in args.remove:
        drive.remove_favourite(path)
    return _items(drive.favourites(), by="path")


def _browse(drive: Drive, args: argparse.Namespace, face: Face) -> Any:
    return face.browse(drive, args.path)


_PATH = arg("path", completes="box", help="path in Box: /from/the/root, from/the/current/folder, or id:NUMBER")
_HERE = arg("path", nargs="?", default=".", completes="box", help="folder in Box (default: the current one)")
_PATHS = arg("path", nargs="+", completes="box", help="paths in Box")
_QUIET = arg("-q", "--quiet", action="store_true", help="draw no progress bar")
_REPORT = arg("--report", metavar="FILE", completes="local", help="save the report to this file, as JSON")
_OVERWRITE = arg(
    "--overwrite",
    action=argparse.BooleanOptionalAction,
    default=False,
    help="replace local files (default: keep them)",
)
_WHO = arg("who", help="login (e-mail address) or id of a user; name or id of a group, with --group")
_THEM = arg("who", help="login, name or id of who has a role there, or the collaboration's id")
_ROLE_HELP = f"{', '.join(map(shlex.quote, ROLES))}, as Box defines them"

VERBS: tuple[Verb, ...] = (
    Verb(
        "status",
        "Show who we are in Box, the drive's root and the space; if not connected, why and what to do.",
        _status,
    ),
    Verb(
        "ls",
        "List a folder.",
        _ls,
        (
            arg(
                "path",
                nargs="?",
                default=".",
                completes="box",
                help="folder or file in Box (default: the current folder)",
            ),
            arg("--sort", choices=("name", "date", "size"), default="name", help="what Box sorts by (default: name)"),
            arg("-r", "--reverse", action="store_true", help="the other way round"),
            arg("--limit", type=count, default=SCREENFUL, metavar="N", help="the most rows, 0 for all (default: 1000)"),
        ),
        ("/Maintenance", "--sort date --reverse"),
    ),
    Verb("stat", "Show what Box knows of one file or folder.", _stat, (_PATH,), ("/Maintenance/logs.csv",)),
    Verb(
        "cd",
        "Change the current folder, from which relative paths start.",
        _cd,
        (arg("path", nargs="?", default="/", completes="box", help="folder in Box (default: the drive's root)"),),
        ("/Maintenance", ".."),
    ),
    Verb("pwd", "Show the current folder.", _pwd),
    Verb(
        "mkdir",
        "Make folders, with those above them; one that exists stays as it is.",
        _mkdir,
        (_PATHS,),
        ("/Maintenance/2026",),
    ),
    Verb(
        "upload",
        "Upload files and folders; over an existing name goes a new version, and what is there unchanged is not sent.",
        _upload,
        (
            arg(
                "source",
                nargs="+",
                metavar="LOCAL ... FOLDER",
                completes="both",
                help="local files, folders or patterns, then the folder in Box (with one argument: the current folder)",
            ),
            arg("--name", help="the name in Box, instead of the local one"),
            arg(
                "--on-conflict",
                choices=("version", "skip", "rename", "fail"),
                default="version",
                help="where the name is taken: make a new version (default), skip, rename or fail",
            ),
            _REPORT,
            _QUIET,
        ),
        ("data /Maintenance", "'*.csv' /Maintenance/logs", "report.pdf --on-conflict rename"),
    ),
    Verb(
        "download",
        "Download files and folders, each checked by its SHA-1; a local file is kept unless --overwrite.",
        _download,
        (
            arg(
                "source",
                nargs="+",
                metavar="PATH ... LOCAL",
                completes="both",
                help="paths in Box, then the local folder or name (with one argument: the local current folder)",
            ),
            _OVERWRITE,
            arg("--version", metavar="ID", help="an earlier version; `versions` shows their ids"),
            _REPORT,
            _QUIET,
        ),
        ("/Maintenance/logs.csv", "/Maintenance data --overwrite"),
    ),
    Verb(
        "sync",
        "Make a folder in Box like a local folder, or with --down the reverse; only differences travel.",
        _sync,
        (
            arg(
                "local", metavar="LOCAL", completes="both", help="local folder (or the source, if it begins with box:)"
            ),
            arg(
                "box", metavar="BOX", completes="both", help="folder in Box (or the local target of a source with box:)"
            ),
            arg(
                "--up",
                dest="direction",
                action="store_const",
                const="up",
                help="make Box like this machine (default)",
            ),
            arg("--down", dest="direction", action="store_const", const="down", help="make this machine like Box"),
            arg("--delete", action="store_true", help="remove from the target what the source has not"),
            arg(
                "--max-delete",
                type=int,
                metavar="N",
                help="with --delete: do nothing if more than N files would go; needed where the source has none at all",
            ),
            arg("-n", "--dry-run", action="store_true", help="show what would be done, and do nothing"),
            arg(
                "--include",
                action="append",
                default=[],
                metavar="PATTERN",
                help="only files that match, as in .gitignore; may be repeated",
            ),
            arg(
                "--exclude",
                action="append",
                default=[],
                metavar="PATTERN",
                help="leave out what matches, besides what .boxignore names; may be repeated",
            ),
            _REPORT,
            _QUIET,
        ),
        (
            "data /Maintenance/data",
            "data /Maintenance/data --delete --dry-run",
            "data /Maintenance/data --down",
            "box:/Maintenance/data data",
        ),
    ),
    Verb(
        "uploads",
        "List the uploads that were begun here and not ended, and give them up.",
        _uploads,
        (arg("--abort", metavar="ID", help="give this one up, or `all` that are not under way"),),
        ("--abort all",),
    ),
    Verb(
        "cat",
        "Give a file's content: text where it is UTF-8, else bytes.",
        _cat,
        (_PATH, arg("--version", metavar="ID", help="an earlier version")),
        ("/Maintenance/README.md",),
    ),
    Verb(
        "write",
        "Write the cell (on the command line: standard input) to a file; an existing one gets a new version.",
        _write,
        (
            _PATH,
            arg("--if-match", metavar="ETAG", help="only if Box still has this etag, so that no one's change is lost"),
        ),
        ("/Maintenance/notes.md",),
        cell=True,
    ),
    Verb(
        "search",
        "Search all of the drive by name and content; Box's index lags up to ten minutes.",
        _search,
        (
            arg("query", nargs="+", help='words, "a phrase", or with AND, OR, NOT'),
            arg("--type", choices=KINDS, help="only these"),
            arg("--extension", action="append", default=[], metavar="EXT", help="only these, such as csv,parquet"),
            arg("--folder", completes="box", help="only below this folder"),
            arg("--limit", type=count, default=100, metavar="N", help="the most matches (default: 100)"),
            arg("--download", action="store_true", help="download the one file of exactly this name"),
            arg(
                "--to", default=".", metavar="LOCAL", completes="local", help="where --download puts it (default: here)"
            ),
            _OVERWRITE,
            _REPORT,
            _QUIET,
        ),
        ("vibration --extension csv", "--download line-3.csv"),
    ),
    Verb(
        "mv",
        "Move or rename: into a folder that exists, else to the new name.",
        _mv,
        (_PATH, arg("target", completes="box", help="folder, or path with the new name")),
        ("draft.md /Reports", "draft.md final.md"),
    ),
    Verb(
        "cp",
        "Copy within Box; nothing passes through this machine.",
        _cp,
        (_PATH, arg("target", completes="box", help="folder, or path with the new name")),
        ("/Templates/report.ipynb /Reports/may.ipynb",),
    ),
    Verb(
        "rm",
        "Move files, and with -r folders, to Box's trash.",
        _rm,
        (_PATHS, arg("-r", "--recursive", action="store_true", help="folders too, with all in them")),
        ("old.csv", "-r /Maintenance/2019"),
    ),
    Verb(
        "trash",
        "List what is in Box's trash.",
        _trash,
        (arg("--limit", type=count, default=SCREENFUL, metavar="N", help="the most rows, 0 for all (default: 1000)"),),
    ),
    Verb(
        "restore",
        "Bring an item back from the trash.",
        _restore,
        (
            arg("id", help="id:NUMBER, as `trash` shows it"),
            arg("--name", help="a new name, where the old one is taken"),
            arg("--folder", completes="box", help="another folder, where the old one is gone"),
        ),
        ("id:1234",),
    ),
    Verb(
        "purge",
        "Remove items from the trash for good.",
        _purge,
        (
            arg("id", nargs="+", help="id:NUMBER, as `trash` shows it"),
            arg("--yes", action="store_true", help="really: nobody can bring them back"),
        ),
        ("id:1234 --yes",),
    ),
    Verb(
        "share",
        "Make or change the shared link of a file or folder, and show it.",
        _share,
        (
            _PATH,
            arg(
                "--access", choices=("open", "company", "collaborators"), help="who may use it (default: as Box is set)"
            ),
            arg("--password", action="store_true", help="ask for a password for it, without showing it"),
            arg("--password-file", metavar="FILE", completes="local", help="take its password from this file"),
            arg("--expires", type=later, metavar="WHEN", help="when it ends: 2026-12-31, or 7d for in seven days"),
            arg(
                "--download",
                dest="can_download",
                action=argparse.BooleanOptionalAction,
                default=None,
                help="whether it allows the download",
            ),
            arg(
                "--without",
                action="append",
                default=[],
                choices=("password", "expires"),
                help="take the password or the end away from it; may be given twice",
            ),
        ),
        ("/Reports/may.pdf --access company --expires 7d", "/Reports/may.pdf --without expires"),
    ),
    Verb("unshare", "Remove the shared link of a file or folder.", _unshare, (_PATH,), ("/Reports/may.pdf",)),
    Verb(
        "invite",
        "Invite a person or a group to a file or folder.",
        _invite,
        (
            _PATH,
            _WHO,
            arg("--role", choices=ROLES, metavar="ROLE", default="viewer", help=f"{_ROLE_HELP} (default: viewer)"),
            arg("--group", action="store_true", help="a group, not a person"),
        ),
        ("/Maintenance ana@example.com --role editor", "/Maintenance Technicians --group"),
    ),
    Verb(
        "collaborators",
        "List who works with a file or folder, and in which role.",
        _collaborators,
        (_PATH,),
        ("/Maintenance",),
    ),
    Verb(
        "role",
        "Give someone who is invited already another role.",
        _role,
        (_PATH, _THEM, arg("role", choices=ROLES, metavar="role", help=_ROLE_HELP)),
        ("/Maintenance ana@example.com viewer",),
    ),
    Verb(
        "uninvite",
        "Take someone's role at a file or folder away.",
        _uninvite,
        (_PATH, _THEM),
        ("/Maintenance ana@example.com",),
    ),
    Verb(
        "versions",
        "List the versions of a file, newest first; promote or delete one.",
        _versions,
        (
            _PATH,
            arg("--promote", metavar="ID", help="make this version the current one, first"),
            arg("--delete", metavar="ID", help="move this version to the trash, first"),
        ),
        ("report.pdf", "report.pdf --promote 5678"),
    ),
    Verb(
        "lock",
        "Lock a file, so that only we can change it.",
        _lock,
        (
            _PATH,
            arg("--expires", type=later, metavar="WHEN", help="when it ends: 2026-12-31, or 2h for in two hours"),
            arg("--prevent-download", action="store_true", help="others cannot download it either"),
        ),
        ("report.pdf --expires 2h",),
    ),
    Verb("unlock", "Unlock a file.", _unlock, (_PATH,), ("report.pdf",)),
    Verb(
        "favourites",
        "List our favourites; add to them or remove from them.",
        _favourites,
        (
            arg("--add", action="append", default=[], metavar="PATH", completes="box", help="add this file or folder"),
            arg("--remove", action="append", default=[], metavar="PATH", completes="box", help="remove this one"),
        ),
        ("--add /Maintenance",),
    ),
    Verb(
        "browse",
        "Browse a folder in the notebook; on the command line: show its address in Box.",
        _browse,
        (_HERE,),
        ("/Maintenance",),
    ),
)


def problem_of(error: BoxError | OSError) -> BoxError:
    """Return what the machine said about one of its own files as an error in our words."""
    if isinstance(error, BoxError):
        return error
    from .transfer.local import translate_local

    return translate_local(error, error.filename or "This machine")
