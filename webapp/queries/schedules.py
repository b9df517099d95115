"""Reads of what runs by the clock, and of the ledger of what it promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from worker.models import PromisedRun, Schedule
from worker.schedule import BUILT_IN, is_forecast
from worker.slots import next_slot


@dataclass(frozen=True)
class ScheduleView:
    """A schedule, when it is due, the last run that it promised and how many runs it owes."""

    id: str
    cron: str
    timezone: str
    kind: str
    arguments: dict[str, Any]
    jitter_seconds: int
    catch_up: str
    catch_up_minutes: int
    late_after_minutes: int
    paused: bool
    built_in: bool
    next_run_at: datetime | None
    last_run: PromisedRun | None
    owed: int


def list_schedules(session: Session, grains: Sequence[str], now: datetime) -> list[ScheduleView]:
    """All schedules of grains that are forecast, those that were there from the beginning first."""
    rows = [row for row in session.scalars(sa.select(Schedule)) if is_forecast(row.arguments, grains)]
    rows.sort(key=lambda row: (row.id not in BUILT_IN, row.id))
    return views_of(session, rows, now)


def schedule_view(session: Session, schedule_id: str, now: datetime) -> ScheduleView:
    """One schedule; raises NotFoundError."""
    return views_of(session, [get_schedule(session, schedule_id)], now)[0]


def get_schedule(session: Session, schedule_id: str) -> Schedule:
    """A schedule; raises NotFoundError."""
    row = session.get(Schedule, schedule_id)
    if row is None:
        raise NotFoundError(f"there is no schedule {schedule_id!r}; GET /api/v1/schedules lists those that there are.")
    return row


def views_of(session: Session, rows: Sequence[Schedule], now: datetime) -> list[ScheduleView]:
    last, owed = last_runs(session, now), owed_runs(session, now)
    columns = ("id", "cron", "timezone", "kind", "arguments", "jitter_seconds", "catch_up", "catch_up_minutes",
               "late_after_minutes", "paused")  # fmt: skip
    return [
        ScheduleView(
            **{name: getattr(row, name) for name in columns},
            built_in=row.id in BUILT_IN,
            next_run_at=None if row.paused else next_slot(row.cron, row.timezone, now),
            last_run=last.get(row.id),
            owed=owed.get(row.id, 0),
        )
        for row in rows
    ]


def last_runs(session: Session, now: datetime) -> dict[str, PromisedRun]:
    """The newest run of each schedule that was due."""
    newest = sa.select(sa.func.max(PromisedRun.id)).where(PromisedRun.due_at <= now).group_by(PromisedRun.schedule_id)
    return {row.schedule_id: row for row in session.scalars(sa.select(PromisedRun).where(PromisedRun.id.in_(newest)))}


def owed_runs(session: Session, now: datetime) -> dict[str, int]:
    """How many runs of each schedule are due and have not ended."""
    query = (
        sa.select(PromisedRun.schedule_id, sa.func.count())
        .where(PromisedRun.state.in_(("owed", "started")), PromisedRun.due_at <= now)
        .group_by(PromisedRun.schedule_id)
    )
    return dict(session.execute(query).all())


def list_runs(
    session: Session,
    schedule_id: str = "",
    state: str = "",
    limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[PromisedRun]:
    """Promised runs, those written down last first."""
    query = sa.select(PromisedRun)
    if schedule_id:
        query = query.where(PromisedRun.schedule_id == schedule_id)
    if state:
        query = query.where(PromisedRun.state == state)
    return newest_first(session, query, PromisedRun.id, limit, below)
