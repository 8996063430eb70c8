"""The handlers of transfers between this machine's disk and Box: start, look, cancel, do again."""

from __future__ import annotations

from .base import BoxHandler


class TransfersHandler(BoxHandler):
    """All transfers."""

    async def get(self) -> None:
        """Answer with where all stand."""
        self.answer({"transfers": [state.to_dict() for state in self.backend.board.all()]})

    async def post(self) -> None:
        """Start a copy."""
        from .board import Wanted

        wanted, jobs = Wanted(**self.body()), self.backend.jobs
        state = await self.call(lambda _: jobs.start(wanted))
        self.answer(state.to_dict(), 202)


class TransferHandler(BoxHandler):
    """One transfer."""

    async def get(self, id: str) -> None:  # noqa: A002
        """Answer with where it stands."""
        self.answer(self.backend.board.get(id).to_dict())

    async def post(self, id: str) -> None:  # noqa: A002
        """Do it again."""
        jobs = self.backend.jobs
        state = await self.call(lambda _: jobs.retry(id))
        self.answer(state.to_dict(), 202)

    async def delete(self, id: str) -> None:  # noqa: A002
        """Cancel it; forget it, if it has ended."""
        if self.backend.board.get(id).has_ended:
            self.backend.jobs.dismiss(id)
        else:
            self.backend.jobs.cancel(id)
            self.backend.reports.cancel(id)
        self.answer_nothing()
