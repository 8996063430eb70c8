"""Jupyter's Contents API on the drive: the handlers are Jupyter's own, the contents manager is here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_server.services.contents import handlers as stock
from jupyter_server.services.contents.manager import AsyncContentsManager, copy_pat
from jupyter_server.utils import ensure_async, url_escape, url_path_join
from traitlets import Unicode

from jupyter_box import paths
from jupyter_box.errors import BoxError, Changed, Corrupted, Exists, InvalidName, NotFound, TooLarge
from jupyter_box.items import Item

from . import conditional, documents
from .base import BoxHandler
from .documents import Model

if TYPE_CHECKING:
    from jupyter_box.drive import Drive

    from .chunks import Chunks

Call = Callable[[Callable[["Drive"], Any]], Awaitable[Any]]

DRIVE = "box:"  # how JupyterLab begins a path of this drive
PAGE = 1000  # items of a folder that come at once, the most that Box gives
REMEMBERED = 1000  # files whose last autosave is remembered


class Autosaves:
    """Which versions only an autosave made: the next save may take such a one away.

    Args:
        are_kept: Whether every autosave stays as a version of its own.
    """

    def __init__(self, *, are_kept: bool) -> None:
        self._are_kept = are_kept
        self._versions: OrderedDict[str, str | None] = OrderedDict()

    def note(self, item: Item) -> None:
        """Take note of a save, of which nobody knows yet whether a person asked for it."""
        if not self._are_kept:
            self._versions[item.id] = item.version
            while len(self._versions) > REMEMBERED:
                self._versions.popitem(last=False)

    def keep(self, item: Item) -> None:
        """Keep the version that is there: a person asked for it."""
        self._versions.pop(item.id, None)

    def replaced(self, before: Item, after: Item) -> str | None:
        """Return the version that nobody needs any more, if there is one."""
        version = self._versions.get(before.id)
        return version if version and version == before.version != after.version else None


class BoxContents(AsyncContentsManager):
    """The drive as Jupyter's contents, for one request.

    Args:
        read: Runs what only looks at the drive, in a thread.
        write: Runs what changes the drive, also when the client goes away meanwhile.
        limit: The most bytes of a file that is opened through JSON.
        options: What the request says beside its path: `sort` and `direction` of a folder.
        condition: `If-Match` and the SHA-1 (`hash`) that a file must still have to be saved, and its `id`, by which one
            that is elsewhere by now is found.
        autosaves: Which versions a save may take away.
    """

    preferred_dir = Unicode("")  # the one that is configured is of the local files

    def __init__(
        self,
        read: Call,
        write: Call,
        *,
        limit: int,
        options: Mapping[str, Any],
        condition: Mapping[str, str],
        autosaves: Autosaves,
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        self._read, self._write = read, write
        self._limit, self._options, self._condition = limit, options, condition
        self._autosaves = autosaves
        self._seen: dict[str, Item] = {}

    def emit(self, data: dict[str, Any]) -> None:
        """Tell Jupyter's event log, with paths that say that they are not of the local disk."""
        places = {name: DRIVE + data[name] for name in ("path", "source_path") if name in data}
        super().emit({**data, **places})

    async def is_hidden(self, path: str) -> bool:  # noqa: ARG002
        """Return False: Box hides nothing."""
        return False

    async def dir_exists(self, path: str) -> bool:
        """Tell whether there is a folder."""
        item = await self._find(path)
        return item is not None and item.is_folder

    async def file_exists(self, path: str = "") -> bool:
        """Tell whether there is a file."""
        item = await self._find(path)
        return item is not None and not item.is_folder

    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,  # noqa: A002  Jupyter's own word
        format: str | None = None,  # noqa: A002
        require_hash: bool = False,
    ) -> Model:
        """Return the model of a file or a folder; of a folder with the first page of its items.

        Raises:
            NotFound: There is no such item.
            InvalidName: It is not of that type or format.
            TooLarge: It is larger than what is opened through JSON.
        """
        model, data = await self._read(lambda drive: self._load(drive, _absolute(path), content, type, format))
        if require_hash and not model["hash"]:
            raise InvalidName(f"/{path} is a folder and has no hash.", code="bad_request")
        if data is None:
            return model  # type: ignore[no-any-return]
        if model["type"] == "notebook":
            return self._with_notebook(model, data, path)
        return {**model, **data}

    def _load(self, drive: Drive, path: str, content: bool, kind: str | None, form: str | None) -> tuple[Model, Any]:
        item = drive.stat(path)
        user = drive.account.id
        if item.is_folder:
            _check_kind(item, kind in {None, "directory"})
            if not content:
                return documents.model_of(item, user), None
            return documents.folder_model(item, drive.page(path, limit=PAGE, **self._options), user), None
        _check_kind(item, kind != "directory" and (item.is_file or not content))
        model = documents.model_of(item, user)
        model["type"] = kind or model["type"]
        if not content:
            return model, None
        item, data = self._bytes(drive, item)
        model = {**documents.model_of(item, user), "type": model["type"]}
        if model["type"] == "notebook":
            return model, documents.read_notebook(data, item)
        return model, documents.file_content(data, item, form)

    def _bytes(self, drive: Drive, item: Item) -> tuple[Item, bytes]:
        self._check_size(item.path, item.size or 0)
        try:
            return item, drive.content(item)
        except (Changed, Corrupted):
            again = drive.stat(item.path)
            if again.sha1 == item.sha1:
                raise
        return again, drive.content(again)

    def _check_size(self, path: str, size: int) -> None:
        if size > self._limit:
            raise TooLarge(
                f"{path} has {size:,} bytes; more than {self._limit:,} are not opened in the browser.",
                hint=f"Download it instead: jupyter-box/files{path}?download=1",
            )

    def _with_notebook(self, model: Model, notebook: Any, path: str) -> Model:
        self.mark_trusted_cells(notebook, path)
        model = {**model, "content": notebook, "format": "json", "mimetype": None}
        self.validate_notebook_model(model)
        return model

    async def save(self, model: Model, path: str) -> Model:
        """Write a file or make a folder; returns its model without content.

        An unchanged file is not sent. It is written on condition that nobody else has changed it since it was read.

        Raises:
            Changed: Someone else's version came first; nothing was written.
            InvalidName: The content is not what its type and format say.
        """
        path = path.strip("/")
        kind = model.get("type") or "file"
        self.run_pre_save_hooks(model=model, path=path)
        if kind == "directory":
            saved: Model = await self._write(lambda drive: _folder(drive, _absolute(path)))
        else:
            notebook, data = await self._given(model, path, kind)
            saved = await self._write(lambda drive: self._store(drive, _absolute(path), data))
            saved["type"] = kind
            if notebook is not None:
                self._report_invalid(notebook, saved)
        self.emit(data={"action": "save", "path": path})
        return saved

    async def _given(self, model: Model, path: str, kind: str) -> tuple[Any, bytes]:
        if kind != "notebook":
            return None, await self._read(lambda _: documents.given_bytes(model, path))
        notebook = await self._read(lambda _: documents.given_notebook(model.get("content"), path))
        # the signatures' database may be used in the loop's thread only; it also takes marks out of the notebook
        self.check_and_sign(notebook, path)
        return notebook, await self._read(lambda _: documents.notebook_bytes(notebook))

    def _report_invalid(self, notebook: Any, saved: Model) -> None:
        checked: Model = {"content": notebook}
        self.validate_notebook_model(checked)
        saved.update({name: checked[name] for name in ("message",) if name in checked})

    def _store(self, drive: Drive, path: str, data: bytes) -> Model:
        before = self._seen.get(path) or _find(drive, path)
        if before is None:
            self._check_not_elsewhere(drive, path)
        elif self._condition:
            self._check_unchanged(before)
        item = drive.write(path, data, if_match=before.etag if self._condition and before else None)
        if before:
            self._tidy(drive, before, item)
        return documents.model_of(item, drive.account.id)

    def _check_unchanged(self, before: Item) -> None:
        match, sha1 = self._condition.get("match"), self._condition.get("hash")
        if (match and not conditional.matches(match, conditional.etag(before.etag or ""))) or (
            sha1 and sha1 != before.sha1
        ):
            who = before.modified_by.name if before.modified_by else "Someone else"
            raise Changed(
                f"{who} has changed {before.path} in Box since you opened it.",
                hint="Compare, then save over it or revert to what Box has; your edits are still here.",
            )

    def _check_not_elsewhere(self, drive: Drive, path: str) -> None:
        if opened := self._condition.get("id"):
            raise Changed(
                f"{path} {_fate(drive, opened)} since you opened it.",
                hint="Your edits are still here: save again to make the file anew, or save them under another name.",
            )

    def _tidy(self, drive: Drive, before: Item, after: Item) -> None:
        replaced = self._autosaves.replaced(before, after)
        self._autosaves.note(after)
        if replaced:
            # a role that may write need not be one that may delete
            with suppress(BoxError):
                drive.delete_version(after.path, replaced)

    async def delete_file(self, path: str) -> None:
        """Move a file or a folder to Box's trash."""
        await self._write(lambda drive: drive.remove(_absolute(path)))

    async def delete(self, path: str) -> None:
        """Move a file or a folder to Box's trash; its versions stay with it.

        Raises:
            Denied: It is the drive's root.
        """
        await self.delete_file(path)
        self.emit(data={"action": "delete", "path": path.strip("/")})

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Give a file or a folder another path; its versions, links and collaborators stay with it.

        Raises:
            Exists: The new path is taken.
        """
        await self._write(lambda drive: _rename(drive, _absolute(old_path), _absolute(new_path)))

    async def rename(self, old_path: str, new_path: str) -> None:
        """Rename as `rename_file` does, and tell."""
        await self.rename_file(old_path, new_path)
        self.emit(data={"action": "rename", "path": new_path.strip("/"), "source_path": old_path.strip("/")})

    async def copy(self, from_path: str, to_path: str | None = None) -> Model:
        """Copy a file or a folder within Box, without its bytes passing here.

        Args:
            from_path: What to copy.
            to_path: The folder that gets it, or the copy's own path; None for the same folder.
        """
        model: Model = await self._write(lambda drive: _copy(drive, _absolute(from_path), to_path))
        self.emit(data={"action": "copy", "path": model["path"], "source_path": from_path.strip("/")})
        return model

    async def increment_filename(self, filename: str, path: str = "", insert: str = "") -> str:
        """Return the name, or a numbered one if that is taken."""
        free: str = await self._read(lambda drive: _free_name(drive, _absolute(path), filename, insert))
        return free

    async def _find(self, path: str) -> Item | None:
        whole = _absolute(path)
        item: Item | None = await self._read(lambda drive: _find(drive, whole))
        if item:
            self._seen[whole] = item
        return item


class ContentsHandler(BoxHandler, stock.ContentsHandler):
    """Jupyter's handler of the Contents API, on the drive."""

    def read_path(self, text: str) -> str:
        """Return the path; in this API a name may look like an id."""
        return _absolute(text)

    @property
    def contents_manager(self) -> BoxContents:
        """The drive as contents, for this request."""
        if self._contents is None:
            self._contents = self._manager()
        return self._contents

    _contents: BoxContents | None = None

    def _manager(self) -> BoxContents:
        local = self.settings["contents_manager"]
        return BoxContents(
            self.call,
            self.carry_out,
            limit=self.backend.config.max_document_size,
            options=self.query_of("sort", "direction"),
            condition=self._conditions(),
            autosaves=self.backend.autosaves,
            parent=local.parent,
            notary=local.notary,
            event_logger=local.event_logger,
        )

    def _conditions(self) -> dict[str, str]:
        model = self.get_json_body() or {}
        given = {"match": self.request.headers.get("If-Match"), "hash": model.get("hash"), "id": model.get("id")}
        return {name: value for name, value in given.items() if value}

    def get_json_body(self) -> dict[str, Any] | None:
        """Return the JSON body; None if there is none."""
        given = self.body() if self.operation.body else {}
        return {name: value for name, value in given.items() if value is not None} or None

    def wording(self, error: BoxError) -> dict[str, Any]:
        """Return what an answer says of an error: all in the message, which is all that JupyterLab's dialogs show."""
        reply = super().wording(error)
        return {**reply, "message": f"{reply['message']} {reply['hint']}".strip()}

    def location_url(self, path: str) -> str:
        """Return where a file is in this API."""
        return url_path_join(self.base_url, "jupyter-box", "contents", url_escape(path))

    async def get(self) -> None:
        """Answer with the model of a file or a folder."""
        await ensure_async(super().get(self.path.strip("/")))

    async def post(self) -> None:
        """Make a new file, notebook or folder, or a copy, under a free name."""
        await ensure_async(super().post(self.path.strip("/")))

    async def put(self) -> None:
        """Save a file, or one chunk of it."""
        model = self.get_json_body() or {}
        if model.get("chunk") is not None:
            await self._put_chunk(model)
        else:
            await ensure_async(super().put(self.path.strip("/")))

    async def patch(self) -> None:
        """Rename."""
        await ensure_async(super().patch(self.path.strip("/")))

    async def delete(self) -> None:
        """Move to Box's trash."""
        await ensure_async(super().delete(self.path.strip("/")))

    async def _put_chunk(self, model: Model) -> None:
        from .chunks import LAST

        data = documents.given_bytes(model, self.path)
        chunks, number = self.backend.chunks, model["chunk"]
        if number == LAST:
            saved = await self.carry_out(lambda drive: _write_whole(drive, self.path, chunks, data))
        else:
            size = await self.carry_out(lambda _: chunks.add(self.path, number, data))
            saved = documents.partial_model(self.path, size)
        self.set_status(201 if number == 1 else 200)
        self._finish_model(saved)


class CheckpointsHandler(BoxHandler):
    """A file's versions as Jupyter's checkpoints."""

    read_path = ContentsHandler.read_path

    async def get(self) -> None:
        """Answer with the checkpoints, the oldest first: JupyterLab takes the last one for the newest."""
        versions = await self.call(lambda drive: drive.versions(self.path))
        self.answer([_checkpoint(version.id, version.created) for version in reversed(versions)])

    async def post(self) -> None:
        """Make a checkpoint, for which nothing is sent; or restore one."""
        wanted = self.query().get("id")
        if wanted:
            await self.carry_out(lambda drive: drive.promote(self.path, wanted))
            self.answer_nothing()
            return
        autosaves = self.backend.autosaves
        item = await self.carry_out(lambda drive: _kept(drive.stat(self.path), autosaves))
        self.answer(_checkpoint(item.version, item.modified), 201)

    async def delete(self) -> None:
        """Delete a checkpoint: the version goes to Box's trash."""
        wanted = self.query()["id"]
        await self.carry_out(lambda drive: drive.delete_version(self.path, wanted))
        self.answer_nothing()


def _absolute(path: str) -> str:
    return paths.normalise(f"/{path}")


def _kept(item: Item, autosaves: Autosaves) -> Item:
    if not item.is_file:
        raise InvalidName(f"{item.path} is no file.", hint="Only files have checkpoints.", code="not_a_file")
    autosaves.keep(item)
    return item


def _checkpoint(version: str | None, created: Any) -> dict[str, Any]:
    return {"id": version, "last_modified": (created or documents.EPOCH).isoformat()}


def _check_kind(item: Item, is_right: bool) -> None:
    if not is_right:
        kind = item.type.replace("_", " ")
        raise InvalidName(f"{item.path} is a {kind}.", hint=f"See it in Box: {item.web_url}", code="wrong_type")


def _find(drive: Drive, path: str) -> Item | None:
    try:
        return drive.stat(path)
    except NotFound:
        return None


def _fate(drive: Drive, id: str) -> str:  # noqa: A002
    try:
        return f"has become {drive.stat(f'id:{id}').path}"
    except NotFound as error:
        return "has gone to Box's trash" if error.code == "trashed" else "has gone, or is not shared with you any more"


def _folder(drive: Drive, path: str) -> Model:
    return documents.model_of(drive.mkdir(path))


def _rename(drive: Drive, old: str, new: str) -> None:
    item, there = drive.stat(old), _find(drive, new)
    # a folder there would take it in
    if there and there.id != item.id:
        raise Exists(f"{there.path} exists already.", hint="Choose another name.", item_id=there.id)
    drive.move(old, new)


def _copy(drive: Drive, source: str, target: str | None) -> Model:
    parent, name = paths.split(source)
    folder = _absolute(target) if target is not None else parent
    there = _find(drive, folder)
    if there is None or not there.is_folder:
        if there:
            raise Exists(f"{there.path} exists already.", hint="Choose another name.", item_id=there.id)
        return documents.model_of(drive.copy(source, folder))
    free = _free_name(drive, folder, copy_pat.sub(".", name), "-Copy")
    return documents.model_of(drive.copy(source, paths.join(folder, free)))


def _free_name(drive: Drive, folder: str, name: str, insert: str) -> str:
    for free in documents.names(name, insert):
        if not drive.exists(paths.join(folder, free)):
            return free
    raise Exists(f"{folder} has too many files with a name like {name}.", hint="Rename some.")


def _write_whole(drive: Drive, path: str, chunks: Chunks, last: bytes) -> Model:
    with chunks.whole(path, last) as (file, size):
        return documents.model_of(drive.write(path, file, size=size))
