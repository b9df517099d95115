"""Follows an import on the terminal, down to the forecast that it leads to."""

from __future__ import annotations

import time
from typing import Any

import click
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from ml.db.session import create_sessions, reading
from webapp.cli.progress_line import ProgressLine, label
from webapp.extensions import db, redis_client
from webapp.queries.follow_ups import follow_ups
from webapp.queries.jobs import JobView, job_view
from worker import health

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 30
"""How long a job may wait while no worker is seen; starting one takes a few seconds."""


def follow_import(job_id: int) -> None:
    """Show the jobs that an import leads to until the forecast is published.

    Raises ClickException with the error of a job that fails, or where nothing is there to run it.
    """
    sessions, client, progress = create_sessions(db.engine), redis_client(), ProgressLine()
    waiting_since = time.monotonic()
    while True:
        with reading(sessions) as session:
            jobs = chain(session, client, job_id)
        for job in jobs:
            progress.show(job)
            if job.state in {"failed", "cancelled"}:
                progress.clear()
                raise click.ClickException(f"{label(job)} failed (job {job.id}): {job.error or job.state}")
        if is_complete(jobs):
            return
        waiting_since = seen_at(jobs[-1], client, progress, waiting_since)
        time.sleep(POLL_SECONDS)


def follow_job(job_id: int) -> dict[str, Any]:
    """Show one job until it is done; returns its result. Raises ClickException where it fails or nothing runs it."""
    sessions, client, progress = create_sessions(db.engine), redis_client(), ProgressLine()
    waiting_since = time.monotonic()
    while True:
        with reading(sessions) as session:
            job = job_view(session, client, job_id)
        progress.show(job)
        if job.state == "succeeded":
            return job.result or {}
        if job.finished:
            progress.clear()
            raise click.ClickException(f"{label(job)} failed (job {job.id}): {job.error or job.state}")
        waiting_since = seen_at(job, client, progress, waiting_since)
        time.sleep(POLL_SECONDS)


def seen_at(job: JobView, client: Redis, progress: ProgressLine, before: float) -> float:
    """When a worker was last seen; raises ClickException where that is too long ago."""
    if job.state == "running" or worker_seen(client):
        return time.monotonic()
    if time.monotonic() - before > PATIENCE_SECONDS:
        progress.clear()
        raise click.ClickException("no worker is running, so it waits. Start everything with: make run")
    return before


def chain(session: Session, client: Redis, job_id: int) -> list[JobView]:
    """The job, and those that followed from it, up to the first that is not done."""
    jobs = [job_view(session, client, job_id)]
    if jobs[0].state == "succeeded":
        for following in follow_ups(session, job_id):
            jobs.append(job_view(session, client, following))
            if jobs[-1].state != "succeeded":
                break
    return jobs


def is_complete(jobs: list[JobView]) -> bool:
    """Whether the forecast is out, or nothing new was loaded that could change it."""
    first, last = jobs[0], jobs[-1]
    if first.state == "succeeded" and not (first.result or {}).get("rows_loaded"):
        return True
    return last.kind == "forecast" and last.state == "succeeded"


def worker_seen(client: Redis) -> bool:
    """Whether a worker reported lately; False while Redis is down."""
    try:
        return health.seen(client, "worker")
    except RedisError:
        return False
