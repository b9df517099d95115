"""Reads of what runs by the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from worker.models import JobRun
from worker.schedule import SCHEDULE
from worker.slots import next_time


@dataclass(frozen=True)
class ScheduleView:
    """A schedule, and when it is due."""

    id: str
    cron: str
    timezone: str
    kind: str
    arguments: dict[str, Any]
    next_run_at: datetime | None


def list_schedules(zone: ZoneInfo, now: datetime) -> list[ScheduleView]:
    """All schedules, in the zone that their times are meant in."""
    found = []
    for scheduled in SCHEDULE:
        when = next_time(scheduled.cron, zone, now)
        found.append(
            ScheduleView(scheduled.id, scheduled.cron, zone.key, scheduled.kind, dict(scheduled.arguments), when)
        )
    return found


@dataclass(frozen=True)
class LastRun:
    """The job that a schedule asked for last."""

    job_id: int
    state: str
    created_at: datetime


def last_runs(session: Session) -> dict[str, LastRun]:
    """The last job of each schedule's own times, by its id; what was run by hand is not among them."""
    named = (JobRun.dedupe_key.startswith(f"{scheduled.id}:", autoescape=True) for scheduled in SCHEDULE)
    newest = sa.select(*(sa.func.max(sa.case((mine, JobRun.id))).label(f"id{at}") for at, mine in enumerate(named)))
    ids = session.execute(newest.where(JobRun.requested_by == "schedule")).one()
    query = sa.select(JobRun).where(JobRun.id.in_([job_id for job_id in ids if job_id is not None]))
    jobs = {job.id: LastRun(job.id, job.state, job.created_at) for job in session.scalars(query)}
    return {scheduled.id: jobs[job_id] for scheduled, job_id in zip(SCHEDULE, ids, strict=True) if job_id is not None}
