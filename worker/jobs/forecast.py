"""Forecast all series of a grain with its champion."""

from __future__ import annotations

from typing import Any

from ml.pipelines.forecast import forecast
from worker.context import JobContext
from worker.events import ForecastPublished


def run(ctx: JobContext, grain: str, horizon: int) -> dict[str, Any]:
    """Forecast `horizon` periods and publish them."""
    with ctx.session() as session:
        result = forecast(session, ctx.store, grain, horizon, ctx.progress)
        return ctx.succeed(session, result.as_dict(), ForecastPublished(result.run_id, grain, result.series))
