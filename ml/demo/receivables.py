"""What the demo company's customers owe and paid, and what it has to pay itself, to fit its sales.

- Wholesale customers get an invoice twice a month, retail ones once a month, over all that they were sold; online
  customers pay with the order and get none.
- Each customer has terms (14 to 60 days) and a habit: wholesale pays a day before due on average, retail 2 after, with
  7 days between customers and 3 to 9 days of noise. One in eight has become slower by 12 days in eight months.
- 5 % of invoices are disputed 3 to 20 days after issue and paid 22 days later; large ones and those that are due in the
  second half of December are paid later. Nobody pays on a weekend.
- 6 % are paid in two parts, 1 % by a little too much, 0.6 % never; 1.5 % are followed by a credit note of a tenth,
  which is set off when the invoice is paid.
- Planned cash of the half-year after the last sale: suppliers every week, wages and rent every month, tax in quarters.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml.demo.company import Company

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CURRENCY = "EUR"
STREAM = 17
"""Of the seed: other draws of the company do not move these."""
INVOICED = {"Wholesale": 2, "Retail": 1}
"""Invoices a month."""
TERMS = {"Wholesale": ((30, 45, 60), (0.5, 0.3, 0.2)), "Retail": ((14, 30), (0.4, 0.6)), "Online": ((0,), (1.0,))}
HABIT = {"Wholesale": -1.0, "Retail": 2.0, "Online": 0.0}
BETWEEN = 7.0
SLOWER, SLOWER_SHARE, SLOWER_DAYS = 12.0, 0.125, 240
DISPUTED, DISPUTE_DAYS = 0.05, 22.0
PARTLY, OVERPAID, NEVER, CREDITED = 0.06, 0.01, 0.006, 0.015
WAGES, RENT, TAX, GOODS = 0.16, 0.04, 0.06, 0.66
"""Of what is invoiced in a month."""
MONTHS_AHEAD = 6


@dataclass(frozen=True)
class Receivables:
    """Rows of the data sets of these names (`docs/data-sets.md`)."""

    customers: pd.DataFrame
    invoices: pd.DataFrame
    payments: pd.DataFrame
    cash_items: pd.DataFrame


def write_records(folder: Path, made: DataclassInstance) -> dict[str, int]:
    """Write each data set, a field of `made`, as a CSV file of its name; returns how many rows each has."""
    folder.mkdir(parents=True, exist_ok=True)
    frames: dict[str, pd.DataFrame] = {field.name: getattr(made, field.name) for field in fields(made)}
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False, date_format="%Y-%m-%d", lineterminator="\n")
    return {name: len(frame) for name, frame in frames.items()}


def draw_receivables(seed: int, company: Company, sales: pd.DataFrame) -> Receivables:
    """Customers with their terms, their invoices and payments up to the last sale, and planned cash after it."""
    rng, last = np.random.default_rng([seed, STREAM]), pd.Timestamp(sales["sale_date"].max())
    customers = _customers(rng, company)
    invoices = _invoices(sales, customers, last)
    paid = _paid(rng, invoices, last)
    credit_notes = _credit_notes(rng, paid, last)
    payments = _payments(rng, paid, credit_notes, last)
    columns = ["invoice_ref", "customer_code", "issued_on", "due_on", "terms_days", "amount", "currency", "region",
               "category", "disputed", "disputed_on", "paperless"]  # fmt: skip
    every = pd.concat([paid[columns], credit_notes[columns]]).sort_values(
        ["issued_on", "invoice_ref"], ignore_index=True
    )
    month = float(invoices["amount"].sum()) / max((last - invoices["issued_on"].min()).days / 30.4, 1.0)
    shown = ["customer_code", "name", "segment", "region", "territory", "area", "payment_terms_days", "credit_limit"]
    return Receivables(customers[shown], every, payments, _cash_items(rng, month, last))


def _customers(rng: np.random.Generator, company: Company) -> pd.DataFrame:
    """One row a customer, with its terms, credit limit (half a year's invoices or so), and how it pays."""
    found = company.customers.join(company.areas[["region", "territory", "area"]], on="area", rsuffix="_name")
    count = len(found)
    terms = [float(rng.choice(TERMS[channel][0], p=TERMS[channel][1])) for channel in found["channel"]]
    return pd.DataFrame(
        {
            "customer_code": found["customer_code"], "name": found["customer_name"], "segment": found["channel"],
            "region": found["region"], "territory": found["territory"], "area": found["area_name"],
            "payment_terms_days": terms,
            "credit_limit": np.round(found["size"] * rng.uniform(8_000, 30_000, count), -3) + 5_000,
            "habit": found["channel"].map(HABIT) + rng.normal(0.0, BETWEEN, count),
            "noise": rng.uniform(3.0, 9.0, count),
            "slower": rng.random(count) < SLOWER_SHARE,
            "paperless": rng.random(count) < 0.6,
        }
    )  # fmt: skip


def _invoices(sales: pd.DataFrame, customers: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """The sales of each customer and half-month (or month) as one invoice on its last day."""
    rows = sales[sales["channel"].isin(list(INVOICED))]
    day = rows["sale_date"]
    month_end = day + pd.offsets.MonthEnd(0)
    early = (day.dt.day <= 15) & (rows["channel"].astype(str) == "Wholesale")
    issued = month_end.where(~early, day.dt.to_period("M").dt.to_timestamp() + pd.Timedelta(days=14))
    keys = [rows["customer_code"].astype(str), issued.rename("issued_on")]
    by = rows.groupby([*keys, rows["category"].astype(str)], observed=True)["sales_amount"].sum().reset_index()
    by = by.sort_values("sales_amount", ascending=False)
    found = by.groupby(["customer_code", "issued_on"]).agg(
        amount=("sales_amount", "sum"), category=("category", "first")
    )
    found = found[found["amount"] > 0].round({"amount": 2}).reset_index()
    found = found[found["issued_on"] <= last].sort_values(["issued_on", "customer_code"], ignore_index=True)
    found = found.join(customers.set_index("customer_code"), on="customer_code")
    found["invoice_ref"] = [f"RE-{number:06d}" for number in range(1, len(found) + 1)]
    found["terms_days"] = found["payment_terms_days"]
    found["due_on"] = found["issued_on"] + pd.to_timedelta(found["terms_days"], unit="D")
    return found.assign(currency=CURRENCY)


def _paid(rng: np.random.Generator, invoices: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """Invoices with `paid_on`, the day of payment (NaT: never), whether or not it has come by the last day."""
    count = len(invoices)
    disputed = rng.random(count) < DISPUTED
    begun = invoices["issued_on"] + pd.to_timedelta(rng.integers(3, 21, count), unit="D")
    slower = np.clip(1.0 - (last - invoices["issued_on"]).dt.days / SLOWER_DAYS, 0.0, 1.0) * invoices["slower"] * SLOWER
    size = np.log(invoices["amount"]).groupby(invoices["customer_code"]).transform(lambda part: part - part.mean())
    due = invoices["due_on"]
    holidays = ((due.dt.month == 12) & (due.dt.day > 15)) * 6.0
    late = invoices["habit"] + slower + 2.0 * size + holidays + DISPUTE_DAYS * disputed - 2.0 * invoices["paperless"]
    delay = np.round(late + rng.normal(0.0, 1.0, count) * invoices["noise"] + rng.gamma(1.2, 2.0, count) - 2.4)
    day = due + pd.to_timedelta(np.maximum(delay, 2 - invoices["terms_days"]), unit="D")
    day = day + pd.to_timedelta((7 - day.dt.dayofweek).where(day.dt.dayofweek > 4, 0), unit="D")
    known = disputed & (begun <= last)
    return invoices.assign(
        disputed=known,
        disputed_on=begun.where(known),
        paid_on=day.where(rng.random(count) >= NEVER).clip(lower=begun.where(disputed, day)),
    )


def _credit_notes(rng: np.random.Generator, paid: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """A tenth of some invoices, given back ten days after issue."""
    chosen = paid[(rng.random(len(paid)) < CREDITED) & (paid["issued_on"] + pd.Timedelta(days=10) <= last)]
    issued = chosen["issued_on"] + pd.Timedelta(days=10)
    return chosen.assign(
        invoice_ref="GS" + chosen["invoice_ref"].str[2:], issued_on=issued, due_on=issued, terms_days=0.0,
        amount=-np.round(chosen["amount"] * 0.1, 2), disputed=False, disputed_on=pd.Series(pd.NaT, chosen.index),
    )  # fmt: skip


def _payments(
    rng: np.random.Generator, paid: pd.DataFrame, credit_notes: pd.DataFrame, last: pd.Timestamp
) -> pd.DataFrame:
    """All that came by the last day; a credit note is set off on the day on which its customer paid the invoice."""
    share = np.where(rng.random(len(paid)) < PARTLY, rng.uniform(0.4, 0.8, len(paid)), 1.0)
    share = np.where(rng.random(len(paid)) < OVERPAID, 1.02, share)
    first = pd.DataFrame(
        {"invoice_ref": paid["invoice_ref"], "paid_on": paid["paid_on"], "amount": np.round(paid["amount"] * share, 2)}
    )
    rest = paid["amount"] - first["amount"]
    later = paid["paid_on"] + pd.to_timedelta(rng.integers(7, 29, len(paid)), unit="D")
    second = first.assign(paid_on=later, amount=rest.round(2))[rest > 0.005]
    set_off = pd.DataFrame(
        {
            "invoice_ref": credit_notes["invoice_ref"],
            "paid_on": credit_notes["paid_on"],
            "amount": credit_notes["amount"],
        }
    )
    found = pd.concat([first, second, set_off]).dropna(subset=["paid_on"])
    found = found[found["paid_on"] <= last].sort_values(["paid_on", "invoice_ref"], ignore_index=True)
    return found.assign(payment_ref=[f"Z-{number:06d}" for number in range(1, len(found) + 1)])


def _cash_items(rng: np.random.Generator, month: float, last: pd.Timestamp) -> pd.DataFrame:
    """What has to be paid in the months to come, by what is usually invoiced in a month."""
    rows: list[tuple[str, pd.Timestamp, float, str, str]] = []
    for number in range(MONTHS_AHEAD):
        start = last + pd.Timedelta(days=1) + pd.DateOffset(months=number)
        rows.append((f"W-{start:%Y-%m}", start + pd.Timedelta(days=26), -WAGES * month, "wages", "Wages"))
        rows.append((f"R-{start:%Y-%m}", start + pd.Timedelta(days=2), -RENT * month, "rent", "Rent"))
        if start.month in (2, 5, 8, 11):
            rows.append((f"T-{start:%Y-%m}", start + pd.Timedelta(days=9), -3 * TAX * month, "tax", "Tax"))
    monday = last + pd.Timedelta(days=7 - last.dayofweek)
    for week in range(26):
        day, amount = monday + pd.Timedelta(weeks=week, days=3), GOODS * month * 12 / 52 * rng.uniform(0.8, 1.2)
        rows.append((f"B-{day:%Y%m%d}", day, -amount, "payable", "Suppliers"))
    found = pd.DataFrame(rows, columns=["item_ref", "day", "amount", "kind", "name"])
    return found.assign(amount=found["amount"].round(2), currency=CURRENCY)
