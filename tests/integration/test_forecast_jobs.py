"""Jobs that make a run together: the one that was asked for, its helpers, and what a lost one leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.results import ForecastPartition, ForecastRun
from ml.pipelines.claims import claim_next
from ml.pipelines.forecast import Crew, begin
from ml.pipelines.train import train
from worker.context import Services
from worker.lifecycle import Attempt
from worker.models import JobRun
from worker.queues import request_job
from worker.runner import execute


@pytest.fixture
def job(session: Session, store: ArtifactStore) -> JobRun:
    """A forecast that somebody asked for, of 12 places and products."""
    load_sales(session, monthly_sales(30))
    train(session, store, candidates=["seasonal_naive"])
    row = request_job(session, "forecast", {"grain": "monthly", "horizon": 2})
    session.commit()
    return row


@pytest.fixture
def by_three(services: Services) -> Services:
    """Workers that forecast three places and products at a time."""
    settings = services.settings
    return replace(services, settings=replace(settings, ml=replace(settings.ml, partition_series=3)))


def helpers(session: Session) -> list[JobRun]:
    return list(session.scalars(sa.select(JobRun).where(JobRun.kind == "forecast_part").order_by(JobRun.id)))


def test_a_forecast_asks_for_help_and_does_without_it(session: Session, by_three: Services, job: JobRun) -> None:
    execute(Attempt(job.id, 1), by_three)
    session.refresh(job)
    assert (job.state, job.error) == ("succeeded", None)
    run = session.scalars(sa.select(ForecastRun)).one()
    assert (run.state, run.wish) == ("published", str(job.id))
    partitions = session.scalars(sa.select(ForecastPartition)).all()
    assert [(one.state, one.claimed_by) for one in partitions] == [("done", f"{job.id}-1")] * 4
    assert [one.arguments for one in helpers(session)] == [{"run_id": run.id}] * 3
    late = helpers(session)[0]
    session.commit()
    execute(Attempt(late.id, 1), by_three)
    session.refresh(late)
    assert (late.state, late.result) == ("succeeded", {"run_id": run.id, "partitions": 0})


def test_what_a_lost_attempt_did_is_not_done_again(session: Session, by_three: Services, job: JobRun) -> None:
    """The first attempt began the run and a helper finished part of it; both were lost then."""
    crew = Crew(f"{job.id}-1", 3, str(job.id), invite=lambda *_: None)
    run = begin(session, by_three.store, "monthly", 2, crew)
    lost = claim_next(session, run.id, f"{job.id}-1")
    assert lost is not None
    session.execute(sa.update(JobRun).where(JobRun.id == job.id).values(attempt=2, state="queued"))
    helper = request_job(session, "forecast_part", {"run_id": run.id})
    session.commit()
    execute(Attempt(helper.id, 1), by_three)
    session.refresh(helper)
    assert helper.result == {"run_id": run.id, "partitions": 3}
    session.commit()
    execute(Attempt(job.id, 2), by_three)
    session.refresh(job)
    assert (job.state, job.error) == ("succeeded", None)
    rows = session.scalars(sa.select(ForecastPartition).order_by(ForecastPartition.number)).all()
    assert [(row.claim, row.claimed_by) for row in rows] == [
        (2, f"{job.id}-2"), *[(1, f"{helper.id}-1")] * 3,
    ]  # fmt: skip


def test_nobody_helps_with_what_was_cancelled(session: Session, by_three: Services, job: JobRun) -> None:
    run = begin(session, by_three.store, "monthly", 2, Crew("x-1", 3, str(job.id)))
    helper = request_job(session, "forecast_part", {"run_id": run.id})
    session.execute(sa.update(JobRun).where(JobRun.id == job.id).values(state="cancelled", finished_at=utc_now()))
    session.commit()
    execute(Attempt(helper.id, 1), by_three)
    session.refresh(helper)
    assert helper.result == {"run_id": run.id, "partitions": 0}
