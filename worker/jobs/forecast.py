"""Forecast all series of a grain with its champion."""

from __future__ import annotations

from typing import Any

from ml.errors import ArtifactError
from ml.etl.holidays import keep_holidays
from ml.pipelines.forecast import forecast
from ml.registry import champion
from worker.context import JobContext
from worker.events import ForecastPublished, ModelRefused, record


def run(ctx: JobContext, grain: str, horizon: int) -> dict[str, Any]:
    """Forecast `horizon` periods and publish them. A champion that cannot be loaded is trained anew."""
    with ctx.session() as session:
        keep_holidays(session, ctx.settings.ml.holidays)
        try:
            result = forecast(session, ctx.store, grain, horizon, ctx.progress)
        except ArtifactError as error:
            session.rollback()
            record(session, ModelRefused(grain, champion(session, grain).id, str(error)), ctx.job_id)
            session.commit()
            raise
        return ctx.succeed(session, result.as_dict(), ForecastPublished(result.run_id, grain, result.series))
