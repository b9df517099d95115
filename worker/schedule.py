"""What runs by the clock: the schedules that every installation begins with, and all that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Source
from worker.models import Schedule
from worker.pulls import PULLED_KINDS

SCHEDULABLE = (
    "refresh", "clean", "train", "drift", "collect", "restock", "mail_stock", "pull", "digest", "prune_uploads",
    "prune_records", "prune_history",
)  # fmt: skip
"""Kinds of jobs that may run by the clock: those that need nobody to give them a file."""

LEASE = "scheduler"
"""The lease of the process that looks at the clock."""

SOURCE = "source:"
"""What the ids of the schedules of sources begin with."""


@dataclass(frozen=True)
class Scheduled:
    """A schedule that is there from the beginning; people may change and pause it, but not remove it."""

    id: str
    cron: str
    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)
    late_after_minutes: int = 60


SCHEDULE: tuple[Scheduled, ...] = (
    Scheduled("nightly-refresh", "0 2 * * *", "refresh", late_after_minutes=180),
    Scheduled("prune-uploads", "0 4 * * *", "prune_uploads"),
    Scheduled("nightly-receivables", "0 5 * * mon-sat", "collect", late_after_minutes=120),
    Scheduled("retrain-receivables", "0 5 * * sun", "collect", {"retrain": True}, 180),
    Scheduled("prune-records", "30 4 * * *", "prune_records"),
    Scheduled("daily-stock-plan", "30 5 * * *", "restock", late_after_minutes=120),
    Scheduled("prune-history", "0 5 * * *", "prune_history"),
    Scheduled("daily-digest", "0 7 * * *", "digest"),
    Scheduled("daily-stock-report", "0 6 * * *", "mail_stock", late_after_minutes=120),
    Scheduled("weekly-retrain", "0 3 * * sun", "train", {"grain": "monthly"}, 360),
    Scheduled("retrain-weekly-forecasts", "0 3 * * mon", "train", {"grain": "weekly"}, 360),
    Scheduled("retrain-daily-forecasts", "0 3 * * tue,fri", "train", {"grain": "daily"}, 360),
)
"""Ids are part of the keys that keep a slot from running twice: never give one to another job."""

BUILT_IN = frozenset(scheduled.id for scheduled in SCHEDULE)


def add_missing(session: Session, timezone: str, now: datetime) -> None:
    """Add those of SCHEDULE that the table does not hold yet, in this time zone; the caller commits."""
    there = set(session.scalars(sa.select(Schedule.id)))
    session.add_all(
        Schedule(
            id=one.id, cron=one.cron, timezone=timezone, kind=one.kind, arguments=one.arguments,
            late_after_minutes=one.late_after_minutes, effective_from=now, created_at=now,
        )
        for one in SCHEDULE
        if one.id not in there
    )  # fmt: skip
    session.flush()


def is_forecast(arguments: Mapping[str, Any], grains: Sequence[str]) -> bool:
    """Whether a job concerns a grain that is forecast here, or no grain."""
    return arguments.get("grain") in (None, *grains)


def active_schedules(session: Session, timezone: str, grains: Sequence[str]) -> list[Schedule]:
    """All that promise runs now: what is not paused, and the sources that are pulled by the clock (their times are
    meant in `timezone`). Those of sources are no rows."""
    rows = session.scalars(sa.select(Schedule).where(~Schedule.paused).order_by(Schedule.id))
    return [row for row in rows if is_forecast(row.arguments, grains)] + pulled_sources(session, timezone)


def pulled_sources(session: Session, timezone: str) -> list[Schedule]:
    """The schedules of sources. What passed before a source was saved was never promised."""
    pulled = sa.select(Source).where(Source.cron != "", Source.active, Source.kind.in_(PULLED_KINDS))
    return [
        Schedule(
            id=f"{SOURCE}{source.id}", cron=source.cron, timezone=timezone, kind="pull",
            arguments={"source_id": source.id}, jitter_seconds=0, catch_up="latest", catch_up_minutes=60,
            late_after_minutes=120, paused=False, effective_from=source.updated_at, created_at=source.updated_at,
        )
        for source in session.scalars(pulled.order_by(Source.id))
    ]  # fmt: skip
