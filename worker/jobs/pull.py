"""Fetch what is new in a source, and load it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ml.pipelines.pull import mark_pull_failed, pull_source
from worker.context import JobContext
from worker.jobs.ingest import events_of


def run(ctx: JobContext, source_id: int, full: bool = False) -> dict[str, Any]:
    """Pull it; when that changed nothing, nothing follows."""
    with ctx.session() as session:
        result = pull_source(
            session,
            ctx.store,
            ctx.settings.ml,
            source_id,
            job_id=ctx.job_id,
            progress=ctx.progress,
            full=full,
        )
        events = events_of(result.loaded) if result.loaded else []
        return ctx.succeed(session, result.as_dict(), *events)


def on_failure(session: Session, arguments: dict[str, Any], message: str) -> None:
    """What was fetched, and not loaded, shows what its job failed of."""
    mark_pull_failed(session, arguments["source_id"], message)
