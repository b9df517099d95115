"""Figures of collection: ageing, days sales outstanding, delay and effectiveness, of all or of groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Customer
from ml.db.receivables import CollectRun, ReceivableFigure
from webapp.queries.collect_runs import published_run

BUCKETS = ("not_due", "days_1_30", "days_31_60", "days_61_90", "over_90")
PARTS = (*BUCKETS, "credits", "invoices", "sales", "begin_amount", "end_amount", "current_amount", "settled",
         "paid_days", "late_days")  # fmt: skip


@dataclass(frozen=True)
class FigureView:
    """Figures of a group in a currency and period: ageing at its end, and how collection went (docs/receivables.md).

    Days and percents are None where there is nothing to divide by."""

    group: str
    label: str
    currency: str
    first_day: date
    last_day: date
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def owed(self) -> float:
        return sum(self.parts[name] for name in BUCKETS)

    @property
    def total(self) -> float:
        """What is owed less open credit notes."""
        return self.owed + self.parts["credits"]

    @property
    def overdue_share(self) -> float | None:
        return ratio(self.owed - self.parts["not_due"], self.owed)

    @property
    def dso(self) -> float | None:
        return ratio(self.parts["end_amount"] * self.days, self.parts["sales"])

    @property
    def best_possible_dso(self) -> float | None:
        return ratio(self.parts["current_amount"] * self.days, self.parts["sales"])

    @property
    def average_days_delinquent(self) -> float | None:
        if self.dso is None or self.best_possible_dso is None:
            return None
        return self.dso - self.best_possible_dso

    @property
    def collection_effectiveness(self) -> float | None:
        asked = self.parts["begin_amount"] + self.parts["sales"]
        share = ratio(asked - self.parts["end_amount"], asked - self.parts["current_amount"])
        return None if share is None else 100 * share

    @property
    def days_to_pay(self) -> float | None:
        return ratio(self.parts["paid_days"], self.parts["settled"])

    @property
    def days_late(self) -> float | None:
        return ratio(self.parts["late_days"], self.parts["settled"])

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1


def ratio(part: float, whole: float) -> float | None:
    """None where there is nothing to divide by."""
    return part / whole if abs(whole) > 1e-9 else None


def figures(
    session: Session, by: str = "", *, months: bool = False, customer_id: int | None = None
) -> list[FigureView]:
    """Figures of the last 90 days (or of each of the last 12 months) by a group of `GROUPS`, the largest first."""
    run, mine = published_run(session), ReceivableFigure
    group: Any = {"customer": Customer.code, "segment": Customer.segment, "region": Customer.region}.get(by)
    label: Any = Customer.name if by == "customer" else group
    keys = [
        mine.currency,
        mine.first_day,
        mine.last_day,
        *([group] if by else []),
        *([label] if by == "customer" else []),
    ]
    names = [sa.literal_column("''").label("group")] if not by else [group.label("group")]
    names += [label.label("label")] if by == "customer" else []
    sums = [sa.func.sum(getattr(mine, name)).label(name) for name in PARTS]
    query = sa.select(mine.currency, mine.first_day, mine.last_day, *names, *sums)
    query = query.join(Customer, Customer.id == mine.customer_id).where(mine.run_id == run.id)
    query = query.where(span_condition(run, months=months))
    if customer_id is not None:
        query = query.where(mine.customer_id == customer_id)
    found = []
    for row in session.execute(query.group_by(*keys)).mappings():
        parts = {name: float(row[name] or 0.0) for name in PARTS}
        text = row["label"] if by == "customer" else row["group"]
        found.append(FigureView(row["group"], text, row["currency"], row["first_day"], row["last_day"], parts))
    if months:
        return sorted(found, key=lambda view: (view.currency, view.first_day))
    return sorted(found, key=lambda view: (view.currency, -view.owed, view.group))


def span_condition(run: CollectRun, *, months: bool) -> sa.ColumnElement[bool]:
    """The period of today ends the day before the predictions; months are all whole ones, which is no longer."""
    if run.as_of is None:
        return sa.false()
    last, mine = run.as_of - timedelta(days=1), ReceivableFigure
    trailing = sa.and_(mine.last_day == last, mine.first_day == last - timedelta(days=89))
    return sa.not_(trailing) if months else trailing
