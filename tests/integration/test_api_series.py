"""Series, forecast runs, issued forecasts, accuracy, anomalies, figures, schedules; the short ways to forecasts."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from flask.testing import FlaskClient
from made_once import once
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, Rows, assert_problem

from ml.artifacts import ArtifactStore
from ml.db.catalog import Series
from ml.db.drivers import Regressor
from ml.db.insights import Anomaly
from ml.db.keys import hash_key
from ml.db.results import ForecastResult
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from worker.models import JobRun

API = "/api/v1"


@pytest.fixture
def viewer(api: ClientFor, session: Session, store: ArtifactStore) -> FlaskClient:
    """A viewer of 14 months of sales, forecast for 6, of which two came true: all sales were a tenth more."""
    once(session, store, make_forecasts)
    return api("viewer")


def make_forecasts(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(14, date(2023, 5, 1)))
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=6)
    known = sa.update(ForecastResult).where(ForecastResult.period <= date(2024, 8, 1))
    session.execute(known.values(actual=ForecastResult.mean * 1.1))


def test_series_are_searched_and_counted(viewer: FlaskClient, session: Session) -> None:
    found = viewer.get(f"{API}/series?location_level=region&product_level=total").json["items"]
    assert {item["region"] for item in found} == {"North", "South"}
    leaves = viewer.get(f"{API}/series?q=product p-2&location_level=area&limit=3").json
    assert {item["product_code"] for item in leaves["items"]} == {"P-2"}
    assert (len(leaves["items"]), leaves["next_cursor"] is None) == (3, False)
    facets = viewer.get(f"{API}/series/facets?region=North&location_level=territory").json
    assert [value["value"] for value in facets["region"]] == ["North"]
    assert sum(value["count"] for value in facets["territory"]) == facets["region"][0]["count"]
    one = leaves["items"][0]
    assert viewer.get(f"{API}/series/{one['id']}").json == one
    assert_problem(viewer.get(f"{API}/series/999999"), 404, "not-found")


def test_runs_and_what_they_forecast(viewer: FlaskClient) -> None:
    run = viewer.get(f"{API}/forecast-runs?state=published").json["items"][0]
    assert (run["grain"], run["as_of"], run["horizon"]) == ("monthly", "2024-06-01", 6)
    assert viewer.get(f"{API}/forecast-runs/{run['id']}").json == run
    first = viewer.get(f"{API}/forecasts?location_level=total&product_level=total&limit=4").json
    rest = viewer.get(
        f"{API}/forecasts?location_level=total&product_level=total&cursor={first['next_cursor']}"
    ).json  # fmt: skip
    periods = [item["period"] for item in first["items"] + rest["items"]]
    assert periods == sorted(periods)
    assert len(periods) == 6
    predicted = viewer.get(f"{API}/predict").json["forecast"]
    assert [item["mean"] for item in first["items"]] == [point["mean"] for point in predicted[:4]]
    assert viewer.get(f"{API}/forecasts?grain=daily").json["items"] == []
    assert_problem(viewer.get(f"{API}/forecasts?run_id=99"), 404, "not-found")


@pytest.mark.parametrize(("by", "groups"), [("level", None), ("horizon", 2), ("period", 2), ("series", None)])
def test_accuracy_is_that_of_issued_forecasts(viewer: FlaskClient, by: str, groups: int | None) -> None:
    items = viewer.get(f"{API}/accuracy?by={by}&limit=200").json["items"]
    assert len(items) == groups or (groups is None and len(items) > 3)
    for item in items:
        assert item["wape"] == pytest.approx(0.1 / 1.1, abs=1e-3)
        assert item["bias"] == pytest.approx(-0.1 / 1.1, abs=1e-3)
    if by == "horizon":
        assert [item["horizon"] for item in items] == [1, 2]


def test_accuracy_by_series_goes_on_where_it_ended(viewer: FlaskClient) -> None:
    path, seen, cursor = f"{API}/accuracy?by=series&limit=5", [], ""
    while cursor is not None:
        page = viewer.get(path + (f"&cursor={cursor}" if cursor else "")).json
        seen += [item["series"]["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == sorted(set(seen))
    assert len(seen) > 5


def test_anomalies_and_figures_are_listed(viewer: FlaskClient, session: Session, rows: Rows) -> None:
    series_id = session.scalars(sa.select(Series.id)).first()
    session.rollback()
    facts = {"series_id": series_id, "grain": "monthly", "value": 9, "usual": 1, "score": 5, "reason": "x"}
    rows.add(
        Anomaly(period=date(2024, 1, 1), kind="spike", **facts), Anomaly(period=date(2024, 2, 1), kind="drop", **facts)
    )
    assert [item["kind"] for item in viewer.get(f"{API}/anomalies").json["items"]] == ["drop", "spike"]
    assert [item["series"]["id"] for item in viewer.get(f"{API}/anomalies?kind=drop").json["items"]] == [series_id]
    rows.add(Regressor(key=hash_key("t"), name="temperature", day=date(2024, 1, 1), region="", value=3.5))
    assert viewer.get(f"{API}/regressors?name=temperature").json["items"][0]["value"] == 3.5
    assert viewer.get(f"{API}/regressors/names").json["items"][0]["first_day"] == "2024-01-01"


def test_short_ways_give_what_predict_gives(viewer: FlaskClient, api: ClientFor) -> None:
    product = viewer.get(f"{API}/predict?product_id=P-1&region=North").json
    assert viewer.get(f"{API}/forecast/P-1?region=North").json == product
    assert_problem(viewer.get(f"{API}/forecast/P-9"), 404, "not-found")
    assert_problem(viewer.get(f"{API}/forecast/weekly"), 409, "no-forecast")
    asked = api("planner").post(f"{API}/forecast/train", json={})
    assert (asked.status_code, asked.json["kind"]) == (202, "train")


def test_sales_and_forecast_in_one_answer(viewer: FlaskClient) -> None:
    answer = viewer.get(f"{API}/sales-forecast?months=3&confidence=95").json
    assert [month["period"] for month in answer["actual"]] == ["2024-04-01", "2024-05-01", "2024-06-01"]
    assert answer["actual"][-1]["transactions"] == 60
    following = answer["forecast"]
    assert following["period"] == "2024-07-01"
    assert following["low"] <= following["expected"] <= following["high"]
    assert following["confidence_level"] == 95
    assert following["growth_rate"] == pytest.approx(
        following["expected"] / answer["actual"][-1]["sales"] - 1, abs=1e-3
    )


def test_little_history_is_a_problem_and_so_is_a_right_that_lacks(api: ClientFor, session: Session) -> None:
    load_sales(session, monthly_sales(2))
    assert_problem(api("viewer").get(f"{API}/sales-forecast"), 409, "not-enough-history")
    assert_problem(api("viewer").get(f"{API}/sales-forecast?refresh=erp"), 403, "forbidden")
    assert_problem(api("planner").get(f"{API}/sales-forecast?refresh=erp"), 422, "invalid-request")


def test_a_job_is_cancelled_once_and_tried_again(api: ClientFor, rows: Rows) -> None:
    operator = api("operator")
    rows.add(JobRun(id=1, kind="refresh", queue="ingest", arguments={}, state="running"))
    stopped = operator.post(f"{API}/jobs/1/cancel")
    assert (stopped.status_code, stopped.json["state"]) == (200, "cancelled")
    assert stopped.json["error"] == "cancelled by operator@example.com."
    assert_problem(operator.post(f"{API}/jobs/1/cancel"), 409, "conflict")
    again = operator.post(f"{API}/jobs/1/retry")
    assert (again.status_code, again.json["kind"], again.json["state"]) == (202, "refresh", "queued")
    assert_problem(operator.post(f"{API}/jobs/{again.json['id']}/retry"), 409, "conflict")
    assert_problem(api("planner").post(f"{API}/jobs/1/retry"), 403, "forbidden")
