"""Made invoices, payments and orders for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ml.receivables.ledger import Ledger, build_ledger


def day(text: str) -> int:
    """A date as days since 1970."""
    return int(np.datetime64(text, "D").astype(np.int64))


def invoice_rows(*rows: dict[str, Any]) -> pd.DataFrame:
    """Invoices of 100, issued on 2024-01-01 and due 30 days later, unless a row says otherwise."""
    usual = {
        "customer_code": "A",
        "issued_on": "2024-01-01",
        "due_on": "2024-01-31",
        "amount": 100.0,
        "currency": "EUR",
    }
    made = pd.DataFrame([{**usual, "invoice_ref": f"I{number}", **row} for number, row in enumerate(rows)])
    return made.assign(issued_on=pd.to_datetime(made["issued_on"]), due_on=pd.to_datetime(made["due_on"]))


def payment_rows(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Payments of invoice, day and amount."""
    return pd.DataFrame(rows, columns=["invoice_ref", "paid_on", "amount"])


def made_invoices(count: int = 600, customers: int = 30, seed: int = 0, days: int = 500) -> pd.DataFrame:
    """Invoices with the day of payment: each customer has a habit, paperless ones are paid 6 days earlier."""
    random = np.random.default_rng(seed)
    customer = random.integers(0, customers, count)
    issued = np.sort(random.integers(0, days, count))
    paperless = random.random(count) < issued / days
    late = random.normal(0, 8, customers)[customer] - 6.0 * paperless + random.normal(0, 4, count)
    start = pd.Timestamp("2023-01-01")
    issued_on = start + pd.to_timedelta(issued, unit="D")
    return pd.DataFrame(
        {
            "invoice_ref": [f"I{number:05d}" for number in range(count)],
            "customer_code": [f"C{number:03d}" for number in customer],
            "issued_on": issued_on,
            "due_on": issued_on + pd.Timedelta(days=30),
            "settled_on": issued_on + pd.to_timedelta(np.maximum(np.round(30 + late), 0), unit="D"),
            "amount": np.round(np.exp(random.normal(5, 0.5, count)), 2),
            "paperless": paperless.astype(float),
            "disputed": (random.random(count) < 0.1).astype(float),
        }
    )


def made_ledger(count: int = 600, customers: int = 30, seed: int = 0) -> Ledger:
    """`made_invoices` as a ledger."""
    return build_ledger(made_invoices(count, customers, seed))


def made_sales(customers: int = 60, days: int = 300, seed: int = 0) -> pd.DataFrame:
    """Sales rows: each customer orders in a rhythm of its own, mostly of one category; a few ordered once."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        gap, at = random.uniform(5, 60), random.uniform(0, 60)
        while at < days:
            category = f"K{number % 4}" if random.random() < 0.8 else f"K{random.integers(0, 4)}"
            rows.append((f"C{number:03d}", int(at), category, float(np.exp(random.normal(4, 0.3)))))
            at += max(1.0, random.gamma(6.0, gap / 6.0)) if number % 10 else 10 * days
    frame = pd.DataFrame(rows, columns=["customer_code", "day", "category", "sales_amount"])
    return frame.assign(sale_date=pd.Timestamp("2023-01-01") + pd.to_timedelta(frame["day"], unit="D"))
