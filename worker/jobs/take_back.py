"""Take an import back."""

from __future__ import annotations

from typing import Any

from ml.etl.datasets import SALES
from ml.pipelines.take_back import TakeBackResult, take_back
from worker.context import JobContext
from worker.events import AggregatesRefreshed, Event, RecordsImported, SalesTakenBack
from worker.models import JobRun


def run(ctx: JobContext, import_id: int) -> dict[str, Any]:
    """Undo it in the name of who asked for the job; when that changed nothing, nothing follows."""
    with ctx.session() as session:
        user = session.get_one(JobRun, ctx.job_id).requested_by
        result = take_back(session, import_id, user, ctx.progress)
        return ctx.succeed(session, result.as_dict(), *events_of(result))


def events_of(result: TakeBackResult) -> list[Event]:
    """What follows: as after an import, since the rows and totals of some days are others now."""
    changed = result.removed + result.restored
    if not changed:
        return []
    if result.dataset != SALES.name:
        return [RecordsImported(result.import_id, result.dataset, changed)]
    if result.first_date is None or result.last_date is None:
        return []
    return [
        SalesTakenBack(result.import_id, result.first_date, result.last_date, changed),
        AggregatesRefreshed(result.first_date, result.last_date),
    ]
