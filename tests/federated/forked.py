"""Commands in processes of their own, forked from one that has imported Flower: what takes seconds is done once."""

import multiprocessing
import os
import signal
import sys
import time

METHOD = multiprocessing.get_context("forkserver")
METHOD.set_forkserver_preload([
    "__main__", "forked", "flwr.server.run_serverapp", "flwr.serverapp.strategy", "flwr.clientapp",
    "jupyter_box.cli", "jupyter_box.drive", "jupyter_box.federated.command", "jupyter_box.federated.server",
    "jupyter_box.federated.grid", "jupyter_box.federated.node", "jupyter_box.federated.wire",
])  # fmt: skip


def federate(arguments, environment, folder, log):
    """Be `jupyter box federate`: the child's main function."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
    _redirect(log)
    _turn_clock(float(environment.get("CLOCK_AHEAD", 0)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from jupyter_box.cli import main

    sys.exit(main(["federate", *arguments]))


def _turn_clock(seconds):
    """Let Python's wall clock be ahead of the machine's: the machine's own is everybody's."""
    right = time.time
    time.time = lambda: right() + seconds


def _redirect(log):
    for path, mode, targets in ((os.devnull, os.O_RDONLY, (0,)), (log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, (1, 2))):
        descriptor = os.open(path, mode, 0o600)
        for target in targets:
            os.dup2(descriptor, target)
        os.close(descriptor)


class Process:
    """A started command: what it printed, and how it ended."""

    def __init__(self, arguments, environment, folder, log):
        self.log = log
        log.touch()
        given = (list(map(str, arguments)), environment, str(folder), str(log))
        self._process = METHOD.Process(target=federate, args=given)
        self._process.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def is_running(self):
        return self._process.is_alive()

    def ends(self, timeout=60):
        """Return the exit code; of a process that was killed, the signal's number below zero."""
        self._process.join(timeout)
        assert not self._process.is_alive(), f"still running after {timeout} s:\n{self.text}"
        return self._process.exitcode

    def kill(self):
        self._process.kill()
        self._process.join(10)

    def interrupt(self):
        os.kill(self.pid, signal.SIGINT)

    @property
    def text(self):
        return self.log.read_text()
