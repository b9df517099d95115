"""When the stock is planned anew: after forecasts, and when something that is planned has changed."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.inventory import StockLevel
from ml.db.restock import PlanRun
from ml.db.results import ForecastRun
from ml.grains import GRAINS
from worker.events import (
    Event,
    ForecastPublished,
    JobCancelled,
    JobFailed,
    ModelTrained,
    OrdersAccepted,
    RecordsImported,
)
from worker.models import JobRun
from worker.queues import request_job

PLANNED_BY = ("products", "suppliers", "supplier_products", "places", "stock", "purchase_orders", "job_orders")
"""Data sets that a plan is made of."""

FORECASTS = ("train", "forecast")
"""Kinds of jobs that lead to forecasts."""

AFTER = timedelta(seconds=15)
"""So that several files that come together make one plan."""


def plan_early(session: Session, event_id: int, event: Event) -> None:
    """Ask for a plan at once where none is published that rests on a forecast as fine as the finest that is; to be
    called before the next grain is asked for, whose training may take long."""
    if calls(event) and not is_coming(session, "restock") and can_plan(session) and is_finer(session):
        request_job(session, "restock", {}, dedupe_key=f"event:{event_id}:restock", caused_by=event_id)


def follow(session: Session, event_id: int, event: Event) -> None:
    """Ask for a plan where the event calls for one, stock is counted, and something is forecast.

    Not while another grain is on its way, since what becomes of that one will ask, nor where a plan waits already.
    """
    if not calls(event) or is_coming(session, "restock") or is_coming(session, *FORECASTS):
        return
    if can_plan(session):
        key = f"event:{event_id}:restock"
        request_job(session, "restock", {}, dedupe_key=key, caused_by=event_id, run_after=utc_now() + AFTER)


def calls(event: Event) -> bool:
    """Whether something that is planned has changed, or a forecast came to its end, made or not."""
    if isinstance(event, RecordsImported):
        return event.dataset in PLANNED_BY
    if isinstance(event, JobFailed | JobCancelled):
        return event.kind in FORECASTS
    return isinstance(event, OrdersAccepted | ForecastPublished) or (
        isinstance(event, ModelTrained) and not event.champion
    )


def is_coming(session: Session, *kinds: str) -> bool:
    """Whether a job of these kinds waits, or (forecasts) runs."""
    states = ("queued",) if kinds == ("restock",) else ("queued", "running")
    found = sa.select(JobRun.id).where(JobRun.kind.in_(kinds), JobRun.state.in_(states)).limit(1)
    return session.scalar(found) is not None


def is_finer(session: Session) -> bool:
    """Whether a forecast is published in a finer grain than the published plan rests on; without a plan, any."""
    order = list(GRAINS)  # the coarsest first
    planned = session.scalar(sa.select(PlanRun.grain).where(PlanRun.slot == "stock"))
    forecast = session.scalars(sa.select(ForecastRun.slot).where(ForecastRun.slot.in_(order))).all()
    least = order.index(planned) if planned is not None else -1
    return any(order.index(str(slot)) > least for slot in forecast)


def can_plan(session: Session) -> bool:
    """Whether stock is counted and something is forecast; most installations begin without."""
    counted = session.scalar(sa.select(StockLevel.id).order_by(StockLevel.id).limit(1))
    forecast = session.scalar(sa.select(ForecastRun.id).where(ForecastRun.slot.in_(GRAINS)).limit(1))
    return counted is not None and forecast is not None
