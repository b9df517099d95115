"""The cells that a part is made of: its series by period, as the system and as earlier overrides have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.overrides import OverrideDelta
from ml.db.results import ForecastResult, ForecastRun
from ml.db.sales import SalesMonthly
from ml.grains import MONTHLY
from ml.overrides.parts import WHOLE, Part, base_names

WINDOW = 12
"""Months of sales that shares are taken from."""

Amounts = dict[tuple[int, date], float]


@dataclass(frozen=True)
class Cell:
    """The forecast of one series of a part for one period, in currency: by the system, and with what overrides added.

    A leaf that an earlier, finer override moved is a cell of its own, whose `system` is 0: that is in its base series.
    """

    series_id: int
    period: date
    system: float
    value: float


def read_cells(session: Session, run: ForecastRun, part: Part, periods: Collection[date]) -> list[Cell]:
    """All cells of a part in some periods; they add up to its forecast."""
    moved = read_deltas(session, run, part, periods)
    read = whole_series if part.is_whole(run) else leaves
    system, extra = read(session, run, part, periods)
    keys = sorted(system.keys() | moved.keys())
    return [
        Cell(*key, system.get(key, 0.0), system.get(key, 0.0) + extra.get(key, 0.0) + moved.get(key, 0.0))
        for key in keys
    ]


def whole_series(session: Session, run: ForecastRun, part: Part, periods: Collection[date]) -> tuple[Amounts, Amounts]:
    """The base series of a part; nothing is added to them but what they carry themselves."""
    rows = session.execute(base_rows(run, part, periods), execution_options=WHOLE)
    return {(row.series_id, row.period): float(row.mean) for row in rows}, {}


def leaves(session: Session, run: ForecastRun, part: Part, periods: Collection[date]) -> tuple[Amounts, Amounts]:
    """The leaves of a part finer than the base series, by their shares of these; and the same of what was added."""
    around = part.around(run)
    shares = leaf_shares(session, run, part)
    added = read_deltas(session, run, around, periods, base=True)
    rows = session.execute(base_rows(run, around, periods), execution_options=WHOLE).all()
    by_base: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        by_base[tuple(row[3:])].append(row)
    system, extra = {}, {}
    for leaf, (base, share) in shares.items():
        for row in by_base[base]:
            system[leaf, row.period] = share * float(row.mean)
            extra[leaf, row.period] = share * added.get((row.series_id, row.period), 0.0)
    return system, extra


def base_rows(run: ForecastRun, part: Part, periods: Collection[date]) -> sa.Select[Any]:
    """Series, period, mean and names of the base series inside a part."""
    columns = (ForecastResult.series_id, ForecastResult.period, ForecastResult.mean)
    names = (name.label(f"name{at}") for at, name in enumerate(base_names(run)))
    query = sa.select(*columns, *names).join(Series, Series.id == ForecastResult.series_id)
    return query.outerjoin(Product, Product.id == Series.product_id).where(
        ForecastResult.run_id == run.id,
        ForecastResult.period.in_(periods),
        Series.location_level == run.location_level,
        Series.product_level == run.product_level,
        *part.conditions(),
    )


def read_deltas(
    session: Session, run: ForecastRun, part: Part, periods: Collection[date], *, base: bool = False
) -> Amounts:
    """What overrides added to the series inside a part; with `base`, to base series alone."""
    query = (
        sa.select(OverrideDelta.series_id, OverrideDelta.period, sa.func.sum(OverrideDelta.amount))
        .join(Series, Series.id == OverrideDelta.series_id)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(OverrideDelta.run_id == run.id, OverrideDelta.period.in_(periods), *part.conditions())
        .group_by(OverrideDelta.series_id, OverrideDelta.period)
    )
    if base:
        query = query.where(Series.location_level == run.location_level, Series.product_level == run.product_level)
    rows = session.execute(query, execution_options=WHOLE)
    return {(series, period): float(amount) for series, period, amount in rows}


def leaf_shares(session: Session, run: ForecastRun, part: Part) -> dict[int, tuple[Any, float]]:
    """The leaves of a part: the names of the base series around each, and its share of that.

    By sales of the last twelve months that the forecast knew, none counted below zero; without any by all sales, and
    without any at all evenly (as `webapp.queries.shares`).
    """
    since = f"{MONTHLY.shift(MONTHLY.start(run.as_of), 1 - WINDOW):%Y-%m}"
    sales = SalesMonthly.total_sales
    inside = sa.case((sa.and_(sa.true(), *part.conditions()), 1), else_=0)
    names = [name.label(f"name{at}") for at, name in enumerate(base_names(run))]
    query = (
        sa.select(
            SalesMonthly.series_id,
            sa.func.max(inside).label("inside"),
            sa.func.sum(sa.case((SalesMonthly.yearmonth >= since, sales), else_=0.0)).label("recent"),
            sa.func.sum(sales).label("ever"),
            *(sa.func.max(name).label(name.name) for name in names),
        )
        .join(Series, Series.id == SalesMonthly.series_id)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(SalesMonthly.yearmonth <= f"{run.as_of:%Y-%m}", *part.around(run).conditions())
        .group_by(SalesMonthly.series_id)
    )
    rows = session.execute(query, execution_options=WHOLE).all()
    weights = {row.series_id: (max(float(row.recent), 0.0), max(float(row.ever), 0.0), 1.0) for row in rows}
    totals: dict[Any, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for row in rows:
        totals[tuple(row[4:])] = [a + b for a, b in zip(totals[tuple(row[4:])], weights[row.series_id], strict=True)]
    found = {}
    for row in rows:
        base = tuple(row[4:])
        which = next(at for at, total in enumerate(totals[base]) if total > 0)
        if row.inside:
            found[row.series_id] = (base, weights[row.series_id][which] / totals[base][which])
    return found
