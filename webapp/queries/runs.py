"""Forecast runs, and the forecasts that they made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Series
from ml.db.results import ForecastResult, ForecastRun
from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, behind, newest_first
from webapp.queries.series import SeriesFilter, SeriesView, narrowed, views_by_id
from webapp.queries.stored import published_run


@dataclass(frozen=True)
class IssuedForecast:
    """A forecast as it was issued, with its series and, once known, the actual sales."""

    row: ForecastResult
    series: SeriesView


@dataclass(frozen=True)
class IssuedPage:
    """Some forecasts, and period and series of the last one where there are more."""

    items: Sequence[IssuedForecast]
    next_after: tuple[date, int] | None


def list_runs(
    session: Session, grain: str | None = None, state: str | None = None, *, limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[ForecastRun]:  # fmt: skip
    """Forecast runs, newest first."""
    query = sa.select(ForecastRun)
    for column, value in ((ForecastRun.grain, grain), (ForecastRun.state, state)):
        if value:
            query = query.where(column == value)
    return newest_first(session, query, ForecastRun.id, limit, below)


def get_run(session: Session, run_id: int) -> ForecastRun:
    """A run; raises NotFoundError."""
    found = session.get(ForecastRun, run_id)
    if found is None:
        raise NotFoundError(f"there is no forecast run {run_id}; GET /api/v1/forecast-runs lists those that there are.")
    return found


def list_forecasts(
    session: Session,
    wanted: SeriesFilter,
    *,
    grain: str,
    run_id: int | None = None,
    series_id: int | None = None,
    since: date | None = None,
    until: date | None = None,
    limit: int,
    after: Sequence[Any] | None = None,
) -> IssuedPage:
    """What a run (the published one of `grain`, where none is named) forecast for the series at the levels that are
    stored, by series and period, behind `after` (period, series)."""
    run = get_run(session, run_id) if run_id else published_run(session, grain)
    if run is None:
        return IssuedPage([], None)
    query = sa.select(ForecastResult).join(Series, Series.id == ForecastResult.series_id)
    query = narrowed(session, query, wanted).where(ForecastResult.run_id == run.id)
    if series_id is not None:
        query = query.where(ForecastResult.series_id == series_id)
    if since is not None:
        query = query.where(ForecastResult.period >= since)
    if until is not None:
        query = query.where(ForecastResult.period <= until)
    order = (ForecastResult.series_id, ForecastResult.period)
    if after is not None:
        query = query.where(behind(order, (after[1], after[0]), descending=False))
    rows = session.scalars(query.order_by(*order).limit(limit + 1)).all()
    views = views_by_id(session, (row.series_id for row in rows))
    last = rows[limit - 1] if len(rows) > limit else None
    items = [IssuedForecast(row, views[row.series_id]) for row in rows[:limit]]
    return IssuedPage(items, (last.period, last.series_id) if last else None)
