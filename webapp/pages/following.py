"""What is going on, for pages that follow it live: jobs with their progress, and when to stop following."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import redis
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.imports import Import
from webapp.pages.render import version_of
from webapp.queries.follow_ups import follow_ups
from webapp.queries.imports import jobs_of_import
from webapp.queries.jobs import JobView, as_it_runs, job_view

PATIENCE = timedelta(minutes=5)
"""How long a page waits for follow-up jobs that nobody has asked for yet."""

ENDED = {"loaded", "undone"}
"""States of an import that totals and forecasts follow."""


@dataclass(frozen=True)
class ImportProgress:
    """The jobs of an import and those that it led to, in order, and whether more is to come."""

    jobs: list[JobView]
    following: bool

    @property
    def version(self) -> str:
        """Changes whenever the page would look different."""
        return version_of_jobs(self.jobs, self.following)

    @property
    def running(self) -> bool:
        """Whether the import itself is being loaded or taken back."""
        return bool(self.jobs) and self.jobs[0].kind in {"ingest", "pull", "take_back"} and not self.jobs[0].finished

    @property
    def forecast_ready(self) -> bool:
        """Whether the new sales are in the forecast that readers see."""
        return any(job.kind == "forecast" and job.state == "succeeded" for job in self.jobs)


def import_progress(session: Session, client: redis.Redis, row: Import) -> ImportProgress:
    """How far an import is, down to the forecast that it leads to."""
    started = jobs_of_import(session, row.id)[:1]
    ids = [*started, *(follow_ups(session, started[0]) if started and row.state in ENDED else [])]
    jobs = [job_view(session, client, job_id) for job_id in ids]
    return ImportProgress(jobs, is_following(row, jobs))


def is_following(row: Import, jobs: Sequence[JobView]) -> bool:
    """Whether an import's page has something to wait for."""
    if row.state in {"queued", "running"} or any(not job.finished for job in jobs):
        return True
    if row.state not in ENDED or not row.rows_loaded:
        return False
    ended = any(job.kind == "forecast" or job.state != "succeeded" for job in jobs)
    since = row.undone_at or row.finished_at
    return not ended and since is not None and utc_now() - since < PATIENCE


def with_progress(client: redis.Redis, jobs: Iterable[JobView]) -> list[JobView]:
    """The same jobs; those that run with what Redis knows of them."""
    return [as_it_runs(client, job) for job in jobs]


def version_of_jobs(jobs: Iterable[JobView], *rest: object) -> str:
    """Changes whenever one of the jobs does."""
    return version_of([(job.id, job.state, job.attempt, job.phase, job.done, job.total) for job in jobs], rest)
