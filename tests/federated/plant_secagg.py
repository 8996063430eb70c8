"""The same plant with Flower's secure aggregation (SecAgg+): the server sees sums of updates only."""

import numpy as np
from flwr.client import ClientApp, NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.common import ndarrays_to_parameters
from flwr.server import LegacyContext, ServerApp, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.server.workflow import DefaultWorkflow, SecAggPlusWorkflow
from plant import fit, initial, wait_for_round


class Site(NumPyClient):
    def __init__(self, part):
        self.part = part

    def fit(self, parameters, config):
        wait_for_round(self.part, 1)
        weights, bias = parameters
        model, rows = fit({"weights": weights, "bias": bias.reshape(())}, self.part)
        return [model["weights"], model["bias"].reshape(1)], rows, {}


client = ClientApp(
    client_fn=lambda context: Site(int(context.node_config["partition-id"])).to_client(), mods=[secaggplus_mod]
)
server = ServerApp()


@server.main()
def main(grid, context):
    enough = int(context.run_config["min-nodes"])
    strategy = FedAvg(
        fraction_evaluate=0.0, min_fit_clients=enough, min_available_clients=enough,
        # Flower's masks are for arrays of at least one axis
        initial_parameters=ndarrays_to_parameters([value.reshape(-1) for value in initial().values()]),
    )  # fmt: skip
    legacy = LegacyContext(context=context, config=ServerConfig(num_rounds=1), strategy=strategy)
    secure = SecAggPlusWorkflow(num_shares=3, reconstruction_threshold=2, clipping_range=8.0)
    DefaultWorkflow(fit_workflow=secure)(grid, legacy)
    records = context.state.array_records
    assert np.isfinite(next(iter(next(iter(records.values())).values())).numpy()).all()
