"""The network between client and emulator: latency for each request, bandwidth for each connection, never blocking."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass


@dataclass
class Network:
    """`latency` and `connect_latency` in seconds, `bandwidth` in bytes a second each way; 0: none, unlimited."""

    latency: float = 0.0
    connect_latency: float = 0.0
    bandwidth: float = 0.0

    def chunk(self) -> int:
        """Return how many bytes to send at once, so that a slow line stays smooth."""
        return 1 << 20 if not self.bandwidth else max(4096, min(1 << 20, int(self.bandwidth / 20)))


class Line:
    """One connection; remembers until when its bandwidth is used up, each way."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.is_new = True
        self._free = {"up": 0.0, "down": 0.0}

    async def arrive(self) -> None:
        """Wait as long as a request takes to get here, and the connection before it."""
        wait = self.network.latency + (self.network.connect_latency if self.is_new else 0.0)
        self.is_new = False
        if wait > 0:
            await asyncio.sleep(wait)

    async def carry(self, way: str, size: int) -> None:
        """Wait until `size` bytes have passed."""
        if not self.network.bandwidth:
            return
        now = time.monotonic()
        self._free[way] = max(now, self._free[way]) + size / self.network.bandwidth
        if self._free[way] - now > 0.001:
            await asyncio.sleep(self._free[way] - now)
