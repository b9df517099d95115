"""The stock report of a day: what is in it, read from the published plan and the advice that waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.restock import OPEN_ADVICE, PlanRun, Recommendation, StockPlan
from ml.errors import DataError

WEEK, WEEKS = 7, 12
MOST_PROJECTED = 2_000
"""Items whose projection is in the workbook: the most pressing ones."""
ALERTS = ("", "warning", "urgent")


@dataclass(frozen=True)
class Line:
    """Advice, as a row of the report."""

    id: int
    version: int
    supplier: str
    kind: str
    area: str
    code: str
    name: str
    quantity: float
    order_on: date
    arrives_on: date
    unit_cost: float | None
    value: float
    alert: str
    cover_days: float | None
    out_on: date | None
    lost_value: float
    reason: str


@dataclass(frozen=True)
class Projected:
    """The stock of an item at the ends of weeks: likely (P50), and with much demand (P10)."""

    area: str
    code: str
    name: str
    alert: str
    p50: tuple[float, ...]
    p10: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    """All of it. `lines` are by urgency; `by_supplier` has suppliers with their lines, the largest order first."""

    run_id: int
    today: date
    summary: dict[str, float]
    lines: list[Line]
    by_supplier: list[tuple[str, list[Line]]]
    projected: list[Projected]

    @property
    def urgent(self) -> list[Line]:
        """What cannot wait."""
        return [line for line in self.lines if line.alert == "urgent"]


SUMMARY = {
    "items": "Items planned",
    "urgent": "Urgent items",
    "warning": "Items with a warning",
    "orders": "Lines to order",
    "value": "Value to order",
    "transfers": "Lines to transfer",
    "excess_value": "Value of too much stock",
    "dead": "Items that nobody wants",
}
"""Figures of a plan, in words."""


def read_report(session: Session) -> Report:
    """The report of the published plan; raises DataError before there is one."""
    run = session.scalar(sa.select(PlanRun).where(PlanRun.slot == "stock"))
    if run is None:
        raise DataError("there is no stock plan to report; plan the stock first.")
    lines = read_lines(session)
    ordered = sorted((line for line in lines if line.kind == "order"), key=lambda line: line.supplier)
    by_supplier = [(name, list(some)) for name, some in groupby(ordered, key=lambda line: line.supplier)]
    by_supplier.sort(key=lambda one: -sum(line.value for line in one[1]))
    summary = {name: run.summary[name] for name in SUMMARY if name in run.summary}
    return Report(run.id, run.today, summary, lines, by_supplier, read_projected(session, run.id))


def read_lines(session: Session) -> list[Line]:
    """The advice that waits for a decision, the most pressing first."""
    mine = Recommendation
    query = sa.select(mine, Product.code, Product.name).join(Product, Product.id == mine.product_id)
    query = query.where(mine.state.in_(OPEN_ADVICE)).order_by(mine.urgency.desc(), mine.id)
    return [
        Line(
            row.id, row.version, row.supplier, row.kind, row.area, code, name, row.quantity, row.order_on,
            row.arrives_on, row.unit_cost, row.value, ALERTS[row.alert], row.cover_days, row.out_on, row.lost_value,
            row.reason,
        )
        for row, code, name in session.execute(query)
    ]  # fmt: skip


def read_projected(session: Session, run_id: int) -> list[Projected]:
    """Items with an alert, the most pressing first."""
    mine = StockPlan
    columns = (mine.area, Product.code, Product.name, mine.alert, mine.projection)
    query = sa.select(*columns).join(Product, Product.id == mine.product_id)
    query = query.where(mine.run_id == run_id, mine.alert > 0).order_by(mine.alert.desc(), mine.id)
    return [
        Projected(row.area, row.code, row.name, ALERTS[row.alert], *(weekly(row.projection[q]) for q in ("p50", "p10")))
        for row in session.execute(query.limit(MOST_PROJECTED))
    ]


def weekly(days: list[float]) -> tuple[float, ...]:
    """The values at the ends of weeks."""
    return tuple(days[WEEK - 1 :: WEEK][:WEEKS])
