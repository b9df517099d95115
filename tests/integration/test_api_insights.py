"""What series are made of, what stands out, what comes next and how the model keeps, through the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa
from factories import Sale, load_sales, monthly_sales
from flask.testing import FlaskClient
from made_once import once
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, assert_problem

from ml.artifacts import ArtifactStore
from ml.db.catalog import Series
from ml.db.drivers import Event
from ml.db.keys import hash_key
from ml.db.results import ForecastResult
from ml.grains import MONTHLY
from ml.pipelines.drift import check_drift
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train

API = "/api/v1"
MARCH = date(2023, 3, 1)


def some_sales() -> list[Sale]:
    """26 months of the first and the last day of each month; P-1 sells eight times as much in one of them."""
    sales = [
        sale
        for sale in monthly_sales(26)
        if sale.area in ("Ayton", "Derwent") and sale.day in (MONTHLY.start(sale.day), MONTHLY.last_day(sale.day))
    ]
    return [
        replace(s, amount=s.amount * 8) if s.product == "P-1" and MONTHLY.start(s.day) == MARCH else s for s in sales
    ]


@pytest.fixture
def viewer(api: ClientFor, session: Session, store: ArtifactStore) -> FlaskClient:
    """A viewer of sales with a published and checked forecast."""
    once(session, store, make_drift)
    return api("viewer")


def make_drift(session: Session, store: ArtifactStore) -> None:
    with session.no_autoflush:
        load_sales(session, some_sales())
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=6)
    days = {"starts_on": MARCH, "ends_on": MONTHLY.last_day(MARCH)}
    session.add(Event(key=hash_key("sale"), kind="promotion", name="Sale", region="South", **days))
    check_drift(session)


def series_of(session: Session, place: str, product: str, **names: str) -> int:
    query = sa.select(Series.id).where(Series.location_level == place, Series.product_level == product)
    return session.scalars(query.filter_by(**names).order_by(Series.id)).first() or 0


def test_a_series_is_taken_apart_with_the_events_that_concern_it(viewer: FlaskClient, session: Session) -> None:
    south = series_of(session, "region", "total", region="South")
    found = viewer.get(f"{API}/series/{south}/decomposition").json
    assert found["series"]["label"] == "South"
    assert [point["period"] for point in found["points"]][::25] == ["2022-01-01", "2024-02-01"]
    for point in found["points"]:
        parts = sum(point[name] for name in ("trend", "season", "events", "residual"))
        assert parts == pytest.approx(point["sales"])
    assert set(found["effects"]) == {"promotion Sale"}
    north = series_of(session, "region", "total", region="North")
    assert viewer.get(f"{API}/series/{north}/decomposition").json["effects"] == {}


def test_anomalies_are_listed_with_their_reasons(viewer: FlaskClient, session: Session) -> None:
    total = series_of(session, "total", "total")
    found = viewer.get(f"{API}/series/{total}/anomalies").json
    assert (found["series"]["label"], found["checked_to"]) == ("All sales", "2024-02-01")
    assert [(item["period"], item["kind"]) for item in found["items"]] == [("2023-03-01", "spike")]
    assert "times the usual" in found["items"][0]["reason"]


def test_the_outlook_says_what_comes_next(viewer: FlaskClient, session: Session) -> None:
    found = viewer.get(f"{API}/outlook").json
    total = series_of(session, "total", "total")
    assert (found["series_id"], found["as_of"], found["period"]) == (total, "2024-02-01", "2024-03-01")
    point = viewer.get(f"{API}/predict").json["forecast"][0]
    assert (found["expected"], found["low"], found["high"]) == (point["mean"], point["p10"], point["p90"])
    assert found["growth"] == pytest.approx(found["expected"] / found["last"] - 1)
    assert 0 <= found["accuracy"] <= 100
    assert found["accuracy_source"] == "backtest"
    assert found["downturn"]["season_before"]
    assert viewer.get(f"{API}/series/{total}/outlook").json == found
    wide = viewer.get(f"{API}/series/{total}/outlook?confidence=95").json
    assert (wide["low"], wide["high"], wide["confidence"]) == (point["p025"], point["p975"], 95)
    ayton = viewer.get(f"{API}/outlook?area=Ayton&product_id=P-2").json
    assert ayton["series"]["area"] == "Ayton"
    assert viewer.get(f"{API}/series/{ayton['series_id']}/outlook").json == ayton


def test_accuracy_is_that_of_issued_forecasts_once_they_are_known(viewer: FlaskClient, session: Session) -> None:
    total = series_of(session, "total", "total")
    rows = session.scalars(sa.select(ForecastResult).where(ForecastResult.series_id == total)).all()
    for row in rows[:3]:
        row.actual = row.mean * 0.8
    session.commit()
    found = viewer.get(f"{API}/outlook").json
    assert found["accuracy_source"] == "issued forecasts"
    assert found["accuracy"] == pytest.approx(75.0)


def test_drift_reports_are_listed(viewer: FlaskClient) -> None:
    page = viewer.get(f"{API}/drift?grain=monthly").json
    (found,) = page["items"]
    assert (found["verdict"], found["as_of"], page["next_cursor"]) == ("ok", "2024-02-01", None)
    assert found["reasons"] == ["no period is known yet that this model had forecast"]
    assert found["levels"] == found["inputs"] == []


@pytest.mark.parametrize("what", ["decomposition", "anomalies", "outlook"])
def test_an_unknown_series_is_said_to_be_unknown(api: ClientFor, what: str) -> None:
    answer = api("viewer").get(f"{API}/series/9/{what}")
    assert "series 9" in assert_problem(answer, 404, "not-found")["detail"]


def test_without_forecast_or_history_the_reason_is_given(api: ClientFor, session: Session) -> None:
    client = api("viewer")
    assert_problem(client.get(f"{API}/outlook"), 409, "no-forecast")
    load_sales(session, [Sale(date(2024, 1, 31), 5.0), Sale(date(2024, 1, 1), 5.0)])
    leaf = series_of(session, "area", "product")
    assert_problem(client.get(f"{API}/series/{leaf}/decomposition"), 409, "not-enough-history")
    found = client.get(f"{API}/series/{leaf}/anomalies").json
    assert (found["checked_to"], found["items"]) == (None, [])
    assert_problem(client.get(f"{API}/outlook?confidence=90"), 422, "invalid-request")
    assert client.get(f"{API}/drift").json["items"] == []


def test_a_series_without_a_name_is_not_mistaken_for_all(api: ClientFor, session: Session) -> None:
    nameless = Series(key=b"n" * 16, location_level="region", product_level="total")
    session.add(nameless)
    session.commit()
    answer = api("viewer").get(f"{API}/series/{nameless.id}/anomalies")
    assert "without a name" in assert_problem(answer, 404, "not-found")["detail"]
