"""Files as Jupyter's Contents API has them: Box items as models, and content as text, base64 or a notebook."""

from __future__ import annotations

import base64
import binascii
import json
import mimetypes
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import nbformat

from jupyter_box.errors import InvalidName
from jupyter_box.items import Item, Page

Model = dict[str, Any]
EPOCH = datetime.fromtimestamp(0, timezone.utc)  # Box tells no times of an account's own root


def model_of(item: Item, user: str = "") -> Model:
    """Return an item as a model without content.

    Args:
        item: The item, with its path.
        user: The id of whom we act as: what someone else has locked is not writable.
    """
    modified = _utc(item.modified)
    return {
        "name": item.name if item.path != "/" else "",
        "path": item.path.strip("/"),
        "type": _kind(item),
        "writable": _is_writable(item, user),
        "created": _utc(item.created) if item.created else modified,
        "last_modified": modified,
        "size": item.size,
        "mimetype": mimetypes.guess_type(item.name)[0] if _kind(item) == "file" else None,
        "content": None,
        "format": None,
        "hash": item.sha1,
        "hash_algorithm": "sha1" if item.sha1 else None,
        "box": item.to_dict(),
    }


def folder_model(folder: Item, page: Page, user: str = "") -> Model:
    """Return a folder as a model with the items of its first page."""
    return {
        **model_of(folder, user),
        "content": [model_of(item, user) for item in page.items],
        "format": "json",
        "next_marker": page.next_marker,
        "total_count": page.total,
    }


def partial_model(path: str, size: int) -> Model:
    """Return the model of a file that is not in Box yet, as its last chunk has not come."""
    now = datetime.now(timezone.utc)
    return {
        **dict.fromkeys(("mimetype", "content", "format")),
        "name": path.rpartition("/")[2],
        "path": path.strip("/"),
        "type": "file",
        "writable": True,
        "created": now,
        "last_modified": now,
        "size": size,
    }


def file_content(data: bytes, item: Item, form: str | None) -> Model:
    """Return the content of a file for its model: text where it is some, else base64.

    Args:
        data: The bytes.
        item: The file.
        form: `text` or `base64` where the client insists.

    Raises:
        InvalidName: It is no text, and text was asked for.
    """
    if form != "base64":
        try:
            text = data.decode("utf-8")
            return {"content": text, "format": "text", "mimetype": mimetypes.guess_type(item.name)[0] or "text/plain"}
        except UnicodeDecodeError:
            if form == "text":
                raise InvalidName(
                    f"{item.path} is no text in UTF-8.", hint="Download it, or open it otherwise.", code="not_text"
                ) from None
    kind = mimetypes.guess_type(item.name)[0] or "application/octet-stream"
    return {"content": base64.b64encode(data).decode("ascii"), "format": "base64", "mimetype": kind}


def read_notebook(data: bytes, item: Item) -> Any:
    """Return the notebook that the bytes are.

    Raises:
        InvalidName: They are none.
    """
    try:
        return nbformat.reads(data.decode("utf-8"), as_version=4)
    except Exception as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InvalidName(
            f"{item.path} is no notebook that can be read: {reason}",
            hint="Open it with the text editor, or restore an earlier version.",
            code="not_a_notebook",
        ) from error


def given_notebook(content: Any, path: str) -> Any:
    """Return the notebook that a client sent.

    Raises:
        InvalidName: It is none.
    """
    try:
        notebook = nbformat.from_dict(content)
        nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    except Exception as error:
        raise InvalidName(f"What was sent for {path} is no notebook.", code="not_a_notebook") from error
    return notebook


def notebook_bytes(notebook: Any) -> bytes:
    """Return a notebook as Jupyter writes it, byte for byte, so that an unchanged one has the same SHA-1."""
    text: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    return (text if text.endswith("\n") else f"{text}\n").encode()


def given_bytes(model: Mapping[str, Any], path: str) -> bytes:
    """Return the bytes of a file that a client sent.

    Raises:
        InvalidName: Their form is none, or they are not of it.
    """
    content, form = model.get("content"), model.get("format")
    if isinstance(content, (dict, list)) and form in {None, "json"}:
        return json.dumps(content, ensure_ascii=False).encode()
    if not isinstance(content, str) or form not in {"text", "base64"}:
        raise InvalidName(f"The content of {path} has no format.", hint="Say `text` or `base64`.", code="bad_request")
    try:
        return content.encode("utf-8") if form == "text" else base64.b64decode(content.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidName(f"The content of {path} is not {form}.", code="bad_request") from None


def names(filename: str, insert: str) -> Iterable[str]:
    """Yield a file name and its numbered siblings; the number goes before all extensions, as Jupyter has it.

    Args:
        filename: The name.
        insert: What goes before the number.
    """
    stem, dot, ending = filename.rpartition(".")
    if ending != "ipynb":
        stem, dot, ending = filename.partition(".")
    yield filename
    for number in range(1, 10_000):
        yield f"{stem}{insert}{number}{dot}{ending}"


def _kind(item: Item) -> str:
    if item.is_folder:
        return "directory"
    return "notebook" if item.name.endswith(".ipynb") else "file"


def _is_writable(item: Item, user: str) -> bool:
    if item.lock and item.lock.owner and user and item.lock.owner.id != user:
        return False
    return item.type != "web_link" if item.permissions is None else "can_upload" in item.permissions


def _utc(moment: datetime | None) -> datetime:
    return moment.astimezone(timezone.utc) if moment else EPOCH
