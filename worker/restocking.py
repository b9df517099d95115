"""When the stock is planned anew: after forecasts, and when something that is planned has changed."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.inventory import StockLevel
from ml.db.results import ForecastRun
from ml.grains import GRAINS
from worker.events import Event, ForecastPublished, OrdersAccepted, RecordsImported
from worker.models import JobRun
from worker.queues import request_job

PLANNED_BY = ("products", "suppliers", "supplier_products", "places", "stock", "purchase_orders", "job_orders")
"""Data sets that a plan is made of."""

AFTER = timedelta(seconds=15)
"""So that several files that come together make one plan."""


def follow(session: Session, event_id: int, event: Event) -> None:
    """Ask for a plan where the event calls for one, stock is counted, and something is forecast.

    Not while another grain is on its way, since that one's forecast will ask, nor where a plan waits already.
    """
    by_records = isinstance(event, RecordsImported) and event.dataset in PLANNED_BY
    if not by_records and not isinstance(event, OrdersAccepted) and not isinstance(event, ForecastPublished):
        return
    if is_coming(session, "restock") or is_coming(session, "train", "forecast"):
        return
    if can_plan(session):
        key = f"event:{event_id}:restock"
        request_job(session, "restock", {}, dedupe_key=key, caused_by=event_id, run_after=utc_now() + AFTER)


def is_coming(session: Session, *kinds: str) -> bool:
    """Whether a job of these kinds waits, or (forecasts) runs."""
    states = ("queued",) if kinds == ("restock",) else ("queued", "running")
    found = sa.select(JobRun.id).where(JobRun.kind.in_(kinds), JobRun.state.in_(states)).limit(1)
    return session.scalar(found) is not None


def can_plan(session: Session) -> bool:
    """Whether stock is counted and something is forecast; most installations begin without."""
    counted = session.scalar(sa.select(StockLevel.id).order_by(StockLevel.id).limit(1))
    forecast = session.scalar(sa.select(ForecastRun.id).where(ForecastRun.slot.in_(GRAINS)).limit(1))
    return counted is not None and forecast is not None
