"""Forecasts through the API: of any part of the business, or the reason why there is none."""

from __future__ import annotations

from datetime import date

import pytest
from factories import load_sales, monthly_sales
from flask.testing import FlaskClient
from made_once import once
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, Rows, assert_problem

from ml.artifacts import ArtifactStore
from ml.db.catalog import Product
from ml.db.keys import hash_key
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train

PREDICT = "/api/v1/predict"


@pytest.fixture
def viewer(api: ClientFor) -> FlaskClient:
    return api("viewer")


@pytest.fixture
def published(viewer: FlaskClient, session: Session, store: ArtifactStore) -> FlaskClient:
    """A viewer of 14 months of sales, forecast for 6."""
    once(session, store, make_forecasts)
    return viewer


def make_forecasts(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(14, date(2023, 5, 1)))
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=6)


def total(client: FlaskClient, **query: str) -> float:
    answer = client.get(PREDICT, query_string=query)
    assert answer.status_code == 200, answer.json
    return sum(point["mean"] for point in answer.json["forecast"])


def test_forecast_comes_with_its_bands_and_origin_as_far_as_asked(published: FlaskClient) -> None:
    answer = published.get(PREDICT).json
    assert [point["period"] for point in answer["forecast"]][:2] == ["2024-07-01", "2024-08-01"]
    assert len(answer["forecast"]) == 6
    point = answer["forecast"][0]
    assert 0 <= point["p025"] <= point["p10"] <= point["p50"] <= point["p90"] <= point["p975"]
    assert (answer["as_of"], answer["grain"], answer["bands"]) == ("2024-06-01", "monthly", "stored")
    assert "seasonal_naive" in answer["model"]
    assert published.get(f"{PREDICT}?periods=2").json["forecast"] == answer["forecast"][:2]


def test_what_is_left_out_is_summed_up(published: FlaskClient) -> None:
    parts = total(published, region="North") + total(published, region="South")
    assert total(published) == pytest.approx(parts)
    assert total(published, region="North") == pytest.approx(
        total(published, territory="N1") + total(published, territory="N2")
    )


def test_product_is_named_by_code_or_by_number(published: FlaskClient, session: Session) -> None:
    number = session.query(Product).filter_by(code="P-2").one().id
    session.commit()
    by_number = published.get(f"{PREDICT}?product_id={number}").json
    assert by_number["product"] == "P-2"
    assert by_number == published.get(f"{PREDICT}?product_id=P-2").json


def test_number_that_could_mean_two_products_is_not_guessed(viewer: FlaskClient, rows: Rows) -> None:
    rows.add(Product(key=hash_key("P-1"), code="P-1", name=""))
    number = str(rows.last(Product).id)
    rows.add(Product(key=hash_key(number), code=number, name="its code is the number of the other one"))
    document = assert_problem(viewer.get(f"{PREDICT}?product_id={number}"), 409, "conflict")
    assert "the id of product 'P-1'" in document["detail"]


def test_unknown_name_is_named(published: FlaskClient) -> None:
    for query, named in (
        ("region=Nowhere", "Nowhere"),
        ("region=North&territory=S1", "S1"),
        ("area=Ayton&product_id=P-9", "P-9"),
        ("product_id=999999999999999999999999", "999999999999999999999999"),
    ):
        document = assert_problem(published.get(f"{PREDICT}?{query}"), 404, "not-found")
        assert named in document["detail"]


@pytest.mark.parametrize("query", ["periods=0", "periods=many", "regoin=North", f"region={'x' * 200}"])
def test_question_that_makes_no_sense_is_refused(viewer: FlaskClient, query: str) -> None:
    assert_problem(viewer.get(f"{PREDICT}?{query}"), 422, "invalid-request")


def test_without_sales_there_is_no_forecast(viewer: FlaskClient) -> None:
    document = assert_problem(viewer.get(PREDICT), 409, "no-forecast")
    assert "No sales have been imported" in document["detail"]


def test_two_months_are_too_little_history(viewer: FlaskClient, session: Session) -> None:
    load_sales(session, monthly_sales(2))
    document = assert_problem(viewer.get(PREDICT), 409, "no-forecast")
    assert "2 of 3 months" in document["detail"]
