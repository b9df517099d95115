"""Reads of the stream of events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from worker.models import JobRun, OutboxEvent
from worker.outbox import MAX_TRIES

STATES = ("waiting", "handled", "dead")


@dataclass(frozen=True)
class EventView:
    """An event on its way to its handlers. `led_to` are the jobs that it called for."""

    id: int
    name: str
    version: int
    payload: dict[str, Any]
    state: str
    job_id: int | None
    led_to: list[int]
    tries: int
    error: str | None
    created_at: datetime
    handled_at: datetime | None


def list_stream(
    session: Session, name: str = "", state: str = "", limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[EventView]:
    """Events, newest first."""
    query = sa.select(OutboxEvent)
    if name:
        query = query.where(OutboxEvent.name == name)
    if state:
        query = query.where(in_state(state))
    page = newest_first(session, query, OutboxEvent.id, limit, below)
    led_to = jobs_of(session, [row.id for row in page.items])
    return Page([view_of(row, led_to.get(row.id, [])) for row in page.items], page.next_below)


def stream_event(session: Session, event_id: int) -> EventView:
    """One event; raises NotFoundError."""
    row = session.get(OutboxEvent, event_id)
    if row is None:
        raise NotFoundError(f"there is no event {event_id} in the stream.")
    return view_of(row, jobs_of(session, [event_id]).get(event_id, []))


def count_states(session: Session) -> dict[str, int]:
    """How many events wait, and how many are dead letters; those that are handled are not counted."""
    return {
        state: session.scalar(sa.select(sa.func.count()).select_from(OutboxEvent).where(in_state(state))) or 0
        for state in ("waiting", "dead")
    }


def in_state(state: str) -> sa.ColumnElement[bool]:
    """The condition of a state."""
    if state == "handled":
        return OutboxEvent.handled_at.is_not(None)
    used_up = OutboxEvent.tries >= MAX_TRIES if state == "dead" else OutboxEvent.tries < MAX_TRIES
    return sa.and_(OutboxEvent.handled_at.is_(None), used_up)


def jobs_of(session: Session, event_ids: list[int]) -> dict[int, list[int]]:
    """The jobs that some events called for."""
    found: dict[int, list[int]] = {}
    if event_ids:
        query = sa.select(JobRun.caused_by, JobRun.id).where(JobRun.caused_by.in_(event_ids)).order_by(JobRun.id)
        for event_id, job_id in session.execute(query):
            found.setdefault(event_id or 0, []).append(job_id)
    return found


def view_of(row: OutboxEvent, led_to: list[int]) -> EventView:
    state = "handled" if row.handled_at else "dead" if row.tries >= MAX_TRIES else "waiting"
    return EventView(
        row.id, row.name, row.version, row.payload, state, row.job_id, led_to, row.tries, row.error, row.created_at,
        row.handled_at,
    )  # fmt: skip
