"""How good issued forecasts turned out: actual sales beside what was forecast for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Series
from ml.db.results import ForecastResult
from ml.grains import GRAINS
from webapp.queries.series import SeriesFilter, SeriesView, narrowed, views_by_id

By = Literal["level", "series", "horizon", "period"]


@dataclass(frozen=True)
class Accuracy:
    """Errors of one group. WAPE and bias are shares of the actual sales; null where nothing was sold."""

    location_level: str | None = None
    product_level: str | None = None
    series: SeriesView | None = None
    horizon: int | None = None
    period: date | None = None
    forecasts: int = 0
    actual: float = 0.0
    forecast: float = 0.0
    mae: float = 0.0
    wape: float | None = None
    bias: float | None = None
    coverage80: float = 0.0


@dataclass(frozen=True)
class AccuracyPage:
    """Some groups, and the series of the last one where there are more."""

    items: Sequence[Accuracy]
    next_after: int | None


def accuracy(
    session: Session,
    wanted: SeriesFilter,
    *,
    grain: str,
    by: By,
    since: date | None = None,
    until: date | None = None,
    limit: int,
    after: int | None = None,
) -> AccuracyPage:
    """Errors by level, series, periods ahead, or period; only series are paged, the others are few."""
    keys = KEYS[by]
    query = sa.select(*keys, *sums()).select_from(ForecastResult).join(Series, Series.id == ForecastResult.series_id)
    query = narrowed(session, query, wanted).where(ForecastResult.grain == grain, ForecastResult.actual.is_not(None))
    if since is not None:
        query = query.where(ForecastResult.period >= since)
    if until is not None:
        query = query.where(ForecastResult.period <= until)
    query = query.group_by(*keys).order_by(*keys)
    if by == "series":
        return by_series(session, query, limit, after)
    if by == "horizon":
        return AccuracyPage(by_horizon(session, query, grain), None)
    names = [key.key for key in keys]
    return AccuracyPage(
        [made(row[len(keys) :], **dict(zip(names, row, strict=False))) for row in session.execute(query)], None
    )


KEYS: dict[str, list[Any]] = {
    "level": [Series.location_level, Series.product_level],
    "series": [ForecastResult.series_id],
    "horizon": [ForecastResult.as_of, ForecastResult.period],
    "period": [ForecastResult.period],
}


def sums() -> list[Any]:
    """What the errors of a group are made of; parts of a group add up."""
    row, total = ForecastResult, sa.func.sum
    inside = sa.case((sa.and_(row.actual >= row.p10, row.actual <= row.p90), 1), else_=0)
    error = sa.func.abs(row.mean - row.actual)
    return [
        sa.func.count(),
        total(row.actual),
        total(sa.func.abs(row.actual)),
        total(row.mean),
        total(error),
        total(inside),
    ]


def made(values: Sequence[Any], **keys: Any) -> Accuracy:
    """The errors of a group from its sums."""
    count, actual, size, forecast, error, inside = (float(value) for value in values)
    return Accuracy(
        **keys,
        forecasts=int(count),
        actual=actual,
        forecast=forecast,
        mae=error / count,
        wape=error / size if size else None,
        bias=(forecast - actual) / size if size else None,
        coverage80=inside / count,
    )


def by_series(session: Session, query: sa.Select[Any], limit: int, after: int | None) -> AccuracyPage:
    if after is not None:
        query = query.where(ForecastResult.series_id > after)
    rows = session.execute(query.limit(limit + 1)).all()
    views = views_by_id(session, (row[0] for row in rows))
    items = [made(row[1:], series=views[row[0]]) for row in rows[:limit]]
    return AccuracyPage(items, rows[limit - 1][0] if len(rows) > limit else None)


def by_horizon(session: Session, query: sa.Select[Any], grain: str) -> list[Accuracy]:
    """Dates are counted here: databases do not agree on how."""
    found: dict[int, list[float]] = defaultdict(lambda: [0.0] * 6)
    for as_of, period, *values in session.execute(query):
        ahead = GRAINS[grain].count(as_of, period) - 1
        found[ahead] = [sum_ + float(value) for sum_, value in zip(found[ahead], values, strict=True)]
    return [made(found[ahead], horizon=ahead) for ahead in sorted(found)]
