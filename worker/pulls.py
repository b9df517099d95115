"""Asking for pulls: one at a time for a source."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from worker.models import FINAL_STATES, JobRun
from worker.queues import request_job

PULLED_KINDS = ("sql", "http")


def request_pull(
    session: Session,
    source_id: int,
    *,
    full: bool = False,
    dry_run: bool = False,
    requested_by: str = "",
    dedupe_key: str | None = None,
) -> JobRun:
    """Add the job that pulls a source, or with `dry_run` only says what a pull would do; the caller commits.

    While such a job runs or waits, that one is returned. A dry run changes nothing, so it keeps no pull waiting.
    """
    chosen = {"full": full, "dry_run": dry_run}
    arguments = {"source_id": source_id, **{name: True for name, value in chosen.items() if value}}
    if (running := running_pull(session, source_id, dry_run=dry_run)) is not None:
        return running
    return request_job(session, "pull", arguments, requested_by=requested_by, dedupe_key=dedupe_key)


def running_pull(session: Session, source_id: int, *, dry_run: bool) -> JobRun | None:
    """The pull of a source, or the dry run of one, that runs or waits."""
    unfinished = sa.select(JobRun).where(JobRun.kind == "pull", JobRun.state.not_in(FINAL_STATES))
    wanted = (source_id, dry_run)
    found = (
        job
        for job in session.scalars(unfinished)
        if (job.arguments.get("source_id"), job.arguments.get("dry_run", False)) == wanted
    )
    return next(found, None)
