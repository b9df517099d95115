"""Refresh: the aggregates brought up to date with `sales_raw`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from ml.errors import DataError
from ml.etl import aggregate
from ml.progress import Progress, silent


@dataclass(frozen=True)
class RefreshResult:
    """The span that was asked for (None: all), and the aggregate rows written for it."""

    since: date | None
    until: date | None
    daily: int
    weekly: int
    monthly: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        dates = {name: day and day.isoformat() for name, day in (("since", self.since), ("until", self.until))}
        return {**asdict(self), **dates}


def refresh_aggregates(
    session: Session, since: date | None = None, until: date | None = None, progress: Progress = silent
) -> RefreshResult:
    """Rebuild the aggregates of the days from `since` to `until`, both included; the caller commits.

    A limit of None is open: without both, everything is rebuilt. The span is widened to whole weeks and
    months, and the result equals a full rebuild as long as `sales_raw` changed inside the
    span only. Raises DataError for a span that ends before it begins.
    """
    if since and until and until < since:
        raise DataError(f"cannot refresh from {since} until {until}: the end lies before the beginning.")
    span = aggregate.Span(since, until)
    days = span.weeks | span.months
    progress("daily", 0, 4)
    daily = aggregate.rebuild_daily(session, days)
    progress("weekly", 1, 4)
    weekly = aggregate.rebuild_weekly(session, span.weeks)
    progress("monthly", 2, 4)
    monthly = aggregate.rebuild_monthly(session, span.months)
    progress("first and last sales", 3, 4)
    aggregate.update_sale_dates(session, days)
    progress("first and last sales", 4, 4)
    return RefreshResult(since, until, daily, weekly, monthly)
