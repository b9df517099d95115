"""From an upload to a published forecast: the real jobs, each called for by the event of the one before."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from etl_helpers import upload

from ml.db.imports import Import
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.grains import GRAINS
from ml.pipelines import train as training
from worker import dispatcher
from worker.context import Services
from worker.lifecycle import Attempt
from worker.models import JobRun, OutboxEvent
from worker.queues import QUEUES, request_job
from worker.relay import Relay
from worker.runner import execute


@pytest.fixture
def quick_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings try the cheapest model only."""
    monkeypatch.setattr(training, "CANDIDATES", ("seasonal_naive",))


def sales(months: int) -> str:
    """Daily sales of two areas and two products over whole months from January 2021 on."""
    lines = ["Date,Region,State,City,Product ID,Category,Amount,Quantity"]
    for month in range(months):
        for day in range(1, 29):
            date = f"{2021 + month // 12}-{month % 12 + 1:02}-{day:02}"
            lines += [
                f"{date},North,Coast,{city},{product},Tea,{100 + 10 * (month % 12) + day}.50,2"
                for city, product in (("Port", "T-1"), ("Bay", "T-2"))
            ]
    return "\n".join(lines)


def request_import(services: Services, content: str) -> int:
    with services.sessions() as session:
        import_id = upload(session, services.store, content)
        request_job(session, "ingest", {"import_id": import_id})
        session.commit()
        return import_id


def work_off(services: Services) -> list[tuple[str, str]]:
    """Let a relay and a worker take turns until nothing is left; all jobs with their states."""
    relay = Relay(services.sessions, services.redis, services.settings)
    while relay.step():
        for queue in [dispatcher.open_queue(name, services.redis) for name in QUEUES]:
            for key in queue.get_job_ids():
                queue.remove(key)
                job_id, attempt = key.split("-")
                execute(Attempt(int(job_id), int(attempt)), services)
    with services.sessions() as session:
        jobs = session.scalars(sa.select(JobRun).order_by(JobRun.id)).all()
        return [(job.kind, job.state) for job in jobs]


def test_an_import_leads_to_a_forecast_step_by_step(services: Services) -> None:
    request_import(services, sales(30))
    assert work_off(services) == [
        ("ingest", "succeeded"),
        ("train", "succeeded"),
        ("forecast", "succeeded"),
        ("drift", "succeeded"),
    ]
    with services.sessions() as session:
        assert session.scalars(sa.select(ModelVersion.alias)).all() == ["champion"]
        run = session.scalars(sa.select(ForecastRun)).one()
        assert (run.state, run.horizon) == ("published", 12)
        assert session.scalar(sa.select(sa.func.count()).select_from(ForecastResult)) == 12 * run.series_count
        names = session.scalars(sa.select(OutboxEvent.name).order_by(OutboxEvent.id)).all()
        assert names == ["SalesImported", "AggregatesRefreshed", "ModelTrained", "ForecastPublished"]


@pytest.mark.usefixtures("quick_training")
def test_a_burst_of_imports_makes_one_forecast(services: Services) -> None:
    for month in range(12):
        request_import(services, sales(30).replace("T-1", f"T-1{month}").replace("T-2", f"T-2{month}"))
    jobs = work_off(services)
    assert jobs[:12] == [("ingest", "succeeded")] * 12
    assert jobs[12:] == [("train", "succeeded"), ("forecast", "succeeded"), ("drift", "succeeded")]


def test_the_same_file_again_calls_for_nothing(services: Services) -> None:
    content = sales(30)
    request_import(services, content)
    before = work_off(services)
    assert before[-2:] == [("forecast", "succeeded"), ("drift", "succeeded")]
    request_import(services, content)
    assert work_off(services) == [*before, ("ingest", "succeeded")]


@pytest.mark.parametrize("months", [1, 2])
def test_too_little_history_ends_with_a_message_that_says_so(services: Services, months: int) -> None:
    request_import(services, sales(months))
    assert work_off(services) == [("ingest", "succeeded"), ("train", "failed")]
    with services.sessions() as session:
        error = session.scalars(sa.select(JobRun.error).where(JobRun.kind == "train")).one()
        assert "not enough history" in (error or "")


def test_a_file_without_a_good_row_fails_its_import_with_the_message(services: Services) -> None:
    import_id = request_import(services, "Date,Amount,Product ID\nsoon,lots,T-1\n")
    assert work_off(services) == [("ingest", "failed")]
    with services.sessions() as session:
        record = session.get_one(Import, import_id)
        job = session.scalars(sa.select(JobRun)).one()
        assert record.state == "failed"
        assert record.error
        assert record.error == job.error


@pytest.mark.usefixtures("quick_training")
def test_weekly_and_daily_forecasts_follow_the_monthly_one(services: Services) -> None:
    ml = replace(services.settings.ml, grains=tuple(GRAINS))
    services = replace(services, settings=replace(services.settings, ml=ml))
    request_import(services, sales(4))
    jobs = work_off(services)
    assert sorted(jobs[1:]) == [(kind, "succeeded") for kind in ("drift", "forecast", "train") for _ in range(3)]
    with services.sessions() as session:
        runs = session.execute(sa.select(ForecastRun.slot, ForecastRun.horizon).order_by(ForecastRun.id)).all()
        assert [tuple(run) for run in runs] == [("monthly", 12), ("weekly", 13), ("daily", 28)]
