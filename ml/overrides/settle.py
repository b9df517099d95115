"""Overrides of periods that are over: what was finally forecast, and what was sold."""

from __future__ import annotations

from datetime import date
from math import fsum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.overrides import ForecastOverride, OverrideValue
from ml.db.results import ForecastRun
from ml.grains import GRAINS, Grain
from ml.overrides.apply import active_overrides
from ml.overrides.cells import read_cells
from ml.overrides.parts import WHOLE, Part
from ml.totals import TOTALS


def settle(session: Session, grain: str, as_of: date) -> int:
    """Fill in final forecast, actual and the season before for overridden periods up to `as_of`; the caller commits.

    Call it before a new run takes the place of the one that forecast them; returns how many were settled.
    """
    run = session.scalar(sa.select(ForecastRun).where(ForecastRun.slot == grain))
    settled = 0
    for override in session.scalars(active_overrides(grain), execution_options=WHOLE):
        open_values = list(session.scalars(open_until(override, as_of), execution_options=WHOLE))
        if run is not None and open_values:
            settle_override(session, run, override, open_values)
            settled += len(open_values)
    return settled


def open_until(override: ForecastOverride, as_of: date) -> sa.Select[OverrideValue]:
    query = sa.select(OverrideValue).where(OverrideValue.override_id == override.id)
    return query.where(OverrideValue.period <= as_of, OverrideValue.actual.is_(None))


def settle_override(
    session: Session, run: ForecastRun, override: ForecastOverride, values: list[OverrideValue]
) -> None:
    """One override: the run that forecast its periods tells the final forecast, the totals what was sold."""
    grain, part = GRAINS[run.grain], Part.of(override)
    cells = read_cells(session, run, part, [value.period for value in values])
    before = {value.period: grain.shift(value.period, -grain.season_length) for value in values}
    sold = sales(session, grain, part, {*before.keys(), *before.values()})
    for value in values:
        final = [cell.value for cell in cells if cell.period == value.period]
        value.final = fsum(final) if final else value.after
        value.actual = sold.get(value.period, 0.0)
        value.naive = sold.get(before[value.period], 0.0)


def sales(session: Session, grain: Grain, part: Part, periods: set[date]) -> dict[date, float]:
    """What a part sold in some periods."""
    totals = TOTALS[grain.name]
    query = (
        sa.select(totals.period, sa.func.sum(totals.table.total_sales))
        .join(Series, Series.id == totals.table.series_id)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(totals.period.in_([totals.stored(day) for day in sorted(periods)]), *part.conditions())
        .group_by(totals.period)
    )
    rows = session.execute(query, execution_options=WHOLE)
    return {totals.first_day(stored): float(sold) for stored, sold in rows}
