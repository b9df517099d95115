"""Takes events from the outbox to their handlers: at least once, none lost, and one that fails alone."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ml import logs
from ml.db import audit
from ml.db.base import utc_now
from ml.db.session import reading
from worker import handlers
from worker.chain import Chain
from worker.errors import UnknownEventError
from worker.events import restore
from worker.models import OutboxEvent

log = logging.getLogger(__name__)

BATCH = 100
TOGETHER = 25
"""So many are handled in one transaction, which saves a third of the work; where one fails, each in one of its own."""

LEASE = timedelta(seconds=15)
"""How long a claim holds; the events of a relay that died are claimable again after that. One that is slower than that
may lose them to another, which it notices in the transaction that would handle them."""

UPGRADE = timedelta(minutes=1)
"""How long an event that this version does not know waits for a relay that does, again and again."""

MAX_TRIES = 5
"""An event that failed so often is a dead letter: it stays, with its error, and is tried no more."""


def process(sessions: sessionmaker[Session], chain: Chain = handlers.ALL_GRAINS) -> int:
    """Handle a batch of waiting events; returns how many were claimed. `chain` says which grains are forecast."""
    token = uuid.uuid4().hex
    events = claim(sessions, token)
    for start in range(0, len(events), TOGETHER):
        some = events[start : start + TOGETHER]
        if not _handle_together(sessions, some, token, chain):
            for event in some:
                _handle(sessions, event, token, chain)
    return len(events)


def claim(sessions: sessionmaker[Session], token: str) -> list[OutboxEvent]:
    """Claim waiting events, oldest first. The condition is checked again by the update itself, so that of
    two relays that saw the same event one gets it."""
    now = utc_now()
    with reading(sessions) as session:
        waiting = sa.select(OutboxEvent.id).where(_claimable(now)).order_by(OutboxEvent.id).limit(BATCH)
        ids = session.scalars(waiting).all()
    if not ids:
        return []
    with sessions() as session:
        session.execute(
            sa.update(OutboxEvent)
            .where(OutboxEvent.id.in_(ids), _claimable(now))
            .values(available_at=now + LEASE, claimed_by=token, tries=OutboxEvent.tries + 1),
            execution_options={"synchronize_session": False},
        )
        session.commit()
    with reading(sessions) as session:
        claimed = sa.select(OutboxEvent).where(OutboxEvent.id.in_(ids), OutboxEvent.claimed_by == token)
        return list(session.scalars(claimed.order_by(OutboxEvent.id)))


def replay(session: Session, event_id: int) -> bool:
    """Let a dead letter be tried again from the start; whether there was one of that id."""
    dead = (OutboxEvent.id == event_id, OutboxEvent.handled_at.is_(None), OutboxEvent.tries >= MAX_TRIES)
    return _update(session, dead, {"tries": 0, "error": None, "available_at": utc_now()}) == 1


def _claimable(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(OutboxEvent.handled_at.is_(None), OutboxEvent.available_at <= now, OutboxEvent.tries < MAX_TRIES)


def _handle_together(sessions: sessionmaker[Session], events: list[OutboxEvent], token: str, chain: Chain) -> bool:
    """Handle some events, all or none of them; whether that worked."""
    mine = (OutboxEvent.id.in_([event.id for event in events]), *_claimed_by(token))
    try:
        with sessions() as session:
            if _update(session, mine, {"handled_at": utc_now(), "error": None}) != len(events):
                return False
            for event in events:
                _call(session, event, chain)
            session.commit()
    except Exception as error:  # noqa: BLE001  (handled again one by one, which tells which of them it was)
        log.info("%s events are handled one by one: %s", len(events), error)
        return False
    return True


def _handle(sessions: sessionmaker[Session], event: OutboxEvent, token: str, chain: Chain) -> None:
    mine = (OutboxEvent.id == event.id, *_claimed_by(token))
    try:
        with sessions() as session:
            if _update(session, mine, {"handled_at": utc_now(), "error": None}):
                _call(session, event, chain)
                session.commit()
    except UnknownEventError as error:
        log.warning("%s", error)
        _put_off(sessions, mine, {"error": str(error), "available_at": utc_now() + UPGRADE, "tries": event.tries - 1})
    except Exception as error:  # whatever a handler raises must not block the events behind it
        log.exception("event %s (%s): try %s of %s failed", event.id, event.name, event.tries, MAX_TRIES)
        until = utc_now() + timedelta(seconds=2**event.tries)
        _put_off(sessions, mine, {"error": f"{type(error).__name__}: {error}", "available_at": until})


def _put_off(sessions: sessionmaker[Session], mine: tuple[sa.ColumnElement[bool], ...], values: dict[str, Any]) -> None:
    with sessions() as session:
        _update(session, mine, values)
        session.commit()


def _call(session: Session, event: OutboxEvent, chain: Chain) -> None:
    with audit.going_back_to(event.request_id), logs.about(event_id=event.id):
        handlers.handle(session, event.id, restore(event), chain)


def _claimed_by(token: str) -> tuple[sa.ColumnElement[bool], ...]:
    return OutboxEvent.claimed_by == token, OutboxEvent.handled_at.is_(None)


def _update(session: Session, where: tuple[sa.ColumnElement[bool], ...], values: dict[str, Any]) -> int:
    statement = sa.update(OutboxEvent).where(*where).values(values)
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("sa.CursorResult[Any]", result).rowcount
