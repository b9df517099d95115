"""What follows from a champion that cannot be loaded, and from a training that changes nothing: the real jobs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from test_relay_chain import request_import, sales, work_off

from ml.db.results import ForecastRun, ModelVersion
from ml.pipelines import train as training
from ml.settings import ModelRules
from worker.context import Services
from worker.models import JobRun
from worker.queues import request_job

KEEP_ONE = ModelRules(keep=1, keep_champion_days=1)


@pytest.fixture
def quick_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings try the cheapest model only."""
    monkeypatch.setattr(training, "CANDIDATES", ("seasonal_naive",))


@pytest.mark.usefixtures("quick_training")
def test_a_model_that_other_libraries_wrote_is_trained_anew_once_and_then_forecasts(services: Services) -> None:
    request_import(services, sales(30))
    before = work_off(services)
    with services.sessions() as session:
        model = session.scalars(sa.select(ModelVersion)).one()
        model.libraries = {**model.libraries, "numpy": "1.26.4"}
        for _ in range(2):
            request_job(session, "forecast", {"grain": "monthly", "horizon": 12})
        session.commit()
    assert work_off(services) == [
        *before,
        ("forecast", "failed"),
        ("forecast", "failed"),
        ("train", "succeeded"),
        ("forecast", "succeeded"),
        ("drift", "succeeded"),
    ]
    with services.sessions() as session:
        error = session.scalars(sa.select(JobRun.error).where(JobRun.state == "failed").limit(1)).one()
        assert error is not None
        assert "numpy 1.26.4" in error
        assert "Train again" in error
        first, second = session.scalars(sa.select(ModelVersion).order_by(ModelVersion.id)).all()
        assert (first.alias, second.alias) == (None, "champion")
        assert "which is of no use any more" in second.verdict
        served = session.scalars(sa.select(ForecastRun.model_id).where(ForecastRun.slot == "monthly")).one()
        assert served == second.id


@pytest.mark.usefixtures("quick_training")
def test_a_training_that_changes_nothing_calls_for_no_forecast_and_deletes_what_is_old(services: Services) -> None:
    request_import(services, sales(30))
    before = work_off(services)
    services = replace(services, settings=replace(services.settings, ml=replace(services.settings.ml, models=KEEP_ONE)))
    for _ in range(3):
        with services.sessions() as session:
            request_job(session, "train", {"grain": "monthly"})
            session.commit()
        before = [*before, ("train", "succeeded")]
        assert work_off(services) == before
    with services.sessions() as session:
        rows = session.scalars(sa.select(ModelVersion).order_by(ModelVersion.id)).all()
        assert [row.alias for row in rows] == ["champion", None, None, "challenger"]
        assert [services.store.exists(row.path) for row in rows] == [True, False, True, True]
        job = session.scalars(sa.select(JobRun).order_by(JobRun.id.desc()).limit(1)).one()
        assert job.result is not None
        assert job.result["serves"] is False
