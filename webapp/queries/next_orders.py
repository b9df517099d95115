"""Reads of customers' next orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Customer
from ml.db.receivables import NextOrder
from ml.errors import NotFoundError
from webapp.queries.collect_runs import customers_of, find_run, published_run
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from webapp.queries.receivable_figures import ratio

STAGES = ("new", "active", "slowing", "lapsed")


@dataclass(frozen=True)
class OrderView:
    """A prediction with its customer."""

    row: NextOrder
    customer: Customer

    @property
    def days_since(self) -> int:
        """Days since the last order, at the end of the sales."""
        return (self.row.as_of - self.row.last_order).days


@dataclass(frozen=True)
class OrderScore:
    """What became of the predictions of a day."""

    as_of: date
    predictions: int
    known: int
    mae: float | None
    coverage: float | None


@dataclass(frozen=True)
class OrderFilter:
    """Which customers; '' leaves open."""

    q: str = ""
    stage: str = ""
    segment: str = ""
    region: str = ""
    overdue: bool = False


def list_next_orders(
    session: Session, wanted: OrderFilter, *, limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[OrderView]:
    """Customers by what is at stake: the value of the next order, times the chance that it does not come soon."""
    run, mine = published_run(session), NextOrder
    query = sa.select(mine).where(mine.run_id == run.id)
    if wanted.overdue:
        query = query.where(mine.overdue)
    if wanted.stage:
        query = query.where(mine.stage == wanted.stage)
    named = [getattr(Customer, name) == value for name in ("segment", "region") if (value := getattr(wanted, name))]
    if wanted.q:
        texts = (Customer.code, Customer.name)
        named.append(sa.or_(*(text.icontains(wanted.q, autoescape=True) for text in texts)))
    if named:
        query = query.where(mine.customer_id.in_(sa.select(Customer.id).where(*named)))
    page = newest_first(session, query, mine.id, limit, below)
    customers = customers_of(session, (row.customer_id for row in page.items))
    return Page([OrderView(row, customers[row.customer_id]) for row in page.items], page.next_below)


def find_next_order(session: Session, customer_id: int) -> NextOrder | None:
    """The prediction of a customer; None where it never ordered."""
    run = find_run(session)
    if run is None:
        return None
    query = sa.select(NextOrder).where(NextOrder.run_id == run.id, NextOrder.customer_id == customer_id)
    return session.scalars(query).one_or_none()


def next_order_of(session: Session, customer: Customer) -> NextOrder:
    """The same; raises NotFoundError where there is none."""
    found = find_next_order(session, customer.id)
    if found is None:
        raise NotFoundError(f"customer {customer.code!r} has not ordered yet, as far as the last run knows.")
    return found


def stage_counts(session: Session) -> dict[str, int]:
    """How many customers are in each stage of their life."""
    run = find_run(session)
    if run is None:
        return {}
    query = sa.select(NextOrder.stage, sa.func.count()).where(NextOrder.run_id == run.id).group_by(NextOrder.stage)
    found = {row[0]: int(row[1]) for row in session.execute(query)}
    return {stage: found.get(stage, 0) for stage in STAGES}


def order_scores(session: Session, limit: int = 12) -> list[OrderScore]:
    """What became of earlier predictions, the newest day first; days of which nothing is known are left out."""
    run, mine = find_run(session), NextOrder
    if run is None or run.orders_as_of is None:
        return []
    came = mine.ordered_on.is_not(None)
    judged = sa.or_(came, mine.p90 <= run.orders_as_of)
    inside = sa.and_(came, mine.ordered_on.between(mine.p10, mine.p90))
    query = sa.select(
        mine.as_of,
        sa.func.count().label("predictions"),
        sa.func.sum(sa.case((came, 1), else_=0)).label("known"),
        sa.func.avg(sa.case((came, sa.func.abs(mine.missed_days)))).label("mae"),
        sa.func.sum(sa.case((judged, 1), else_=0)).label("judged"),
        sa.func.sum(sa.case((inside, 1), else_=0)).label("inside"),
    )
    query = query.where(mine.as_of < run.orders_as_of).group_by(mine.as_of).order_by(mine.as_of.desc()).limit(limit)
    return [
        OrderScore(row.as_of, row.predictions, row.known, row.mae, ratio(row.inside, row.judged))
        for row in session.execute(query)
        if row.known
    ]
