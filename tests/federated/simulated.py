"""Flower's own simulation, as the other side of a comparison: in a process of its own, with Ray or without."""

import importlib.util
import os
import sys
import types

import numpy as np
import plant
from flwr.app import Context, RecordDict
from flwr.server.superlink.fleet.vce.backend import Backend
from flwr.serverapp import ServerApp
from flwr.simulation import run_simulation

RAY = "flwr.server.superlink.fleet.vce.backend.raybackend"
HAS_RAY = importlib.util.find_spec("ray") is not None
NODES = 3


class ThisProcess(Backend):
    """Where Flower's simulation calls the ClientApp when there is no Ray, whose actors it is written for: right here.

    All else of the simulation is Flower's: its grid, its link state, its workers and their queues.
    """

    num_workers = 1

    def build(self, app_fn):
        self._app = app_fn()

    def is_worker_idle(self):
        return True

    def terminate(self):
        pass

    def process_message(self, message, context):
        return self._app(message=message, context=context), context


def simulate(strategy, rounds, file, with_ray):
    """Write the model that the plant's apps come to, to an npz file."""
    os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    if not with_ray:
        sys.modules[RAY] = types.ModuleType(RAY)
        sys.modules[RAY].RayBackend = ThisProcess
    app = ServerApp()

    @app.main()
    def main(grid, context):
        config = {"strategy": strategy, "num-server-rounds": rounds, "min-nodes": NODES}
        ours = Context(context.run_id, context.node_id, {}, RecordDict(), config)
        plant.server(grid=grid, context=ours)
        np.savez(file, **{key: array.numpy() for key, array in ours.state["arrays"].items()})

    run_simulation(app, plant.client, NODES, backend_name="ray" if with_ray else "here")
