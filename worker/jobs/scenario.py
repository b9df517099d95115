"""Forecast a scenario; nobody but its page reads that."""

from __future__ import annotations

from typing import Any

from ml.pipelines.scenario import forecast_scenario
from worker.context import JobContext


def run(ctx: JobContext, scenario_id: int) -> dict[str, Any]:
    """Forecast the series of a scenario under both plans."""
    with ctx.session() as session:
        return ctx.succeed(session, forecast_scenario(session, ctx.store, scenario_id, ctx.progress).as_dict())
