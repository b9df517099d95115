"""Tables of the job system: job runs and the outbox of events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, unique_where_present, utc_now
from ml.db.types import BigId, Json, LongText, Name, UtcDateTime

JOB_STATES = ("queued", "running", "succeeded", "failed", "cancelled")
FINAL_STATES = ("succeeded", "failed", "cancelled")


class JobRun(Base):
    """One job, from the wish to its end; the truth about it, whatever Redis remembers.

    The row is its own outbox entry: whoever wants a job inserts it, queued and with no
    `dispatched_at`, in the transaction of the change that calls for it; the relay pushes
    it to RQ. `attempt` is the fence: a worker whose attempt is no longer the row's
    may commit nothing.
    """

    __tablename__ = "job_runs"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(JOB_STATES), "state"),
        unique_where_present("uq_job_runs_dedupe_key", "dedupe_key"),
        sa.Index(None, "state", "dispatched_at"),
        sa.Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(Name(40))
    queue: Mapped[str] = mapped_column(Name(40))
    arguments: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(Name(16), default="queued")
    dedupe_key: Mapped[str | None] = mapped_column(Name(120))
    attempt: Mapped[int] = mapped_column(sa.Integer(), default=1)
    max_attempts: Mapped[int] = mapped_column(sa.Integer(), default=3)
    run_after: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    dispatched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    phase: Mapped[str] = mapped_column(Name(120), default="")
    done: Mapped[int] = mapped_column(sa.Integer(), default=0)
    total: Mapped[int] = mapped_column(sa.Integer(), default=0)
    timings: Mapped[dict[str, float] | None] = mapped_column(Json)  # seconds by phase
    log_tail: Mapped[str | None] = mapped_column(LongText)
    attempts: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)  # how each earlier attempt ended
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(LongText)
    requested_by: Mapped[str] = mapped_column(Name(120), default="")
    caused_by: Mapped[int | None] = mapped_column(sa.ForeignKey("outbox.id"))  # the event that asked for it


class OutboxEvent(Base):
    """Something that happened, written in the transaction in which it happened.

    A dead letter is a row that is not handled though its tries are used up.
    """

    __tablename__ = "outbox"
    __table_args__ = (sa.Index(None, "handled_at", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Name(80))  # past tense, e.g. SalesImported
    version: Mapped[int] = mapped_column(sa.Integer(), default=1)
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    available_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)  # claimed or waiting until then
    claimed_by: Mapped[str | None] = mapped_column(Name(80))
    handled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(sa.Integer(), default=0)
    error: Mapped[str | None] = mapped_column(LongText)
