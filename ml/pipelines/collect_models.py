"""The models of payments and of next orders: trained from the tables, kept as artifacts, loaded where they fit."""

from __future__ import annotations

import hashlib
import io
from datetime import date
from typing import Any, TypeVar

import joblib
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.customers.next_order import NextOrderModel, train_next_order
from ml.customers.orders import Orders
from ml.db.bulk import lock_for_writing
from ml.db.receivables import CollectModel
from ml.errors import ArtifactError
from ml.pipelines.collect_data import Book
from ml.receivables.payment import PaymentModel, Training, train_payment
from ml.registry.libraries import changed_libraries, library_versions

OUTGROWN = 2.0
"""A model that knew less than half of what there is by now is trained anew."""

Model = TypeVar("Model", PaymentModel, NextOrderModel)


def payment_model(
    session: Session, store: ArtifactStore, book: Book, *, retrain: bool, threads: int
) -> tuple[CollectModel, PaymentModel]:
    """The model that serves; trained where there is none that fits, or where asked. Raises NotEnoughHistoryError."""
    known = int((book.history.settled < book.number).sum())
    row = serving(session, "payment")
    if not retrain and row is not None and known < OUTGROWN * row.row_count:
        loaded = load(store, row, PaymentModel)
        if loaded is not None:
            return row, loaded
    session.commit()  # no lock and no snapshot is held while it learns
    model = train_payment(Training(book.history, book.number, threads=threads))
    metrics = [
        {str(name): None if value != value else value for name, value in row.items()}  # noqa: PLR0124 - NaN is no JSON
        for row in model.backtest.round(4).to_dict("records")
    ]
    return keep(session, store, "payment", model, name=model.name, metrics=metrics, known=known, as_of=book.day), model


def order_model(
    session: Session, store: ArtifactStore, orders: Orders, day: int, *, retrain: bool, threads: int
) -> tuple[CollectModel, NextOrderModel]:
    """The same for next orders, from what was known at the end of `day`. Raises NotEnoughHistoryError."""
    known = len(orders.orders)
    row = serving(session, "next_order")
    if not retrain and row is not None and known < OUTGROWN * row.row_count:
        loaded = load(store, row, NextOrderModel)
        if loaded is not None:
            return row, loaded
    session.commit()
    model = train_next_order(orders, day, threads)
    as_of = date.fromordinal(date(1970, 1, 1).toordinal() + day)
    return keep(session, store, "next_order", model, name="hazard", metrics=[], known=known, as_of=as_of), model


def serving(session: Session, kind: str) -> CollectModel | None:
    """The version that serves."""
    return session.scalars(sa.select(CollectModel).where(CollectModel.slot == kind)).one_or_none()


def keep(
    session: Session, store: ArtifactStore, kind: str, model: object, *,
    name: str, metrics: list[dict[str, Any]], known: int, as_of: date,
) -> CollectModel:  # fmt: skip
    """Store a model and let it serve; the artifact is written first, and that of the one before goes."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=3)
    content = buffer.getvalue()
    path = f"models/{kind}/{as_of.isoformat()}-{hashlib.sha256(content).hexdigest()[:12]}.joblib"
    checksum = store.put(path, content)
    lock_for_writing(session, CollectModel)
    before = serving(session, kind)
    if before is not None:
        before.slot = None
        session.flush()
        if before.path != path:
            store.delete(before.path)
    row = CollectModel(
        kind=kind, slot=kind, name=name, path=path, checksum=checksum, libraries=library_versions(), metrics=metrics,
        row_count=known, as_of=as_of,
    )  # fmt: skip
    session.add(row)
    session.commit()
    return row


def load(store: ArtifactStore, row: CollectModel, kind: type[Model]) -> Model | None:
    """A stored model; None where it is gone, damaged, or of other libraries: then it is trained anew."""
    if changed_libraries(row.libraries):
        return None
    try:
        found = joblib.load(io.BytesIO(store.get(row.path, row.checksum)))
    except (ArtifactError, AttributeError, ImportError, TypeError, ValueError, LookupError, EOFError):
        return None
    return found if isinstance(found, kind) else None
