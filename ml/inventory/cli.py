"""`python -m ml backtest-inventory`: replay stock policies over the last days of a panel, with what was known then."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ml import models
from ml.errors import ConfigurationError, DataError
from ml.evaluation.cli import read_panel
from ml.inventory.interval import IntervalDemand
from ml.inventory.policies import FillPolicy, IntervalForecasts, ModelForecasts, MovingAverage, ServicePolicy
from ml.inventory.simulation import Costs, Outcome, Policy, Terms, cheapest, simulate
from ml.panel import Panel

AVERAGE, LEARNED = "average", "learned"
POLICIES = (f"{AVERAGE}:1.1", f"{AVERAGE}:1.2", f"{LEARNED}:0.95")
HELP = (
    f"{AVERAGE}:1.2 is a 28-day mean times 1.2; {LEARNED}:0.95 serves 95 %% of units by totals that are learned; "
    "MODEL:0.95 lasts with 95 %% probability by a model's forecasts, such as tsb:0.95; may be repeated"
)


def main(arguments: Sequence[str]) -> int:
    """Print a JSON line for each policy, and one that names the cheapest; returns the exit code."""
    chosen = create_parser().parse_args(arguments)
    panel = read_panel(chosen)
    start = len(panel.periods) - chosen.days
    if panel.freq != "D" or start <= 0:
        raise DataError(
            f"the panel has {len(panel.periods)} {panel.freq} periods; expected more than {chosen.days} days."
        )
    terms, costs = Terms(chosen.review, chosen.lead), Costs(chosen.holding, chosen.shortage, chosen.order)
    outcomes: dict[str, Outcome] = {}
    for name in dict.fromkeys(chosen.policy or POLICIES):
        began = time.perf_counter()
        outcomes[name] = simulate(policy_of(name, panel, chosen), panel.wide.y, start, terms)
        figures = dict(described(outcomes[name], costs))
        sys.stdout.write(
            json.dumps({"policy": name, **figures, "seconds": round(time.perf_counter() - began, 1)}) + "\n"
        )
    first = next(iter(outcomes))
    sys.stdout.write(json.dumps({"cheapest": cheapest(outcomes, costs, first), "compared_with": first}) + "\n")
    return 0


def create_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser("python -m ml backtest-inventory", description=__doc__)
    parser.add_argument("--input", required=True, type=Path, help="parquet or CSV of days: unique_id, ds, y, columns")
    parser.add_argument("--static", default="", help="columns that are constant per series, by comma")
    parser.add_argument("--days", type=int, default=364, help="last days that are replayed (364)")
    parser.add_argument("--review", type=int, default=28, help="days between orders (28)")
    parser.add_argument("--lead", type=int, default=7, help="days until delivery (7)")
    parser.add_argument("--policy", action="append", metavar="NAME:LEVEL", help=HELP)
    parser.add_argument("--holding", type=float, default=0.001, help="cost of a unit in stock for a day (0.001)")
    parser.add_argument("--shortage", type=float, default=1.0, help="cost of a unit that is missed (1)")
    parser.add_argument("--order", type=float, default=0.0, help="cost of an order (0)")
    parser.add_argument("--threads", type=int, default=1)
    parser.set_defaults(freq="D", season=7, known="")
    return parser


def policy_of(name: str, panel: Panel, chosen: argparse.Namespace) -> Policy:
    """The policy that a name stands for; raises ConfigurationError for one that there is not."""
    kind, _, text = name.partition(":")
    try:
        level = float(text)
    except ValueError:
        raise ConfigurationError(
            f"the policy is {name!r}; expected a name and a number, such as {POLICIES[0]}."
        ) from None
    days = chosen.review + chosen.lead
    if kind == AVERAGE:
        return MovingAverage(days, level)
    if kind not in (LEARNED, *models.NAMES):
        known = ", ".join((AVERAGE, LEARNED, *models.NAMES))
        raise ConfigurationError(f"the policy is {name!r}; expected one of {known}, with a number behind a colon.")
    if not 0 < level < 1:
        raise ConfigurationError(f"the policy is {name!r}; expected a share above 0 and below 1, such as 0.95.")
    if kind == LEARNED:
        return FillPolicy(IntervalForecasts(panel, IntervalDemand(days)), level)
    made = ModelForecasts(panel, lambda: models.create(kind, horizon=days, threads=chosen.threads), days)
    return ServicePolicy(made, level)


def described(outcome: Outcome, costs: Costs) -> Iterator[tuple[str, float]]:
    """What a replay came to."""
    yield "fill", round(outcome.fill, 4)
    yield "item_fill", round(outcome.item_fill, 4)
    yield "days_in_stock", round(outcome.days_in_stock, 4)
    yield "stock", round(outcome.stock, 1)
    yield "lost", round(outcome.lost, 1)
    yield "orders", outcome.orders
    yield "cost", round(outcome.cost(costs), 2)
