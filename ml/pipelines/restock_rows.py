"""A plan as the rows of its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.db.restock import PlanRun
from ml.inventory import rules as words
from ml.inventory.advice import recommendation
from ml.inventory.plan import Inputs, Plan
from ml.inventory.projection import NEVER
from ml.inventory.stock import warnings_of
from ml.pipelines.restock_advice import Row, urgency
from ml.pipelines.restock_items import Warehouse
from ml.pipelines.restock_stock import Stocked

Floats = NDArray[np.float64]

PLACES = ("region", "territory")
LONGEST_REASON = 1000


@dataclass(frozen=True)
class Made:
    """A plan with what it was made of; `places` (items,) names region and territory."""

    house: Warehouse
    stocked: Stocked
    inputs: Inputs
    plan: Plan
    places: pd.DataFrame
    idle: Floats
    notes: dict[int, str]
    """What is to be said of rows beside their reason: what was added, or shared out."""


def plan_columns(run: PlanRun, made: Made, rows: range) -> dict[str, Sequence[Any]]:
    """The columns of some items' rows."""
    plan, stock, items = made.plan, made.plan.stock, made.house.items
    part, projection = slice(rows.start, rows.stop), made.plan.projection
    cost = np.nan_to_num(stock.cost[part])
    own = np.maximum(made.stocked.own[part], 0.0)
    numbers = {
        "on_hand": made.stocked.own, "reserved": items["reserved"].to_numpy(float), "on_order": made.stocked.on_order,
        "position": plan.position, "reorder": plan.reorder, "up_to": plan.up_to, "expected": plan.expected,
        "spread": plan.spread, "daily": made.inputs.demand.mean.mean(axis=1), "lost": projection.lost,
        "excess": projection.excess, "excess_value": np.nan_to_num(projection.excess_value), "quantity": plan.quantity,
        "lead_days": stock.lead, "lead_spread": stock.lead_spread,
    }  # fmt: skip
    dates = {"out_on": projection.out_day, "out_early": projection.out_early}
    rule = made.inputs.rule[part].tolist()
    rules = [asdict(one) for one in made.inputs.rules]
    return {
        "run_id": [run.id] * len(rows),
        **{name: made.places[name].iloc[part].tolist() for name in PLACES},
        "area": items["area"].iloc[part].tolist(),
        "product_id": items["product_id"].iloc[part].tolist(),
        "supplier": [supplier_name(made, row) for row in rows],
        "counted_on": [day if isinstance(day, date) else None for day in items["counted_on"].iloc[part]],
        **{name: np.round(values[part], 4).tolist() for name, values in numbers.items()},
        "stock_value": np.round(own * cost, 2).tolist(),
        "unit_cost": [one if one > 0 else None for one in stock.cost[part].tolist()],
        "cover_days": [one if np.isfinite(one) else None for one in projection.cover[part].tolist()],
        "alert": projection.alert[part].tolist(),
        **{name: [day_of(made, day) for day in days[part].tolist()] for name, days in dates.items()},
        "dead": projection.dead[part].tolist(),
        "idle_days": made.idle[part].astype(int).tolist(),
        "rules": [rules[one] for one in rule],
        "warnings": [warnings(made, row) for row in rows],
        "projection": projections(made, part),
    }


def projections(made: Made, part: slice) -> list[dict[str, list[float]]]:
    """Stock and demand of items by day, to a tenth of a unit; receipts by day."""
    projection = made.plan.projection
    values: dict[str, NDArray[Any]] = {
        "p10": projection.p10[part], "p50": projection.p50[part], "p90": projection.p90[part],
        "demand": made.inputs.demand.mean[part],
        "receipts": made.inputs.receipts.by_day(part.start, part.stop, projection.p50.shape[1]),
    }  # fmt: skip
    bands: dict[str, list[list[float]]] = {
        name: np.round(some.astype(np.float64), 1).tolist() for name, some in values.items()
    }
    return [{name: some[row] for name, some in bands.items()} for row in range(len(bands["p50"]))]


def supplier_name(made: Made, row: int) -> str:
    """Who supplies an item, '' where nobody is known to."""
    place = int(made.plan.stock.supplier[row])
    return made.inputs.suppliers[place].name if place >= 0 else ""


def day_of(made: Made, day: int) -> date | None:
    """The date of a day of the projection."""
    return None if day == NEVER else made.house.today + timedelta(days=day)


def warnings(made: Made, row: int) -> dict[str, str]:
    """What is wrong with the data of a row, by name, in words."""
    found = warnings_of(row, made.inputs.stock, made.plan.flags, made.inputs.assumed_lead)
    broken = made.stocked.broken.get(supplier_name(made, row))
    return {**found, words.NO_CALENDAR: f"Its supplier's calendar cannot be read: {broken}"} if broken else found


def advised(made: Made) -> Iterator[Row]:
    """What to order, as rows of Recommendation without their run."""
    plan, items = made.plan, made.house.items
    areas, products = items["area"].tolist(), items["product_id"].tolist()
    places = {name: made.places[name].tolist() for name in PLACES}
    within = {area for area, place in made.house.places.items() if place.supplied_by}
    for row in np.flatnonzero(plan.quantity > 0).tolist():
        said = recommendation(row, plan, made.inputs)
        reason = " ".join(filter(None, (said.reason, made.notes.get(row))))
        cost = float(plan.stock.cost[row])
        lost_value = said.lost * (cost if cost > 0 else 0.0)
        alert = int(plan.projection.alert[row])
        yield {
            **{name: values[row] for name, values in places.items()},
            "area": areas[row], "product_id": products[row],
            "supplier": said.supplier, "kind": "transfer" if areas[row] in within else "order",
            "advised": said.quantity, "fresh": said.fresh, "kept": said.kept, "quantity": said.quantity,
            "order_on": said.order_on, "arrives_on": said.arrives_on, "unit_cost": cost if cost > 0 else None,
            "value": round(said.cost or 0.0, 2), "alert": alert, "cover_days": said.cover_days, "out_on": said.out_on,
            "lost": round(said.lost, 4), "lost_value": round(lost_value, 2),
            "urgency": urgency(alert, lost_value, said.cost or 0.0),
            "reason": reason[:LONGEST_REASON], "otherwise": said.otherwise,
        }  # fmt: skip
