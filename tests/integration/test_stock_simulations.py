"""Simulations of the stock: the job, its page, and the API."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from factories import Sale, load_sales
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.catalog import Product
from ml.db.inventory import StockLevel
from ml.db.keys import hash_key
from ml.db.restock import StockSimulation
from ml.errors import DataError
from ml.pipelines.simulate_stock import simulate_stock
from worker.context import Services
from worker.lifecycle import Attempt
from worker.models import JobRun
from worker.runner import execute

LAST = date(2024, 6, 30)
AREAS = {"Ayton": 2, "Beeford": 6, "Crambe": 1}
SETTINGS = {"days": 56, "items": 2, "policies": ["rules", "average", "moving_average"]}


@pytest.fixture
def sold(sessions: sessionmaker[Session]) -> None:
    """Three areas that sell 2, 6 and 1 units a day and count their stock."""
    with sessions() as session:
        days = [LAST - timedelta(days=back) for back in range(180)]
        load_sales(
            session, [Sale(day, 6.0 * units, area=area, units=units) for day in days for area, units in AREAS.items()]
        )
        session.execute(sa.update(Product).values(price=6.0, cost=4.0, lead_time_days=3, supplier="Mill"))
        product = session.scalars(sa.select(Product.id)).one()
        for area in AREAS:
            level = StockLevel(key=hash_key(area), day=LAST, area=area, product_id=product, on_hand=10.0)
            session.add(level)
        session.commit()


@pytest.fixture
def planner(sold: None, app: object, api: ClientFor) -> FlaskClient:
    return api("planner")


def test_policies_are_replayed_over_what_sold_most(
    planner: FlaskClient, services: Services, rows: Rows, sessions: sessionmaker[Session]
) -> None:
    answer = planner.post("/api/v1/stock-simulations", json={"name": "Which model", **SETTINGS})
    assert answer.status_code == 202
    asked = answer.get_json()
    assert (asked["name"], asked["result"], asked["days"]) == ("Which model", None, 56)
    execute(Attempt(asked["job_id"], 1), services)
    job = rows.last(JobRun)
    assert (job.state, job.error) == ("succeeded", None)
    found = planner.get(answer.headers["Location"]).get_json()["result"]
    assert (found["items"], found["first"], found["last"]) == (2, "2024-05-06", "2024-06-30")
    assert found["lead_days"] == 3
    assert len(found["points"]) == 1 + 5 + 5
    points = {point["label"]: point for point in found["points"]}
    assert found["cheapest"] == min(points, key=lambda label: points[label]["cost"])
    steady = points["average × 1"]
    assert steady["fill"] == 1, "8 units a day, always the same, are served by their mean"
    assert points["average × 2"]["stock_value"] > steady["stock_value"] > 0
    assert points["average × 0.8"]["lost"] > 0
    assert points["average × 0.8"]["lost_value"] == pytest.approx(6 * points["average × 0.8"]["lost"])
    assert planner.get("/api/v1/stock-simulations").get_json()["items"][0]["id"] == asked["id"]
    assert_problem(planner.get("/api/v1/stock-simulations/99"), 404, "not-found")


def test_what_cannot_be_replayed_is_said(planner: FlaskClient, session: Session) -> None:
    assert_problem(planner.post("/api/v1/stock-simulations", json={"policies": ["magic"]}), 422, "invalid-request")
    row = StockSimulation(name="x", settings={"days": 400, "policies": ["average"]}, created_by="x")
    session.add(row)
    session.commit()
    with pytest.raises(DataError, match="replay fewer days"):
        simulate_stock(session, row.id)


def test_the_page_follows_the_job_and_then_shows_curves_and_figures(
    sold: None, app: object, browser: ClientFor, services: Services, rows: Rows
) -> None:
    page = browser("planner")
    form = page.get("/stock/simulations").text
    assert "Replay policies" in form
    assert 'name="items" inputmode="decimal" value="300"' in form
    refused = page.post("/stock/simulations", data={"days": "56", "items": "many", "policies": "average"})
    assert (refused.status_code, "whole numbers" in refused.text, 'value="many"' in refused.text) == (422, True, True)
    assert page.post("/stock/simulations", data={"days": "3", "policies": "average"}).status_code == 422
    made = page.post("/stock/simulations", data={"days": "56", "policies": ["average", "tsb"]})
    assert made.status_code == 303
    waiting = page.get(made.headers["Location"]).text
    assert "Waiting for a worker" in waiting
    execute(Attempt(rows.last(JobRun).id, 1), services)
    shown = page.get(made.headers["Location"]).text
    assert "Side by side" in shown
    assert shown.count("<circle") == 10 + 2, "a dot for each policy and level, and in the legend"
    assert "average, tsb" in page.get("/stock/simulations").text


def test_a_failed_one_says_why(app: object, browser: ClientFor, services: Services, rows: Rows) -> None:
    page = browser("planner")
    made = page.post("/stock/simulations", data={"policies": "average"})
    execute(Attempt(rows.last(JobRun).id, 1), services)
    assert "no stock levels are known" in page.get(made.headers["Location"]).text
