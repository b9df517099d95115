"""What needs somebody's attention, each with the money that hangs on it: misses, anomalies, drift, jobs, stale data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.insights import Anomaly, DriftReport
from ml.db.results import ForecastRun
from ml.grains import GRAINS
from webapp.queries.cleaning import node_of
from webapp.queries.nodes import Node
from webapp.queries.profiles import forecast_misses
from webapp.queries.quality import freshness
from worker.models import JobRun

EACH = 5
"""Misses and anomalies that are named one by one; of the others there is the count."""
RECENT = 3
"""Periods whose anomalies are news."""
FAILED_FOR = timedelta(days=14)
LATE = timedelta(minutes=30)
STALE = timedelta(days=35)
"""Sales older than this miss a whole month."""


@dataclass(frozen=True)
class Concern:
    """One thing to look at. `money` is what it is about, in currency; None where every forecast hangs on it.

    `kind` is miss, anomaly, drift, failed, owed, stale or source. `found` and `usual` are what was sold and what was
    expected; `text` is what is said of it, `ref` the id of the job or source, `since` when it began.
    """

    kind: str
    money: float | None
    node: Node | None = None
    period: date | None = None
    found: float | None = None
    usual: float | None = None
    text: str = ""
    ref: int | None = None
    since: datetime | date | None = None


@dataclass(frozen=True)
class Attention:
    """The concerns, what hangs most money on first, and how many misses and anomalies there are in all."""

    concerns: list[Concern]
    misses: int
    anomalies: int


def attention(session: Session, run: ForecastRun | None, now: datetime) -> Attention:
    """What needs attention now; `run` is the published one."""
    found = [*stale_data(session, now.date()), *failed_jobs(session, now), *owed_jobs(session, now)]
    misses = anomalies = 0
    if run is not None:
        found += drifted(session, run)
        missed, misses = forecast_misses(session, run, EACH)
        unusual, anomalies = open_anomalies(session, run)
        both = {(one.node, one.row.as_of) for one in missed}
        found += [Concern("miss", one.miss, one.node, one.row.as_of, one.row.sold, one.row.expected) for one in missed]
        found += [one for one in unusual if (one.node, one.period) not in both]
    return Attention(sorted(found, key=most_money), misses, anomalies)


def most_money(one: Concern) -> float:
    """Sorts what most money hangs on first, and before it what all forecasts hang on."""
    return -float("inf") if one.money is None else -one.money


def stale_data(session: Session, today: date) -> Iterator[Concern]:
    """Sales that have not come for more than a month, and sources that have failed since they last delivered."""
    sets = freshness(session)
    last = max((one.last_date for one in sets if one.dataset == "sales" and one.last_date), default=None)
    if last is not None and today - last > STALE:
        yield Concern("stale", None, since=last)
    for one in sets:
        if one.failed_at is not None:
            yield Concern("source", None, text=one.source or one.dataset, ref=one.source_id, since=one.failed_at)


def failed_jobs(session: Session, now: datetime) -> list[Concern]:
    """The last job of each kind, where it failed lately."""
    ended = sa.select(JobRun.kind, JobRun.state, sa.func.max(JobRun.id)).where(
        JobRun.state.in_(("succeeded", "failed")), JobRun.created_at > now - FAILED_FOR
    )
    newest = {
        (kind, state): number for kind, state, number in session.execute(ended.group_by(JobRun.kind, JobRun.state))
    }
    failed = [
        number for (kind, state), number in newest.items()
        if state == "failed" and number > newest.get((kind, "succeeded"), 0)
    ]  # fmt: skip
    query = sa.select(JobRun).where(JobRun.id.in_(sorted(failed)[-EACH:])).order_by(JobRun.id.desc())
    return [
        Concern("failed", None, text=job.kind, ref=job.id, since=job.finished_at or job.created_at)
        for job in session.scalars(query)
    ]


def owed_jobs(session: Session, now: datetime) -> list[Concern]:
    """Jobs that should have begun by now and wait, the one that waits longest first."""
    query = sa.select(JobRun).where(JobRun.state == "queued", JobRun.run_after < now - LATE)
    return [
        Concern("owed", None, text=job.kind, ref=job.id, since=job.run_after)
        for job in session.scalars(query.order_by(JobRun.run_after).limit(EACH))
    ]


def drifted(session: Session, run: ForecastRun) -> list[Concern]:
    """The report on the model that serves, where it is not well."""
    report = session.scalar(sa.select(DriftReport).where(DriftReport.run_id == run.id, DriftReport.verdict != "ok"))
    if report is None:
        return []
    reason = report.reasons[0] if report.reasons else ""
    return [Concern("drift", None, text=reason, period=report.as_of, ref=report.id)]


def open_anomalies(session: Session, run: ForecastRun) -> tuple[list[Concern], int]:
    """Anomalies of base series in the last periods that nobody has answered, by money; and how many there are."""
    grain, away = GRAINS[run.grain], sa.func.abs(Anomaly.value - Anomaly.usual)
    recent = (
        Anomaly.grain == run.grain,
        Anomaly.verdict == "open",
        Anomaly.period > grain.shift(run.as_of, -RECENT),
        Series.location_level == run.location_level,
        Series.product_level == run.product_level,
    )
    joined = sa.join(Anomaly, Series, Series.id == Anomaly.series_id)
    query = (
        sa.select(Anomaly, Series, Product.code, Product.name, Product.category, Product.subcategory)
        .select_from(joined)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(*recent)
        .order_by(away.desc(), Anomaly.id)
    )
    count = session.scalar(sa.select(sa.func.count(Anomaly.id)).select_from(joined).where(*recent)) or 0
    return [
        Concern("anomaly", abs(one.value - one.usual), node_of(series, *product), one.period, one.value, one.usual)
        for one, series, *product in session.execute(query.limit(EACH))
    ], count
