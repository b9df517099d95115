"""Deliveries: planned with the event, tried by jobs, tried again ever later, given up after a day."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from worker.events import Event, JobFailed
from worker.models import OutboxEvent, WebhookDelivery, WebhookEndpoint
from worker.queues import request_job
from worker.webhooks.messages import MESSAGES, message_of

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=4)
LASTS = timedelta(days=1)


def plan(session: Session, event_id: int, event: Event) -> None:
    """Add a delivery of the event for each endpoint that wants it; handled again, none is added twice. Of deliveries
    that fail nobody is told by deliveries: that would feed itself."""
    if type(event) not in MESSAGES or (isinstance(event, JobFailed) and event.kind == "deliver"):
        return
    name, body = message_of(event_id, event, session.get_one(OutboxEvent, event_id).created_at) or ("", "")
    for endpoint in session.scalars(sa.select(WebhookEndpoint).where(WebhookEndpoint.active)):
        if name in endpoint.events:
            deliver(session, WebhookDelivery(endpoint_id=endpoint.id, event_id=event_id, event=name, body=body))


def deliver(session: Session, delivery: WebhookDelivery) -> None:
    """Add a delivery with the job that tries it first; leaves the commit to the caller."""
    delivery.next_try_at = utc_now()
    session.add(delivery)
    session.flush()
    ask(session, delivery, utc_now())


def ask(session: Session, delivery: WebhookDelivery, when: datetime) -> None:
    """Ask for the next try."""
    key = f"delivery:{delivery.id}:{delivery.tries + 1}"
    request_job(session, "deliver", {"delivery_id": delivery.id}, dedupe_key=key, run_after=when)


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many failed tries: twice as long after each."""
    doubled: int = 2 ** (tries - 1)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


def note_delivered(delivery: WebhookDelivery, status: int) -> None:
    """The receiver took it."""
    delivery.tries, delivery.status, delivery.error = delivery.tries + 1, status, None
    delivery.state, delivery.delivered_at, delivery.next_try_at = "delivered", utc_now(), None


def note_failed(session: Session, delivery: WebhookDelivery, status: int | None, error: str) -> None:
    """The receiver did not take it: ask for another try, unless a day is over."""
    delivery.tries, delivery.status, delivery.error = delivery.tries + 1, status, error
    when = utc_now() + pause_after(delivery.tries)
    if when > delivery.created_at + LASTS:
        delivery.state, delivery.next_try_at = "failed", None
        return
    delivery.next_try_at = when
    ask(session, delivery, when)
