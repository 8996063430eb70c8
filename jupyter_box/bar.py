"""One progress bar for one run, in a notebook or a terminal; what it shows comes to it as events."""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from typing import Any, TypeVar

from .events import Listener, Progress

T = TypeVar("T")
NOTICED = 2.0  # seconds of a wait that a person wonders about
REDRAWN = 0.25  # seconds between two messages about it to a notebook
TICK = 0.1  # seconds between two looks at the progress; a person sees no more

# tqdm's own line without its bar of blocks
_BESIDE_HTML = "{desc}: {percentage:.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


def watched(work: Callable[[Listener, threading.Event], T], title: str, bar: bool = True) -> T:
    """Return what the work returns, with a bar for its progress; Ctrl-C ends it cleanly.

    The work runs in a thread of its own, so that a stop is heard at once and the bar is drawn where a notebook
    expects it.

    Args:
        work: Takes who listens to its progress, and the event that asks it to stop.
        title: What stands before the bar.
        bar: Whether one is drawn.

    Raises:
        KeyboardInterrupt: It was stopped, and has put away what was half done.
    """
    stop, latest = threading.Event(), Latest()
    with _bar(title, bar) as draw:
        running = _start(lambda: work(latest, stop))
        try:
            while not wait_for([running], TICK).done:
                draw(latest.progress)
        except KeyboardInterrupt:
            stop.set()
            wait_for([running])
            raise
        draw(latest.progress)
        return running.result()


class Latest:
    """A listener that keeps the newest progress, with the reason of a wait for as long as a person wonders about it."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self._reason = ""
        self._since = 0.0

    def __call__(self, progress: Progress, /) -> None:
        """Take note of one fact; other files that go on for a moment do not hide why one of them waits."""
        if progress.phase == "waiting":
            self._reason, self._since = progress.message, time.monotonic()
        elif time.monotonic() - self._since > NOTICED:
            self._reason = ""
        self.progress = replace(progress, message=self._reason)


def _start(work: Callable[[], T]) -> Future[T]:
    result: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001  raised again where the result is asked for
            result.set_exception(error)

    threading.Thread(target=run, name="jupyter-box run", daemon=True).start()
    return result


@contextmanager
def _bar(title: str, wanted: bool) -> Iterator[Callable[[Progress | None], None]]:
    if not wanted:
        yield lambda _progress: None
        return
    kind = NotebookBar if _in_notebook() else _terminal_bar
    with kind(title) as draw:
        yield draw


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def _terminal_bar(title: str) -> Iterator[Callable[[Progress | None], None]]:
    from tqdm import tqdm

    # tqdm's own default, None, draws no bar where standard error is no terminal
    with tqdm(
        desc=title, unit="B", unit_scale=True, disable=None, file=sys.stderr, leave=False, dynamic_ncols=True
    ) as bar:
        yield lambda progress: _draw(bar, progress)


def _draw(bar: Any, progress: Progress | None) -> None:
    if progress is None or bar.disable:
        return
    bar.total = _total(progress)
    bar.n = progress.done
    bar.set_postfix_str(_beside(progress), refresh=False)
    bar.refresh()


class NotebookBar:
    """A bar in a cell's output, which needs no widgets: HTML, and for a front end without it the same as text.

    tqdm's own bar for notebooks is a widget, of which a front end without widgets, or a notebook that was run
    unattended, shows how it was at its first moment only.

    Args:
        title: What stands before the bar.
    """

    def __init__(self, title: str) -> None:
        from IPython.display import display

        self._title = title
        self._began = self._drawn = time.monotonic()
        self._latest: Progress | None = None
        self._handle = display({"text/plain": f"{title} …"}, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Callable[[Progress | None], None]:
        return self._draw

    def __exit__(self, error: object, *_: object) -> None:
        how = "stopped after" if error else "done in"
        self._update({"text/plain": f"{self._title}: {how} {self._seconds:.1f} s"})

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _draw(self, progress: Progress | None) -> None:
        if progress is None or progress == self._latest:
            return
        self._latest = progress
        if time.monotonic() - self._drawn >= REDRAWN:
            self._drawn = time.monotonic()
            self._update({"text/plain": self._line(progress), "text/html": self._html(progress)})

    def _update(self, shown: dict[str, str]) -> None:
        self._handle.update(shown, raw=True)

    def _line(self, progress: Progress, form: str | None = None) -> str:
        from tqdm import tqdm

        return tqdm.format_meter(
            progress.done,
            _total(progress) or 0,
            self._seconds,
            prefix=self._title,
            unit="B",
            unit_scale=True,
            postfix=_beside(progress),
            bar_format=form,
        )

    def _html(self, progress: Progress) -> str:
        total = _total(progress)
        known = f' value="{progress.done}" max="{total}"' if total else ""
        line = escape(self._line(progress, _BESIDE_HTML if total else None))
        return f'<progress{known} aria-label="{escape(self._title)}"></progress> {line}'


def _total(progress: Progress) -> int | None:
    return None if progress.total is None else max(progress.total, progress.done)


def _beside(progress: Progress) -> str:
    files = f"{progress.files_done}/{progress.files_total} files" if progress.files_total > 1 else ""
    return ", ".join(part for part in (files, progress.message) if part)


@contextmanager
def waits_told() -> Iterator[None]:
    """Say on standard error why a call inside has to wait, as "Box asks us to wait 12 s."."""
    from .session import waiting

    with waiting(_tell_wait):
        yield


def _tell_wait(seconds: float, reason: str) -> None:
    if seconds >= NOTICED:
        print(reason, file=sys.stderr)  # noqa: T201  it is meant for the person
