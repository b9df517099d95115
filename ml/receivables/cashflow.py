"""The cash that will be there: opening balance, receipts, payables, and the first shortfall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.errors import DataError
from ml.receivables.curves import Floats, Ints
from ml.receivables.simulation import CORRELATION, OpenInvoices, simulate_receipts

FREQUENCIES = {"weekly": "W-SUN", "monthly": "M"}
BAND = (10, 50, 90)
Z90 = 1.2815515655446004
"""The standard normal's 0.9 quantile."""


@dataclass(frozen=True)
class Scenario:
    """What if: customers (as numbers) who pay so many days later, sales and planned items times a factor."""

    later: Mapping[int, float] = field(default_factory=dict)
    sales: float = 1.0
    items: float = 1.0


@dataclass(frozen=True)
class CashPlan:
    """What a forecast starts from, in one currency.

    `items`: planned other flows `day` (since 1970), `amount` (payables negative). `sales`: forecast sales that are not
    yet invoiced, `first, last` (days), `mean, p10, p90`. `pays` (m,): share of an invoice's value that is in hand by
    the end of day 0, 1, … after its issue; it may stay below 1.
    """

    opening: float
    minimum: float = 0.0
    items: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"day": [], "amount": []}))
    sales: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["first", "last", "mean", "p10", "p90"]))
    pays: Floats = field(default_factory=lambda: np.ones(1))


@dataclass(frozen=True)
class CashForecast:
    """`periods`: one row a week or month with its first and last day, quantiles p10, p50, p90 and mean of `invoices`,
    `sales`, and `balance` (its end), `items`, and `short`, the probability that the balance is below the minimum.
    `shortfall` is the first period whose P10 balance is (None: none is); `drivers` the invoices that matter for it."""

    periods: pd.DataFrame
    simulations: int
    shortfall: int | None
    drivers: pd.DataFrame


def forecast_cash(
    invoices: OpenInvoices,
    plan: CashPlan,
    day: int,
    periods: int,
    frequency: str = "weekly",
    *,
    scenario: Scenario | None = None,
    simulations: int = 10_000,
    correlation: float = CORRELATION,
    seed: int = 0,
) -> CashForecast:
    """Simulate the periods that follow the morning of `day` (since 1970). Raises DataError for an unknown frequency."""
    scenario = scenario or Scenario()
    starts, ends = period_days(day, periods, frequency)
    later = np.array([scenario.later.get(int(customer), 0.0) for customer in invoices.customer])
    paid = simulate_receipts(invoices, ends, simulations=simulations, correlation=correlation, later=later, seed=seed)[
        :, :-1
    ]
    sold = _sales_receipts(plan, starts, ends, len(paid), seed) * scenario.sales
    items = planned_items(plan.items, starts, ends) * scenario.items
    balance = plan.opening + np.cumsum(paid + sold + items, axis=1)
    table = pd.DataFrame({"first": _dates(starts), "last": _dates(ends), "items": items})
    for name, cash in (("invoices", paid), ("sales", sold), ("balance", balance)):
        table[f"{name}_mean"] = cash.mean(axis=0)
        for share, values in zip(BAND, np.percentile(cash, BAND, axis=0), strict=True):
            table[f"{name}_p{share}"] = values
    table["short"] = (balance < plan.minimum).mean(axis=0)
    below = np.flatnonzero(table["balance_p10"] < plan.minimum)
    shortfall = int(below[0]) if len(below) else None
    return CashForecast(table, len(paid), shortfall, _drivers(invoices, ends, shortfall, later))


def period_days(day: int, periods: int, frequency: str) -> tuple[Ints, Ints]:
    """First and last days of calendar weeks (Monday to Sunday) or months; the first begins with `day` itself."""
    if frequency not in FREQUENCIES:
        raise DataError(f"frequency {frequency!r} is unknown; expected one of {', '.join(FREQUENCIES)}.")
    found = pd.period_range(pd.Timestamp(day, unit="D"), periods=periods, freq=FREQUENCIES[frequency])
    ends = found.end_time.to_numpy(dtype="datetime64[D]").astype(np.int64)
    return np.concatenate([[day], ends[:-1] + 1]), ends


def planned_items(items: pd.DataFrame, starts: Ints, ends: Ints) -> Floats:
    """Planned flows (k,) by period; what was planned for a day before the first counts in the first, since it is still
    to be paid."""
    place = np.searchsorted(ends, items["day"].to_numpy(dtype=np.int64))
    kept = place < len(ends)
    amount = items["amount"].to_numpy(dtype=float)
    return np.bincount(place[kept], amount[kept], minlength=len(starts)).astype(np.float64)


def _sales_receipts(plan: CashPlan, starts: Ints, ends: Ints, simulations: int, seed: int) -> Floats:
    """Receipts (simulations, periods) from sales to come: invoiced evenly over their days, paid as customers pay.

    One normal factor moves all sales of a simulation, each as far as its band says: forecasts err together.
    """
    shares = np.zeros((len(plan.sales), len(ends)))
    spans = plan.sales[["first", "last"]].to_numpy(dtype=np.int64)
    for number, (first, last) in enumerate(spans):
        issued = np.arange(first, last + 1)
        for period, (start, end) in enumerate(zip(starts, ends, strict=True)):
            shares[number, period] = (
                _in_hand(plan.pays, end - issued) - _in_hand(plan.pays, start - 1 - issued)
            ).mean()
    mean, low, high = (plan.sales[name].to_numpy(dtype=float) for name in ("mean", "p10", "p90"))
    factor = np.random.default_rng((seed, 1)).standard_normal((simulations, 1))
    move = np.where(factor > 0, (high - mean) * factor, (mean - low) * factor) / Z90
    return np.asarray(np.maximum(mean + move, 0.0) @ shares)


def _in_hand(pays: Floats, days: Ints) -> Floats:
    return np.where(days < 0, 0.0, pays[np.clip(days, 0, len(pays) - 1)])


def _drivers(invoices: OpenInvoices, ends: Ints, shortfall: int | None, later: Floats) -> pd.DataFrame:
    """Invoices by what they are expected to lack at the end of the shortfall's period, the largest first: `missing`,
    amount times the chance of not being paid by then, and `due`, whether it ought to have been."""
    if shortfall is None:
        return pd.DataFrame({"row": [], "missing": [], "due": []})
    end = int(ends[shortfall])
    missing = invoices.amount * (1.0 - invoices.paid_by(end, later))
    found = pd.DataFrame({"row": np.arange(len(missing)), "missing": missing, "due": invoices.due <= end})
    return found.sort_values(["due", "missing"], ascending=False, ignore_index=True)


def _dates(days: Ints) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(days, unit="D"))
