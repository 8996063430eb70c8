"""Runs a ServerApp for a run's folder, and goes on where an earlier process stopped."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from jupyter_box.drive import Drive
from jupyter_box.errors import BoxError, Exists, NotConfigured
from jupyter_box.items import Item

from . import apps
from .config import SERVER
from .enrolment import Enrolment, TooFewClients
from .lease import Lease
from .pace import Clock
from .run import ENDED, Run
from .state import State
from .workers import Workers

log = logging.getLogger("jupyter_box.federated")

FINISHED = "Training finished"
STOPPED = "Training stop by user"


def serve(
    drive: Drive,
    folder: str,
    *,
    state: Path | None = None,
    app_folder: Path | None = None,
    clock: Clock | None = None,
) -> dict[str, object]:
    """Run the server of a run to its end; one that was killed goes on where it stopped.

    Args:
        drive: The way to Box, as who made the run.
        folder: The run's folder.
        state: Where states are kept on this machine.
        app_folder: Where the ServerApp's module may be; the current folder by default.
        clock: Tells the time.

    Returns:
        The rounds that were run and who took part.

    Raises:
        TooFewClients: Not enough clients came, or all were lost.
        Exists: Another server has the run; or it is over.
        BoxError: Box refused something; the run can be resumed.
    """
    apps.require_extra()
    run = Run.open(drive, folder)
    kept = State.of(run.config.run, SERVER, state)
    with kept.alone("This run's server"):
        return _Server(run, kept, app_folder or Path.cwd(), clock or Clock()).run()


class _Server:
    def __init__(self, run: Run, state: State, app_folder: Path, clock: Clock) -> None:
        self._run, self._state, self._app_folder, self._clock = run, state, app_folder, clock
        self._signer = state.signer
        self._lease = Lease(run, self._signer, state, clock)
        self._enrolment = Enrolment(run, self._signer, clock)

    def run(self) -> dict[str, object]:
        listing = self._run.listing
        self._check(listing)
        apps.identify(self._run.config.run_number, apps.SERVER_NODE)
        app = apps.load(self._run.config.server_app, self._app_folder)
        told = self._lease.take(listing)
        try:
            self._enrolment.open(listing)
            return self._train(app, told)
        except TooFewClients as error:
            if self._enrolment.participants:
                self._end(f"{error.message}")
            raise
        except KeyboardInterrupt:
            self._end(STOPPED)
            raise KeyboardInterrupt("Stopped: the run is over, and its participants are told.") from None
        except BoxError:
            log.info("The run is not over: start the server again, and it goes on where it stopped.")
            raise
        except Exception as error:
            self._end(f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}")
            raise BoxError(
                f"The ServerApp failed: {type(error).__name__}: {error}",
                hint=f"{ENDED} has the rest.",
                code="app_failed",
            ) from error
        finally:
            self._lease.release()

    def _train(self, app: object, told: dict[str, Any] | None) -> dict[str, object]:
        from .grid import BoxGrid

        config = self._run.config
        with Workers() as workers:
            grid = BoxGrid(
                self._run,
                self._signer,
                self._enrolment,
                self._lease,
                clock=self._clock,
                workers=workers,
                told=told,
            )
            grid.publish_result(apps.train(app, grid, config.run_number, config.run_config, self._app_folder))
            workers.settle()
        self._end(FINISHED)
        return {
            "rounds": len({number for _, number in grid.history}),
            "participants": sorted(self._enrolment.participants),
            "lost": sorted(self._enrolment.lost),
        }

    def _check(self, listing: Mapping[str, Item]) -> None:
        config = self._run.config
        if self._run.ended(listing):
            raise Exists("This run is over.", hint="`jupyter box federate init` makes another.", code="run_over")
        if self._signer.public != config.server_key:
            raise NotConfigured(
                "This machine has not the key that the run was made with.",
                hint="Start the server where `init` was run, or with the same --state.",
                code="other_key",
            )
        me = self._run.store.drive.me().id
        if me != config.server_user:
            raise NotConfigured(
                f"We are Box user {me}, and the run's server is {config.server_user}.",
                hint="Use the credentials that `init` was run with.",
                code="other_user",
            )
        apps.check_flower(config.versions)

    def _end(self, text: str) -> None:
        """Write `server_ended.txt`; its time is that of the end."""
        stamp = f" {datetime.now(timezone.utc).isoformat(timespec='seconds')}" if text == FINISHED else ""
        log.info("%s", text.splitlines()[0])
        self._run.store.create_beside(self._run.public, ENDED, f"{text}{stamp}\n".encode())
