"""The cash outlook from plain values, as tables hold them: for the job that stores it, and for whoever asks what if."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from ml.receivables.cashflow import CashForecast, CashPlan, Scenario, forecast_cash
from ml.receivables.receipts import decode_curves
from ml.receivables.simulation import CORRELATION, OpenInvoices

EPOCH = date(1970, 1, 1)
PERIODS = {"weekly": 13, "monthly": 6}
"""How far ahead cash is forecast."""
MOST_DRIVERS = 10


@dataclass(frozen=True)
class OpenInvoice:
    """An open invoice with its curve (see `ml.receivables.receipts.encode_curves`)."""

    invoice_ref: str
    customer_id: int
    due_on: date
    amount: float
    curve: Sequence[int]


@dataclass(frozen=True)
class SalesToCome:
    """Forecast sales of a period, both days included."""

    first: date
    last: date
    mean: float
    p10: float
    p90: float


@dataclass(frozen=True)
class CashInputs:
    """What a cash forecast of one currency starts from in the morning of `day`.

    `items` are planned flows (day, amount); `invoiced` is the share of sales that become invoices, `pays` how fast they
    turn into cash. Sales before `day` are left out: they are invoiced already.
    """

    day: date
    edges: Sequence[float]
    invoices: Sequence[OpenInvoice]
    opening: float = 0.0
    minimum: float = 0.0
    items: Sequence[tuple[date, float]] = ()
    sales: Sequence[SalesToCome] = ()
    invoiced: float = 1.0
    pays: Sequence[float] = (1.0,)
    correlation: float = CORRELATION


@dataclass(frozen=True)
class WhatIf:
    """Customers (by id) who pay so many days later; sales and planned items times a factor."""

    later: Mapping[int, float] = field(default_factory=dict)
    sales: float = 1.0
    items: float = 1.0


@dataclass(frozen=True)
class CashPeriod:
    """A week or month of the outlook; amounts in the currency of the inputs. `short` is the chance that the balance at
    its end is below the minimum."""

    first_day: date
    last_day: date
    items: float
    invoices_mean: float
    invoices_p10: float
    invoices_p50: float
    invoices_p90: float
    sales_mean: float
    sales_p10: float
    sales_p50: float
    sales_p90: float
    balance_mean: float
    balance_p10: float
    balance_p50: float
    balance_p90: float
    short: float


@dataclass(frozen=True)
class Driver:
    """An invoice that matters for the first shortfall: what is expected to be missing of it at its end."""

    invoice_ref: str
    customer_id: int
    due_on: date
    amount: float
    missing: float
    due: bool


@dataclass(frozen=True)
class CashOutlook:
    """All periods, the first of which the balance is likely (P10) below the minimum, and what drives that."""

    periods: list[CashPeriod]
    shortfall: int | None
    drivers: list[Driver]
    simulations: int


def cash_outlook(
    inputs: CashInputs,
    frequency: str = "weekly",
    what_if: WhatIf | None = None,
    *,
    periods: int | None = None,
    simulations: int = 10_000,
) -> CashOutlook:
    """Simulate the weeks or months from `inputs.day` on; deterministic. Raises DataError for an unknown frequency."""
    asked = what_if or WhatIf()
    scenario = Scenario(dict(asked.later), asked.sales, asked.items)
    found = forecast_cash(
        open_invoices(inputs),
        cash_plan(inputs),
        day_of(inputs.day),
        periods or PERIODS.get(frequency, 1),
        frequency,
        scenario=scenario,
        simulations=simulations,
        correlation=inputs.correlation,
    )
    return CashOutlook(_periods(found), found.shortfall, _drivers(inputs, found), found.simulations)


def open_invoices(inputs: CashInputs) -> OpenInvoices:
    """The invoices as arrays."""
    due = np.array([day_of(invoice.due_on) for invoice in inputs.invoices], dtype=np.int64)
    curves = decode_curves(list(inputs.edges) or [0.0, 1.0], [list(invoice.curve) for invoice in inputs.invoices])
    customer = np.array([invoice.customer_id for invoice in inputs.invoices], dtype=np.int64)
    amount = np.array([invoice.amount for invoice in inputs.invoices], dtype=np.float64)
    return OpenInvoices(curves, (day_of(inputs.day) - 1 - due).astype(np.float64), due, customer, amount)


def cash_plan(inputs: CashInputs) -> CashPlan:
    """Opening balance, items and sales as frames."""
    items = pd.DataFrame(
        {"day": [day_of(day) for day, _ in inputs.items], "amount": [float(amount) for _, amount in inputs.items]}
    )
    rows = [_from_day(part, inputs.day) for part in inputs.sales if part.last >= inputs.day]
    sales = pd.DataFrame(
        [
            (
                day_of(part.first),
                day_of(part.last),
                *(inputs.invoiced * value for value in (part.mean, part.p10, part.p90)),
            )
            for part in rows
        ],
        columns=["first", "last", "mean", "p10", "p90"],
    )
    return CashPlan(inputs.opening, inputs.minimum, items, sales, np.asarray(inputs.pays, dtype=np.float64))


def day_of(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def _from_day(part: SalesToCome, day: date) -> SalesToCome:
    """What of a period's sales is still to come, in proportion to its days."""
    if part.first >= day:
        return part
    share = ((part.last - day).days + 1) / ((part.last - part.first).days + 1)
    return SalesToCome(day, part.last, part.mean * share, part.p10 * share, part.p90 * share)


def _periods(found: CashForecast) -> list[CashPeriod]:
    table = found.periods.rename(columns={"first": "first_day", "last": "last_day"})
    table = table.assign(first_day=table["first_day"].dt.date, last_day=table["last_day"].dt.date)
    names = list(CashPeriod.__dataclass_fields__)
    return [
        CashPeriod(**dict(zip(names, row, strict=True)))
        for row in zip(*(table[name].tolist() for name in names), strict=True)
    ]


def _drivers(inputs: CashInputs, found: CashForecast) -> list[Driver]:
    top = found.drivers.head(MOST_DRIVERS)
    rows = zip(top["row"].tolist(), top["missing"].tolist(), top["due"].tolist(), strict=True)
    chosen = [(inputs.invoices[int(row)], float(missing), bool(due)) for row, missing, due in rows]
    return [
        Driver(invoice.invoice_ref, invoice.customer_id, invoice.due_on, invoice.amount, missing, due)
        for invoice, missing, due in chosen
    ]
