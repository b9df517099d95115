"""From a verdict to another champion, or to none: forecasts that miss, the check, the training, and the contest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from test_drift_pipeline import LEARNED, load, sell_on, some_sales
from test_relay_chain import work_off

from ml.db.insights import DriftReport
from ml.db.results import ForecastRun, ModelVersion
from ml.pipelines import train as training
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from ml.settings import ModelRules
from worker.context import Services
from worker.events import ModelDrifted
from worker.models import JobRun, OutboxEvent
from worker.queues import request_job

Race = Callable[..., None]


@pytest.fixture
def services(services: Services) -> Services:
    """No champion is replaced for its age alone: the challenger has to win."""
    ml = replace(services.settings.ml, models=ModelRules(champion_days=3650))
    return replace(services, settings=replace(services.settings, ml=ml))


@pytest.fixture
def race(monkeypatch: pytest.MonkeyPatch) -> Race:
    """Says which models race."""
    return lambda *names: monkeypatch.setattr(training, "CANDIDATES", names)


def drifted(services: Services, race: Race, champion: str, challenger: str) -> list[tuple[str, str]]:
    """Sales double after a champion was trained; the jobs that follow from the check of its forecasts."""
    race(champion)
    with services.sessions() as session:
        load(session, some_sales(LEARNED))
        train(session, services.store)
        forecast(session, services.store, horizon=12)
        session.commit()
        sell_on(session, services.store, 6, factor=2.0)
        request_job(session, "drift", {"grain": "monthly"})
        session.commit()
    race(challenger)
    return work_off(services)


def versions(services: Services) -> list[tuple[str, str | None]]:
    with services.sessions() as session:
        rows = session.scalars(sa.select(ModelVersion).order_by(ModelVersion.id))
        return [(row.model_type, row.alias) for row in rows]


def test_a_verdict_leads_to_a_training_whose_winner_serves_and_is_checked_anew(services: Services, race: Race) -> None:
    jobs = drifted(services, race, "seasonal_naive", "moving_average")
    assert jobs == [("drift", "succeeded"), ("train", "succeeded"), ("forecast", "succeeded"), ("drift", "succeeded")]
    assert versions(services) == [("seasonal_naive", None), ("moving_average", "champion")]
    with services.sessions() as session:
        verdicts = session.scalars(sa.select(DriftReport.verdict).order_by(DriftReport.id)).all()
        assert verdicts == ["retrain", "ok"]
        event = session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == ModelDrifted.__name__)).one()
        check, learn = session.scalars(sa.select(JobRun).order_by(JobRun.id).limit(2)).all()
        assert (event.job_id, learn.caused_by) == (check.id, event.id)  # as it can be followed from the page
        shown = session.scalars(sa.select(ForecastRun).where(ForecastRun.slot == "monthly")).one()
        assert shown.model_id == session.scalar(sa.select(ModelVersion.id).where(ModelVersion.alias == "champion"))


def test_a_challenger_that_does_worse_changes_nothing(services: Services, race: Race) -> None:
    jobs = drifted(services, race, "moving_average", "seasonal_naive")
    assert jobs == [("drift", "succeeded"), ("train", "succeeded")]
    assert versions(services) == [("moving_average", "champion"), ("seasonal_naive", "challenger")]
    with services.sessions() as session:
        before = session.scalars(sa.select(ForecastRun.id).where(ForecastRun.slot == "monthly")).one()
        request_job(session, "drift", {"grain": "monthly"})
        session.commit()
    assert work_off(services) == [*jobs, ("drift", "succeeded")]  # nor is it trained again on the same sales
    with services.sessions() as session:
        assert session.scalars(sa.select(ForecastRun.id).where(ForecastRun.slot == "monthly")).one() == before
