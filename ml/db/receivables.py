"""What customers owe and paid, what else moves cash, and what was predicted of both."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, unique_where_present, utc_now
from ml.db.runs import PublishedRun
from ml.db.types import Amount, BigId, Day, Flag, HashKey, Json, Name, Real, UtcDateTime

MODEL_KINDS = ("payment", "next_order")
ACTION_KINDS = ("reminder", "call", "promise")
FREQUENCIES = ("weekly", "monthly")
RUN_STATES = ("running", "published", "superseded")


class Invoice(Base):
    """An invoice, or a credit note (a negative amount)."""

    __tablename__ = "invoices"
    __table_args__ = (sa.Index(None, "customer_id", "issued_on"), sa.Index(None, "due_on"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # invoice_ref
    invoice_ref: Mapped[str] = mapped_column(Name(80))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"))
    issued_on: Mapped[date] = mapped_column(Day)
    due_on: Mapped[date | None] = mapped_column(Day)
    terms_days: Mapped[float | None] = mapped_column(Amount)  # from issue to due date, where that is not given
    amount: Mapped[float] = mapped_column(Amount)
    currency: Mapped[str] = mapped_column(Name(8), default="")
    region: Mapped[str] = mapped_column(Name(120), default="")
    category: Mapped[str] = mapped_column(Name(120), default="")  # product group
    disputed: Mapped[bool | None] = mapped_column(Flag)
    disputed_on: Mapped[date | None] = mapped_column(Day)  # since when
    paperless: Mapped[bool | None] = mapped_column(Flag)
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)


class Payment(Base):
    """Money that came in for an invoice; several may share one."""

    __tablename__ = "payments"
    __table_args__ = (sa.Index(None, "invoice_ref"), sa.Index(None, "paid_on"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # payment_ref, or invoice, day and number on that day
    payment_ref: Mapped[str] = mapped_column(Name(80), default="")
    invoice_ref: Mapped[str] = mapped_column(Name(80))
    paid_on: Mapped[date] = mapped_column(Day)
    amount: Mapped[float] = mapped_column(Amount)
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)


class CashItem(Base):
    """Money that is planned to come in or go out beside customers' invoices; what goes out is negative."""

    __tablename__ = "cash_items"
    __table_args__ = (sa.Index(None, "day"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # item_ref
    item_ref: Mapped[str] = mapped_column(Name(80))
    day: Mapped[date] = mapped_column(Day)
    amount: Mapped[float] = mapped_column(Amount)
    kind: Mapped[str] = mapped_column(Name(40), default="")
    name: Mapped[str] = mapped_column(Name(250), default="")
    currency: Mapped[str] = mapped_column(Name(8), default="")
    region: Mapped[str] = mapped_column(Name(120), default="")
    import_id: Mapped[int | None] = mapped_column(BigId, index=True)


class CashPosition(Base):
    """What was in the bank in a currency in the morning of a day, and the least that has to stay there."""

    __tablename__ = "cash_positions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    currency: Mapped[str] = mapped_column(Name(8), unique=True)
    day: Mapped[date] = mapped_column(Day)
    balance: Mapped[float] = mapped_column(Amount)
    minimum: Mapped[float] = mapped_column(Amount, default=0.0)
    set_by: Mapped[str] = mapped_column(Name(120), default="")
    set_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class CollectionAction(Base):
    """What was done to collect an invoice: a reminder, a call, or a promise to pay that the customer gave.

    It refers to the invoice by its key, since imports of invoices can be taken back.
    """

    __tablename__ = "collection_actions"
    __table_args__ = (sa.CheckConstraint(sa.column("kind").in_(ACTION_KINDS), "kind"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    invoice_key: Mapped[bytes] = mapped_column(HashKey, index=True)
    invoice_ref: Mapped[str] = mapped_column(Name(80))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"), index=True)
    kind: Mapped[str] = mapped_column(Name(16))
    day: Mapped[date] = mapped_column(Day)
    promised_on: Mapped[date | None] = mapped_column(Day)  # of a promise: when the money will come
    note: Mapped[str] = mapped_column(Name(500), default="")
    made_by: Mapped[str] = mapped_column(Name(120), default="")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class CollectModel(Base):
    """A trained model of payments or of next orders. The newest of a kind serves (`slot` is its kind): its training
    chose it, by backtest, among several and the simple rules that it has to beat."""

    __tablename__ = "collect_models"
    __table_args__ = (
        sa.CheckConstraint(sa.column("kind").in_(MODEL_KINDS), "kind"),
        unique_where_present("uq_collect_models_slot", "slot"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(Name(16), index=True)
    slot: Mapped[str | None] = mapped_column(Name(16))
    name: Mapped[str] = mapped_column(Name(40))  # which of the models was chosen
    path: Mapped[str] = mapped_column(Name(250))
    checksum: Mapped[str] = mapped_column(Name(64))
    libraries: Mapped[dict[str, str]] = mapped_column(Json)
    metrics: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # a row a model that was tried
    row_count: Mapped[int] = mapped_column(sa.Integer())  # invoices, or orders, that were known
    as_of: Mapped[date] = mapped_column(Day)  # the morning before which all that was known was learned
    trained_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class CollectRun(PublishedRun, Base):
    """One scoring of all that is open and of all customers."""

    __tablename__ = "collect_runs"
    STATES = RUN_STATES

    as_of: Mapped[date | None] = mapped_column(Day)  # the morning of the predictions of payments; null: no invoices
    orders_as_of: Mapped[date | None] = mapped_column(Day)  # the evening of those of orders
    payment_model_id: Mapped[int | None] = mapped_column(sa.ForeignKey("collect_models.id"))
    order_model_id: Mapped[int | None] = mapped_column(sa.ForeignKey("collect_models.id"))
    invoices: Mapped[int] = mapped_column(sa.Integer(), default=0)
    customers: Mapped[int] = mapped_column(sa.Integer(), default=0)
    edges: Mapped[list[float] | None] = mapped_column(Json)  # of the predictions' curves, days after due
    pays: Mapped[list[float] | None] = mapped_column(Json)  # share of an invoice in hand so many days after its issue
    invoiced: Mapped[dict[str, float] | None] = mapped_column(Json)  # by currency, most invoices first: share of sales
    correlation: Mapped[float | None] = mapped_column(Real)  # of payments within a customer
    notes: Mapped[dict[str, Any] | None] = mapped_column(Json)  # what was unusual in the data, counted
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class PaymentPrediction(Base):
    """When an open invoice will be paid, as said in the morning of `as_of`; `settled_on` is what came of it."""

    __tablename__ = "payment_predictions"
    __table_args__ = (sa.UniqueConstraint("run_id", "invoice_key"), sa.Index(None, "invoice_key", "as_of"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("collect_runs.id"))
    invoice_key: Mapped[bytes] = mapped_column(HashKey)
    invoice_ref: Mapped[str] = mapped_column(Name(80))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"), index=True)
    as_of: Mapped[date] = mapped_column(Day)
    issued_on: Mapped[date] = mapped_column(Day)
    due_on: Mapped[date] = mapped_column(Day)
    due_from: Mapped[str] = mapped_column(Name(40))  # where the due date comes from
    currency: Mapped[str] = mapped_column(Name(8), default="")
    open_amount: Mapped[float] = mapped_column(Amount)
    on_time: Mapped[float] = mapped_column(Real)
    late: Mapped[float] = mapped_column(Real)  # 1 to 30 days
    very_late: Mapped[float] = mapped_column(Real)  # more
    unpaid_90: Mapped[float] = mapped_column(Real)  # still unpaid 90 days after due: default
    expected_on: Mapped[date] = mapped_column(Day)
    p10: Mapped[date] = mapped_column(Day)
    p50: Mapped[date] = mapped_column(Day)
    p90: Mapped[date] = mapped_column(Day)
    risk: Mapped[float] = mapped_column(Real)  # 0 to 100
    reasons: Mapped[list[str]] = mapped_column(Json)
    basis: Mapped[str] = mapped_column(Name(80))
    late_amount: Mapped[float] = mapped_column(Amount)  # open, times the chance that it is late
    curve: Mapped[list[int] | None] = mapped_column(Json)  # chance (of 10,000) to be unpaid past each edge of the run
    settled_on: Mapped[date | None] = mapped_column(Day)
    missed_days: Mapped[float | None] = mapped_column(Real)  # p50 minus the day of settlement


class ReceivableFigure(Base):
    """What a customer owed and paid in a period, in parts that add up over customers; kept for the published run.

    Amounts at the end of `last_day` by age; sales, begin, end and current are what DSO and its like are made of (see
    `ml.receivables.ageing`), `paid_days` and `late_days` sums of amount times days of what was settled in the period.
    """

    __tablename__ = "receivable_figures"
    __table_args__ = (sa.UniqueConstraint("run_id", "customer_id", "currency", "first_day", "last_day"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("collect_runs.id"))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"), index=True)
    currency: Mapped[str] = mapped_column(Name(8), default="")
    first_day: Mapped[date] = mapped_column(Day)
    last_day: Mapped[date] = mapped_column(Day)
    not_due: Mapped[float] = mapped_column(Amount)
    days_1_30: Mapped[float] = mapped_column(Amount)
    days_31_60: Mapped[float] = mapped_column(Amount)
    days_61_90: Mapped[float] = mapped_column(Amount)
    over_90: Mapped[float] = mapped_column(Amount)
    credits: Mapped[float] = mapped_column(Amount)
    invoices: Mapped[int] = mapped_column(sa.Integer())
    sales: Mapped[float] = mapped_column(Amount)
    begin_amount: Mapped[float] = mapped_column(Amount)
    end_amount: Mapped[float] = mapped_column(Amount)
    current_amount: Mapped[float] = mapped_column(Amount)
    settled: Mapped[float] = mapped_column(Amount)
    paid_days: Mapped[float] = mapped_column(Amount)
    late_days: Mapped[float] = mapped_column(Amount)


class CustomerRisk(Base):
    """The risk class of a customer on the day of a run, and the one thirty days before."""

    __tablename__ = "customer_risks"
    __table_args__ = (sa.UniqueConstraint("run_id", "customer_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("collect_runs.id"))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"), index=True)
    as_of: Mapped[date] = mapped_column(Day)
    risk_class: Mapped[str] = mapped_column(Name(16))
    before: Mapped[str] = mapped_column(Name(16), default="")
    direction: Mapped[str] = mapped_column(Name(8), default="")  # better, worse, new; '': stayed
    late_rate: Mapped[float] = mapped_column(Real)
    delay: Mapped[float] = mapped_column(Real)  # days
    trend: Mapped[float] = mapped_column(Real)  # days later than before
    overdue_days: Mapped[float] = mapped_column(Real)
    why: Mapped[str] = mapped_column(Name(250), default="")


class CashForecast(Base):
    """Cash of a week or month in a currency: receipts of invoices, of sales to come, planned items, and the balance."""

    __tablename__ = "cash_forecasts"
    __table_args__ = (
        sa.UniqueConstraint("run_id", "currency", "frequency", "first_day"),
        sa.CheckConstraint(sa.column("frequency").in_(FREQUENCIES), "frequency"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("collect_runs.id"))
    currency: Mapped[str] = mapped_column(Name(8), default="")
    frequency: Mapped[str] = mapped_column(Name(8))
    first_day: Mapped[date] = mapped_column(Day)
    last_day: Mapped[date] = mapped_column(Day)
    items: Mapped[float] = mapped_column(Amount)
    invoices_mean: Mapped[float] = mapped_column(Amount)
    invoices_p10: Mapped[float] = mapped_column(Amount)
    invoices_p50: Mapped[float] = mapped_column(Amount)
    invoices_p90: Mapped[float] = mapped_column(Amount)
    sales_mean: Mapped[float] = mapped_column(Amount)
    sales_p10: Mapped[float] = mapped_column(Amount)
    sales_p50: Mapped[float] = mapped_column(Amount)
    sales_p90: Mapped[float] = mapped_column(Amount)
    balance_mean: Mapped[float] = mapped_column(Amount)
    balance_p10: Mapped[float] = mapped_column(Amount)
    balance_p50: Mapped[float] = mapped_column(Amount)
    balance_p90: Mapped[float] = mapped_column(Amount)
    short: Mapped[float] = mapped_column(Real)  # chance that the balance is below its minimum
    prophet: Mapped[float | None] = mapped_column(Amount)  # receipts by Prophet on their total: a check
    received: Mapped[float | None] = mapped_column(Amount)  # what came in, once the period is over


class NextOrder(Base):
    """When a customer orders next, as said in the evening of `as_of`; `ordered_on` is what came of it."""

    __tablename__ = "next_orders"
    __table_args__ = (sa.UniqueConstraint("run_id", "customer_id"), sa.Index(None, "customer_id", "as_of"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("collect_runs.id"))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"))
    as_of: Mapped[date] = mapped_column(Day)
    p10: Mapped[date] = mapped_column(Day)
    p50: Mapped[date] = mapped_column(Day)
    p90: Mapped[date] = mapped_column(Day)
    in_30_days: Mapped[float] = mapped_column(Real)
    amount: Mapped[float] = mapped_column(Amount)
    categories: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # the likeliest, each with its chance
    stage: Mapped[str] = mapped_column(Name(16))
    one_time: Mapped[bool] = mapped_column(Flag)
    last_order: Mapped[date] = mapped_column(Day)
    typical_gap: Mapped[float] = mapped_column(Real)
    overdue: Mapped[bool] = mapped_column(Flag)
    at_stake: Mapped[float] = mapped_column(Amount)  # value, times the chance of no order within a typical gap
    ordered_on: Mapped[date | None] = mapped_column(Day)
    missed_days: Mapped[float | None] = mapped_column(Real)  # p50 minus the day of the order
