"""How long what is written down about the running of the product is kept, and deleting it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from ml.db.audit import AuditEntry
from ml.settings import read_int
from worker.models import (
    FINAL_STATES,
    Alert,
    IdempotencyKey,
    JobRun,
    Notification,
    OutboxEvent,
    PromisedRun,
    WebhookDelivery,
)

CHUNK = 500
"""Rows that one transaction deletes, so that nobody waits long for it."""


@dataclass(frozen=True)
class Retention:
    """Days that rows are kept for: keys of requests, deliveries and e-mails, jobs with the events around them, promised
    runs, alerts that are over, the audit log, and forecasts that were replaced."""

    keys: int = 2
    deliveries: int = 30
    jobs: int = 180
    promises: int = 400
    alerts: int = 400
    audit: int = 1095
    forecasts: int = 400

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Retention:
        """Read FORECASTLE_KEEP_JOBS_DAYS and its like."""
        return cls(
            keys=read_int(env, "FORECASTLE_KEEP_KEYS_DAYS", cls.keys),
            deliveries=read_int(env, "FORECASTLE_KEEP_DELIVERIES_DAYS", cls.deliveries),
            jobs=read_int(env, "FORECASTLE_KEEP_JOBS_DAYS", cls.jobs),
            promises=read_int(env, "FORECASTLE_KEEP_PROMISES_DAYS", cls.promises),
            alerts=read_int(env, "FORECASTLE_KEEP_ALERTS_DAYS", cls.alerts),
            audit=read_int(env, "FORECASTLE_KEEP_AUDIT_DAYS", cls.audit),
            forecasts=read_int(env, "FORECASTLE_KEEP_FORECASTS_DAYS", cls.forecasts),
        )


def prune(session: Session, keep: Retention, now: datetime) -> dict[str, int]:
    """Delete what was kept for long enough, some rows a transaction; returns how many, by table.

    Rows that others refer to wait until these are gone: a job for the promised runs that it kept, an event for the jobs
    and deliveries that followed from it.
    """
    before = {one.name: now - timedelta(days=getattr(keep, one.name)) for one in fields(keep)}
    asking = aliased(JobRun)
    over = sa.select(Alert.id).where(Alert.resolved_at < before["alerts"])
    steps: tuple[tuple[InstrumentedAttribute[Any], tuple[sa.ColumnElement[bool], ...]], ...] = (
        (IdempotencyKey.key, (IdempotencyKey.created_at < before["keys"],)),
        (WebhookDelivery.id, (WebhookDelivery.created_at < before["deliveries"], WebhookDelivery.state != "waiting")),
        (Notification.id, (Notification.created_at < before["deliveries"], Notification.state != "waiting")),
        (Notification.id, (Notification.alert_id.in_(over),)),
        (Alert.id, (Alert.resolved_at < before["alerts"],)),
        (PromisedRun.id, (PromisedRun.due_at < before["promises"], PromisedRun.state.not_in(("owed", "started")))),
        (
            JobRun.id,
            (
                JobRun.finished_at < before["jobs"],
                JobRun.state.in_(FINAL_STATES),
                ~sa.exists().where(PromisedRun.job_id == JobRun.id),
            ),
        ),
        (
            OutboxEvent.id,
            (
                OutboxEvent.handled_at < before["jobs"],
                ~sa.exists().where(asking.caused_by == OutboxEvent.id),
                ~sa.exists().where(WebhookDelivery.event_id == OutboxEvent.id),
            ),
        ),
        (AuditEntry.id, (AuditEntry.at < before["audit"],)),
    )
    removed: dict[str, int] = {}
    for key, conditions in steps:
        name = key.class_.__tablename__
        removed[name] = removed.get(name, 0) + delete_in_chunks(session, key, conditions)
    return removed


def delete_in_chunks(
    session: Session, key: InstrumentedAttribute[Any], conditions: tuple[sa.ColumnElement[bool], ...]
) -> int:
    """Delete all rows that meet the conditions, and commit after each chunk; returns how many."""
    count = 0
    while ids := session.scalars(sa.select(key).where(*conditions).order_by(key).limit(CHUNK)).all():
        session.execute(sa.delete(key.class_).where(key.in_(ids)), execution_options={"synchronize_session": False})
        session.commit()
        count += len(ids)
    return count
