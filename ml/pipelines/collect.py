"""Collect: predict payments, cash and next orders from the tables, score what was said before, publish all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.bulk import in_lists
from ml.db.receivables import (
    CashForecast,
    CollectRun,
    CustomerRisk,
    NextOrder,
    PaymentPrediction,
    ReceivableFigure,
)
from ml.errors import NotEnoughHistoryError
from ml.pipelines.collect_cash import settle_cash, store_cash
from ml.pipelines.collect_data import Book, read_book, read_orders
from ml.pipelines.collect_models import order_model, payment_model
from ml.pipelines.collect_orders import as_date, settle_orders, store_orders
from ml.pipelines.collect_payments import settle_predictions, store_figures, store_payments, store_risks
from ml.progress import Progress, silent

SLOT = "published"
PARTS = (CashForecast, CustomerRisk, NextOrder, PaymentPrediction, ReceivableFigure)
CURRENT = (CustomerRisk, ReceivableFigure)
"""What only the published run needs."""
KEEP_ALL, KEEP = timedelta(days=35), timedelta(days=400)
"""How long every run is kept for scoring, and how long the first of each month."""


@dataclass(frozen=True)
class CollectResult:
    """What a run made. `skipped` says what could not be done, and why."""

    run_id: int
    as_of: date | None
    invoices: int
    customers: int
    payment_model: str
    settled: int
    ordered: int
    skipped: list[str]

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "as_of": self.as_of.isoformat() if self.as_of else None}


def collect(
    session: Session,
    store: ArtifactStore,
    progress: Progress = silent,
    *,
    retrain: bool = False,
    threads: int = 1,
) -> CollectResult | None:
    """Score all open invoices and all customers, with new models where `retrain` says so or none fits.

    Rows are committed under a run that nobody reads yet; publishing it is left to the caller's commit. None where
    there are neither invoices nor orders of known customers.
    """
    progress("reading invoices")
    book, read = read_book(session), read_orders(session)
    if book is None and read is None:
        return None
    run, skipped = _start(session), list[str]()
    settled = ordered = 0
    if book is not None:
        progress("scoring earlier predictions")
        settled = settle_predictions(session, book)
        settle_cash(session, book)
        _invoices(session, store, (run, book), skipped, progress, retrain=retrain, threads=threads)
    if read is not None:
        orders, ids = read
        ordered = settle_orders(session, orders, ids)
        run.orders_as_of = as_date(orders.end)
        progress("learning when customers order")
        try:
            row, model = order_model(session, store, orders, orders.end, retrain=retrain, threads=threads)
            run.order_model_id = row.id
            run.customers = store_orders(session, run, model, orders, ids)
        except NotEnoughHistoryError as error:
            skipped.append(f"next orders: {error}")
    _publish(session, run)
    chosen = (run.notes or {}).get("model", "")
    return CollectResult(run.id, run.as_of, run.invoices, run.customers, chosen, settled, ordered, skipped)


def _invoices(
    session: Session,
    store: ArtifactStore,
    subject: tuple[CollectRun, Book],
    skipped: list[str],
    progress: Progress,
    *,
    retrain: bool,
    threads: int,
) -> None:
    """Everything that comes from invoices, into the run."""
    run, book = subject
    run.as_of, run.notes = book.day, dict(book.history.ledger.notes)
    store_figures(session, run, book)
    progress("learning when invoices are paid")
    try:
        row, model = payment_model(session, store, book, retrain=retrain, threads=threads)
    except NotEnoughHistoryError as error:
        skipped.append(f"payments: {error}")
        return
    run.payment_model_id, run.notes = row.id, {**run.notes, "model": row.name}
    run.invoices = store_payments(session, run, book, model, progress)
    store_risks(session, run, book, model)
    store_cash(session, run, book, progress)


def _start(session: Session) -> CollectRun:
    """A new run, committed as running; what a broken one left is removed."""
    _remove(session, session.scalars(sa.select(CollectRun.id).where(CollectRun.state == "running")).all())
    run = CollectRun()
    session.add(run)
    session.commit()
    return run


def _publish(session: Session, run: CollectRun) -> None:
    """Put the run in the place of the one that readers see, which is kept for scoring unless it is of the same days."""
    earlier = session.scalars(sa.select(CollectRun).where(CollectRun.slot == SLOT)).one_or_none()
    if earlier is not None:
        earlier.slot, earlier.state = None, "superseded"
        session.flush()
        for entity in CURRENT:
            session.execute(sa.delete(entity).where(entity.run_id == earlier.id))
        told = sa.update(PaymentPrediction).where(PaymentPrediction.run_id == earlier.id)
        session.execute(told.values(curve=None), execution_options={"synchronize_session": False})
        if (earlier.as_of, earlier.orders_as_of) == (run.as_of, run.orders_as_of):
            _remove(session, [earlier.id])
    run.slot, run.state = SLOT, "published"
    session.flush()
    _remove(session, _outdated(session, run))


def _outdated(session: Session, run: CollectRun) -> list[int]:
    """Superseded runs that are not kept: all beyond a year or so, and of older months all but the first."""
    newest = run.as_of or run.orders_as_of
    if newest is None:
        return []
    seen: set[tuple[int, int]] = set()
    found = []
    kept = sa.select(CollectRun).where(CollectRun.state == "superseded").order_by(CollectRun.id)
    for row in session.scalars(kept):
        day = row.as_of or row.orders_as_of or newest
        month = (day.year, day.month)
        if newest - day > KEEP or (newest - day > KEEP_ALL and month in seen):
            found.append(row.id)
        seen.add(month)
    return found


def _remove(session: Session, ids: Sequence[int]) -> None:
    for some in in_lists(ids):
        for entity in PARTS:
            session.execute(sa.delete(entity).where(entity.run_id.in_(some)))
        session.execute(sa.delete(CollectRun).where(CollectRun.id.in_(some)))
