"""Dead letters, handled again."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.errors import ConflictError
from webapp.queries.outbox import in_state, stream_event
from worker import outbox
from worker.models import OutboxEvent

MOST_AT_ONCE = 1000


def replay_event(session: Session, event_id: int) -> None:
    """Let the relay try a dead letter again; commits. Raises NotFoundError, and ConflictError for an event that is no
    dead letter."""
    found = stream_event(session, event_id)
    if not outbox.replay(session, event_id):
        raise ConflictError(f"event {event_id} is {found.state}; only a dead letter can be replayed.")
    audit.record(session, "replay", "event", event_id)
    session.commit()


def replay_dead(session: Session) -> int:
    """Let the relay try all dead letters again, a thousand at most; commits. Returns how many."""
    dead = sa.select(OutboxEvent.id).where(in_state("dead")).order_by(OutboxEvent.id).limit(MOST_AT_ONCE)
    replayed = [event_id for event_id in session.scalars(dead).all() if outbox.replay(session, event_id)]
    for event_id in replayed:
        audit.record(session, "replay", "event", event_id)
    session.commit()
    return len(replayed)
