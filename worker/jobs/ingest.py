"""Load an uploaded file into the sales."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ml.pipelines.ingest import IngestResult, load_import, mark_failed
from worker.context import JobContext
from worker.events import Event, SalesImported


def run(ctx: JobContext, import_id: int) -> dict[str, Any]:
    """Load it; when that changed no sales, nothing follows."""
    with ctx.session() as session:
        result = load_import(session, ctx.store, import_id, ctx.progress)
        return ctx.succeed(session, result.as_dict(), *events_of(result))


def events_of(result: IngestResult) -> list[Event]:
    """What follows from an import: nothing, where it changed nothing."""
    if not result.rows_loaded:
        return []
    return [SalesImported(result.import_id, result.first_date, result.last_date, result.rows_loaded)]


def on_failure(session: Session, arguments: dict[str, Any], message: str) -> None:
    """The import shows what its job failed of."""
    mark_failed(session, arguments["import_id"], message)
