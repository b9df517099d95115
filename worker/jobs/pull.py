"""Fetch what is new in a source, and load it or try it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ml.pipelines.pull import mark_pull_failed, pull_source
from worker.context import JobContext
from worker.jobs.ingest import events_of
from worker.models import JobRun


def run(ctx: JobContext, source_id: int, full: bool = False, dry_run: bool = False) -> dict[str, Any]:
    """Pull it in the name of who asked for the job; when that changed nothing, nothing follows."""
    with ctx.session() as session:
        result = pull_source(
            session,
            ctx.store,
            ctx.settings.ml,
            source_id,
            job_id=ctx.job_id,
            progress=ctx.progress,
            full=full,
            dry_run=dry_run,
            requested_by=session.get_one(JobRun, ctx.job_id).requested_by,
        )
        events = events_of(result.loaded) if result.loaded else []
        return ctx.succeed(session, result.as_dict(), *events)


def on_failure(session: Session, arguments: dict[str, Any], message: str) -> None:
    """What was fetched, and not loaded, shows what its job failed of; what was only tried out stays as it was."""
    if arguments.get("dry_run"):
        return
    mark_pull_failed(session, arguments["source_id"], message)
