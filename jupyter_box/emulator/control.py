"""The switches: set at construction or while running (`POST /_control`), and shown (`GET /_control`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.network import Network
from jupyter_box.emulator.store.rules import Rules

if TYPE_CHECKING:
    from jupyter_box.emulator.server import Server

NETWORK = ("latency", "connect_latency", "bandwidth")


class Control:
    """Turns switches of the drive's rules, the network and the faults."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.at_start: dict[str, Any] = {}

    def start(self, switches: dict[str, Any]) -> None:
        """Turn the switches that `reset` comes back to."""
        self.at_start = dict(switches)
        self.change(switches)

    def reset(self) -> None:
        """Turn everything back to how it was at the start: no faults, no counts, default figures."""
        rules, network = Rules(), Network()
        for name in Rules.names():
            self.server.store.rules.change(name, getattr(rules, name))
        for name in NETWORK:
            setattr(self.server.network, name, getattr(network, name))
        self.server.faults.replace([])
        self.reset_counts()
        self.change(self.at_start)

    def change(self, switches: dict[str, Any]) -> dict[str, Any]:
        """Turn switches; return all as they are then. Raises ValueError, with nothing changed, for an unknown one."""
        known = {*Rules.names(), *NETWORK, *self._actions()}
        unknown = sorted(set(switches) - known)
        if unknown:
            raise ValueError(f"no such switch: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        for name, value in switches.items():
            self._turn(name, value)
        return self.shown()

    def _turn(self, name: str, value: Any) -> None:
        if name in Rules.names():
            self.server.store.rules.change(name, value)
        elif name in NETWORK:
            setattr(self.server.network, name, float(value))
        else:
            self._actions()[name](value)

    def _actions(self) -> dict[str, Any]:
        return {
            "faults": self.server.faults.replace,
            "fault": self.server.faults.add,
            "release": lambda name: self.server.faults.release(None if name is True else str(name)),
            "reset": lambda _: self.reset(),
            "reset_counts": lambda _: self.reset_counts(),
            "fill": self._fill,
            "expire_tokens": lambda _: self.server.store.tokens.expire_all(),
        }

    def _fill(self, wanted: dict[str, Any]) -> None:
        """Put `count` small files into a folder: {folder, count, prefix, content}."""
        store = self.server.store
        folder = store.items.at(int(wanted["folder"]))
        entries = (f"{wanted.get('prefix', 'file-')}{number:06d}.txt" for number in range(int(wanted["count"])))
        with store.transaction():
            store.folders.fill(folder, entries, folder["owner"], str(wanted.get("content", "")).encode())

    def reset_counts(self) -> None:
        """Begin counting requests anew."""
        self.server.counts.clear()
        self.server.log.clear()

    def shown(self) -> dict[str, Any]:
        """Return all switches, the request counts by operation, and the latest requests, without secrets."""
        rules = {name: getattr(self.server.store.rules, name) for name in sorted(Rules.names())}
        network = {name: getattr(self.server.network, name) for name in NETWORK}
        return {
            **rules,
            **network,
            "faults": [rule.shown() for rule in self.server.faults.rules],
            "counts": dict(self.server.counts),
            "log": list(self.server.log)[-200:],
        }
