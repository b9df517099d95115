"""What is marked in the chart of a node: its anomalies, and the events that concern all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.drivers import Event
from ml.db.keys import hash_key, normalise
from ml.etl.cleaning.events import concerns
from ml.grains import DAILY, Grain
from webapp.queries.anomalies import AnomalyView, anomalies_of_series
from webapp.queries.nodes import Node


@dataclass(frozen=True)
class Mark:
    """One period of which there is something to say; `kind` is spike, drop or event."""

    period: date
    kind: str
    text: str
    anomaly: AnomalyView | None = None


def marks(session: Session, node: Node, series_id: int | None, grain: Grain, span: tuple[date, date]) -> list[Mark]:
    """The marks of the periods of `span`, first to last, in their order; `series_id` is None where none is stored."""
    first, last = span
    found = [] if series_id is None else anomalies_of_series(session, series_id, grain.name)
    unusual = [Mark(one.period, one.kind, one.reason, one) for one in found if first <= one.period <= last]
    said = [Mark(period, "event", text) for period, text in event_marks(session, node, grain, first, last)]
    return sorted([*unusual, *said], key=lambda one: (one.period, one.kind))


def event_marks(session: Session, node: Node, grain: Grain, first: date, last: date) -> Iterator[tuple[date, str]]:
    """Events by the period that they begin in. Holidays by day alone: each month and week would have one."""
    query = sa.select(Event).where(Event.starts_on <= grain.last_day(last), Event.starts_on >= first)
    if grain is not DAILY:
        query = query.where(Event.kind != "holiday")
    names: dict[str, object] = {**node.params()}
    if node.product:
        product = sa.select(Product.id).where(Product.key == hash_key(normalise(node.product)))
        names["product_id"] = session.scalar(product)
    for event in session.scalars(query.order_by(Event.starts_on, Event.id)):
        if concerns(event, names):
            yield grain.start(event.starts_on), f"{event.kind.capitalize()} {event.name}".strip()
