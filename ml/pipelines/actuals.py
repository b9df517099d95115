"""Actuals: what was sold, beside what had been forecast for the same series and period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import table_of
from ml.db.results import ForecastResult
from ml.etl.partition import WHOLE, Partition
from ml.panel import Panel
from ml.reconcile import Hierarchy

Keys = set[tuple[int, date]]
Sold = dict[tuple[int, date], float]


def record_actuals(
    session: Session, panel: Panel, hierarchy: Hierarchy, ids: Mapping[str, int], grain: str, *,
    partition: Partition = WHOLE,
) -> int:  # fmt: skip
    """Fill in the actual of earlier forecasts whose period is complete by now; returns how many series and periods.

    `panel` holds the base series of a partition up to the last complete period, `ids` the series ids of its nodes by
    key. A series that is no node of `hierarchy` any more (the base level has changed) stays open. The caller commits.
    """
    of = partition.only(ForecastResult.series_id, *hierarchy.levels)
    open_keys = waiting(session, grain, panel.periods[0].date(), panel.last.date(), of)
    periods = {period for _, period in open_keys}
    nodes = set(ids.values())
    known = {key for key in open_keys if key[0] in nodes}
    return fill_in(session, grain, known, sold_by_node(panel, hierarchy, ids, periods) if known else {})


def waiting(session: Session, grain: str, first: date, last: date, of: Sequence[sa.ColumnElement[bool]] = ()) -> Keys:
    """The series and periods that were forecast and whose actual is not filled in yet."""
    query = sa.select(ForecastResult.series_id, ForecastResult.period).where(
        ForecastResult.grain == grain,
        ForecastResult.actual.is_(None),
        ForecastResult.period.between(first, last),
        *of,
    )
    return {(series, period) for series, period in session.execute(query.distinct())}


def fill_in(session: Session, grain: str, keys: Keys, sold: Sold) -> int:
    """Write what was `sold`, 0 where nothing is known, for some series and periods; returns how many."""
    found = [
        {"in_grain": grain, "in_series": series, "in_period": period, "sold": sold.get((series, period), 0.0)}
        for series, period in sorted(keys)
    ]
    if found:
        session.connection().execute(update_statement(), found)
    return len(found)


def update_statement() -> sa.Update:
    """One row of forecasts gets its actual: `in_grain`, `in_series`, `in_period`, `sold`."""
    table = table_of(ForecastResult)
    return (
        sa.update(table)
        .where(
            table.c.grain == sa.bindparam("in_grain"),  # a month, a week and a day may begin on the same date
            table.c.series_id == sa.bindparam("in_series"),
            table.c.period == sa.bindparam("in_period"),
            table.c.actual.is_(None),
        )
        .values(actual=sa.bindparam("sold"))
    )


def sold_by_node(panel: Panel, hierarchy: Hierarchy, ids: Mapping[str, int], periods: set[date]) -> Sold:
    """Sales by series id and period at every stored level, for the given periods."""
    past = panel.frame[panel.frame["ds"].isin(pd.to_datetime(sorted(periods)))]
    sold: Sold = {}
    for level in hierarchy.levels:
        summed = hierarchy.add_up(past, level, ["y"], ["ds"])
        keys = zip(summed["unique_id"].map(ids), summed["ds"].dt.date, strict=True)
        sold |= dict(zip(keys, summed["y"].tolist(), strict=True))
    return sold
