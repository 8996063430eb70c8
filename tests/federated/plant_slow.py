"""The plant with training that takes its time."""

import time

import plant
from flwr.clientapp import ClientApp
from plant import server  # noqa: F401  the run names it here

client = ClientApp()


@client.train()
def train(message, context):
    time.sleep(float(context.node_config["seconds"]))
    return plant.train(message, context)
