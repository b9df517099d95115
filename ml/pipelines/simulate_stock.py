"""Simulate the stock: policies and models replayed over the sales of the last months, as they would have decided then.

What was sold stands for what was wanted, in units. Lead times vary as they were measured; packs and least orders are
those of today. A policy sees the days before each review, and nothing later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ml import registry
from ml.db.restock import StockSimulation
from ml.db.sales import SalesDaily
from ml.errors import DataError
from ml.etl.extract import read_frame
from ml.grains import DAILY
from ml.inventory import families
from ml.inventory.families import SimulationSettings
from ml.inventory.levels import Money
from ml.inventory.policies import RulesPolicy
from ml.inventory.replay import Family, Ground, described, draw_leads, family_of
from ml.inventory.rules import Rules
from ml.inventory.simulation import Costs, Terms, simulate
from ml.inventory.stock import Stock, check
from ml.panel import Panel, fill_gaps
from ml.pipelines.restock_demand import Leaves, read_leaves_of
from ml.pipelines.restock_items import read_warehouse
from ml.pipelines.restock_stock import Network, read_rules, stocked
from ml.progress import Progress, silent

Codes = NDArray[np.int64]

HISTORY = 3 * 364
"""Days before the replayed ones that policies learn from at most."""
STATICS = ("area", "category")


@dataclass(frozen=True)
class SimulationResult:
    """What came of it: a point for each policy and level, with `ml.inventory.replay.described`'s figures."""

    simulation_id: int
    first: date
    last: date
    items: int
    lead_days: float
    model: str
    points: list[dict[str, Any]] = field(default_factory=list)
    cheapest: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "first": self.first.isoformat(), "last": self.last.isoformat()}


@dataclass(frozen=True)
class _Shelf:
    """The items that are replayed, in the order of the ground's panel, with their stock's terms and rules."""

    ground: Ground
    stock: Stock
    rules: Sequence[Rules]
    rule: Codes


def simulate_stock(
    session: Session, simulation_id: int, progress: Progress = silent, threads: int = 1
) -> SimulationResult:
    """Replay the policies of a stored simulation and keep what came of it on its row; the caller commits.

    Raises DataError where no stock is counted, no quantities were sold, or the history is too short.
    """
    row = session.get_one(StockSimulation, simulation_id)
    chosen = SimulationSettings.stored(row.settings)
    progress("reading sales and stock")
    champion = registry.find_champion(session, DAILY.name)
    model = champion.model_type if champion else "lightgbm"
    shelf = read_shelf(session, chosen, threads)
    session.commit()  # no snapshot is held while policies are replayed
    points = list(replayed(shelf, chosen, model, progress))
    panel = shelf.ground.panel
    first = panel.periods[shelf.ground.start].date()
    lead = float(np.median(np.asarray(shelf.ground.lead)))
    best = min(points, key=lambda point: point["cost"])["label"]
    result = SimulationResult(
        simulation_id, first, panel.last.date(), len(panel.ids), lead, model, points, best
    )  # fmt: skip
    row = session.get_one(StockSimulation, simulation_id)
    row.result = result.as_dict()
    return result


def replayed(shelf: _Shelf, chosen: SimulationSettings, model: str, progress: Progress) -> list[dict[str, Any]]:
    """Each policy at each of its levels, with its figures."""
    pairs = [(name, level) for name in chosen.policies for level in families.levels_of(name)]
    made: dict[str, Family] = {}
    points = []
    for done, (name, level) in enumerate(pairs):
        label = families.label(name, level)
        progress(f"replaying {label}", done, len(pairs))
        if name not in made:
            made[name] = family(name, shelf, chosen, model)
        ground = shelf.ground
        outcome = simulate(made[name](level), ground.panel.wide.y, ground.start, ground.terms)
        points.append({"policy": name, "level": level, "label": label, **dict(described(outcome, ground))})
    return points


def family(name: str, shelf: _Shelf, chosen: SimulationSettings, model: str) -> Family:
    """The policies of a name; the rules as they are set forecast by `model`."""
    if name != families.RULES:
        return family_of(name, shelf.ground)
    forecasts = shelf.ground.forecasts(model)
    return lambda _: RulesPolicy(forecasts, shelf.rules, shelf.rule, shelf.stock, chosen.review)


def read_shelf(session: Session, chosen: SimulationSettings, threads: int) -> _Shelf:
    """The items that sold most before the replayed days, their demand by day, terms and rules."""
    house = read_warehouse(session)
    areas, products = house.items["area"].tolist(), house.items["product_id"].to_numpy(np.int64)
    leaves = read_leaves_of(session, areas, products, house.today - timedelta(days=1))
    demand = read_units(session, leaves, house.today, chosen.days)
    held = stocked(house, Network.of(house), np.full(len(areas), np.nan))
    rows = most_sold(demand, held.stock, chosen)
    stock, _ = check(held.stock.only(rows), held.suppliers, np.ones(len(rows)))
    rules, which = read_rules(session, house)
    panel = panel_of(demand[demand["item"].isin(rows)], house.items)
    money = Money.of(Rules(holding_rate=chosen.holding_rate), stock.cost, stock.price)
    reviews = chosen.days // chosen.review + 1
    ground = Ground(
        panel, chosen.days, Terms(chosen.review, draw_leads(stock.lead, stock.lead_spread, reviews), stock.pack,
        stock.minimum), np.ceil(stock.lead), Costs(money.holding, money.shortage, chosen.order_cost),
        unit=money.cost, price=np.where(stock.price > 0, stock.price, money.cost), threads=threads,
    )  # fmt: skip
    return _Shelf(ground, stock, rules, which[rows])


def most_sold(demand: pd.DataFrame, stock: Stock, chosen: SimulationSettings) -> Codes:
    """The rows of the items that sold most, at cost, before the replayed days; raises DataError for none."""
    begin = demand["ds"].max() - pd.Timedelta(days=chosen.days)
    before = demand[demand["ds"] <= begin]
    cost = np.where(stock.cost > 0, stock.cost, 1.0)
    worth = (before["y"] * cost[before["item"]]).groupby(before["item"]).sum()
    if worth.empty:
        raise DataError(
            f"no units were sold before the last {chosen.days} days of the sales; replay fewer days, or import "
            "quantities (sales_qty) with the sales."
        )
    return np.sort(worth.nlargest(chosen.items).index.to_numpy(np.int64))


def read_units(session: Session, leaves: Leaves, today: date, days: int) -> pd.DataFrame:
    """Units sold of the items by day: `item, ds, y`."""
    mine = SalesDaily
    since = today - timedelta(days=days + HISTORY)
    columns: list[Any] = [mine.series_id, mine.sale_date, mine.total_qty]
    query = sa.select(*columns).where(mine.sale_date >= since, mine.total_qty > 0)
    rows = read_frame(session, query, ["leaf", "ds", "y"])
    found = rows.merge(leaves.frame[["leaf", "item"]], on="leaf")
    found = found[found["item"] >= 0].astype({"y": float}).assign(ds=lambda frame: pd.to_datetime(frame["ds"]))
    if found.empty:
        raise DataError("no units of items in stock were sold; import quantities (sales_qty) with the sales.")
    return found.groupby(["item", "ds"])["y"].sum().reset_index()


def panel_of(demand: pd.DataFrame, items: pd.DataFrame) -> Panel:
    """Demand as a panel of days; its series are in the order of the items' rows."""
    named = demand.join(items[list(STATICS)].fillna("").astype(str), on="item")
    named = named.assign(unique_id=[f"{item:09d}" for item in named["item"]])
    filled = fill_gaps(named[["unique_id", "ds", "y", *STATICS]], DAILY.freq, static=STATICS)
    return Panel.from_frame(filled, DAILY.freq, DAILY.season_length, static=STATICS)
