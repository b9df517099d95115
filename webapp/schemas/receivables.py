"""Predictions of payments, cash and next orders as callers read them, and what they write: actions, balances."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from webapp.schemas.base import LARGEST_ID, Answer, Figure, ListAnswer, Number, PageQuery, Ratio, Request
from webapp.schemas.days import Day

LARGEST = 1e11
Text = Field("", max_length=120)
Days = Annotated[float, AfterValidator(lambda value: round(value, 1))]


class PredictionQuery(PageQuery):
    """Which open invoices."""

    q: str = Field("", max_length=250, description="A part of the invoice's number, or of the customer's code or name.")
    customer: str = Field("", max_length=80, description="The customer's id or code.")
    segment: str = Text
    region: str = Text
    currency: str = Field("", max_length=8)
    overdue: bool = Field(False, description="Those alone that are past due.")
    least_risk: float | None = Field(None, ge=0, le=100)


class PredictionAnswer(Answer):
    """When an open invoice will be paid, as of the morning of `as_of`. on_time, late and very_late add to 1."""

    invoice_ref: str
    customer_id: int
    customer_code: str
    customer_name: str
    as_of: date
    issued_on: date
    due_on: date
    due_from: str = Field(description="Where the due date comes from: invoice, or what stood in for it.")
    currency: str
    open_amount: Figure
    on_time: Ratio
    late: Ratio = Field(description="The chance that it is paid 1 to 30 days after it is due.")
    very_late: Ratio = Field(description="The same, more than 30 days.")
    unpaid_90: Ratio = Field(description="The chance of default: still unpaid 90 days after it is due.")
    expected_on: date
    p10: date
    p50: date
    p90: date
    risk: Ratio = Field(description="0 to 100.")
    reasons: list[str] = Field(description="What speaks for the risk, the strongest first.")
    basis: str = Field(description="What is known of the customer.")
    late_amount: Figure = Field(description="Money that is expected to be late: what the list is sorted by.")


class PredictionList(ListAnswer):
    """Open invoices, the most money that is expected to be late first."""

    items: list[PredictionAnswer]


class ScoreAnswer(Answer):
    """What became of the predictions of a day."""

    as_of: date
    predictions: int
    known: int = Field(description="How many of them are paid by now.")
    mae: Ratio | None = Field(description="Mean absolute error of P50, in days, of those that are paid.")
    bias: Ratio | None = Field(description="Mean of P50 minus the day of payment.")
    coverage: Ratio | None = Field(
        description="Share within P10 to P90 of those that are paid or past P90; 0.8 is due."
    )
    brier: Ratio | None = Field(description="Mean squared error of the chance of lateness.")


class ScoreList(Answer):
    """Scores, the newest day first."""

    items: list[ScoreAnswer]


class SummaryQuery(Request):
    """Whose receivables, and when."""

    by: Literal["", "customer", "segment", "region"] = Field("", description="'' for all together.")
    months: bool = Field(False, description="Each of the last 12 whole months instead of the last 90 days.")


class ReceivablesFigures(Answer):
    """Ageing at the end of `last_day`, and how collection went in the period. Days and percents are null where there is
    nothing to divide by."""

    group: str
    label: str
    currency: str
    first_day: date
    last_day: date
    not_due: Figure
    days_1_30: Figure
    days_31_60: Figure
    days_61_90: Figure
    over_90: Figure
    credits: Figure = Field(description="Open credit notes and overpayments, negative.")
    total: Figure
    invoices: int
    overdue_share: Ratio | None
    dso: Days | None = Field(description="Days sales outstanding.")
    best_possible_dso: Days | None = Field(description="What it were if nobody were late.")
    average_days_delinquent: Days | None
    collection_effectiveness: Days | None = Field(description="Percent.")
    days_to_pay: Days | None = Field(description="From issue to settlement, by amount.")
    days_late: Days | None = Field(description="From due date to settlement, by amount.")


class ReceivablesSummary(Answer):
    """Figures by group and currency, the largest first."""

    as_of: date | None = Field(description="The morning that they are of.")
    items: list[ReceivablesFigures]


class CashQuery(Request):
    """Which cash, and what if."""

    currency: str | None = Field(None, max_length=8, description="Left out: that of most invoices.")
    frequency: Literal["weekly", "monthly"] = "weekly"
    customer: str = Field("", max_length=80, description="A customer, by id or code, who pays `days_late` later.")
    days_late: int = Field(30, ge=0, le=365, description="Of that customer.")
    sales: float = Field(0.0, ge=-100, le=1000, description="Change of the sales to come in percent, such as -10.")
    items: float = Field(0.0, ge=-100, le=1000, description="Change of planned items in percent.")


class CashPeriodAnswer(Answer):
    """The cash of a week or month; bands by simulation."""

    first_day: date
    last_day: date
    items: Figure = Field(description="Planned payables and other items.")
    invoices_mean: Figure
    invoices_p10: Figure
    invoices_p50: Figure
    invoices_p90: Figure
    sales_mean: Figure = Field(description="Receipts from forecast sales that are not invoiced yet.")
    sales_p10: Figure
    sales_p50: Figure
    sales_p90: Figure
    balance_mean: Figure
    balance_p10: Figure
    balance_p50: Figure
    balance_p90: Figure
    short: Ratio = Field(description="The chance that the balance is below its minimum.")
    prophet: Figure | None = Field(None, description="Receipts by Prophet on their total: a check of the forecast.")


class DriverAnswer(Answer):
    """An invoice that matters for the first shortfall."""

    invoice_ref: str
    customer_id: int
    due_on: date
    amount: Figure
    missing: Figure = Field(description="What is expected not to have come of it.")
    due: bool


class CashAnswer(Answer):
    """The cash that will be there."""

    currency: str
    frequency: str
    as_of: date
    opening: Figure
    minimum: Figure
    simulations: int
    shortfall: date | None = Field(description="First day of the first period whose P10 balance is below the minimum.")
    periods: list[CashPeriodAnswer]
    base: list[CashPeriodAnswer] = Field(description="The same without the scenario.")
    drivers: list[DriverAnswer]


class PositionBody(Request):
    """What is in the bank."""

    currency: str = Field("", max_length=8)
    day: Day = Field(description="The morning that it is of.")
    balance: Number = Field(gt=-LARGEST, lt=LARGEST)
    minimum: Number = Field(0.0, gt=-LARGEST, lt=LARGEST, description="The least that has to stay there.")


class PositionAnswer(Answer):
    """What is in the bank, as somebody said."""

    currency: str
    day: date
    balance: Figure
    minimum: Figure
    set_by: str
    set_at: datetime


class InvoicePath(Request):
    """Which invoice."""

    invoice_ref: str = Field(min_length=1, max_length=80, description="Its number.")


class ActionPath(InvoicePath):
    """Which action for which invoice."""

    action_id: int = Field(ge=1, le=LARGEST_ID)


class ActionBody(Request):
    """What was done to collect."""

    kind: Literal["reminder", "call", "promise"]
    day: Day
    promised_on: Day | None = Field(None, description="Of a promise: when the customer will pay.")
    note: str = Field("", max_length=500)


class ActionAnswer(Answer):
    """What was done to collect an invoice."""

    id: int
    invoice_ref: str
    kind: str
    day: date
    promised_on: date | None
    note: str
    made_by: str
    made_at: datetime


class ActionList(Answer):
    """What was done to collect an invoice, the latest first."""

    items: list[ActionAnswer]


class CategoryChance(Answer):
    """A category that the next order may mostly be of."""

    category: str
    chance: Ratio


class NextOrderAnswer(Answer):
    """When a customer orders next, as of the evening of `as_of`."""

    customer_id: int
    customer_code: str
    customer_name: str
    as_of: date
    p10: date
    p50: date
    p90: date
    in_30_days: Ratio = Field(description="The chance of an order within 30 days.")
    amount: Figure = Field(description="The value that the next order exceeds half of the time.")
    categories: list[CategoryChance]
    stage: str = Field(description="new, active, slowing or lapsed.")
    one_time: bool
    last_order: date
    typical_gap: Days = Field(description="Days.")
    overdue: bool = Field(description="Whether the customer should have ordered by now.")
    at_stake: Figure = Field(
        description="The value, times the chance of no order within a typical gap (at most 30 days)."
    )


class NextOrderList(ListAnswer):
    """Customers, the most money at stake first."""

    items: list[NextOrderAnswer]


class NextOrderQuery(PageQuery):
    """Which customers."""

    q: str = Field("", max_length=250, description="A part of the code or the name.")
    stage: Literal["", "new", "active", "slowing", "lapsed"] = ""
    segment: str = Text
    region: str = Text
    overdue: bool = Field(False, description="Those alone who should have ordered by now.")
