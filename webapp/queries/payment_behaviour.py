"""How customers pay and have paid: their risk classes, and what became of earlier predictions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Customer
from ml.db.receivables import CustomerRisk, PaymentPrediction
from webapp.queries.collect_runs import customers_of, find_run
from webapp.queries.receivable_figures import ratio


@dataclass(frozen=True)
class ScoreView:
    """What became of the predictions of a day: how many are known by now, their mean absolute error in days, and the
    share within P10 to P90 of those that were paid or should have been by P90."""

    as_of: date
    predictions: int
    known: int
    mae: float | None
    bias: float | None
    coverage: float | None
    brier: float | None


def risk_of(session: Session, customer_id: int) -> CustomerRisk | None:
    """The risk class of a customer; None without invoices."""
    run = find_run(session)
    if run is None:
        return None
    query = sa.select(CustomerRisk).where(CustomerRisk.run_id == run.id, CustomerRisk.customer_id == customer_id)
    return session.scalars(query).one_or_none()


def risk_counts(session: Session) -> dict[str, dict[str, int]]:
    """By risk class: customers in it now, thirty days ago, and how many came better or worse from another one."""
    run = find_run(session)
    if run is None:
        return {}
    mine = CustomerRisk
    query = sa.select(mine.risk_class, mine.before, mine.direction, sa.func.count().label("customers"))
    rows = session.execute(
        query.where(mine.run_id == run.id).group_by(mine.risk_class, mine.before, mine.direction)
    ).all()
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        now = found.setdefault(row.risk_class, {"now": 0, "before": 0, "better": 0, "worse": 0})
        now["now"] += row.customers
        if row.direction in ("better", "worse"):
            now[row.direction] += row.customers
        if row.before:
            then = found.setdefault(row.before, {"now": 0, "before": 0, "better": 0, "worse": 0})
            then["before"] += row.customers
    return found


def moved(session: Session, limit: int = 10) -> list[tuple[CustomerRisk, Customer]]:
    """Customers who came into a worse class, those that are overdue longest first."""
    run = find_run(session)
    if run is None:
        return []
    mine = CustomerRisk
    query = sa.select(mine).where(mine.run_id == run.id, mine.direction == "worse")
    rows = session.scalars(query.order_by(mine.overdue_days.desc(), mine.id).limit(limit)).all()
    customers = customers_of(session, (row.customer_id for row in rows))
    return [(row, customers[row.customer_id]) for row in rows]


def scores(session: Session, limit: int = 12) -> list[ScoreView]:
    """What became of earlier predictions, the newest day first; days of which nothing is known yet are left out."""
    run, mine = find_run(session), PaymentPrediction
    if run is None or run.as_of is None:
        return []
    came = mine.settled_on.is_not(None)
    judged = sa.or_(came, mine.p90 < run.as_of)
    late = sa.case((mine.settled_on > mine.due_on, 1.0), else_=0.0)
    miss = 1.0 - mine.on_time - late
    query = (
        sa.select(
            mine.as_of,
            sa.func.count().label("predictions"),
            sa.func.sum(sa.case((came, 1), else_=0)).label("known"),
            sa.func.avg(sa.case((came, sa.func.abs(mine.missed_days)))).label("mae"),
            sa.func.avg(sa.case((came, mine.missed_days))).label("bias"),
            sa.func.sum(sa.case((judged, 1), else_=0)).label("judged"),
            sa.func.sum(sa.case((sa.and_(came, mine.settled_on.between(mine.p10, mine.p90)), 1), else_=0)).label(
                "inside"
            ),
            sa.func.avg(sa.case((came, miss * miss))).label("brier"),
        )
        .where(mine.as_of < run.as_of)
        .group_by(mine.as_of)
        .order_by(mine.as_of.desc())
        .limit(limit)
    )
    return [
        ScoreView(row.as_of, row.predictions, row.known, row.mae, row.bias, ratio(row.inside, row.judged), row.brier)
        for row in session.execute(query)
        if row.known
    ]
