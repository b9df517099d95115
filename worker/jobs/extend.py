"""Forecast more periods than the published run has."""

from __future__ import annotations

from typing import Any

from ml.pipelines.extend import extend
from worker.context import JobContext
from worker.events import ForecastExtended


def run(ctx: JobContext, run_id: int, periods: int) -> dict[str, Any]:
    """Let a run reach `periods` ahead; where that changes nothing, nothing is told."""
    with ctx.session() as session:
        result = extend(session, ctx.store, run_id, periods, ctx.progress)
        events = [ForecastExtended(run_id, result.grain, result.horizon)] if result.rows else []
        return ctx.succeed(session, result.as_dict(), *events)
