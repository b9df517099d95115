"""Forecasts that nothing looks at any more: their rows go, what is known of their runs stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.results import ForecastFactor, ForecastResult, ForecastRun
from ml.grains import GRAINS, Grain
from ml.pipelines.issued import SEASONS
from ml.progress import Progress, silent

OVERTAKEN_DAYS = 7
"""A run is kept for so long after a later one of the same last period replaced it; of both, only that one is scored."""


@dataclass(frozen=True)
class RetireResult:
    """How many rows of forecasts were deleted, of how many runs."""

    runs: int
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def retire_forecasts(session: Session, keep_days: int, progress: Progress = silent) -> RetireResult:
    """Delete the rows of runs that readers do not see and no score needs, each run in a transaction of its own.

    A run goes `OVERTAKEN_DAYS` after a later one of the same last period took its place, and else after `keep_days`,
    once its periods are older than what accuracy and drift look back at. Run again, it does what is left.
    """
    runs = rows = 0
    found = list(retired_runs(session, keep_days))
    for done, run_id in enumerate(found, 1):
        deleted = delete_rows(session, run_id)
        session.commit()
        runs, rows = runs + bool(deleted), rows + deleted
        progress("deleting forecasts", done, len(found))
    return RetireResult(runs, rows)


def retired_runs(session: Session, keep_days: int) -> Iterator[int]:
    """The runs whose rows are of no use any more, oldest first."""
    now = utc_now()
    for grain in GRAINS.values():
        runs = session.scalars(sa.select(ForecastRun).where(ForecastRun.grain == grain.name).order_by(ForecastRun.id))
        issued = [run for run in runs if run.state in ("published", "superseded")]
        if not issued:
            continue
        last = {run.as_of: run.id for run in issued}
        oldest = needed_since(grain, max(last))
        for run in issued:
            if run.state == "superseded" and is_retired(run, last[run.as_of], oldest, now, keep_days):
                yield run.id


def needed_since(grain: Grain, newest: date) -> date:
    """The last period of the oldest run whose forecasts may still be scored: accuracy looks back over some seasons at
    forecasts made as far ahead as there are."""
    looked_at = max(SEASONS * grain.season_length, grain.horizon)
    return grain.shift(newest, -(looked_at + grain.farthest))


def is_retired(run: ForecastRun, last_id: int, oldest: date, now: datetime, keep_days: int) -> bool:
    """Whether a superseded run is of no use any more; `last_id` is the last one of the same last period."""
    if run.id != last_id:
        return run.created_at < now - timedelta(days=OVERTAKEN_DAYS)
    return run.as_of < oldest and run.created_at < now - timedelta(days=keep_days)


def delete_rows(session: Session, run_id: int) -> int:
    """Delete what a run forecast; returns how many forecasts. The caller commits."""
    session.execute(sa.delete(ForecastFactor).where(ForecastFactor.run_id == run_id))
    found = session.execute(sa.delete(ForecastResult).where(ForecastResult.run_id == run_id))
    return cast("sa.CursorResult[Any]", found).rowcount
