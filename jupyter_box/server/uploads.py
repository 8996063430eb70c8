"""The handlers of uploads from a browser, in raw parts that can be sent again and in any order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from jupyter_box.errors import Cancelled, TooLarge

from .base import BoxHandler

if TYPE_CHECKING:
    from .receiving import Upload, Uploads

T = TypeVar("T")
WAIT = 20.0  # seconds for which a commit waits for Box; proxies cut a request that is silent for 60


class UploadsHandler(BoxHandler):
    """All uploads."""

    async def get(self) -> None:
        """Answer with the uploads, the oldest first."""
        uploads = await self.uploads(lambda uploads: uploads.all())
        self.answer({"uploads": [upload.to_dict() for upload in uploads]})

    async def post(self) -> None:
        """Begin an upload, or take up the one of the same file."""
        wanted = self.body()
        upload, is_new = await self.uploads(lambda uploads: uploads.begin(wanted))
        self.answer(upload.to_dict(), 201 if is_new else 200)

    async def uploads(self, work: Callable[[Uploads], T]) -> T:
        """Return what `work` makes of the uploads, in a thread."""
        # made here, in the loop, where two requests cannot make two of them
        uploads = self.backend.uploads
        return await self._hop(self.backend.transfers, lambda: work(uploads))


class UploadHandler(UploadsHandler):
    """One upload."""

    async def get(self, id: str) -> None:  # type: ignore[override]  # noqa: A002
        """Answer with its state."""
        upload = await self.uploads(lambda uploads: uploads.get(id))
        self.answer(upload.to_dict())

    async def put(self, id: str) -> None:  # noqa: A002
        """Take some of its bytes."""
        from .receiving import PART

        data = self.request.body
        if len(data) > PART:
            raise TooLarge(f"One request takes {PART:,} bytes, not {len(data):,}.", hint="Send smaller parts.")
        offset = self.query()["offset"]
        upload = await self.uploads(lambda uploads: uploads.write(id, offset, data))
        received = sum(end - start for start, end in upload.record.done)
        self.answer({"received": received, "size": upload.record.size})

    async def post(self, id: str) -> None:  # type: ignore[override]  # noqa: A002
        """Commit: answer with the file once Box has it; with the state if that takes longer."""
        until = time.monotonic() + WAIT
        upload = await self.uploads(lambda uploads: uploads.commit(id))
        while upload.record.item is None:
            if not await _has_ended(upload, until - time.monotonic()):
                self.set_header("Retry-After", "1")
                self.answer(upload.to_dict(), 202)
                return
            await self.uploads(lambda uploads: uploads.take_error(id))
            upload = await self.uploads(lambda uploads: uploads.commit(id))
        self.answer(upload.record.item, 201)

    async def delete(self, id: str) -> None:  # noqa: A002
        """Cancel: nothing of it stays."""
        await self.uploads(lambda uploads: uploads.cancel(id))
        self.answer_nothing()


async def _has_ended(upload: Upload, seconds: float) -> bool:
    assert upload.work is not None
    work = asyncio.wrap_future(upload.work)
    done, _ = await asyncio.wait({work}, timeout=max(0.0, seconds))
    if not done:
        return False
    if work.cancelled():
        raise Cancelled("The upload was cancelled, or the server is stopping.", hint="Commit again to go on.")
    work.result()
    return True
