"""Tables of the job system: job runs, the outbox of events, what webhooks are told of them, and keys of requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db import audit
from ml.db.base import Base, unique_where_present, utc_now
from ml.db.types import BigId, Flag, HashKey, Json, LongText, Name, UtcDateTime

JOB_STATES = ("queued", "running", "succeeded", "failed", "cancelled")
FINAL_STATES = ("succeeded", "failed", "cancelled")
DELIVERY_STATES = ("waiting", "delivered", "failed")


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
    request_id: Mapped[str | None] = mapped_column(Name(64), default=audit.request_id)  # of the request it goes back to
    caused_by: Mapped[int | None] = mapped_column(sa.ForeignKey("outbox.id"))  # the event that asked for it


class OutboxEvent(Base):
    """Something that happened, written in the transaction in which it happened.

    A dead letter is a row that is not handled though its tries are used up.
    """

    __tablename__ = "outbox"
    __table_args__ = (sa.Index(None, "handled_at", "id"), sa.Index(None, "name", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Name(80))  # past tense, e.g. SalesImported
    job_id: Mapped[int | None] = mapped_column(sa.BigInteger(), index=True)  # that recorded it; job_runs refers to here
    version: Mapped[int] = mapped_column(sa.Integer(), default=1)
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    request_id: Mapped[str | None] = mapped_column(Name(64), default=audit.request_id)  # of the request it goes back to
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    available_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)  # claimed or waiting until then
    claimed_by: Mapped[str | None] = mapped_column(Name(80))
    handled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(sa.Integer(), default=0)
    error: Mapped[str | None] = mapped_column(LongText)


class IdempotencyKey(Base):
    """A request that may be sent again under its key, and its answer once it succeeded.

    Row, answer, and what the request wrote are committed together. The answer is encrypted with the key itself,
    of which only a hash is here.
    """

    __tablename__ = "idempotency_keys"

    key: Mapped[bytes] = mapped_column(HashKey, primary_key=True)  # hash_key("idempotency", caller, key)
    request_hash: Mapped[str] = mapped_column(Name(64))
    status: Mapped[int | None] = mapped_column(sa.Integer())
    answer: Mapped[str | None] = mapped_column(LongText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)


class WebhookEndpoint(Base):
    """An address that is told of events. The secrets that sign are encrypted; of two, the older one ends at a time."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    url: Mapped[str] = mapped_column(Name(500))
    description: Mapped[str] = mapped_column(Name(250), default="")
    events: Mapped[list[str]] = mapped_column(Json)
    active: Mapped[bool] = mapped_column(Flag, default=True)
    secret: Mapped[str] = mapped_column(LongText)
    old_secret: Mapped[str | None] = mapped_column(LongText)
    old_secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(Name(120), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class WebhookDelivery(Base):
    """One event on its way to one endpoint: its body, and how the last try ended."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(DELIVERY_STATES), "state"),
        sa.UniqueConstraint("endpoint_id", "event_id", "replay"),
        sa.Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(sa.ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("outbox.id"), index=True)
    replay: Mapped[int] = mapped_column(sa.Integer(), default=0)  # how often it was sent again by hand before
    event: Mapped[str] = mapped_column(Name(40))
    body: Mapped[str] = mapped_column(LongText)
    state: Mapped[str] = mapped_column(Name(16), default="waiting")
    tries: Mapped[int] = mapped_column(sa.Integer(), default=0)
    status: Mapped[int | None] = mapped_column(sa.Integer())  # of the last answer
    error: Mapped[str | None] = mapped_column(LongText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
