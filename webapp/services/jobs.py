"""Jobs as people steer them: stopped, and asked for again."""

from __future__ import annotations

import logging
from collections.abc import Collection

import sqlalchemy as sa
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from ml.db import audit
from ml.errors import ConflictError, NotFoundError
from worker import heartbeats, lifecycle
from worker.lifecycle import Attempt
from worker.models import FINAL_STATES, JobRun
from worker.queues import request_job

log = logging.getLogger(__name__)


def cancel_job(session: Session, client: Redis, job_id: int, user: str) -> None:
    """Stop a job; commits. From then on nothing of it can be committed, and its process is ended within seconds.

    Raises NotFoundError, and ConflictError where it has ended already.
    """
    job = get_job(session, job_id)
    if not lifecycle.cancel(session, job_id, user):
        raise ConflictError(f"job {job_id} has ended already ({job.state}); there is nothing to cancel.")
    audit.record(session, "cancel", "job", job_id, before={"state": job.state})
    session.commit()
    try:
        heartbeats.cancel(client, Attempt(job_id, job.attempt).key)
    except RedisError as error:
        log.warning("job %s is cancelled; its process was not told, and ends at its next commit: %s", job_id, error)


def retry_job(session: Session, job_id: int, user: str) -> JobRun:
    """Ask for a job again that failed or was cancelled, as a new one; commits.

    Raises NotFoundError, and ConflictError where it has not ended, or succeeded.
    """
    job = get_job(session, job_id)
    if job.state not in FINAL_STATES or job.state == "succeeded":
        raise ConflictError(f"job {job_id} is {job.state}; only one that failed or was cancelled can be tried again.")
    again = request_job(session, job.kind, job.arguments, requested_by=user)
    audit.record(session, "retry", "job", job_id, after={"job_id": again.id})
    session.commit()
    return again


def retry_jobs(session: Session, ids: Collection[int], user: str) -> int:
    """Ask again for those of some jobs that failed or were cancelled; commits. Returns how many that were."""
    again = sa.select(JobRun).where(JobRun.id.in_(ids), JobRun.state.in_(("failed", "cancelled"))).order_by(JobRun.id)
    jobs = session.scalars(again).all()
    for job in jobs:
        new = request_job(session, job.kind, job.arguments, requested_by=user)
        audit.record(session, "retry", "job", job.id, after={"job_id": new.id})
    session.commit()
    return len(jobs)


def get_job(session: Session, job_id: int) -> JobRun:
    """A job; raises NotFoundError."""
    job = session.get(JobRun, job_id)
    if job is None:
        raise NotFoundError(f"there is no job {job_id}.")
    return job
