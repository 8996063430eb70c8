"""Tells the Jupyter server of this process's transfers, for its panel to show, and hears from it when one is to end.

It never delays a transfer, nor breaks one: a thread of its own tells, seldom, and says nothing if nobody answers.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import threading
import time
from dataclasses import asdict
from typing import Any
from weakref import WeakSet

from ._grants import server_token
from ._network import Network, Request
from ._problems import json_of
from .config import ServerAccess
from .errors import BoxError
from .events import ENDED, Listener, Observer, Progress, Transfer, unobserved

EVERY = 1.0  # seconds between two reports; what is over sooner is not reported at all
ALIVE = 2.0  # seconds after which one goes out though nothing has changed: with the answer comes a cancel
PATIENCE = 3.0  # seconds for the server's answer
LONGEST_PAUSE = 60.0  # seconds until the next try, when the server does not answer


def observer_of(server: ServerAccess | None) -> Observer:
    """Return what reports to a server; where there is none, what observes nothing."""
    return Reporter(server) if server else unobserved


class _Report:
    """What is to be told of one transfer."""

    def __init__(self, transfer: Transfer, cancel: threading.Event) -> None:
        self.id = secrets.token_hex(8)
        self.transfer = transfer
        self.cancel = cancel
        self.latest = Progress(transfer.source, "started")
        self.told: Progress | None = None
        self.told_at = self.rests_until = 0.0  # on the clock of `time.monotonic`
        self.failures = 0

    @property
    def has_ended(self) -> bool:
        """Whether the transfer is over."""
        return self.latest.phase in ENDED

    def is_due(self, now: float) -> bool:
        """Tell whether there is something to tell by now, and somebody who may hear it."""
        if self.has_ended:
            return self.told is not None and self.told != self.latest
        return now >= self.rests_until and (self.latest != self.told or now >= self.told_at + ALIVE)

    def body(self) -> dict[str, Any]:
        """Return what the server is sent."""
        return {**asdict(self.transfer), "progress": asdict(self.latest)}


class Reporter:
    """Reports transfers to the Jupyter server that this process was started by.

    Args:
        access: The server.
    """

    def __init__(self, access: ServerAccess) -> None:
        self._access = access
        self._network = Network(deadline=PATIENCE)
        self._network.http.pin(access.url, access.fingerprint)
        self.forget()
        _reporters.add(self)

    def forget(self) -> None:
        """Begin anew, as in a child of this process, whose transfers are others."""
        self._reports: dict[str, _Report] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def __call__(
        self, transfer: Transfer, listener: Listener, cancel: threading.Event | None, /
    ) -> tuple[Listener, threading.Event | None]:
        """Return a listener that reports as well, and an event that the server may set, too."""
        report = _Report(transfer, cancel or threading.Event())

        def listen(progress: Progress, /) -> None:
            listener(progress)
            report.latest = progress
            if progress.phase == "started":
                self._add(report)

        return listen, report.cancel

    def _add(self, report: _Report) -> None:
        with self._lock:
            self._reports[report.id] = report
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="box-reports", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(EVERY)
            with self._lock:
                if not self._reports:
                    self._thread = None
                    return
                reports = list(self._reports.values())
            for report in reports:
                self._report(report)

    def _report(self, report: _Report) -> None:
        """Tell of one transfer, if it is time to."""
        if report.has_ended:
            self._reports.pop(report.id, None)
        if report.is_due(time.monotonic()):
            report.told, report.told_at = report.latest, time.monotonic()
            self._send(report)

    def _send(self, report: _Report) -> None:
        try:
            answer = self._put(report)
            report.failures = 0
        except (BoxError, OSError, ValueError):
            report.failures += 1
            report.rests_until = time.monotonic() + min(LONGEST_PAUSE, 2.0**report.failures)
            return
        if answer.get("cancel"):
            report.cancel.set()

    def _put(self, report: _Report) -> dict[str, Any]:
        token = self._access.token or server_token(self._access.url)
        request = Request(
            "PUT",
            f"{self._access.url}/jupyter-box/kernel-transfers/{report.id}",
            headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
            data=json.dumps(report.body()).encode(),
            retry=False,
            follow=False,
            timeout=PATIENCE,
        )
        return json_of(self._network.send(request)) or {}

    def tell_ends(self) -> None:
        """Tell what has ended, before the process does."""
        for report in list(self._reports.values()):
            if report.has_ended:
                self._report(report)


_reporters: WeakSet[Reporter] = WeakSet()


@atexit.register
def _tell_ends() -> None:
    for reporter in list(_reporters):
        reporter.tell_ends()


def _after_fork() -> None:
    for reporter in list(_reporters):
        reporter.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
