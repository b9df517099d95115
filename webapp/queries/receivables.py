"""Reads of receivables: the worklist, invoices, customers' behaviour, figures of collection, and scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists
from ml.db.catalog import Customer
from ml.db.receivables import (
    CollectionAction,
    CollectRun,
    CustomerRisk,
    Invoice,
    Payment,
    PaymentPrediction,
    ReceivableFigure,
)
from ml.errors import NotFoundError
from webapp.errors import NoForecastError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from webapp.queries.scope import current_scope

BUCKETS = ("not_due", "days_1_30", "days_31_60", "days_61_90", "over_90")
PARTS = (*BUCKETS, "credits", "invoices", "sales", "begin_amount", "end_amount", "current_amount", "settled",
         "paid_days", "late_days")  # fmt: skip
GROUPS = ("customer", "segment", "region")
NO_RUN = "Payments have not been predicted yet. Import invoices and payments, or run a job of the kind `collect`."


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


@dataclass(frozen=True)
class FigureView:
    """Figures of a group in a currency and period: ageing at its end, and how collection went (docs/receivables.md).

    Days and percents are None where there is nothing to divide by."""

    group: str
    label: str
    currency: str
    first_day: date
    last_day: date
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def owed(self) -> float:
        return sum(self.parts[name] for name in BUCKETS)

    @property
    def total(self) -> float:
        """What is owed less open credit notes."""
        return self.owed + self.parts["credits"]

    @property
    def overdue_share(self) -> float | None:
        return ratio(self.owed - self.parts["not_due"], self.owed)

    @property
    def dso(self) -> float | None:
        return ratio(self.parts["end_amount"] * self.days, self.parts["sales"])

    @property
    def best_possible_dso(self) -> float | None:
        return ratio(self.parts["current_amount"] * self.days, self.parts["sales"])

    @property
    def average_days_delinquent(self) -> float | None:
        if self.dso is None or self.best_possible_dso is None:
            return None
        return self.dso - self.best_possible_dso

    @property
    def collection_effectiveness(self) -> float | None:
        asked = self.parts["begin_amount"] + self.parts["sales"]
        share = ratio(asked - self.parts["end_amount"], asked - self.parts["current_amount"])
        return None if share is None else 100 * share

    @property
    def days_to_pay(self) -> float | None:
        return ratio(self.parts["paid_days"], self.parts["settled"])

    @property
    def days_late(self) -> float | None:
        return ratio(self.parts["late_days"], self.parts["settled"])

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1


@dataclass(frozen=True)
class ScoreView:
    """What became of the predictions of a day: how many are known by now, their mean absolute error in days, and the
    share within P10 to P90 of those that were paid or should have been by P90."""

    as_of: date
    predictions: int
    known: int
    mae: float | None
    bias: float | None
    coverage: float | None
    brier: float | None


def ratio(part: float, whole: float) -> float | None:
    """None where there is nothing to divide by."""
    return part / whole if abs(whole) > 1e-9 else None


def find_run(session: Session) -> CollectRun | None:
    """The run that readers see."""
    return session.scalars(sa.select(CollectRun).where(CollectRun.slot.is_not(None))).one_or_none()


def published_run(session: Session) -> CollectRun:
    """The run that readers see; raises NoForecastError where there is none."""
    run = find_run(session)
    if run is None:
        raise NoForecastError(NO_RUN)
    return run


def notes_of(run: CollectRun) -> list[str]:
    """What was unusual in all invoices and payments, counted, such as `3 credit notes`; nothing for limited callers."""
    if current_scope() is not None:
        return []
    counts = {name: count for name, count in (run.notes or {}).items() if isinstance(count, int)}
    if counts.get("currencies", 0) < 2:
        counts.pop("currencies", None)
    return [f"{count:,} {name}" for name, count in counts.items() if count]


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
            sa.or_(Customer.code.contains(wanted.q, autoescape=True), Customer.name.contains(wanted.q, autoescape=True))
        )
        query = query.where(sa.or_(mine.invoice_ref.contains(wanted.q, autoescape=True), mine.customer_id.in_(named)))
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


def customers_of(session: Session, ids: Iterable[int]) -> dict[int, Customer]:
    """Customers by id."""
    found: dict[int, Customer] = {}
    for some in in_lists(sorted(set(ids))):
        found |= {row.id: row for row in session.scalars(sa.select(Customer).where(Customer.id.in_(some)))}
    return found


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


def figures(
    session: Session, by: str = "", *, months: bool = False, customer_id: int | None = None
) -> list[FigureView]:
    """Figures of the last 90 days (or of each of the last 12 months) by a group of `GROUPS`, the largest first."""
    run, mine = published_run(session), ReceivableFigure
    group: Any = {"customer": Customer.code, "segment": Customer.segment, "region": Customer.region}.get(by)
    label: Any = Customer.name if by == "customer" else group
    keys = [
        mine.currency,
        mine.first_day,
        mine.last_day,
        *([group] if by else []),
        *([label] if by == "customer" else []),
    ]
    names = [sa.literal_column("''").label("group")] if not by else [group.label("group")]
    names += [label.label("label")] if by == "customer" else []
    sums = [sa.func.sum(getattr(mine, name)).label(name) for name in PARTS]
    query = sa.select(mine.currency, mine.first_day, mine.last_day, *names, *sums)
    query = query.join(Customer, Customer.id == mine.customer_id).where(mine.run_id == run.id)
    query = query.where(span_condition(run, months=months))
    if customer_id is not None:
        query = query.where(mine.customer_id == customer_id)
    found = []
    for row in session.execute(query.group_by(*keys)).mappings():
        parts = {name: float(row[name] or 0.0) for name in PARTS}
        text = row["label"] if by == "customer" else row["group"]
        found.append(FigureView(row["group"], text, row["currency"], row["first_day"], row["last_day"], parts))
    if months:
        return sorted(found, key=lambda view: (view.currency, view.first_day))
    return sorted(found, key=lambda view: (view.currency, -view.owed, view.group))


def span_condition(run: CollectRun, *, months: bool) -> sa.ColumnElement[bool]:
    """The period of today ends the day before the predictions; months are all whole ones, which is no longer."""
    if run.as_of is None:
        return sa.false()
    last, mine = run.as_of - timedelta(days=1), ReceivableFigure
    trailing = sa.and_(mine.last_day == last, mine.first_day == last - timedelta(days=89))
    return sa.not_(trailing) if months else trailing


def risk_of(session: Session, customer_id: int) -> CustomerRisk | None:
    """The risk class of a customer; None without invoices."""
    run = find_run(session)
    if run is None:
        return None
    query = sa.select(CustomerRisk).where(CustomerRisk.run_id == run.id, CustomerRisk.customer_id == customer_id)
    return session.scalars(query).one_or_none()


def risk_counts(session: Session) -> dict[str, dict[str, int]]:
    """By risk class: customers in it now, thirty days ago, and how many came better or worse from another one."""
    run = find_run(session)
    if run is None:
        return {}
    mine = CustomerRisk
    query = sa.select(mine.risk_class, mine.before, mine.direction, sa.func.count().label("customers"))
    rows = session.execute(
        query.where(mine.run_id == run.id).group_by(mine.risk_class, mine.before, mine.direction)
    ).all()
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        now = found.setdefault(row.risk_class, {"now": 0, "before": 0, "better": 0, "worse": 0})
        now["now"] += row.customers
        if row.direction in ("better", "worse"):
            now[row.direction] += row.customers
        if row.before:
            then = found.setdefault(row.before, {"now": 0, "before": 0, "better": 0, "worse": 0})
            then["before"] += row.customers
    return found


def moved(session: Session, limit: int = 10) -> list[tuple[CustomerRisk, Customer]]:
    """Customers who came into a worse class, those that are overdue longest first."""
    run = find_run(session)
    if run is None:
        return []
    mine = CustomerRisk
    query = sa.select(mine).where(mine.run_id == run.id, mine.direction == "worse")
    rows = session.scalars(query.order_by(mine.overdue_days.desc(), mine.id).limit(limit)).all()
    customers = customers_of(session, (row.customer_id for row in rows))
    return [(row, customers[row.customer_id]) for row in rows]


def scores(session: Session, limit: int = 12) -> list[ScoreView]:
    """What became of earlier predictions, the newest day first; days of which nothing is known yet are left out."""
    run, mine = find_run(session), PaymentPrediction
    if run is None or run.as_of is None:
        return []
    came = mine.settled_on.is_not(None)
    judged = sa.or_(came, mine.p90 < run.as_of)
    late = sa.case((mine.settled_on > mine.due_on, 1.0), else_=0.0)
    miss = 1.0 - mine.on_time - late
    query = (
        sa.select(
            mine.as_of,
            sa.func.count().label("predictions"),
            sa.func.sum(sa.case((came, 1), else_=0)).label("known"),
            sa.func.avg(sa.case((came, sa.func.abs(mine.missed_days)))).label("mae"),
            sa.func.avg(sa.case((came, mine.missed_days))).label("bias"),
            sa.func.sum(sa.case((judged, 1), else_=0)).label("judged"),
            sa.func.sum(sa.case((sa.and_(came, mine.settled_on.between(mine.p10, mine.p90)), 1), else_=0)).label(
                "inside"
            ),
            sa.func.avg(sa.case((came, miss * miss))).label("brier"),
        )
        .where(mine.as_of < run.as_of)
        .group_by(mine.as_of)
        .order_by(mine.as_of.desc())
        .limit(limit)
    )
    return [
        ScoreView(row.as_of, row.predictions, row.known, row.mae, row.bias, ratio(row.inside, row.judged), row.brier)
        for row in session.execute(query)
        if row.known
    ]


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
