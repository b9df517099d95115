"""Forecasts below the level that is forecast: base means allocated by recent share of sales.

mean(node) = sum over base series b of mean(b) * weight(node in b) / weight(b). Weights are sales by area
and product over the last twelve months that the forecast knew, none counted below zero; a base series without any
in that time is split by all its history, and one without any at all (only zeros and returns)
evenly. So allocated means add up to the base, exactly.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.results import ForecastRun
from ml.db.sales import SalesMonthly
from ml.grains import MONTHLY
from ml.hierarchy import LOCATION_LEVELS, LOCATION_NAMES, PRODUCT_LEVELS, PRODUCT_NAMES
from webapp.queries.history import monthly, year_month
from webapp.queries.nodes import LOCATION_FIELDS, PRODUCT_FIELDS, Node, conditions
from webapp.queries.scope import UNSCOPED, seen

WINDOW = 12
"""Months of sales that shares are taken from."""

Names = tuple[Any, ...]


@dataclass(frozen=True)
class Share:
    """What part of a base series a child has."""

    base: Names
    child: Names
    part: float


def clamp(node: Node, run: ForecastRun) -> Node:
    """The finest node at or above `node` that is made of whole base series."""
    places = LOCATION_FIELDS[: LOCATION_LEVELS.index(run.location_level)]
    products = PRODUCT_FIELDS[: PRODUCT_LEVELS.index(run.product_level)]
    kept = {field: value for field, value in node.params().items() if field in (*places, *products)}
    return Node(**kept)


def is_stored(run: ForecastRun, location_level: str, product_level: str) -> bool:
    """Whether a level is at or above the base, so that its forecasts are stored."""
    return LOCATION_LEVELS.index(location_level) <= LOCATION_LEVELS.index(run.location_level) and PRODUCT_LEVELS.index(
        product_level
    ) <= PRODUCT_LEVELS.index(run.product_level)


def base_level(run: ForecastRun) -> tuple[str, str]:
    """The level that the run's base series have."""
    return run.location_level, run.product_level


def base_columns(run: ForecastRun, facts: Any) -> list[Any]:
    """The columns of `facts` (joined with Product) that name a base series."""
    places = [getattr(facts, name) for name in LOCATION_NAMES[run.location_level]]
    products = [
        facts.product_id if name == "product_id" else getattr(Product, name)
        for name in PRODUCT_NAMES[run.product_level]
    ]
    return [*places, *products]


def shares(session: Session, run: ForecastRun, node: Node, child_columns: list[Any]) -> list[Share]:
    """The parts that the children of `node` have in the base series that it touches.

    `child_columns` name the children; with none, the node itself is the only child.
    """
    since = year_month(MONTHLY.shift(MONTHLY.start(run.as_of), 1 - WINDOW))
    until = year_month(run.as_of)
    sales = SalesMonthly.total_sales
    base = base_columns(run, SalesMonthly)
    inside = sa.and_(sa.true(), *conditions(node, SalesMonthly), *seen(SalesMonthly))
    leaves = (
        monthly(clamp(node, run))
        .where(SalesMonthly.yearmonth <= until)
        .with_only_columns(
            *(column.label(f"base{i}") for i, column in enumerate(base)),
            *(column.label(f"child{i}") for i, column in enumerate(child_columns)),
            # the same for all rows of a leaf; grouping by it would fail on SQL Server, where two markers are two values
            sa.func.max(sa.case((inside, 1), else_=0)).label("inside"),
            sa.func.sum(sa.case((SalesMonthly.yearmonth >= since, sales), else_=0.0)).label("recent"),
            sa.func.sum(sales).label("ever"),
        )
        .group_by(SalesMonthly.series_id, *base, *child_columns)
        .execution_options(**{UNSCOPED: "parts of a whole: `inside` tells what the caller may see"})
    )
    return _parts(session.execute(leaves).all(), len(base), len(child_columns))


def _parts(rows: Any, bases: int, children: int) -> list[Share]:
    """Shares from leaf sums: rows of base names, child names, inside, recent, ever."""
    totals: dict[Names, list[float]] = defaultdict(lambda: [0.0] * 3)
    inside: dict[tuple[Names, Names], list[float]] = defaultdict(lambda: [0.0] * 3)
    for row in rows:
        base, child = tuple(row[:bases]), tuple(row[bases : bases + children])
        weights = [max(float(row.recent), 0.0), max(float(row.ever), 0.0), 1.0]
        totals[base] = _add(totals[base], weights)
        if row.inside:
            inside[base, child] = _add(inside[base, child], weights)
    found = []
    for (base, child), weights in inside.items():
        which = next(i for i, total in enumerate(totals[base]) if total > 0)
        found.append(Share(base, child, weights[which] / totals[base][which]))
    return found


def _add(sums: list[float], weights: list[float]) -> list[float]:
    return [sum_ + weight for sum_, weight in zip(sums, weights, strict=True)]
