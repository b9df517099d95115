"""The health of the product as tables and Redis tell it, as gauges: jobs, queues, events, data, forecasts, promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import quantiles

import redis
import sqlalchemy as sa
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ml.db.imports import Import
from ml.db.insights import DRIFT_VERDICTS, DriftReport
from ml.db.results import ForecastRun
from webapp.queries.health import check_database
from webapp.queries.workforce import queue_views
from worker import health
from worker.models import JobRun, OutboxEvent, PromisedRun
from worker.models.jobs import FINAL_STATES
from worker.outbox import MAX_TRIES

WINDOW = timedelta(hours=24)
MOST_JOBS = 20_000

Samples = Sequence[tuple[tuple[str, ...], float]]


@dataclass(frozen=True)
class Gauge:
    """A figure by labels, as it is now."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    samples: Samples


def gauges(session: Session, client: redis.Redis, now: datetime) -> list[Gauge]:
    """All of them; of what is away only that it is."""
    alive = check_database(session).ok
    found = [one("forecastle_database_up", "Whether the database answers.", float(alive)), *of_redis(client)]
    if alive:
        try:
            for read in (of_jobs, of_queues, of_events, of_data, of_forecasts, of_drift, of_promises):
                found += read(session, now)
        except SQLAlchemyError:
            session.rollback()
            found[0] = one(found[0].name, found[0].meaning, 0.0)
    return found


def one(name: str, meaning: str, value: float) -> Gauge:
    """A figure without labels."""
    return Gauge(name, meaning, (), [((), value)])


def of_redis(client: redis.Redis) -> Iterator[Gauge]:
    """Whether Redis answers, and which processes it heard of lately."""
    try:
        seen: Samples = [((role,), float(health.seen(client, role))) for role in health.ROLES]
    except RedisError:
        seen = []
    yield one("forecastle_redis_up", "Whether Redis answers.", float(bool(seen)))
    yield Gauge("forecastle_process_seen", "Whether a process of the role reported lately.", ("role",), seen)


def of_jobs(session: Session, now: datetime) -> Iterator[Gauge]:
    """Jobs that ended in the last 24 hours, how long those that succeeded took, and how often any was tried again."""
    query = sa.select(JobRun.kind, JobRun.state, JobRun.attempt, JobRun.started_at, JobRun.finished_at).where(
        JobRun.state.in_(FINAL_STATES), JobRun.finished_at > now - WINDOW
    )
    rows = session.execute(query.order_by(JobRun.id.desc()).limit(MOST_JOBS)).all()
    ended = Counter((row.kind, row.state) for row in rows)
    times: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.state == "succeeded" and row.started_at is not None:
            times[row.kind].append((row.finished_at - row.started_at).total_seconds())
    retries = Counter({row.kind: 0 for row in rows})
    for row in rows:
        retries[row.kind] += row.attempt - 1
    yield Gauge("forecastle_jobs_ended", "Jobs that ended in 24 hours.", ("kind", "state"), samples(ended.items()))
    yield Gauge(
        "forecastle_job_retries", "Attempts beyond the first of jobs that ended in 24 hours.", ("kind",),
        [((kind,), float(count)) for kind, count in sorted(retries.items())],
    )  # fmt: skip
    yield Gauge(
        "forecastle_job_seconds",
        "Seconds from start to end of jobs that succeeded in 24 hours: median, 95th percentile and longest.",
        ("kind", "quantile"),
        [
            ((kind, quantile), value)
            for kind, found in sorted(times.items())
            for quantile, value in zip(("0.5", "0.95", "1"), spread(found), strict=True)
        ],
    )


def samples(found: Iterable[tuple[tuple[str, ...], float]]) -> Samples:
    return sorted((labels, float(value)) for labels, value in found)


def spread(found: Sequence[float]) -> tuple[float, float, float]:
    """Median, 95th percentile and maximum."""
    if len(found) == 1:
        return found[0], found[0], found[0]
    cuts = quantiles(found, n=20, method="inclusive")
    return cuts[9], cuts[18], max(found)


def of_queues(session: Session, now: datetime) -> Iterator[Gauge]:
    """Jobs that wait and run now, and since when the first one waits."""
    views = queue_views(session)
    counts = [((view.name, "queued"), float(view.waiting)) for view in views]
    counts += [((view.name, "running"), float(view.running)) for view in views]
    waits = [((view.name,), age(view.oldest, now) if view.oldest else 0.0) for view in views]
    yield Gauge("forecastle_queue_jobs", "Jobs that wait or run, by queue.", ("queue", "state"), counts)
    yield Gauge("forecastle_queue_wait_seconds", "How long the first job of a queue has waited.", ("queue",), waits)


def age(moment: datetime, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())


def of_events(session: Session, now: datetime) -> Iterator[Gauge]:
    """Events that no handler has seen yet, and dead letters."""
    query = sa.select(sa.func.count(), sa.func.min(OutboxEvent.created_at)).where(OutboxEvent.handled_at.is_(None))
    waiting, oldest = session.execute(query.where(OutboxEvent.tries < MAX_TRIES)).one()
    dead = session.execute(query.where(OutboxEvent.tries >= MAX_TRIES)).one()[0]
    yield one("forecastle_events_waiting", "Events that are not handled yet.", waiting)
    yield one(
        "forecastle_event_wait_seconds", "Age of the oldest event that waits.", age(oldest, now) if oldest else 0.0
    )
    yield one("forecastle_events_dead", "Events that failed so often that they are not tried any more.", dead)


def of_data(session: Session, now: datetime) -> Iterator[Gauge]:
    """How fresh the sales are: when they were last loaded, and the newest day in them."""
    query = sa.select(sa.func.max(Import.finished_at), sa.func.max(Import.last_date)).where(
        Import.dataset == "sales", Import.state == "loaded", Import.undone_at.is_(None)
    )
    loaded, newest = session.execute(query).one()
    if loaded is not None:
        yield one("forecastle_data_loaded_age_seconds", "Seconds since sales were last loaded.", age(loaded, now))
    if newest is not None:
        end = datetime(newest.year, newest.month, newest.day, tzinfo=UTC) + timedelta(days=1)
        yield one("forecastle_data_age_seconds", "Seconds since the end of the newest day of sales.", age(end, now))


def of_forecasts(session: Session, now: datetime) -> Iterator[Gauge]:
    """The forecasts that readers see."""
    query = sa.select(ForecastRun.grain, ForecastRun.published_at, ForecastRun.series_count)
    rows = session.execute(query.where(ForecastRun.slot.is_not(None)).order_by(ForecastRun.grain)).all()
    ages = [((row.grain,), age(row.published_at, now)) for row in rows if row.published_at]
    counts = [((row.grain,), float(row.series_count)) for row in rows]
    yield Gauge("forecastle_forecast_age_seconds", "Age of the published forecast.", ("grain",), ages)
    yield Gauge("forecastle_forecast_series", "Series in the published forecast.", ("grain",), counts)


def of_drift(session: Session, _now: datetime) -> Iterator[Gauge]:
    """How forecasts that were issued did, by the last check of each grain."""
    last = sa.select(sa.func.max(DriftReport.id)).group_by(DriftReport.grain)
    reports = session.scalars(sa.select(DriftReport).where(DriftReport.id.in_(last)).order_by(DriftReport.grain)).all()
    levels = [((one.grain, level["level"]), level) for one in reports for level in one.levels]
    for name, key, meaning in (
        ("forecastle_forecast_wape", "wape", "Absolute errors of issued forecasts as a share of sales."),
        ("forecastle_forecast_expected_wape", "expected", "The same share, as the backtest promised it."),
        ("forecastle_forecast_bias", "bias", "What issued forecasts were too high, as a share of sales."),
        ("forecastle_forecast_coverage", "coverage", "Share of sales within P10 to P90 of issued forecasts."),
    ):
        yield Gauge(name, meaning, ("grain", "level"), [(labels, float(level[key])) for labels, level in levels])
    yield Gauge(
        "forecastle_drift_verdict",
        "Verdict on the model that serves: 0 ok, 1 watch, 2 retrain.",
        ("grain",),
        [((report.grain,), float(DRIFT_VERDICTS.index(report.verdict))) for report in reports],
    )


def of_promises(session: Session, now: datetime) -> Iterator[Gauge]:
    """Scheduled runs of the last 24 hours by state; owed ones are those that should have begun."""
    query = sa.select(PromisedRun.state, sa.func.count()).where(
        PromisedRun.slot > now - WINDOW, PromisedRun.due_at <= now
    )
    found = [((state,), float(count)) for state, count in session.execute(query.group_by(PromisedRun.state))]
    yield Gauge("forecastle_promised_runs", "Scheduled runs due in 24 hours.", ("state",), sorted(found))
