"""Reads of events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists
from ml.db.catalog import Product
from ml.db.drivers import Event
from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first


def list_events(
    session: Session,
    kind: str = "",
    region: str = "",
    *,
    since: date | None = None,
    until: date | None = None,
    limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[Event]:
    """Events that touch the days from `since` to `until`, newest first."""
    query = sa.select(Event)
    for column, value in ((Event.kind, kind), (Event.region, region)):
        if value:
            query = query.where(column == value)
    if since is not None:
        query = query.where(Event.ends_on >= since)
    if until is not None:
        query = query.where(Event.starts_on <= until)
    return newest_first(session, query, Event.id, limit, below)


def get_event(session: Session, event_id: int) -> Event:
    """One event; raises NotFoundError."""
    found = session.get(Event, event_id)
    if found is None:
        raise NotFoundError(f"there is no event {event_id}.")
    return found


def codes_of(session: Session, events: Sequence[Event]) -> dict[int, str]:
    """The codes of the products that events concern, by their ids."""
    ids = sorted({event.product_id for event in events if event.product_id is not None})
    found: dict[int, str] = {}
    for some in in_lists(ids):
        rows = session.execute(sa.select(Product.id, Product.code).where(Product.id.in_(some)))
        found |= {row.id: row.code for row in rows}
    return found
