"""A job and what followed from it: events that it recorded, the jobs that these called for, and so on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.results import ForecastResult, ForecastRun
from worker.models import FINAL_STATES, JobRun, OutboxEvent

FOLLOWED = ("pull", "ingest", "refresh", "clean", "train", "forecast")
"""Kinds that are steps towards a forecast. What only reports on it, or tells others, belongs to no chain."""

LONGEST = 12
"""Steps from the first job on: three grains, trained and forecast, and some to spare."""


@dataclass(frozen=True)
class Outcome:
    """How a chain stands, in the words of the ledger. `expected` and `delivered` count the series that its forecasts
    have and those that they cover for their whole horizon; None where it forecast nothing."""

    state: str
    started_at: datetime | None
    ended_at: datetime | None = None
    expected: int | None = None
    delivered: int | None = None
    note: str = ""


def outcome_of(session: Session, job_id: int) -> Outcome:
    """How the chain that begins with a job stands."""
    jobs, waiting = chain_of(session, job_id)
    first = jobs[0]
    if waiting or any(job.state not in FINAL_STATES for job in jobs):
        return Outcome("owed" if first.started_at is None else "started", first.started_at)
    ended = max((job.finished_at for job in jobs if job.finished_at is not None), default=None)
    failed = next((job for job in jobs if job.state != "succeeded"), None)
    note = f"{failed.kind} job {failed.id} {failed.state}: {failed.error or ''}" if failed else ""
    expected, delivered = count_series(session, jobs)
    return Outcome("failed" if failed else "published", first.started_at, ended, expected, delivered, note)


def chain_of(session: Session, job_id: int) -> tuple[list[JobRun], bool]:
    """The jobs of the chain, the first one first, and whether an event of it is yet to be handled."""
    jobs, waiting = [session.get_one(JobRun, job_id)], False
    for events, found in steps(session, jobs[0]):
        jobs += found
        waiting = waiting or any(event.handled_at is None for event in events)
    return jobs, waiting


def steps(session: Session, first: JobRun) -> Iterator[tuple[Sequence[OutboxEvent], Sequence[JobRun]]]:
    """Step by step, the events of the jobs before and the jobs that these called for."""
    ids = [first.id]
    for _ in range(LONGEST):
        events = session.scalars(sa.select(OutboxEvent).where(OutboxEvent.job_id.in_(ids))).all()
        if not events:
            return
        called = sa.select(JobRun).where(
            JobRun.caused_by.in_([event.id for event in events]), JobRun.kind.in_(FOLLOWED)
        )
        jobs = session.scalars(called.order_by(JobRun.id)).all()
        yield events, jobs
        ids = [job.id for job in jobs]
        if not ids:
            return


def count_series(session: Session, jobs: Sequence[JobRun]) -> tuple[int | None, int | None]:
    """The series that the forecasts of some jobs have, and those that they cover wholly, counted in the table."""
    ids = [job.result["run_id"] for job in jobs if job.kind == "forecast" and job.result]
    if not ids:
        return None, None
    runs = session.scalars(sa.select(ForecastRun).where(ForecastRun.id.in_(ids))).all()
    return sum(run.series_count for run in runs), sum(covered(session, run) for run in runs)


def covered(session: Session, run: ForecastRun) -> int:
    """The series of which a run holds every period."""
    whole = (
        sa.select(ForecastResult.series_id)
        .where(ForecastResult.run_id == run.id)
        .group_by(ForecastResult.series_id)
        .having(sa.func.count() >= run.horizon)
    )
    return session.scalar(sa.select(sa.func.count()).select_from(whole.subquery())) or 0
