"""Fixtures of the broker's suite: a scripted Hub, and the broker as its own process between it and the emulator."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# the real Hub of the chart's suite
sys.path.insert(0, str(Path(__file__).parents[1] / "helm"))

from broker_process import Broker
from scripted_hub import ScriptedHub


@pytest.fixture(scope="module")
def module_hub():
    """A Hub's `GET /user` for one test module."""
    with ScriptedHub() as hub:
        yield hub


@pytest.fixture
def hub(module_hub):
    """The module's Hub, in good health; the test decides who has which token."""
    module_hub.recover()
    yield module_hub
    module_hub.recover()


@pytest.fixture(scope="module")
def starter(running_emulator, module_hub, tmp_path_factory):
    """Starts brokers with further environment; all end with the module, and none may have told a secret."""
    started = []

    def start(**environment):
        own = {"BOX_BROKER_REQUESTS_PER_MINUTE": "10000", "BOX_RATE_LIMIT": "off", **environment}
        started.append(Broker(tmp_path_factory.mktemp("broker"), running_emulator, module_hub.url, own))
        return started[-1].start()

    yield start
    for broker in started:
        broker.stop()
        broker.check_secrets(module_hub)


@pytest.fixture(scope="module")
def module_broker(starter):
    """A broker with the mapping `app-user`, for one test module."""
    return starter()


@pytest.fixture
def broker(box, hub, module_broker):
    """The module's broker between the module's Hub and emulator."""
    return module_broker


@pytest.fixture
def start(box, hub, starter):
    """Start a broker of the test's own."""
    started = []

    def start(**environment):
        started.append(starter(**environment))
        return started[-1]

    yield start
    for broker in started:
        broker.stop()
