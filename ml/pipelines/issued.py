"""How issued forecasts turned out, summed up when a new one is made: by series, and by place, category and horizon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows
from ml.db.catalog import Product, Series
from ml.db.profiles import AccuracyCell
from ml.db.results import ForecastResult, ForecastRun
from ml.grains import Grain

ISSUED = ("published", "superseded")
SEASONS = 2
"""Seasons whose forecasts are looked back at (of days: as many as are forecast, if these are more)."""
ERRORS = ("wape", "bias", "missed")
LAST = ("sold", "expected", "low", "high")


@dataclass(frozen=True)
class SeriesErrors:
    """By series key in hex: errors over the last season, and what the last period's forecast said."""

    errors: dict[str, tuple[float | None, float | None, float]]
    last: dict[str, tuple[float | None, float, float, float]]

    def columns(self, keys: Iterable[str]) -> dict[str, Sequence[Any]]:
        """Columns ERRORS and LAST for some series; null where nothing is known."""
        found = list(keys)
        errors = [self.errors.get(key, (None,) * len(ERRORS)) for key in found]
        last = [self.last.get(key, (None,) * len(LAST)) for key in found]
        return {
            **{name: [row[at] for row in errors] for at, name in enumerate(ERRORS)},
            **{name: [row[at] for row in last] for at, name in enumerate(LAST)},
        }


def issued_runs(session: Session, grain: Grain, as_of: date, periods: int) -> list[int]:
    """The runs that forecast any of the last `periods` periods up to `as_of`; of several as of the same, the last."""
    query = (
        sa.select(sa.func.max(ForecastRun.id), sa.func.max(ForecastRun.horizon), ForecastRun.as_of)
        .where(ForecastRun.grain == grain.name, ForecastRun.state.in_(ISSUED), ForecastRun.as_of < as_of)
        .group_by(ForecastRun.as_of)
    )
    since = grain.shift(as_of, 1 - periods)
    return [run for run, horizon, made in session.execute(query) if grain.shift(made, horizon) >= since]


def errors_by_series(session: Session, grain: Grain, as_of: date) -> SeriesErrors:
    """Errors of the forecasts for the last season, and the newest one for the last period."""
    row, since = ForecastResult, grain.shift(as_of, 1 - grain.season_length)
    runs = issued_runs(session, grain, as_of, grain.season_length)
    missed = sa.func.sum(sa.func.abs(row.mean - row.actual))
    size = sa.func.sum(sa.func.abs(row.actual))
    over = sa.func.sum(row.mean - row.actual)
    query = (
        sa.select(Series.key, missed, over, size, sa.func.count())
        .join(Series, Series.id == row.series_id)
        .where(row.run_id.in_(runs), row.actual.is_not(None), row.period.between(since, as_of))
        .group_by(Series.key)
    )
    errors = {
        key.hex(): (error / size if size else None, bias / size if size else None, error / count)
        for key, error, bias, size, count in session.execute(query)
    }
    newest = (
        sa.select(Series.key, row.actual, row.mean, row.p10, row.p90)
        .join(Series, Series.id == row.series_id)
        .where(row.run_id == (max(runs) if runs else None), row.actual.is_not(None), row.period == as_of)
    )
    last = {key.hex(): (actual, mean, p10, p90) for key, actual, mean, p10, p90 in session.execute(newest)}
    return SeriesErrors(errors, last)


def store_cells(session: Session, grain: Grain, as_of: date) -> int:
    """Replace the accuracy cells of a grain by those of its last seasons; returns how many. The caller commits."""
    periods = max(SEASONS * grain.season_length, grain.horizon)
    row, total = ForecastResult, sa.func.sum
    category = sa.func.coalesce(Product.category, Series.category)
    keys = (row.as_of, row.period, Series.location_level, Series.product_level, Series.region, Series.territory)
    inside = sa.case((row.actual.between(row.p10, row.p90), 1), else_=0)
    query = (
        sa.select(
            *keys, category.label("category"), sa.func.count(), total(row.actual), total(sa.func.abs(row.actual)),
            total(row.mean), total(sa.func.abs(row.mean - row.actual)), total(inside),
        )
        .join(Series, Series.id == row.series_id)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(
            row.run_id.in_(issued_runs(session, grain, as_of, periods)), row.actual.is_not(None),
            row.period.between(grain.shift(as_of, 1 - periods), as_of),
        )
        .group_by(*keys, category)
    )  # fmt: skip
    found = session.execute(query).all()
    session.execute(sa.delete(AccuracyCell).where(AccuracyCell.grain == grain.name))
    names = ("period", "location_level", "product_level", "region", "territory", "category",
             "forecasts", "actual", "size", "forecast", "error", "inside")  # fmt: skip
    columns: dict[str, Sequence[Any]] = {name: [one[at + 1] for one in found] for at, name in enumerate(names)}
    horizons = [grain.count(made, period) - 1 for made, period, *_ in found]
    return insert_rows(session, AccuracyCell, {**columns, "horizon": horizons, "grain": [grain.name] * len(found)})
