"""What was said then: the forecasts of a series by runs that were published earlier."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.results import ForecastResult, ForecastRun

ISSUED = ("published", "superseded")
RUNS = 4
"""Earlier forecasts that are shown, the last ones; more lie on top of each other."""


@dataclass(frozen=True)
class Earlier:
    """The forecast of a series as of a period: means by period."""

    as_of: date
    means: dict[date, float]


def earlier_forecasts(session: Session, series_id: int, grain: str, before: date) -> list[Earlier]:
    """The last forecasts of a series as of periods before `before`, newest first; of a period's runs the last one."""
    last = (
        sa.select(sa.func.max(ForecastRun.id))
        .where(ForecastRun.grain == grain, ForecastRun.state.in_(ISSUED), ForecastRun.as_of < before)
        .group_by(ForecastRun.as_of)
        .order_by(ForecastRun.as_of.desc())
        .limit(RUNS)
    )
    runs = list(session.scalars(last))
    query = sa.select(ForecastResult.as_of, ForecastResult.period, ForecastResult.mean)
    query = query.where(ForecastResult.series_id == series_id, ForecastResult.run_id.in_(runs))
    found: dict[date, dict[date, float]] = defaultdict(dict)
    for as_of, period, mean in session.execute(query.order_by(ForecastResult.period)):
        found[as_of][period] = float(mean)
    return [Earlier(as_of, found[as_of]) for as_of in sorted(found, reverse=True)]
