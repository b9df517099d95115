"""What has to be true of the tables after processes were killed: nothing lost, nothing doubled, nothing left open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.imports import Import
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.db.sales import SalesMonthly, SalesRaw
from worker.models import FINAL_STATES, JobRun, OutboxEvent
from worker.promises import find_breaches

SENT_BY = "token:chaos"


def open_work(session: Session) -> int:
    """Jobs that have not ended and events that were not handled."""
    jobs = sa.select(sa.func.count()).select_from(JobRun).where(JobRun.state.not_in(FINAL_STATES))
    events = sa.select(sa.func.count()).select_from(OutboxEvent).where(OutboxEvent.handled_at.is_(None))
    return (session.scalar(jobs) or 0) + (session.scalar(events) or 0)


def faults(session: Session, sent: Mapping[int, tuple[int, float]], trainings: int) -> list[str]:
    """All that is wrong. `sent` has rows and amount of each import, `trainings` is how many were asked for."""
    found = [*faults_of_rows(session, sent), *faults_of_events(session), *faults_of_jobs(session, sent, trainings)]
    return [*found, *faults_of_forecasts(session), *faults_of_promises(session)]


def faults_of_rows(session: Session, sent: Mapping[int, tuple[int, float]]) -> list[str]:
    """Every row of every import is there once, in the facts and in the totals."""
    states = dict(session.execute(sa.select(Import.id, Import.state)).all())
    found = [f"import {one} was never asked for" for one in set(states) - set(sent)]
    found += [f"import {one} is lost" for one in set(sent) - set(states)]
    found += [f"import {one} is {state}" for one, state in states.items() if state not in ("loaded", "failed")]
    loaded = [sent[one] for one, state in states.items() if state == "loaded" and one in sent]
    rows, amount = session.execute(sa.select(sa.func.count(), sa.func.sum(SalesRaw.sales_amount))).one()
    totals = session.scalar(sa.select(sa.func.sum(SalesMonthly.total_sales)))
    wanted = sum(count for count, _ in loaded)
    if rows != wanted:
        found.append(f"{rows} rows of sales, sent were {wanted}")
    for name, value in (("rows", amount), ("monthly totals", totals)):
        if abs(float(value or 0) - sum(part for _, part in loaded)) > 0.01:
            found.append(f"{name} sum to {value}, sent were {sum(part for _, part in loaded):.2f}")
    return found


def faults_of_events(session: Session) -> list[str]:
    """One event for each thing that happened, and each was handled."""
    rows = session.execute(sa.select(OutboxEvent.name, OutboxEvent.payload, OutboxEvent.handled_at)).all()
    found = [f"{row.name} {row.payload} was not handled" for row in rows if row.handled_at is None]
    happened = {
        ("SalesImported", "import_id"): session.scalars(sa.select(Import.id).where(Import.state == "loaded")).all(),
        ("ModelTrained", "model_id"): session.scalars(sa.select(ModelVersion.id)).all(),
        ("ForecastPublished", "run_id"): session.scalars(
            sa.select(ForecastRun.id).where(ForecastRun.published_at.is_not(None))
        ).all(),
        ("JobFailed", "job_id"): session.scalars(sa.select(JobRun.id).where(JobRun.state == "failed")).all(),
    }
    for (name, key), ids in happened.items():
        told = Counter(row.payload[key] for row in rows if row.name == name)
        if told != Counter(ids):
            found.append(f"{name} was told of {dict(told)}, what happened is {sorted(ids)}")
    return found


def faults_of_jobs(session: Session, sent: Mapping[int, object], trainings: int) -> list[str]:
    """One job for each wish, each with an end."""
    jobs = session.scalars(sa.select(JobRun)).all()
    found = [f"{job.kind} job {job.id} is {job.state}" for job in jobs if job.state not in FINAL_STATES]
    ingests = Counter(job.arguments["import_id"] for job in jobs if job.kind == "ingest")
    if ingests != Counter(sent.keys()):
        found.append(f"jobs load the imports {dict(ingests)}, asked for were {sorted(sent)}")
    asked = [job for job in jobs if job.kind == "train" and job.requested_by == SENT_BY]
    if len(asked) != trainings:
        found.append(f"{len(asked)} trainings, asked for were {trainings}")
    trained = sum(job.kind == "train" and job.state == "succeeded" for job in jobs)
    models = session.scalar(sa.select(sa.func.count()).select_from(ModelVersion))
    if models != trained:
        found.append(f"{models} models of {trained} trainings that succeeded")
    return found


def faults_of_forecasts(session: Session) -> list[str]:
    """Each job that forecast published one whole run, and one run is what readers see. What an attempt that was killed
    began is marked as failed by the next one, was never seen, and holds nothing."""
    every = session.scalars(sa.select(ForecastRun)).all()
    begun = [run.id for run in every if run.state == "failed" and run.published_at is None]
    runs = [run for run in every if run.id not in begun]
    rows = session.scalar(sa.select(sa.func.count()).where(ForecastResult.run_id.in_(begun)))
    jobs = session.scalars(sa.select(JobRun).where(JobRun.kind == "forecast", JobRun.state == "succeeded")).all()
    found = [f"run {run.id} is {run.state}" for run in runs if run.state not in ("published", "superseded")]
    if rows:
        found.append(f"{rows} rows are left of runs that failed")
    if sum(run.slot is not None for run in runs) != 1:
        found.append(f"{sum(run.slot is not None for run in runs)} runs are published at once")
    if sorted(run.id for run in runs) != sorted((job.result or {})["run_id"] for job in jobs):
        found.append(f"runs {sorted(run.id for run in runs)} of {len(jobs)} jobs that forecast")
    for run in runs:
        if run.slot is None:
            continue
        mine = sa.select(ForecastResult.series_id, sa.func.count()).where(ForecastResult.run_id == run.id)
        counts: Sequence[int] = [count for _, count in session.execute(mine.group_by(ForecastResult.series_id))]
        if len(counts) != run.series_count or set(counts) != {run.horizon}:
            found.append(f"run {run.id} has {len(counts)} of {run.series_count} series, periods {set(counts)}")
    return found


def faults_of_promises(session: Session) -> list[str]:
    """Each slot ran once."""
    breaches = find_breaches(session, utc_now(), "UTC", ["monthly"], timedelta(days=1))
    return [f"{one.kind}: {one.schedule_id} {one.slot}" for one in breaches if one.kind in ("missing", "duplicate")]
