"""Reads of jobs: the database row, and while it runs the progress that Redis holds."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import redis
import sqlalchemy as sa
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from worker import progress
from worker.models import FINAL_STATES, JobRun

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobView:
    """A job as it is shown. `total` is 0 while nobody knows how much there is to do."""

    id: int
    kind: str
    queue: str
    arguments: dict[str, Any]
    state: str
    attempt: int
    max_attempts: int
    phase: str
    done: int
    total: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    timings: dict[str, float]
    log_tail: str
    attempts: list[dict[str, Any]]
    result: dict[str, Any] | None
    error: str | None
    requested_by: str

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL_STATES

    @property
    def share(self) -> float | None:
        """How much of the phase is done, from 0 to 1; None where that is unknown."""
        return min(self.done / self.total, 1.0) if self.total else None


def list_jobs(
    session: Session,
    *,
    state: str | None = None,
    kind: str | None = None,
    limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[JobView]:
    """Jobs, newest first, as the database knows them."""
    query = sa.select(JobRun)
    if state:
        query = query.where(JobRun.state == state)
    if kind:
        query = query.where(JobRun.kind == kind)
    page = newest_first(session, query, JobRun.id, limit, below)
    return Page([view_of(job) for job in page.items], page.next_below)


def job_view(session: Session, client: redis.Redis, job_id: int) -> JobView:
    """One job, with its live progress while it runs; raises NotFoundError."""
    job = session.get(JobRun, job_id)
    if job is None:
        raise NotFoundError(f"there is no job {job_id}.")
    return as_it_runs(client, view_of(job))


def as_it_runs(client: redis.Redis, job: JobView) -> JobView:
    """The same job; one that runs with what Redis knows of it."""
    live = live_progress(client, job) if job.state == "running" else None
    if not live:
        return job
    told = {name: live[name] for name in ("phase", "done", "total") if name in live}
    return replace(job, **told, log_tail="\n".join(live["log"]) if "log" in live else job.log_tail)


def live_progress(client: redis.Redis, job: JobView) -> dict[str, Any] | None:
    """What the running job said last; None where it said nothing or Redis is down."""
    try:
        live = progress.read(client, job.id)
    except RedisError as error:
        log.warning("no live progress of job %s: %s", job.id, error)
        return None
    return live if live and live["attempt"] == job.attempt else None


def view_of(job: JobRun) -> JobView:
    return JobView(
        id=job.id,
        kind=job.kind,
        queue=job.queue,
        arguments=job.arguments,
        state=job.state,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        phase=job.phase,
        done=job.done,
        total=job.total,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        timings=job.timings or {},
        log_tail=job.log_tail or "",
        attempts=job.attempts or [],
        result=job.result,
        error=job.error,
        requested_by=job.requested_by,
    )
