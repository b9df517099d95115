"""Invoices, payments, actions and orders from the tables, as the receivables and customers code takes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.customers.orders import Orders, build_orders
from ml.db.catalog import Customer, Product
from ml.db.drivers import Event
from ml.db.receivables import CollectionAction, Invoice, Payment
from ml.db.sales import SalesRaw
from ml.receivables.history import History
from ml.receivables.ledger import build_ledger

ORDER_YEARS = 3
"""Of sales before the last one: what is older says nothing of the next order."""


@dataclass(frozen=True)
class Book:
    """All invoices as a history, with the tables' ids: `keys` by invoice number, `customers` by code. `day` is the
    morning of the predictions: the day after the last invoice or payment."""

    history: History
    keys: dict[str, bytes]
    customers: dict[str, int]
    day: date

    @property
    def number(self) -> int:
        """`day` as days since 1970."""
        return (self.day - date(1970, 1, 1)).days


def read_book(session: Session) -> Book | None:
    """Everything that is known of invoices; None where there are none."""
    invoices = _frame(
        session,
        sa.select(
            Invoice.key, Invoice.invoice_ref, Invoice.customer_id, Customer.code.label("customer_code"),
            Invoice.issued_on, Invoice.due_on, Invoice.terms_days, Invoice.amount, Invoice.currency, Customer.region,
            Invoice.category, Invoice.disputed, Invoice.disputed_on, Invoice.paperless,
        ).join(Customer, Customer.id == Invoice.customer_id),
    )  # fmt: skip
    if not len(invoices):
        return None
    payments = _frame(session, sa.select(Payment.invoice_ref, Payment.paid_on, Payment.amount))
    actions = sa.select(CollectionAction.invoice_ref, CollectionAction.kind, CollectionAction.day)
    facts = sa.select(
        Customer.code.label("customer_code"), Customer.segment, Customer.payment_terms_days, Customer.credit_limit
    )
    ledger = build_ledger(
        invoices.drop(columns=["key", "customer_id"]),
        payments,
        _frame(session, facts),
        _frame(session, actions.add_columns(CollectionAction.promised_on)),
    )
    last = max(day for day in (invoices["issued_on"].max(), payments["paid_on"].max()) if isinstance(day, date))
    holidays = session.scalars(sa.select(Event.starts_on).where(Event.kind == "holiday", Event.region == "")).all()
    return Book(
        History.of(ledger, [pd.Timestamp(day) for day in holidays]),
        dict(zip(invoices["invoice_ref"], invoices["key"], strict=True)),
        dict(zip(invoices["customer_code"], invoices["customer_id"].astype(int), strict=True)),
        last + timedelta(days=1),
    )


def read_orders(session: Session) -> tuple[Orders, dict[str, int]] | None:
    """Sales of the last three years as orders, and the ids of their customers by code; None where no sale names one."""
    last = session.scalar(sa.select(sa.func.max(SalesRaw.sale_date)).where(SalesRaw.customer_id.is_not(None)))
    if last is None:
        return None
    query = (
        sa.select(
            SalesRaw.customer_id,
            SalesRaw.sale_date,
            Product.category,
            sa.func.sum(SalesRaw.sales_amount).label("amount"),
        )
        .join(Product, Product.id == SalesRaw.product_id)
        .where(SalesRaw.customer_id.is_not(None), SalesRaw.sale_date > last - timedelta(days=366 * ORDER_YEARS))
        .group_by(SalesRaw.customer_id, SalesRaw.sale_date, Product.category)
    )
    sales = _frame(session, query)
    codes = {row.id: row.code for row in session.execute(sa.select(Customer.id, Customer.code))}
    frame = pd.DataFrame(
        {
            "customer_code": sales["customer_id"].map(codes),
            "sale_date": pd.to_datetime(sales["sale_date"]),
            "sales_amount": sales["amount"].astype(float),
            "category": sales["category"],
        }
    )
    return build_orders(frame), {code: number for number, code in codes.items()}


def _frame(session: Session, query: sa.Select[*tuple[Any, ...]]) -> pd.DataFrame:
    """The rows of a query by the names of its columns."""
    result = session.execute(query)
    names = list(result.keys())
    rows = result.all()
    return pd.DataFrame({name: [row[place] for row in rows] for place, name in enumerate(names)}, columns=names)
