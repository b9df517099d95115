"""Load an uploaded file into the sales."""

from __future__ import annotations

from typing import Any

from ml.pipelines.ingest import load_import, mark_failed
from sqlalchemy.orm import Session

from ml.db.imports import Import
from worker.context import JobContext
from worker.events import SalesImported


def run(ctx: JobContext, import_id: int) -> dict[str, Any]:
    """Load it; when that changed no sales, nothing follows."""
    with ctx.session() as session:
        result = load_import(session, ctx.store, import_id, ctx.progress)
        return ctx.succeed(session, result.as_dict(), *_events(session, import_id))


def on_failure(session: Session, arguments: dict[str, Any], message: str) -> None:
    """The import shows what its job failed of."""
    mark_failed(session, arguments["import_id"], message)


def _events(session: Session, import_id: int) -> list[SalesImported]:
    done = session.get_one(Import, import_id)
    if not done.rows_loaded or done.first_date is None or done.last_date is None:
        return []
    return [SalesImported(import_id, done.first_date, done.last_date, done.rows_loaded)]
