"""Weeks and days on pages and through the API: the switch, the words, and the links that keep it."""

from __future__ import annotations

import json
import re

import pytest
from factories import load_sales
from flask.testing import FlaskClient
from made_once import once
from sqlalchemy.orm import Session
from test_grain_runs import daily_sales
from web_fixtures import ClientFor, MakeApp, Rows, assert_problem

from ml.artifacts import ArtifactStore
from ml.db.results import ForecastRun
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train


@pytest.fixture
def published(session: Session, store: ArtifactStore) -> Session:
    """Daily sales from January to June, with a weekly and a daily forecast and no monthly one."""
    once(session, store, make_forecasts)
    return session


def make_forecasts(session: Session, store: ArtifactStore) -> None:
    load_sales(session, daily_sales())
    for grain in ("weekly", "daily"):
        train(session, store, grain, candidates=["seasonal_naive"])
        forecast(session, store, grain)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("grain", "title", "label", "periods"),
    [("weekly", "Weeks", "10 Jun 2024", 13), ("daily", "Days", "Thu 20 Jun 2024", 28)],
)
def test_a_series_is_shown_by_the_grain_of_its_url(
    browser: ClientFor, grain: str, title: str, label: str, periods: int
) -> None:
    page = browser("viewer").get(f"/series?region=North&grain={grain}").text
    assert f'aria-current="true">{title}</a>' in page
    assert f"{label}.</p>" in page
    block = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', page, re.DOTALL)
    assert block is not None
    chart = json.loads(block[1])
    assert sum(value is not None for value in chart["forecast"]) == periods
    assert chart["labels"][chart["last"]] == label
    assert "Jun 2024" in chart["ticks"]
    drill = re.findall(r'href="(/series\?[^"]*territory=[^"]*)"', page)
    assert drill
    assert all(f"grain={grain}" in link for link in drill)


@pytest.mark.usefixtures("published")
def test_without_a_grain_months_are_shown_and_links_name_none(browser: ClientFor) -> None:
    page = browser("viewer").get("/series?region=North").text
    assert 'aria-current="true">Months</a>' in page
    assert "No forecast has been published yet" in page
    assert "grain=monthly" not in page


@pytest.mark.usefixtures("published")
def test_a_table_of_days_names_days(browser: ClientFor) -> None:
    lines = browser("viewer").get("/series.csv?grain=daily").text.splitlines()
    assert lines[0].lstrip("\ufeff").startswith("day,kind,sales")
    assert lines[1].startswith("2024-01-10,actual,")
    assert lines[-1].startswith("2024-07-18,forecast,")


@pytest.mark.usefixtures("published")
def test_models_are_listed_and_trained_by_grain(browser: ClientFor) -> None:
    client = browser("planner")
    assert "10 Jun 2024" in client.get("/models?grain=weekly").text
    assert "No model yet" in client.get("/models").text
    assert client.post("/models/train?grain=daily").status_code == 303


@pytest.mark.parametrize("url", ["/series?grain=hourly", "/models?grain=hourly"])
def test_an_unknown_grain_is_not_found(browser: ClientFor, url: str) -> None:
    assert browser("viewer").get(url).status_code == 404


def test_the_api_answers_by_grain(api: ClientFor, published: Session, rows: Rows) -> None:
    client: FlaskClient = api("viewer")
    weekly, daily = (client.get("/api/v1/predict", query_string={"grain": grain}).json for grain in ("weekly", "daily"))
    assert (weekly["grain"], weekly["as_of"], len(weekly["forecast"])) == ("weekly", "2024-06-10", 13)
    assert (daily["grain"], daily["as_of"], len(daily["forecast"])) == ("daily", "2024-06-20", 28)
    assert_problem(client.get("/api/v1/predict"), 409, "no-forecast")
    plain = client.get("/api/v1/outlook", query_string={"grain": "daily"}).json
    assert plain["period"] == "2024-06-21"
    series = client.get(f"/api/v1/series/{plain['series_id']}/decomposition", query_string={"grain": "weekly"}).json
    assert series["points"][0]["period"] == "2024-01-15"
    models = client.get("/api/v1/models", query_string={"grain": "daily"}).json["items"]
    assert [model["grain"] for model in models] == ["daily"]
    days = client.get("/api/v1/sales/daily", query_string={"limit": 1}).json["items"]
    assert (days[0]["period"], days[0]["partial"]) == ("2024-06-20", False)
    assert rows.last(ForecastRun).grain == "daily"


def test_a_grain_that_is_switched_off_is_neither_shown_nor_trained(make_app: MakeApp, api: ClientFor) -> None:
    token = api("planner").environ_base["HTTP_AUTHORIZATION"]
    client = make_app(FORECASTLE_GRAINS="monthly,weekly").test_client()
    answer = client.post("/api/v1/train", json={"grain": "daily"}, headers={"Authorization": token})
    assert_problem(answer, 409, "conflict")
    assert "expected one of monthly, weekly" in answer.json["detail"]
