"""Faults on demand: rules that say which requests go wrong, how, and how often; switchable while the emulator runs."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "rate_limit",
    "error",
    "unauthorized",
    "accepted",
    "delay",
    "hold",
    "busy",
    "twin",
    "reset_request",
    "lost_reply",
    "reset_response",
    "truncate",
    "corrupt",
    "wrong_sha1",
)


@dataclass
class Rule:
    """One fault, for requests whose "METHOD path" the regular expression `route` finds.

    The first `after` matches go well, then every `every`th fails, `times` times (None: for ever). `status`, `code`,
    `retry_after` (seconds) and `as_date` shape an error; `applied` does the work before answering it; `bytes` is how
    far a body gets; `seconds` is how long a delay or a busy tree lasts; `name` is what `release` calls a hold;
    `context` becomes an error's `context_info`.
    """

    fault: str
    route: str = ""
    times: int | None = 1
    every: int = 1
    after: int = 0
    status: int = 500
    code: str | None = None
    retry_after: float | None = None
    as_date: bool = False
    applied: bool = False
    bytes: int = 0
    seconds: float | None = None
    name: str = ""
    context: dict[str, Any] | None = None
    seen: int = 0
    fired: int = 0
    waiting: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.fault not in KINDS:
            raise ValueError(f"{self.fault!r} is no fault; choose one of {', '.join(KINDS)}")
        self._pattern = re.compile(self.route, re.MULTILINE)

    def fires(self, label: str) -> bool:
        """Return whether this request is one that goes wrong; count it."""
        if not self._pattern.search(label):
            return False
        self.seen += 1
        due = self.seen > self.after and (self.seen - self.after) % self.every == 0
        if not due or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True

    def shown(self) -> dict[str, Any]:
        """Return the rule as JSON."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "released"}
        return {name: value for name, value in fields.items() if value is not None}


class Faults:
    """All rules; the first that fires for a kind wins."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def replace(self, rules: list[dict[str, Any]]) -> None:
        """Put these rules in the place of all others; who is held goes on."""
        made = [Rule(**rule) for rule in rules]
        self.release(None)
        self.rules = made

    def add(self, rule: dict[str, Any]) -> None:
        """Add one rule."""
        self.rules.append(Rule(**rule))

    def pick(self, kind: str, label: str) -> Rule | None:
        """Return the rule that makes this request go wrong in this way, if one does."""
        return next((rule for rule in self.rules if rule.fault == kind and rule.fires(label)), None)

    def release(self, name: str | None) -> None:
        """Let held requests go on, those of one rule or all."""
        for rule in self.rules:
            if rule.fault in ("hold", "busy") and (name is None or rule.name == name):
                rule.times = rule.fired
                rule.released.set()

    def held_by(self, name: str) -> int:
        """Return how many requests a hold keeps waiting."""
        return sum(rule.waiting for rule in self.rules if rule.name == name)

    async def wait(self, rule: Rule) -> None:
        """Wait until the rule's time is over or it is released."""
        rule.waiting += 1
        try:
            await asyncio.wait_for(rule.released.wait(), rule.seconds)
        except asyncio.TimeoutError:
            return
        finally:
            rule.waiting -= 1
