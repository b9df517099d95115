"""Asking for more periods than the published forecast has."""

from __future__ import annotations

from sqlalchemy.orm import Session

from worker.models import JobRun
from worker.queues import request_job


def request_extension(session: Session, run_id: int | None, periods: int | None, user: str) -> JobRun:
    """Ask once for the job that lets a run reach `periods` ahead, however many callers want that; commits."""
    arguments = {"run_id": run_id, "periods": periods}
    job = request_job(session, "extend", arguments, requested_by=user, dedupe_key=f"run:{run_id}:extend:{periods}")
    session.commit()
    return job
