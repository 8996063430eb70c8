"""Threads for what a server does side by side, and for what it writes while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")
R = TypeVar("R")
MOST = 10


class Workers:
    """A pool of threads, which end with the `with` block; work that is under way then is done."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MOST, "jupyter-box federated")
        self._aside: list[Future[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def each(self, work: Callable[[T], R], values: Iterable[T]) -> list[R]:
        """Return what a function returns for each value, in their order."""
        return list(self._pool.map(work, values))

    def begin(self, work: Callable[..., R], *arguments: Any) -> Future[R]:
        """Begin some work, and return what will have its result."""
        return self._pool.submit(work, *arguments)

    def aside(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Begin some work, and leave it to itself until `settle`."""
        self._aside.append(self.begin(work, *arguments))

    def check(self) -> None:
        """Raise what has gone wrong so far with what was left to itself."""
        for future in self._aside:
            if future.done():
                future.result()

    def settle(self) -> None:
        """Wait for what was left to itself, and raise what went wrong with it."""
        begun, self._aside = self._aside, []
        for future in begun:
            future.result()
