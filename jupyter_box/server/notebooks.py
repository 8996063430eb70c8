"""Handler for what differs between two versions of a notebook, as nbdime tells it, where that is installed."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from jupyter_box.errors import NotFound

from .base import BoxHandler
from .documents import read_notebook

if TYPE_CHECKING:
    from jupyter_box.drive import Drive


class NotebookDiffHandler(BoxHandler):
    """What has changed in a notebook since one of its versions."""

    async def get(self) -> None:
        """Answer with the version, and what leads from it to the current one."""
        version = self.query()["version"]
        if importlib.util.find_spec("nbdime") is None:
            raise NotFound("nbdime is not installed on this server.", hint="pip install nbdime", code="no_nbdime")
        self.answer(await self.call(lambda drive: difference(drive, self.path, version)))


def difference(drive: Drive, path: str, version: str) -> dict[str, Any]:
    """Return a version of a notebook as `base`, and as `diff` what nbdime finds in the current one.

    Raises:
        NotFound: The notebook or the version is not there.
        InvalidName: One of the two is no notebook.
    """
    from nbdime import diff_notebooks

    item = drive.stat(path)
    base = read_notebook(drive.read(path, version=version), item)
    return {"base": base, "diff": diff_notebooks(base, read_notebook(drive.read(path), item))}
