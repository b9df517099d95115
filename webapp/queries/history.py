"""Actual sales by day, week or month of any node of the hierarchy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.sales import SalesMonthly
from ml.grains import DAILY, MONTHLY, Coverage, Grain
from ml.totals import TOTALS
from webapp.queries.data_version import data_version
from webapp.queries.nodes import Node, conditions
from webapp.queries.remembered import remembered, totals_version
from webapp.queries.scope import current_scope


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """Sales of one period; `partial` where the data covers it only in part."""

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


def in_series(node: Node, table: Any) -> list[sa.ColumnElement[bool]]:
    """What the rows of a table of totals must meet to belong to `node`: their series do, by which they are found."""
    if not node.params():
        return []
    leaves = sa.select(Series.id).join(Product, Product.id == Series.product_id)
    leaves = leaves.where(Series.location_level == "area", Series.product_level == "product")
    return [table.series_id.in_(leaves.where(*conditions(node, Series)))]


def history(session: Session, node: Node, coverage: Coverage, grain: Grain = MONTHLY) -> list[HistoryPoint]:
    """Every period from the node's first sale to the end of the data; periods without sales are zero."""
    if grain is DAILY:  # too long to be kept
        return read_history(session, node, coverage, grain)
    by_kind = not node.product and (node.category or node.subcategory)
    state = (totals_version(session), data_version(session) if by_kind else None)  # products may change their category
    key = ("history", grain.name, node, coverage, current_scope(), state)
    return list(remembered(session, key, lambda: read_history(session, node, coverage, grain)))


def read_history(session: Session, node: Node, coverage: Coverage, grain: Grain) -> list[HistoryPoint]:
    """The history as the database has it."""
    totals = TOTALS[grain.name]
    table = totals.table
    query = sa.select(
        totals.period.label("period"),
        sa.func.sum(table.total_sales).label("sales"),
        sa.func.sum(table.total_qty).label("qty"),
        sa.func.sum(table.transactions).label("transactions"),
    )
    query = query.where(*in_series(node, table))
    found = {totals.first_day(row.period): row for row in session.execute(query.group_by(totals.period))}
    first = min(found, default=None)
    periods = grain.count(first, grain.start(coverage.last)) if first is not None else 0
    return [
        _point(period, found.get(period), coverage.is_partial(period))
        for period in (grain.shift(first, ahead) for ahead in range(periods) if first is not None)
    ]


def _point(period: date, row: Any, partial: bool) -> HistoryPoint:
    if row is None:
        return HistoryPoint(period, 0.0, 0.0, 0, partial)
    return HistoryPoint(period, float(row.sales), float(row.qty), int(row.transactions), partial)
