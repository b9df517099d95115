"""Customers' next orders as rows of their table, and what became of those that were predicted before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.customers.baskets import category_shares
from ml.customers.next_order import NextOrderModel
from ml.customers.orders import Orders
from ml.customers.outlook import predict_next_orders
from ml.db.bulk import in_lists, insert_rows
from ml.db.receivables import CollectRun, NextOrder

CATEGORIES = 5
"""How many categories are kept of each prediction, the likeliest."""


def store_orders(
    session: Session, run: CollectRun, model: NextOrderModel, orders: Orders, ids: Mapping[str, int]
) -> int:
    """Predict the next order of every customer as of the end of the sales, the one with the least at stake first;
    returns how many there are."""
    day = orders.end
    found = predict_next_orders(model, orders, day)
    places = orders.codes.get_indexer(found.index)
    shares = category_shares(orders, day, places)
    likely = pd.Series([likeliest(row, orders.categories) for row in shares], found.index)
    found = found.assign(categories=likely, at_stake=found["at_stake"].round(2)).sort_values("at_stake")
    days = {name: found[name].dt.date.tolist() for name in ("p10", "p50", "p90", "last_order")}
    insert_rows(
        session,
        NextOrder,
        {
            "run_id": [run.id] * len(found),
            "as_of": [as_date(day)] * len(found),
            "customer_id": [ids[str(code)] for code in found.index],
            **days,
            **{name: found[name].tolist() for name in ("in_30_days", "stage", "one_time", "typical_gap", "overdue")},
            "amount": found["amount"].round(2).tolist(),
            "at_stake": found["at_stake"].tolist(),
            "categories": found["categories"].tolist(),
        },
    )
    return len(found)


def likeliest(shares: Any, names: pd.Index[str]) -> list[dict[str, Any]]:
    """The likeliest categories of one customer, each with its chance."""
    order = shares.argsort()[::-1][:CATEGORIES]
    return [{"category": str(names[place]), "chance": round(float(shares[place]), 4)} for place in order]


def settle_orders(session: Session, orders: Orders, ids: Mapping[str, int]) -> int:
    """Write down the first order after each earlier prediction, and how far P50 was from it; returns how many."""
    codes = [str(code) for code in orders.codes]
    days: dict[int, list[int]] = {}
    for customer, day in zip(orders.orders["customer"].tolist(), orders.orders["day"].tolist(), strict=True):
        days.setdefault(ids[codes[customer]], []).append(day)
    columns = (NextOrder.id, NextOrder.customer_id, NextOrder.as_of, NextOrder.p50)
    waiting = session.execute(sa.select(*columns).where(NextOrder.ordered_on.is_(None))).all()
    found = []
    for row in waiting:
        start = (row.as_of - date(1970, 1, 1)).days
        later = next((day for day in days.get(row.customer_id, []) if day > start), None)
        if later is not None:
            came = as_date(later)
            found.append({"id": row.id, "ordered_on": came, "missed_days": float((row.p50 - came).days)})
    for some in in_lists(found):
        session.execute(sa.update(NextOrder), list(some))
    return len(found)


def as_date(day: int) -> date:
    """Days since 1970 as a date."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(day))
