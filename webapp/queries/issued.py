"""How good the forecasts of a series were that were really issued."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.results import ForecastResult


@dataclass(frozen=True)
class Issued:
    """Forecasts whose period is over: their absolute errors and what they were too high by, as shares of what was sold
    then (None where nothing was), and how often it lay between P10 and P90."""

    forecasts: int
    periods: int
    wape: float | None
    bias: float | None
    inside: float


def issued_accuracy(session: Session, series_id: int, grain: str) -> Issued | None:
    """Of all runs and horizons; None while no forecast of the series is over."""
    result, missed = ForecastResult, ForecastResult.mean - ForecastResult.actual
    within = sa.case((result.actual.between(result.p10, result.p90), 1.0), else_=0.0)
    query = sa.select(
        sa.func.count(), sa.func.count(result.period.distinct()), sa.func.sum(sa.func.abs(missed)),
        sa.func.sum(missed), sa.func.sum(sa.func.abs(result.actual)), sa.func.sum(within),
    ).where(result.series_id == series_id, result.grain == grain, result.actual.is_not(None))  # fmt: skip
    count, periods, off, over, sold, inside = session.execute(query).one()
    if not count:
        return None
    return Issued(count, periods, off / sold if sold else None, over / sold if sold else None, inside / count)
