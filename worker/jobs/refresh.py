"""Bring the sales totals of some days, or of all, up to date."""

from __future__ import annotations

from datetime import date
from typing import Any

from ml.pipelines.refresh import refresh_aggregates
from worker.context import JobContext
from worker.events import AggregatesRefreshed


def run(ctx: JobContext, since: str | None = None, until: str | None = None) -> dict[str, Any]:
    """Refresh from `since` to `until` (ISO dates, inclusive); without either, from the first or to the last day."""
    first, last = _day(since), _day(until)
    with ctx.session() as session:
        result = refresh_aggregates(session, first, last, ctx.progress)
        return ctx.succeed(session, result.as_dict(), AggregatesRefreshed(first, last))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
