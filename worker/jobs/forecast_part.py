"""Help with a forecast run that was split into partitions."""

from __future__ import annotations

from typing import Any

from ml.db.results import ForecastRun
from ml.errors import ConflictError
from ml.pipelines.claims import claim_next, standing
from ml.pipelines.parts import forecast_partition
from worker.context import JobContext
from worker.lifecycle import is_wanted


def run(ctx: JobContext, run_id: int) -> dict[str, Any]:
    """Forecast one partition after the other, as long as any is owed and the job that began the run is wanted."""
    done = 0
    with ctx.session() as session:
        forecast_run = session.get_one(ForecastRun, run_id)
        while is_wanted(session, int(forecast_run.wish or 0)):
            claim = claim_next(session, run_id, ctx.key)
            if claim is None:
                break
            try:
                forecast_partition(session, ctx.store, forecast_run, claim, ctx.progress)
            except ConflictError:
                if standing(session, run_id).wanted:
                    raise
                break  # a later run has begun: there is nothing to help with
            done += 1
    return {"run_id": run_id, "partitions": done}
