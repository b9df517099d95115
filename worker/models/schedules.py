"""Tables of what runs by the clock: schedules, the ledger of the runs that they promised, and who leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, utc_now
from ml.db.types import BigId, Flag, Json, Name, UtcDateTime

CATCH_UPS = ("latest", "all", "none")
PROMISE_STATES = ("owed", "started", "published", "failed", "skipped", "missed")


class Schedule(Base):
    """A job that is due at each slot of a cron expression, in a time zone.

    A slot that passed while nobody looked is made up for within `catch_up_minutes`: the `latest` one only, `all`, or
    `none`. Up to `jitter_seconds` are added to each slot, always the same ones. `late_after_minutes` is when a run that
    has not ended counts as late. Slots before `effective_from` were never promised.
    """

    __tablename__ = "schedules"
    __table_args__ = (sa.CheckConstraint(sa.column("catch_up").in_(CATCH_UPS), "catch_up"),)

    id: Mapped[str] = mapped_column(Name(80), primary_key=True)
    cron: Mapped[str] = mapped_column(Name(120))
    timezone: Mapped[str] = mapped_column(Name(64))
    kind: Mapped[str] = mapped_column(Name(40))
    arguments: Mapped[dict[str, Any]] = mapped_column(Json)
    jitter_seconds: Mapped[int] = mapped_column(sa.Integer(), default=0)
    catch_up: Mapped[str] = mapped_column(Name(16), default="latest")
    catch_up_minutes: Mapped[int] = mapped_column(sa.Integer(), default=60)
    late_after_minutes: Mapped[int] = mapped_column(sa.Integer(), default=60)
    paused: Mapped[bool] = mapped_column(Flag, default=False)
    effective_from: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class PromisedRun(Base):
    """A slot of a schedule, written down before it is due, and what became of it.

    `owed` until its job runs, `started` while that and what follows from it run, then `published` or `failed`;
    `skipped` where the policy or a pause passed it over, `missed` where nobody looked in time. `expected` and
    `delivered` count series, where the run forecasts. `schedule_id` is `source:<id>` for the pulls of a source, and
    outlives its schedule.
    """

    __tablename__ = "promised_runs"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(PROMISE_STATES), "state"),
        sa.UniqueConstraint("schedule_id", "slot"),
        sa.Index(None, "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    schedule_id: Mapped[str] = mapped_column(Name(80))
    slot: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(Name(16), default="owed")
    job_id: Mapped[int | None] = mapped_column(sa.ForeignKey("job_runs.id"), index=True)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expected: Mapped[int | None] = mapped_column(sa.Integer())
    delivered: Mapped[int | None] = mapped_column(sa.Integer())
    note: Mapped[str] = mapped_column(Name(500), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class Lease(Base):
    """Which process leads. `token` is the fence: it grows with each change of leader, and a leader whose token is not
    the row's any more may commit nothing. `beat` grows while the leader lives, so that clocks need not agree."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(Name(40), primary_key=True)
    holder: Mapped[str] = mapped_column(Name(120), default="")
    token: Mapped[int] = mapped_column(sa.BigInteger(), default=0)
    beat: Mapped[int] = mapped_column(sa.BigInteger(), default=0)
