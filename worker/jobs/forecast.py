"""Forecast all series of a grain with its champion, together with whichever workers are free."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from ml.db.results import ForecastRun
from ml.errors import ArtifactError
from ml.etl.holidays import keep_holidays
from ml.pipelines.forecast import Crew, forecast
from ml.registry import champion
from worker.context import JobContext
from worker.events import ForecastPublished, ModelRefused, record
from worker.lifecycle import is_running
from worker.queues import request_job

HELPERS = 31
"""Jobs that are asked to help with a run at most; each takes one partition after the other."""


def run(ctx: JobContext, grain: str, horizon: int) -> dict[str, Any]:
    """Forecast `horizon` periods and publish them. A champion that cannot be loaded is trained anew."""
    with ctx.session() as session:
        keep_holidays(session, ctx.settings.ml.holidays)
        crew = Crew(
            ctx.key, ctx.settings.ml.partition_series, str(ctx.job_id),
            invite=partial(ask_for_help, session), is_alive=partial(is_running, session),
        )  # fmt: skip
        try:
            result = forecast(session, ctx.store, grain, horizon, ctx.progress, crew=crew)
        except ArtifactError as error:
            session.rollback()
            record(session, ModelRefused(grain, champion(session, grain).id, str(error)), ctx.job_id)
            session.commit()
            raise
        return ctx.succeed(session, result.as_dict(), ForecastPublished(result.run_id, grain, result.series))


def ask_for_help(session: Session, run: ForecastRun, partitions: int) -> None:
    """A job for each partition but one, which this job does itself; they end at once where nothing is left to do."""
    for number in range(1, min(partitions, HELPERS + 1)):
        request_job(session, "forecast_part", {"run_id": run.id}, dedupe_key=f"run:{run.id}:part:{number}")
