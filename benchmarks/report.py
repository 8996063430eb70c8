"""What was measured, for people: two tables, a picture, the page of the documentation; and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from .cases import CURL, EVERYONE, OURS, Case
from .costs import Cost

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURES = DOCS / "performance.md", DOCS / "images"
COLOURS = {OURS: "#0061d5", CURL: "#c4c9d1"}
OTHERS = "#8a94a6"


@dataclass(frozen=True)
class Result:
    """What one case cost each client.

    Attributes:
        case: The case.
        gib: GiB that were moved; 0 where it is not about bytes.
        runs: Each client's runs.
        aimed: Whether the sizes were those that the aims are for.
    """

    case: Case
    gib: float
    runs: dict[str, list[Cost]]
    aimed: bool

    @property
    def costs(self) -> dict[str, Cost]:
        """Each client's medians."""
        return {
            client: Cost(*(median(getattr(run, name) for run in runs) for name in ("seconds", "cpu", "memory")))
            for client, runs in self.runs.items()
        }

    def json(self) -> dict[str, Any]:
        """Return all of it for a file."""
        costs = self.costs
        runs = {client: [asdict(run) for run in runs] for client, runs in self.runs.items()}
        medians = {client: asdict(cost) for client, cost in costs.items()}
        times = {client: cost.seconds / costs[OURS].seconds for client, cost in costs.items() if OURS in costs}
        aims = {str(aim): aim.is_reached(costs) for aim in self.case.aims} if self.aimed else {}
        return {"case": self.case.name, "medians": medians, "times_ours": times, "aims": aims, "runs": runs}


def save(results: list[Result], conditions: str, target: Path) -> None:
    """Write the results into a JSON file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    answer = {"conditions": conditions, "results": [result.json() for result in results]}
    target.write_text(json.dumps(answer, indent=2))


def tables(results: list[Result]) -> str:
    """Return the results as Markdown: the seconds, then what they cost the machine."""
    clients = [client for client in EVERYONE if any(client in result.runs for result in results)]
    return f"{_table(_seconds(results, clients))}\n\n{_table(_burdens(results, clients))}"


def _table(rows: Iterator[list[str]]) -> str:
    head, *rest = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rest))


def _seconds(results: list[Result], clients: list[str]) -> Iterator[list[str]]:
    yield ["seconds", *clients, "aim"]
    for result in results:
        costs = result.costs
        yield [result.case.name, *(_time(costs, client) for client in clients), _aims(result, costs)]


def _time(costs: dict[str, Cost], client: str) -> str:
    if client not in costs:
        return "-"
    seconds = f"{costs[client].seconds:.2f}"
    if client == OURS:
        return f"**{seconds}**"
    return f"{seconds} ({costs[client].seconds / costs[OURS].seconds:.1f}x)" if OURS in costs else seconds


def _aims(result: Result, costs: dict[str, Cost]) -> str:
    words = {True: "reached", False: "not reached", None: "not measured"}
    return "; ".join(f"{aim}: {words[aim.is_reached(costs)]}" for aim in result.case.aims if result.aimed) or "-"


def _burdens(results: list[Result], clients: list[str]) -> Iterator[list[str]]:
    yield ["CPU seconds, MB over idle", *clients]
    for result in results:
        costs, unit = result.costs, result.gib or 1
        name = f"{result.case.name}{', per GiB' if result.gib else ''}"
        yield [name, *(_burden(costs.get(client), unit) for client in clients)]


def _burden(cost: Cost | None, unit: float) -> str:
    return f"{cost.cpu / unit:.2f}, {max(0, cost.memory):.0f} MB" if cost else "-"


def write_page(name: str, text: str, picture: Path | None) -> None:
    """Put the tables into the documentation, between the two marks of this name, and the picture beside it."""
    begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    before, _, rest = PAGE.read_text().partition(begin)
    shown = ""
    if picture is not None:
        target = PICTURES / f"{name}.png"
        target.write_bytes(picture.read_bytes())
        shown = f"![Seconds of each client in each case](images/{target.name})\n\n"
    PAGE.write_text(f"{before}{begin}\n\n{shown}{text}\n\n{end}{rest.partition(end)[2]}")


def plot(results: list[Result], target: Path) -> Path | None:
    """Draw each case's seconds as bars; return the picture, or None where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    rows = -(-len(results) // 2)
    height = sum(
        max(len(result.runs) for result in results[row * 2 : row * 2 + 2]) * 0.27 + 0.75 for row in range(rows)
    )
    figure = Figure(figsize=(10, height), layout="constrained")
    for axes, result in zip(figure.subplots(rows, 2, squeeze=False).flat, results, strict=False):
        _bars(axes, result)
    for axes in figure.axes[len(results) :]:
        axes.remove()
    figure.savefig(target, dpi=120)
    return target


def _bars(axes: Any, result: Result) -> None:
    costs = result.costs
    clients = [client for client in EVERYONE if client in costs]
    seconds = [costs[client].seconds for client in clients]
    bars = axes.barh(clients, seconds, color=[COLOURS.get(client, OTHERS) for client in clients])
    axes.bar_label(bars, [f" {each:.1f} s" if each >= 10 else f" {each:.2f} s" for each in seconds], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_title(result.case.name, loc="left", fontsize=10, fontweight="bold")
    axes.tick_params(labelsize=8, left=False, bottom=False, labelbottom=False)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
