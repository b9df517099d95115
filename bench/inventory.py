"""Stock that orders by forecast hold for what they serve, beside a moving average times a safety factor.

The replay is the peers' own: the last 364 days of tiny_m5, orders every 28 days, delivery after 7, lost sales. The
whole curve is printed; the bars are at the fill rates that the moving average reaches with the factors 1.1 and 1.2.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import inventory_data as data
from bench.cases import Case, run
from bench.processes import Step, measure
from ml.db.session import create_engine, create_sessions
from ml.inventory.advice import recommend
from ml.inventory.demand import Demand
from ml.inventory.grouping import group_orders
from ml.inventory.interval import IntervalDemand
from ml.inventory.plan import Inputs, make_plan
from ml.inventory.policies import FillPolicy, IntervalForecasts
from ml.inventory.rules import Rules
from ml.inventory.stock import Receipts, Stock
from ml.inventory.suppliers import Calendar, Supplier
from ml.panel import Panel
from ml.pipelines.restock import restock

Floats = NDArray[np.float64]

FACTORS = (0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.75, 2.0)
FILLS = (0.86, 0.88, 0.9, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995)
CURVE = (0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
BARS = (1.1, 1.2)
LESS = 0.92
ITEMS, DAYS, SUPPLIERS, SHOWN = 100_000, 90, 50, 1_000
ROUNDS = 3


def main(arguments: Sequence[str]) -> int:
    """Measure all cases, or those that are named; returns the exit code."""
    parser = argparse.ArgumentParser("python -m bench.inventory", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"some of {', '.join(CASES)}")
    parser.add_argument("--peers", type=Path, default=Path("../shared/peers"), help="the folder with inventory.py")
    chosen = parser.parse_args(arguments)
    return run(case for name in chosen.cases or CASES for case in CASES[name](chosen.peers))


def replay(peers: Path, years_back: int = 0) -> Iterator[Case]:
    """Stock at equal fill rates; `years_back` replays an earlier year, which is what the model was made on."""
    if not (peers / "inventory.py").exists():
        raise SystemExit(f"{peers} holds no inventory.py; say where with --peers")
    sys.path.insert(0, str(peers.resolve()))
    judge: Any = importlib.import_module("inventory")
    panel = panel_of(importlib.import_module("panels").tiny_m5())
    y = judge.demand()[: len(panel.periods) - years_back * judge.DAYS]
    forecasts = IntervalForecasts(panel, IntervalDemand(judge.REVIEW + judge.LEAD))

    def ours(fill: float) -> Any:
        policy = FillPolicy(forecasts, fill)
        return lambda day, past: policy(day, past.T).up_to

    peer = [judge.replay(judge.moving_average(factor), y) for factor in FACTORS]
    mine = [judge.replay(ours(fill), y) for fill in FILLS]
    for fill in CURVE:
        print(json.dumps({"fill": fill, **_both(mine, peer, fill)}), flush=True)
    for factor in BARS:
        reached = peer[FACTORS.index(factor)]
        found = _both(mine, peer, reached["fill"])
        case = f"fill-{reached['fill']:.4f}"
        name = f"28-day moving average x {factor}"
        yield Case("inventory", f"{case}-stock", found["stock"], "units", (None, LESS), reached["stock"], name)
        yield Case("inventory", f"{case}-item-fill", found["item_fill"], "share", (1, None), reached["item_fill"], name)


def plan(peers: Path) -> Iterator[Case]:  # noqa: ARG001 - nothing to compare with
    """100,000 items projected over 90 days and planned, with orders grouped: the time, and the memory of it all."""
    found = [measure(prepare_plan, ITEMS) for _ in range(ROUNDS)]
    yield Case("inventory", "plan-100k-seconds", median(each.seconds for each in found), "s", (None, 30))
    yield Case("inventory", "plan-100k-memory", median(each.peak_mb for each in found), "MB", (None, 2_048))


def pipeline(peers: Path) -> Iterator[Case]:  # noqa: ARG001 - nothing to compare with
    """The same number of items from the tables to the published plan, their weekly forecasts included."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/stock.db"
        data.fill(url)
        found = measure(prepare_pipeline, url)
    yield Case("inventory", "pipeline-100k-seconds", found.seconds, "s", (None, 60))
    yield Case("inventory", "pipeline-100k-memory", found.peak_mb, "MB", (None, 2_048))


def prepare_pipeline(url: str) -> Step:
    """One run of the daily plan."""
    engine = create_engine(url)

    def step() -> None:
        with create_sessions(engine)() as session:
            assert restock(session).items == data.ITEMS
            session.commit()

    return step


def prepare_plan(items: int) -> Step:
    """Made items of all volumes, fifty suppliers, an open order for every third item."""
    random = np.random.default_rng(0)
    level = random.lognormal(0.0, 1.5, items)
    mean = (level[:, None] * random.uniform(0.7, 1.3, (items, DAYS))).astype(np.float64)
    demand = Demand(mean, np.sqrt(mean + (0.3 * mean) ** 2))
    ordered = np.arange(0, items, 3)
    receipts = Receipts(ordered, random.integers(0, DAYS, len(ordered)), level[ordered] * 10)
    stock = Stock.of(
        [f"item-{number:06d}" for number in range(items)],
        np.floor(level * random.uniform(0, 40, items)),
        cost=random.lognormal(2.0, 1.0, items),
        supplier=random.integers(0, SUPPLIERS, items),
        lead=random.integers(2, 22, items).astype(np.float64),
        lead_spread=random.uniform(0, 4, items),
        pack=random.integers(1, 13, items).astype(np.float64),
    )
    suppliers = tuple(
        Supplier(f"supplier-{number}", Calendar("1111100", "1111100"), 50_000.0) for number in range(SUPPLIERS)
    )
    rules = [Rules(), Rules("reorder", "fill", order_cost=20.0), Rules("eoq", order_cost=20.0), Rules("simple")]
    rule = random.integers(0, len(rules), items)
    inputs = Inputs(stock, demand, receipts, suppliers, rules, rule, date(2026, 11, 23), np.zeros(items))

    def step() -> None:
        made = make_plan(inputs)
        orders = group_orders(made, suppliers)
        pressing = list(islice(recommend(made, inputs), SHOWN))
        assert len(orders) == SUPPLIERS
        assert len(pressing) == SHOWN
        assert made.projection.p50.shape == (items, DAYS)

    return step


def panel_of(peer: Any) -> Panel:
    """Demand and names alone: what prices will be is not known at a review."""
    names = ["item_id", "dept_id", "store_id"]
    return Panel.from_frame(peer.df[["unique_id", "ds", "y", *names]], peer.freq, peer.season, static=names)


def _both(mine: list[dict[str, float]], peer: list[dict[str, float]], fill: float) -> dict[str, float]:
    """Stock and the items' own fill of both at a fill rate, on the lines between what was replayed."""
    figures = {"stock": _at(mine, fill, "stock"), "item_fill": _at(mine, fill, "item_fill")}
    figures |= {"peer_stock": _at(peer, fill, "stock"), "peer_item_fill": _at(peer, fill, "item_fill")}
    return {name: round(value, 4) for name, value in figures.items()}


def _at(replays: list[dict[str, float]], fill: float, name: str) -> float:
    found = sorted(replays, key=lambda replayed: replayed["fill"])
    fills = [replayed["fill"] for replayed in found]
    assert fills[0] <= fill <= fills[-1], f"the replays reach from {fills[0]:.4f} to {fills[-1]:.4f}, not {fill}"
    return float(np.interp(fill, fills, [replayed[name] for replayed in found]))


CASES = {"replay": replay, "plan": plan, "pipeline": pipeline}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
