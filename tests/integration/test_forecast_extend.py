"""Periods beyond the published forecast: asked for by callers, forecast by a job, read at once afterwards."""

from __future__ import annotations

import time
from datetime import date
from threading import Event, Thread

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from flask.testing import FlaskClient
from made_once import once
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import ClientFor, Rows, assert_problem

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.catalog import Series
from ml.db.overrides import ForecastOverride, OverrideValue
from ml.db.results import ForecastResult, ForecastRun
from ml.errors import ConflictError
from ml.pipelines.extend import extend
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from webapp.api import predictions
from worker import dispatcher
from worker.context import Services
from worker.lifecycle import Attempt
from worker.models import JobRun, OutboxEvent
from worker.relay import Relay
from worker.runner import execute

PREDICT = "/api/v1/predict"


@pytest.fixture
def published(session: Session, store: ArtifactStore) -> Session:
    """30 months of sales, forecast for 12 by models that are reconciled over the levels."""
    once(session, store, make_forecasts)
    return session


def make_forecasts(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(30))
    train(session, store, candidates=["ridge"])
    forecast(session, store)


@pytest.fixture
def viewer(published: Session, api: ClientFor) -> FlaskClient:
    """Somebody who may only read."""
    return api("viewer")


def work_off(services: Services) -> None:
    """What the relay and an interactive worker do with what is due."""
    Relay(services.sessions, services.redis, services.settings).step()
    queue = dispatcher.open_queue("interactive", services.redis)
    for key in queue.get_job_ids():
        queue.remove(key)
        execute(Attempt(*map(int, key.split("-"))), services)


def level_sums(session: Session) -> list[sa.Row[tuple[str, str, date, float]]]:
    """Sums of the published run by level and period."""
    keys = (Series.location_level, Series.product_level, ForecastResult.period)
    query = (
        sa.select(*keys, sa.func.sum(ForecastResult.mean))
        .join(Series, Series.id == ForecastResult.series_id)
        .join(ForecastRun, ForecastRun.id == ForecastResult.run_id)
        .where(ForecastRun.slot == "monthly")
        .group_by(*keys)
        .order_by(*keys)
    )
    return list(session.execute(query))


def test_what_is_stored_stays_and_what_is_added_adds_up_over_every_level(
    published: Session, store: ArtifactStore
) -> None:
    before, run = level_sums(published), published.scalars(sa.select(ForecastRun)).one()
    published.commit()
    result = extend(published, store, run.id, 20)
    published.commit()
    after = level_sums(published)
    assert (result.horizon, result.grain, run.horizon) == (20, "monthly", 20)
    assert [row for row in after if row.period <= date(2025, 6, 1)] == before
    sums = {(row.location_level, row.product_level, row.period): row[3] for row in after}
    assert len({row.period for row in after}) == 20
    assert max(row.period for row in after) == date(2026, 2, 1)
    for (_, _, period), value in sums.items():
        assert value == pytest.approx(sums["total", "total", period], rel=1e-9)
    count = sa.select(sa.func.count(), sa.func.count(ForecastResult.period.distinct())).select_from(ForecastResult)
    assert published.execute(count).one() == (result.rows // 8 * 20, 20)


def test_later_sales_do_not_move_where_the_forecast_begins(published: Session, store: ArtifactStore) -> None:
    load_sales(published, [sale for sale in monthly_sales(31) if sale.day >= date(2024, 7, 1)])
    run = published.scalars(sa.select(ForecastRun)).one()
    extend(published, store, run.id, 13)
    assert max(row.period for row in level_sums(published)) == date(2025, 7, 1)


def test_a_run_that_was_replaced_is_left_as_it_was(published: Session, store: ArtifactStore) -> None:
    old = published.scalars(sa.select(ForecastRun.id)).one()
    new = forecast(published, store, horizon=6).run_id
    published.commit()
    assert extend(published, store, old, 15).rows == 0
    assert extend(published, store, new, 6).rows == 0
    assert {row.period for row in level_sums(published)} == {date(2024, month, 1) for month in range(7, 13)}


def test_a_run_that_is_replaced_on_the_way_gets_nothing(
    published: Session, store: ArtifactStore, sessions: sessionmaker[Session]
) -> None:
    old = published.scalars(sa.select(ForecastRun.id)).one()
    published.commit()

    def replace(phase: str, done: int = 0, total: int = 0) -> None:
        if phase == "cleaning":
            with sessions() as other:
                forecast(other, store, horizon=3)
                other.commit()

    assert extend(published, store, old, 15, replace).rows == 0
    assert len({row.period for row in level_sums(published)}) == 3


def test_sales_that_were_taken_back_are_no_ground_for_more(published: Session, store: ArtifactStore) -> None:
    run = published.scalars(sa.select(ForecastRun)).one()
    run.as_of = date(2024, 7, 1)
    with pytest.raises(ConflictError, match="sales now end before 2024-07-01"):
        extend(published, store, run.id, 15)


def test_an_override_of_a_later_period_holds_once_that_is_forecast(published: Session, store: ArtifactStore) -> None:
    override = ForecastOverride(
        grain="monthly", kind="value", reason="other", state="active", location_level="region",
        product_level="total", region="South", created_by="planner@example.com", activated_at=utc_now(),
    )  # fmt: skip
    published.add(override)
    published.flush()
    value = OverrideValue(override_id=override.id, period=date(2025, 7, 1), value=12_345.0)
    published.add(value)
    published.commit()
    extend(published, store, published.scalars(sa.select(ForecastRun.id)).one(), 13)
    published.commit()
    published.refresh(value)
    assert value.after == 12_345.0
    assert value.before == value.system > 0


def test_caller_gets_the_job_and_once_it_has_run_the_forecast(
    viewer: FlaskClient, services: Services, published: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "PATIENCE", 0.0)
    asked = f"{PREDICT}?periods=18&region=North&product_id=P-2"
    first, second = viewer.get(asked), viewer.get(f"{PREDICT}?periods=18")
    assert (first.status_code, second.status_code) == (202, 202)
    run_id = published.scalars(sa.select(ForecastRun.id)).one()
    published.commit()
    assert first.json["arguments"] == {"run_id": run_id, "periods": 18}
    assert (first.json["kind"], first.json["queue"], first.json["id"]) == ("extend", "interactive", second.json["id"])
    assert first.headers["Location"] == f"/api/v1/jobs/{first.json['id']}"
    work_off(services)
    assert viewer.get(first.headers["Location"]).json["state"] == "succeeded"
    answer = viewer.get(asked)
    assert answer.status_code == 200
    assert [point["period"] for point in answer.json["forecast"]][-1] == "2025-12-01"
    assert len(answer.json["forecast"]) == 18
    event = published.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == "ForecastExtended")).one()
    assert event.payload == {"run_id": run_id, "grain": "monthly", "horizon": 18}
    assert len(viewer.get("/api/v1/forecast/P-2?periods=18").json["forecast"]) == 18


def test_what_is_usual_looks_the_same_however_far_somebody_asked(
    viewer: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = viewer.get(PREDICT).json
    assert len(before["forecast"]) == 12
    monkeypatch.setattr(predictions, "PATIENCE", 0.0)
    assert viewer.get(f"{PREDICT}?periods=24").status_code == 202
    work_off(services)
    assert viewer.get(PREDICT).json == before
    assert len(viewer.get(f"{PREDICT}?periods=24").json["forecast"]) == 24


def test_caller_who_waits_gets_the_forecast_in_the_same_answer(
    viewer: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "PATIENCE", 30.0)
    done = Event()

    def work() -> None:
        while not done.wait(0.05):
            work_off(services)

    worker = Thread(target=work)
    worker.start()
    try:
        answer = viewer.get(f"{PREDICT}?periods=14")
    finally:
        done.set()
        worker.join()
    assert answer.status_code == 200, answer.json
    assert len(answer.json["forecast"]) == 14


def test_nobody_waits_longer_than_a_second_for_it(viewer: FlaskClient) -> None:
    began = time.monotonic()
    assert viewer.get(f"{PREDICT}?periods=14").status_code == 202
    assert 1.0 <= time.monotonic() - began < 10.0


def test_a_job_that_failed_says_why(
    viewer: FlaskClient, services: Services, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "PATIENCE", 0.0)
    assert viewer.get(f"{PREDICT}?periods=14").status_code == 202
    for path in (services.settings.ml.home / "artifacts").rglob("*.joblib"):
        path.unlink()
    work_off(services)
    document = assert_problem(viewer.get(f"{PREDICT}?periods=14"), 409, "conflict")
    assert "the stored file models/" in document["detail"]
    assert viewer.get(f"{PREDICT}?periods=12").status_code == 200


@pytest.mark.parametrize(
    ("path", "most"),
    [
        (f"{PREDICT}?grain=monthly&periods=25", "24 months"),
        (f"{PREDICT}?grain=weekly&periods=27", "26 weeks"),
        ("/api/v1/forecast/weekly?periods=27", "26 weeks"),
        ("/api/v1/forecast/P-1?periods=25", "24 months"),
    ],
)
def test_more_than_can_be_forecast_is_refused(viewer: FlaskClient, rows: Rows, path: str, most: str) -> None:
    document = assert_problem(viewer.get(path), 422, "invalid-request")
    assert [error["field"] for error in document["errors"]] == ["periods"]
    assert f"at most {most} ahead" in document["errors"][0]["message"]
    assert rows.count(JobRun) == 0
