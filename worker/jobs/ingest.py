"""Load an uploaded file into the sales."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ml.etl.datasets import SALES
from ml.pipelines.dry_run import dry_run as try_import
from ml.pipelines.ingest import IngestResult, load_import, mark_failed
from worker.context import JobContext
from worker.events import AggregatesRefreshed, Event, RecordsImported, SalesImported


def run(ctx: JobContext, import_id: int, dry_run: bool = False) -> dict[str, Any]:
    """Load it, and when that changed nothing, nothing follows; or only say what loading would do."""
    with ctx.session() as session:
        if dry_run:
            return ctx.succeed(session, try_import(session, ctx.store, import_id, ctx.progress))
        result = load_import(session, ctx.store, import_id, ctx.progress)
        return ctx.succeed(session, result.as_dict(), *events_of(result))


def events_of(result: IngestResult) -> list[Event]:
    """What follows from an import: nothing, where it changed nothing."""
    if not result.rows_loaded:
        return []
    if result.first_date is None or result.last_date is None or result.dataset != SALES.name:
        return [RecordsImported(result.import_id, result.dataset, result.rows_loaded)]
    return [
        SalesImported(result.import_id, result.first_date, result.last_date, result.rows_loaded),
        AggregatesRefreshed(result.first_date, result.last_date),  # in the transaction of the rows
    ]


def on_failure(session: Session, arguments: dict[str, Any], message: str) -> None:
    """The import shows what its job failed of; one that was only tried out stays as it was."""
    if arguments.get("dry_run"):
        return
    mark_failed(session, arguments["import_id"], message)
