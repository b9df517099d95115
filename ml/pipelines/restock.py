"""Restock: what to order today, planned from the published forecasts, the stock and what is on its way."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from typing import Any, cast

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.bulk import insert_rows
from ml.db.catalog import Series
from ml.db.restock import PlanRun, StockPlan
from ml.errors import ConflictError
from ml.inventory.allocation import fair_share
from ml.inventory.grouping import apply_orders, group_orders
from ml.inventory.plan import Inputs, Plan, make_plan
from ml.inventory.rules import Alarms
from ml.pipelines.restock_advice import Kept, keep_advice, previous_quantities
from ml.pipelines.restock_demand import Leaves, published_runs, read_demand, read_leaves_of
from ml.pipelines.restock_items import Warehouse, read_warehouse
from ml.pipelines.restock_rows import PLACES, Made, advised, plan_columns
from ml.pipelines.restock_stock import Network, Stocked, days_since, echelon, job_demand, read_rules, stocked
from ml.progress import Progress, silent

Floats = NDArray[np.float64]
DAYS = 90
SLOT = "stock"
CHUNK = 10_000
KEEP = 2
"""Plans whose items are kept: the published one and the one before it."""


@dataclass(frozen=True)
class RestockResult:
    """The plan that readers now see. `orders` and their `value` are of suppliers, `transfers` of other places."""

    run_id: int
    today: date
    items: int
    urgent: int
    warning: int
    orders: int
    transfers: int
    value: float
    dead: int
    excess_value: float
    advice: Kept
    warnings: dict[str, int] = field(default_factory=dict)
    new_urgent: tuple[dict[str, Any], ...] = ()
    """Items that are urgent now and were not in the plan before."""

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "today": self.today.isoformat(), "new_urgent": list(self.new_urgent)}


def restock(session: Session, progress: Progress = silent, days: int = DAYS) -> RestockResult:
    """Plan all items for `days` days and publish the plan; the caller commits.

    Raises DataError where there is no forecast, or no stock level, and ConfigurationError for a wrong rule.
    """
    progress("reading stock and orders")
    runs = published_runs(session)
    made = plan_stock(session, progress, days)
    before = urgent_items(session)
    run = start_run(session, made, runs[0].grain, runs[0].id, days)
    store_plans(session, run, made, progress)
    progress("renewing advice")
    kept = keep_advice(session, run, list(advised(made)))
    result = summed_up(made, run, kept, before)
    run.summary = {name: value for name, value in result.as_dict().items() if name not in ("run_id", "new_urgent")}
    publish(session, run)
    return result


def plan_stock(session: Session, progress: Progress = silent, days: int = DAYS) -> Made:
    """Plan all items; writes nothing. The transaction ends before it computes."""
    house = read_warehouse(session)
    items = house.items
    areas, products = items["area"].tolist(), items["product_id"].to_numpy(np.int64)
    leaves = read_leaves_of(session, areas, products, house.today - timedelta(days=1))
    demand = read_demand(session, leaves, items["price"].to_numpy(float), house.today, days)
    demand = demand.with_known(job_demand(house))
    network = Network.of(house)
    idle = last_sales(session, leaves, house)
    held = stocked(house, network, idle)
    rules, which = read_rules(session, house)
    previous = previous_quantities(session, areas, products)
    places = places_of(leaves, house)
    session.commit()
    progress("planning")
    inputs = Inputs(
        held.stock, echelon(demand, network), held.receipts, held.suppliers, rules, which, house.today,
        np.where(network.parent < 0, previous, np.nan), alarms=Alarms(),
    )  # fmt: skip
    plan, notes = together(with_own_excess(make_plan(inputs), network, held), inputs, network, held)
    return Made(house, held, inputs, plan, places, held.stock.idle, notes)


def together(plan: Plan, inputs: Inputs, network: Network, held: Stocked) -> tuple[Plan, dict[int, str]]:
    """What items get once they are looked at together: minimum orders, freight that becomes free, and stock that is
    shared out."""
    plan, notes = apply_orders(plan, group_orders(plan, inputs.suppliers), inputs.today)
    quantity = plan.quantity.copy()
    for parent in np.unique(network.parent[network.parent >= 0]).tolist():
        rows = np.flatnonzero(network.parent == parent)
        need, supply = plan.fresh[rows], max(held.available[parent] - held.promised[parent], 0.0)
        quantity[rows] = fair_share(supply, need, plan.spread[rows])
        for row, wanted in zip(rows.tolist(), need.tolist(), strict=True):
            if quantity[row] < wanted:
                place = inputs.suppliers[int(plan.stock.supplier[row])].name
                notes[row] = f"{wanted:,.0f} are needed; {place} has {supply:,.0f} to share out fairly."
    return replace(plan, quantity=quantity), notes


def with_own_excess(plan: Plan, network: Network, held: Stocked) -> Plan:
    """With the excess of each place that lies there itself, so that those of all places add up."""
    excess = network.own_part(plan.projection.excess, held.available)
    value = excess * np.nan_to_num(plan.stock.cost)
    return replace(plan, projection=replace(plan.projection, excess=excess, excess_value=value))


def last_sales(session: Session, leaves: Leaves, house: Warehouse) -> Floats:
    """Days since each item was sold, NaN for never."""
    query = sa.select(Series.id, Series.last_sale).where(Series.last_sale.is_not(None))
    rows = pd.DataFrame(session.execute(query).all(), columns=["leaf", "last_sale"])
    rows["last_sale"] = pd.to_datetime(rows["last_sale"])  # their maximum is found a hundred times as fast as dates'
    found = leaves.frame.merge(rows, on="leaf")
    newest = found[found["item"] >= 0].groupby("item")["last_sale"].max()
    return days_since(house.today, newest.reindex(range(len(house.items))))


def places_of(leaves: Leaves, house: Warehouse) -> pd.DataFrame:
    """Region and territory of each item: where its area sells, else as the places say."""
    known = leaves.frame.drop_duplicates("area").set_index("area")[list(PLACES)]
    found = house.items[["area"]].join(known, on="area")
    for name in PLACES:
        said = house.items["area"].map({area: getattr(place, name) for area, place in house.places.items()}).fillna("")
        found[name] = found[name].fillna("").where(found[name].fillna("") != "", said)
    return found


def start_run(session: Session, made: Made, grain: str, forecast_run_id: int, days: int) -> PlanRun:
    """A new run, committed as running; what broken runs left behind is removed."""
    broken = sa.select(PlanRun.id).where(PlanRun.state == "running")
    session.execute(sa.delete(StockPlan).where(StockPlan.run_id.in_(broken)))
    session.execute(sa.update(PlanRun).where(PlanRun.state == "running").values(state="failed"))
    run = PlanRun(today=made.house.today, grain=grain, forecast_run_id=forecast_run_id, days=days, summary={})
    session.add(run)
    session.commit()
    return run


def store_plans(session: Session, run: PlanRun, made: Made, progress: Progress) -> None:
    """Write the items of an unpublished run, a chunk a transaction."""
    count = len(made.house.items)
    for start in range(0, count, CHUNK):
        rows = range(start, min(start + CHUNK, count))
        insert_rows(session, StockPlan, plan_columns(run, made, rows))
        session.commit()
        progress("storing the plan", rows.stop, count)


def urgent_items(session: Session) -> set[tuple[str, int]]:
    """The items that the published plan calls urgent."""
    query = sa.select(StockPlan.area, StockPlan.product_id).join(PlanRun, PlanRun.id == StockPlan.run_id)
    return {
        (area, product) for area, product in session.execute(query.where(PlanRun.slot == SLOT, StockPlan.alert == 2))
    }


def summed_up(made: Made, run: PlanRun, kept: Kept, before: set[tuple[str, int]]) -> RestockResult:
    """The plan in figures, and what has become urgent since the one before."""
    plan, projection, items = made.plan, made.plan.projection, made.house.items
    names = list(zip(items["area"].tolist(), items["product_id"].tolist(), items["code"].tolist(), strict=True))
    moved = items["area"].isin([area for area, place in made.house.places.items() if place.supplied_by]).to_numpy()
    wanted = plan.quantity > 0
    fresh = [
        {"area": names[row][0], "product_code": names[row][2], "cover_days": round(float(projection.cover[row]), 1)}
        for row in np.flatnonzero(projection.alert == 2).tolist()
        if names[row][:2] not in before
    ]
    return RestockResult(
        run_id=run.id, today=made.house.today, items=len(items), urgent=int((projection.alert == 2).sum()),
        warning=int((projection.alert == 1).sum()), orders=int((wanted & ~moved).sum()),
        value=round(float(np.nan_to_num(plan.value)[~moved].sum()), 2),
        transfers=int((wanted & moved).sum()), dead=int(projection.dead.sum()),
        excess_value=round(float(np.nan_to_num(projection.excess_value).sum()), 2), advice=kept,
        warnings={name: int(rows.sum()) for name, rows in plan.flags.items()}, new_urgent=tuple(fresh),
    )  # fmt: skip


def publish(session: Session, run: PlanRun) -> None:
    """Put `run` in the place of the plan that readers see, and let the items of old ones go.

    Raises ConflictError where a later plan has begun and removed this one's rows.
    """
    session.flush()
    served = sa.update(PlanRun).where(PlanRun.slot == SLOT)
    session.execute(served.values(slot=None, state="superseded"))
    mine = sa.update(PlanRun).where(PlanRun.id == run.id, PlanRun.state == "running")
    values = {"slot": SLOT, "state": "published", "published_at": utc_now()}
    if cast("sa.CursorResult[Any]", session.execute(mine.values(**values))).rowcount != 1:
        raise ConflictError(f"plan {run.id} was overtaken by a later one; the stock is being planned there.")
    newest = sa.select(PlanRun.id).where(PlanRun.published_at.is_not(None)).order_by(PlanRun.id.desc()).limit(KEEP)
    session.execute(sa.delete(StockPlan).where(StockPlan.run_id.not_in(session.scalars(newest).all())))
