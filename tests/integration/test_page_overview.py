"""The overview: what needs attention, with the money that hangs on it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from flask import Flask
from flask.testing import FlaskClient
from made_forecasts import publish
from made_profiles import AS_OF, a_cell, a_profile
from sqlalchemy.orm import Session
from statements import statements
from web_fixtures import ClientFor

from ml.db.base import utc_now
from ml.db.catalog import Series
from ml.db.imports import Import
from ml.db.insights import Anomaly, DriftReport
from ml.db.results import ForecastRun, ModelVersion
from worker.models import JobRun

LEAF = {"location_level": "area", "product_level": "product", "territory": "N1", "area": "Ayton"}
METRICS = {"scores": {"seasonal_naive": {"wape": 0.3}}, "floor": "seasonal_naive"}


@pytest.fixture
def viewer(browser: ClientFor) -> FlaskClient:
    return browser("viewer")


@pytest.fixture
def published(session: Session) -> Session:
    """Five months of sales up to May 2024, and a published forecast."""
    load_sales(session, monthly_sales(5, date(2024, 1, 1)))
    publish(session, AS_OF, periods=3)
    session.execute(sa.update(ModelVersion).values(metrics=METRICS))
    session.commit()
    return session


def add_miss(session: Session, region: str = "North", sold: float = 90_000.0) -> None:
    session.add(a_profile(**LEAF, region=region, sold=sold, expected=500.0, low=400.0, high=600.0))
    session.commit()


def test_what_was_forecast_badly_is_listed_with_its_money_and_a_link(published: Session, viewer: FlaskClient) -> None:
    add_miss(published)
    published.add(a_profile(**LEAF, region="Calm", sold=510.0, expected=500.0, low=400.0, high=600.0))
    published.commit()
    page = viewer.get("/").text
    assert 'href="/series?region=North&amp;territory=N1&amp;area=Ayton"' in page
    assert "May 2024: 90.0K sold, 500 expected" in page
    assert 'title="89,500"' in page
    assert "region=Calm" not in page[: page.index("Total sales and forecast")]  # within its band
    assert "1 series left their 80% band in May 2024" in page


def test_a_miss_is_not_listed_again_as_an_anomaly(published: Session, viewer: FlaskClient) -> None:
    series = published.scalars(sa.select(Series).where(Series.area == "Ayton")).first()
    assert series is not None
    facts = {"series_id": series.id, "grain": "monthly", "kind": "spike", "score": 9.0, "reason": "much"}
    published.add(Anomaly(period=AS_OF, value=90_000.0, usual=500.0, **facts))
    published.commit()
    assert "Unusual sales" in viewer.get("/").text
    names = {"category": "Tools", "product_id": series.product_id}
    published.add(a_profile(**LEAF, **names, region="North", sold=90_000.0, expected=500.0, low=4.0, high=600.0))
    published.commit()
    page = viewer.get("/").text
    assert "Forecast missed" in page
    assert "Unusual sales" not in page


def test_jobs_that_failed_or_are_late_come_before_money(published: Session, viewer: FlaskClient) -> None:
    add_miss(published)
    late = utc_now() - timedelta(hours=2)
    for kind, state in (("train", "failed"), ("clean", "failed"), ("clean", "succeeded"), ("drift", "queued")):
        published.add(JobRun(kind=kind, queue="heavy", arguments={}, state=state, created_at=late, run_after=late))
        published.flush()
    published.commit()
    page = viewer.get("/").text
    listed = page[page.index("What needs attention") : page.index("Total sales and forecast")]
    assert listed.index("Train models") < listed.index("Forecast missed")
    assert "Job is late" in listed
    assert "Clean" not in listed  # a later one succeeded


def test_drift_and_old_sales_are_said(published: Session, viewer: FlaskClient) -> None:
    run = published.scalars(sa.select(ForecastRun)).one()
    facts = {"levels": [], "inputs": [], "new_share": 0.0, "as_of": AS_OF, "grain": "monthly"}
    published.add(
        DriftReport(run_id=run.id, model_id=run.model_id, verdict="retrain", reasons=["errors doubled"], **facts)
    )
    published.execute(sa.update(Import).values(last_date=date(2024, 5, 27)))
    published.commit()
    page = viewer.get("/").text
    assert "errors doubled" in page
    assert "The newest sale is of 27 May 2024" in page


def test_nothing_to_do_is_said(published: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/").text
    assert "No job failed" in page
    assert "none was issued for it so far" in page


def test_the_error_of_the_last_month_stands_beside_the_one_before(published: Session, viewer: FlaskClient) -> None:
    published.add(a_cell(location_level="area", product_level="product"))
    published.add(a_cell(location_level="area", product_level="product", period=date(2024, 4, 1), error=40.0))
    published.add(a_cell(location_level="area", product_level="product", horizon=2, error=99.0))
    published.commit()
    page = viewer.get("/").text
    assert "20.0%" in page
    assert "40.0% the month before" in page
    assert "80% bands held 100%, too high by 20.0%" in page


def test_the_number_of_queries_does_not_grow(app: Flask, published: Session, viewer: FlaskClient) -> None:
    add_miss(published)
    published.add(a_profile())
    published.commit()
    viewer.get("/")
    with statements(app) as few:
        viewer.get("/")
    for number in range(30):
        published.add(JobRun(kind=f"kind-{number}", queue="heavy", arguments={}, state="failed"))
        published.add(a_profile(region=f"Region {number}"))
        add_miss(published, f"Region {number}")
    with statements(app) as many:
        page = viewer.get("/").text
    assert page.count("Forecast missed") == 5
    assert len(few) == len(many) <= 30
