"""`python -m ml backtest-inventory`: replay stock policies over the last days of a panel, with what was known then."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ml.errors import ConfigurationError
from ml.evaluation.cli import read_panel
from ml.inventory.families import AVERAGE, LEARNED
from ml.inventory.replay import Family, Ground, described, family_of
from ml.inventory.simulation import Costs, Outcome, Policy, Terms, cheapest, simulate

POLICIES = (f"{AVERAGE}:1.1", f"{AVERAGE}:1.2", f"{LEARNED}:0.95")
HELP = (
    f"{AVERAGE}:1.2 is a 28-day mean times 1.2; {LEARNED}:0.95 serves 95 %% of units by totals that are learned; "
    "MODEL:0.95 lasts with 95 %% probability by a model's forecasts, such as tsb:0.95; may be repeated"
)


def main(arguments: Sequence[str]) -> int:
    """Print a JSON line for each policy, and one that names the cheapest; returns the exit code."""
    chosen = create_parser().parse_args(arguments)
    terms, costs = Terms(chosen.review, chosen.lead), Costs(chosen.holding, chosen.shortage, chosen.order)
    ground = Ground(read_panel(chosen), chosen.days, terms, float(chosen.lead), costs, threads=chosen.threads)
    outcomes: dict[str, Outcome] = {}
    families: dict[str, Family] = {}
    for name in dict.fromkeys(chosen.policy or POLICIES):
        began = time.perf_counter()
        outcomes[name] = simulate(policy_of(name, ground, families), ground.panel.wide.y, ground.start, terms)
        figures = dict(described(outcomes[name], ground))
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


def policy_of(name: str, ground: Ground, families: dict[str, Family]) -> Policy:
    """The policy that a name stands for, of the `families` made so far or a new one; raises ConfigurationError for one
    that there is not."""
    kind, _, text = name.partition(":")
    try:
        level = float(text)
    except ValueError:
        raise ConfigurationError(
            f"the policy is {name!r}; expected a name and a number, such as {POLICIES[0]}."
        ) from None
    if kind not in families:
        families[kind] = family_of(kind, ground)
    return families[kind](level)
