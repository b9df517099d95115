"""Reads of open invoices: the worklist, one with all that is known of it, and promises that were not kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists
from ml.db.catalog import Customer
from ml.db.receivables import CollectionAction, CollectRun, Invoice, Payment, PaymentPrediction
from ml.errors import NotFoundError
from webapp.queries.collect_runs import customers_of, find_run, published_run
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first


@dataclass(frozen=True)
class PredictionFilter:
    """Which predictions; '' and None leave open."""

    q: str = ""
    customer_id: int | None = None
    segment: str = ""
    region: str = ""
    currency: str = ""
    overdue: bool = False
    least_risk: float | None = None


@dataclass(frozen=True)
class PredictionView:
    """A prediction with its customer, and the latest action."""

    row: PaymentPrediction
    customer: Customer
    action: CollectionAction | None

    @property
    def overdue_days(self) -> int:
        """Days since it was due, in the morning of the prediction; 0 where it is not."""
        return max(0, (self.row.as_of - self.row.due_on).days)

    @property
    def late_chance(self) -> float:
        """The chance that it is paid after it is due."""
        return 1.0 - self.row.on_time


@dataclass(frozen=True)
class InvoiceView:
    """An invoice with all that is known of it: predictions of earlier runs, the newest last."""

    invoice: Invoice
    customer: Customer
    payments: Sequence[Payment]
    predictions: Sequence[PaymentPrediction]
    actions: Sequence[CollectionAction]

    @property
    def paid(self) -> float:
        """What came so far."""
        return sum(float(payment.amount) for payment in self.payments)

    @property
    def open_amount(self) -> float:
        """What is still owed."""
        return max(0.0, float(self.invoice.amount) - self.paid) if self.invoice.amount > 0 else 0.0

    @property
    def current(self) -> PaymentPrediction | None:
        """The newest prediction."""
        return self.predictions[-1] if self.predictions else None


def worklist(
    session: Session, wanted: PredictionFilter, *, limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[PredictionView]:
    """Open invoices, the most money that is expected to be late first."""
    run, mine = published_run(session), PaymentPrediction
    query = sa.select(mine).where(mine.run_id == run.id)
    if of_customers := conditions_of_customers(wanted):
        query = query.where(mine.customer_id.in_(sa.select(Customer.id).where(*of_customers)))
    if wanted.q:
        named = sa.select(Customer.id).where(
            sa.or_(*(text.icontains(wanted.q, autoescape=True) for text in (Customer.code, Customer.name)))
        )
        query = query.where(sa.or_(mine.invoice_ref.icontains(wanted.q, autoescape=True), mine.customer_id.in_(named)))
    if wanted.currency:
        query = query.where(mine.currency == wanted.currency)
    if wanted.overdue:
        query = query.where(mine.due_on < mine.as_of)
    if wanted.least_risk is not None:
        query = query.where(mine.risk >= wanted.least_risk)
    page = newest_first(session, query, mine.id, limit, below)
    return Page(views(session, page.items), page.next_below)


def conditions_of_customers(wanted: PredictionFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.customer_id is not None:
        found.append(Customer.id == wanted.customer_id)
    if wanted.segment:
        found.append(Customer.segment == wanted.segment)
    if wanted.region:
        found.append(Customer.region == wanted.region)
    return found


def views(session: Session, rows: Sequence[PaymentPrediction]) -> list[PredictionView]:
    """Predictions with customers and the latest actions, in the same order."""
    customers = customers_of(session, (row.customer_id for row in rows))
    latest: dict[bytes, CollectionAction] = {}
    for some in in_lists([row.invoice_key for row in rows]):
        query = sa.select(CollectionAction).where(CollectionAction.invoice_key.in_(some)).order_by(CollectionAction.id)
        latest |= {action.invoice_key: action for action in session.scalars(query)}
    return [PredictionView(row, customers[row.customer_id], latest.get(row.invoice_key)) for row in rows]


def invoice_view(session: Session, invoice_ref: str) -> InvoiceView:
    """An invoice by its number; raises NotFoundError."""
    row = session.scalars(sa.select(Invoice).where(Invoice.invoice_ref == invoice_ref)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no invoice {invoice_ref!r}.")
    payments = sa.select(Payment).where(Payment.invoice_ref == invoice_ref).order_by(Payment.paid_on, Payment.id)
    mine = sa.select(PaymentPrediction).where(PaymentPrediction.invoice_key == row.key)
    finished = mine.join(CollectRun, CollectRun.id == PaymentPrediction.run_id).where(CollectRun.state != "running")
    done = sa.select(CollectionAction).where(CollectionAction.invoice_key == row.key)
    return InvoiceView(
        row,
        session.get_one(Customer, row.customer_id),
        session.scalars(payments).all(),
        session.scalars(finished.order_by(PaymentPrediction.as_of, PaymentPrediction.id)).all(),
        session.scalars(done.order_by(CollectionAction.day.desc(), CollectionAction.id.desc())).all(),
    )


def currencies(session: Session) -> list[str]:
    """Those that anything is open in."""
    run = find_run(session)
    if run is None:
        return []
    query = sa.select(PaymentPrediction.currency).where(PaymentPrediction.run_id == run.id).distinct()
    return sorted(session.scalars(query))


def waiting_actions(session: Session, limit: int = 10) -> list[tuple[CollectionAction, Customer]]:
    """Promises whose day went by while the invoice is still open, the oldest first."""
    run = find_run(session)
    if run is None or run.as_of is None:
        return []
    mine = CollectionAction
    open_ones = sa.select(PaymentPrediction.invoice_key).where(PaymentPrediction.run_id == run.id)
    query = sa.select(mine).where(mine.promised_on < run.as_of, mine.invoice_key.in_(open_ones))
    rows = session.scalars(query.order_by(mine.promised_on, mine.id).limit(limit)).all()
    customers = customers_of(session, (row.customer_id for row in rows))
    return [(row, customers[row.customer_id]) for row in rows]
