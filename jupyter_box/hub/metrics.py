"""What Prometheus is told; no names of users and no tokens are in it."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The broker's counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self.requests = Counter(
            "jupyter_box_broker_requests",
            "Requests for tokens, by status and code of the answer.",
            ["status", "code"],
            registry=self._registry,
        )
        self.issued = Counter(
            "jupyter_box_broker_tokens_issued",
            "Tokens given out; `cached` ones had been made before.",
            ["cached"],
            registry=self._registry,
        )
        self.revoked = Counter("jupyter_box_broker_tokens_revoked", "Tokens revoked.", registry=self._registry)
        self.hub_calls = Counter(
            "jupyter_box_broker_hub_calls", "Questions to the Hub, by outcome.", ["outcome"], registry=self._registry
        )
        self.seconds = Histogram(
            "jupyter_box_broker_request_seconds", "How long answers took.", registry=self._registry
        )
        self._out = Gauge("jupyter_box_broker_tokens_out", "Tokens out and not ended.", registry=self._registry)

    def watch(self, tokens_out: Callable[[], float]) -> None:
        """Say how to count the tokens that are out."""
        self._out.set_function(tokens_out)

    def text(self) -> bytes:
        """Return all of it in Prometheus's text format."""
        return generate_latest(self._registry)
