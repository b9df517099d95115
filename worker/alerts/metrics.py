"""What rules can be about. A metric gives a value for each subject that it has something to say of.

Another metric is one more entry in METRICS; rules, pages and the API take it from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import Session

from ml.db.insights import DRIFT_VERDICTS, DriftReport
from ml.db.restock import PlanRun
from ml.db.results import ForecastRun
from ml.grains import newest_sale
from worker import health, traffic
from worker.connection import AWAY
from worker.models import JobRun, OutboxEvent
from worker.outbox import MAX_TRIES
from worker.promises import find_breaches

TOTAL = "total/total"
FEWEST_REQUESTS = 20
"""Of fewer requests no rate and no quantile is taken."""


@dataclass(frozen=True)
class Look:
    """What a metric may look at. `timezone` is that of the sources' schedules."""

    session: Session
    redis: Redis
    now: datetime
    window: timedelta
    timezone: str
    grains: Sequence[str]

    @property
    def since(self) -> datetime:
        """Where the window begins."""
        return self.now - self.window


@dataclass(frozen=True)
class Reading:
    """A value of a metric, and what it means."""

    subject: str
    value: float
    text: str


Measure = Callable[[Look], Iterator[Reading]]


@dataclass(frozen=True)
class Metric:
    """Something that is measured, as people call it."""

    label: str
    unit: str
    measure: Measure


def drift(look: Look) -> Iterator[Reading]:
    """The verdict on the model of each published forecast: 0 ok, 1 watch, 2 retrain."""
    for report in published_reports(look.session):
        reasons = "; ".join(report.reasons) or "as its backtest promised"
        yield Reading(report.grain, DRIFT_VERDICTS.index(report.verdict), f"{report.verdict}: {reasons}")


def accuracy(look: Look) -> Iterator[Reading]:
    """By how much the errors of issued forecasts exceed what the backtest promised, at the worst level."""
    for report in published_reports(look.session):
        ratios = [(float(level["ratio"]), str(level["level"])) for level in report.levels]
        if ratios:
            ratio, level = max(ratios)
            yield Reading(report.grain, ratio, f"errors of {level} are {ratio:.2f} times what was promised")


def published_reports(session: Session) -> Sequence[DriftReport]:
    """The reports on the forecasts that readers see."""
    run = sa.select(ForecastRun.id).where(ForecastRun.slot.is_not(None))
    return session.scalars(sa.select(DriftReport).where(DriftReport.run_id.in_(run)).order_by(DriftReport.grain)).all()


def failed_jobs(look: Look) -> Iterator[Reading]:
    """Jobs that failed in the window, by kind."""
    query = (
        sa.select(JobRun.kind, sa.func.count(), sa.func.max(JobRun.id))
        .where(JobRun.state == "failed", JobRun.finished_at > look.since)
        .group_by(JobRun.kind)
    )
    for kind, count, last in look.session.execute(query.order_by(JobRun.kind)):
        yield Reading(kind, count, f"{count} {kind} {'job' if count == 1 else 'jobs'} failed, the last one is {last}")


def broken_promises(look: Look) -> Iterator[Reading]:
    """Scheduled runs that are missing, late, duplicate, incomplete or failed, by schedule."""
    found = find_breaches(look.session, look.now, look.timezone, look.grains, look.window)
    for schedule_id, count in sorted(Counter(one.schedule_id for one in found).items()):
        first = next(one for one in found if one.schedule_id == schedule_id)
        text = f"the run of {schedule_id} at {first.slot:%Y-%m-%d %H:%M} UTC is {first.kind}: {first.detail}"
        yield Reading(schedule_id, count, text)


def waiting_jobs(look: Look) -> Iterator[Reading]:
    """Minutes that the first job has waited that is due, by queue."""
    query = (
        sa.select(JobRun.queue, sa.func.min(JobRun.run_after), sa.func.count())
        .where(JobRun.state == "queued", JobRun.run_after <= look.now)
        .group_by(JobRun.queue)
    )
    for queue, first, count in look.session.execute(query.order_by(JobRun.queue)):
        minutes = (look.now - first).total_seconds() / 60
        yield Reading(queue, minutes, f"{count} jobs wait in {queue}, the first one for {minutes:.0f} minutes")


def dead_letters(look: Look) -> Iterator[Reading]:
    """Events that could not be handled."""
    dead = (OutboxEvent.handled_at.is_(None), OutboxEvent.tries >= MAX_TRIES)
    count = look.session.scalar(sa.select(sa.func.count()).select_from(OutboxEvent).where(*dead)) or 0
    yield Reading("", count, f"{count} events could not be handled; nothing followed from them")


def freshness(look: Look) -> Iterator[Reading]:
    """Days since the newest sale."""
    newest = newest_sale(look.session)
    if newest is not None:
        days = (look.now.date() - newest).days
        yield Reading("sales", days, f"the newest sale is of {newest}, {days} days ago")


def urgent_stock(look: Look) -> Iterator[Reading]:
    """Items that the published plan calls urgent: their stock lasts for two days at most."""
    run = look.session.scalar(sa.select(PlanRun).where(PlanRun.slot == "stock"))
    if run is not None:
        count = run.summary["urgent"]
        yield Reading("stock", count, f"{count:,} items are urgent in the plan of {run.today}")


def silence(look: Look) -> Iterator[Reading]:
    """1 for each kind of process of which none was seen lately; where Redis cannot tell, 1 for Redis."""
    try:
        gone = {role: not health.seen(look.redis, role) for role in health.ROLES}
    except AWAY as error:
        yield Reading("redis", 1.0, f"Redis does not answer: {error}")
        return
    for role, missing in gone.items():
        yield Reading(role, float(missing), f"no {role} process is seen" if missing else f"a {role} process is seen")


def error_rate(look: Look) -> Iterator[Reading]:
    """The share of the API's answers that are failures of ours, in percent."""
    found = traffic.read(look.redis, look.now, look.window)
    if found.requests >= FEWEST_REQUESTS:
        share = 100 * found.errors / found.requests
        yield Reading("", share, f"{found.errors:,} of {found.requests:,} requests failed ({share:.1f}%)")


def latency(look: Look) -> Iterator[Reading]:
    """The time that 95% of the API's answers keep below, in milliseconds."""
    found = traffic.read(look.redis, look.now, look.window)
    if found.requests >= FEWEST_REQUESTS:
        most = found.quantile(0.95)
        yield Reading("", most, f"5% of {found.requests:,} requests took about {most:,.0f} ms or more")


CONNECTIONS = {
    "postgresql": "SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity",
    "mssql": "SELECT COUNT(*), @@MAX_CONNECTIONS FROM sys.dm_exec_connections",
}
"""How many connections a server has, and how many it takes. On SQL Server that needs VIEW SERVER STATE."""


def connections(look: Look) -> Iterator[Reading]:
    """The share of the database server's connections that are taken, in percent; SQLite has none."""
    statement = CONNECTIONS.get(look.session.get_bind().dialect.name)
    if statement is not None:
        taken, most = look.session.execute(sa.text(statement)).one()
        yield Reading("", 100 * taken / most, f"{taken:,} of {most:,} connections are taken")


METRICS: dict[str, Metric] = {
    "drift": Metric("Drift of the model", "0 ok, 1 watch, 2 retrain", drift),
    "accuracy": Metric("Errors beside what was promised", "times", accuracy),
    "failed_jobs": Metric("Failed jobs", "jobs", failed_jobs),
    "broken_promises": Metric("Scheduled runs missing, late or incomplete", "runs", broken_promises),
    "waiting_jobs": Metric("Waiting time before a queue", "minutes", waiting_jobs),
    "dead_letters": Metric("Events that could not be handled", "events", dead_letters),
    "freshness": Metric("Age of the newest sale", "days", freshness),
    "urgent_stock": Metric("Items whose stock is urgent", "items", urgent_stock),
    "silence": Metric("Processes that are not seen", "0 or 1", silence),
    "error_rate": Metric("API errors", "%", error_rate),
    "latency": Metric("API latency, 95th percentile", "ms", latency),
    "connections": Metric("Database connections", "%", connections),
}
