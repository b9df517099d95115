"""Actual sales by month of any node of the hierarchy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.sales import SalesMonthly
from ml.grains import MONTHLY, Coverage
from webapp.queries.nodes import Node, conditions


@dataclass(frozen=True)
class HistoryPoint:
    """Sales of one month; `partial` where the data covers it only in part."""

    period: date
    sales: float
    qty: float
    transactions: int
    partial: bool


def month_of(yearmonth: str) -> date:
    """'2024-03' as the first day of that month."""
    return date.fromisoformat(f"{yearmonth}-01")


def year_month(day: date) -> str:
    """A date's month as the aggregates name it."""
    return f"{day:%Y-%m}"


def monthly(node: Node) -> sa.Select[Any]:
    """The monthly aggregates of a node, joined with their products; columns to be chosen."""
    joined = sa.select(SalesMonthly).join(Product, Product.id == SalesMonthly.product_id)
    return joined.where(*conditions(node, SalesMonthly))


def history(session: Session, node: Node, coverage: Coverage) -> list[HistoryPoint]:
    """Every month from the node's first sale to the end of the data; months without sales are zero."""
    query = monthly(node).with_only_columns(
        SalesMonthly.yearmonth,
        sa.func.sum(SalesMonthly.total_sales).label("sales"),
        sa.func.sum(SalesMonthly.total_qty).label("qty"),
        sa.func.sum(SalesMonthly.transactions).label("transactions"),
    )
    rows = session.execute(query.group_by(SalesMonthly.yearmonth)).all()
    found = {month_of(row.yearmonth): row for row in rows}
    points = []
    period = min(found, default=None)
    while period is not None and period <= coverage.last:
        row = found.get(period)
        points.append(
            HistoryPoint(
                period,
                float(row.sales) if row else 0.0,
                float(row.qty) if row else 0.0,
                int(row.transactions) if row else 0,
                coverage.is_partial(period),
            )
        )
        period = MONTHLY.shift(period, 1)
    return points
