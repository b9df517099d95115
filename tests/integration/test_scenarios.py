"""What-if: a changed plan is forecast beside the plan as it is, and becomes the plan only when somebody keeps it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from factories import PLACES, Sale, load_sales, monthly_sales
from flask import Flask
from flask.testing import FlaskClient
from made_forecasts import publish
from made_once import once
from sqlalchemy.orm import Session
from statements import statements
from web_fixtures import ClientFor, Rows

from ml.artifacts import ArtifactStore
from ml.db.catalog import Series
from ml.db.drivers import Event
from ml.db.keys import hash_key
from ml.db.results import ForecastRun, ModelVersion
from ml.db.scenarios import Scenario, ScenarioResult
from ml.errors import ConflictError
from ml.pipelines.forecast import forecast
from ml.pipelines.scenario import forecast_scenario
from ml.pipelines.train import train
from webapp.models import User
from worker.models import JobRun

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}
FIRST, DAYS = date(2024, 1, 1), 210
AS_OF = date(2024, 5, 1)
FORM = {"name": "Two weeks in June", "name-1": "June sale", "starts_on-1": "2024-06-03", "ends_on-1": "2024-06-16"}


def promoted_days() -> Iterator[tuple[date, date]]:
    """Four days every fifth week, in the North."""
    return ((FIRST + timedelta(weeks=week), FIRST + timedelta(weeks=week, days=3)) for week in range(2, 30, 5))


def an_event(first: date, last: date, **names: str) -> Event:
    key = hash_key("promotion", first, *names.values())
    return Event(key=key, kind="promotion", name="sale", starts_on=first, ends_on=last, **names)


@pytest.fixture
def promoted(session: Session, store: ArtifactStore) -> Session:
    """Days of sales that promotions doubled in the North, and a champion that learned that."""
    once(session, store, make_promoted)
    return session


def make_promoted(session: Session, store: ArtifactStore) -> None:
    random = np.random.default_rng(0)
    promotions = {first + timedelta(days=more) for first, _ in promoted_days() for more in range(4)}
    sales = []
    for region, territory, area in PLACES:
        for day in (FIRST + timedelta(days=number) for number in range(DAYS)):
            usual = 100.0 + 20 * (day.weekday() >= 4)
            factor = 2.5 if region == "North" and day in promotions else 1.0
            sales.append(Sale(day, usual * factor * random.lognormal(0, 0.05), region, territory, area))
    with session.no_autoflush:
        load_sales(session, sales)
    session.add_all(an_event(first, last, region="North") for first, last in promoted_days())
    session.commit()
    train(session, store, "daily", candidates=["lightgbm"])
    session.commit()
    forecast(session, store, "daily")


def a_scenario(session: Session, region: str, first: date) -> int:
    series = session.scalars(sa.select(Series.id).where(Series.location_level == "region", Series.region == region,
                                                        Series.product_level == "total")).one()  # fmt: skip
    added = {"name": "more", "starts_on": f"{first}", "ends_on": f"{first + timedelta(days=3)}"}
    row = Scenario(series_id=series, grain="daily", name="x", changes={"add": [added], "remove": []}, created_by="ann")
    session.add(row)
    session.commit()
    return row.id


def test_a_promotion_more_sells_more_while_it_runs_and_nobody_else_sees_it(
    promoted: Session, store: ArtifactStore
) -> None:
    model = promoted.scalars(sa.select(ModelVersion)).one()
    assert "event" in model.metrics["known"]
    runs = promoted.scalar(sa.select(sa.func.count(ForecastRun.id)))
    first = FIRST + timedelta(days=DAYS + 8)
    scenario = a_scenario(promoted, "North", first)
    found = forecast_scenario(promoted, store, scenario)
    promoted.commit()
    rows = promoted.scalars(sa.select(ScenarioResult).order_by(ScenarioResult.period)).all()
    during = [row for row in rows if first <= row.period <= first + timedelta(days=3)]
    assert len(rows) == found.periods == 28
    assert all(row.changed > 1.5 * row.planned for row in during)
    assert all(row.changed == pytest.approx(row.planned) for row in rows if row.period < first - timedelta(days=1))
    assert all(row.changed_p10 <= row.changed <= row.changed_p90 for row in rows)
    assert found.changed > found.planned == pytest.approx(sum(row.planned for row in rows))
    assert promoted.get_one(Scenario, scenario).state == "ready"
    assert promoted.scalar(sa.select(sa.func.count(ForecastRun.id))) == runs
    assert promoted.scalar(sa.select(sa.func.count(Event.id))) == len(list(promoted_days()))


def test_a_model_that_knows_no_promotions_says_so(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(8))
    train(session, store, candidates=["seasonal_naive"])
    session.commit()
    forecast(session, store)
    series = session.scalars(sa.select(Series.id).where(Series.location_level == "total")).first()
    row = Scenario(series_id=series, grain="monthly", name="x", changes={"add": [], "remove": [1]}, created_by="ann")
    session.add(row)
    session.commit()
    with pytest.raises(ConflictError, match="nothing of promotions"):
        forecast_scenario(session, store, row.id)


@pytest.fixture
def knowing(session: Session) -> Session:
    """A published forecast, by months for simplicity, of a model that knows promotions."""
    load_sales(session, monthly_sales(5, date(2024, 1, 1)))
    north = Series(key=b"n" * 16, location_level="region", product_level="total", region="North")
    south = Series(key=b"s" * 16, location_level="region", product_level="total", region="South")
    session.add_all([north, south])
    publish(session, AS_OF, periods=3)
    session.execute(sa.update(ModelVersion).values(metrics={"known": ["event"]}))
    session.add(an_event(date(2024, 7, 1), date(2024, 7, 7), region="North"))
    session.commit()
    return session


@pytest.fixture
def planner(browser: ClientFor) -> FlaskClient:
    return browser("planner")


def make_ready(rows: Rows, scenario: int) -> None:
    """What the job does."""
    for month, factor in ((6, 1.5), (7, 1.0)):
        figures = dict.fromkeys(("planned", "planned_p10", "planned_p90"), 1000.0)
        changed = dict.fromkeys(("changed", "changed_p10", "changed_p90"), 1000.0 * factor)
        rows.add(ScenarioResult(scenario_id=scenario, period=date(2024, month, 1), **figures, **changed))
    job = rows.get(Scenario, scenario).job_id
    rows.change(JobRun, job, state="succeeded")
    rows.change(Scenario, scenario, state="ready", model="sales-monthly/1", as_of=AS_OF)


def test_a_changed_plan_is_asked_for_followed_and_kept(knowing: Session, planner: FlaskClient, rows: Rows) -> None:
    page = planner.get("/what-if/new?region=North").text
    assert "sale, 1 Jul 2024 to 7 Jul 2024" in page
    left_out = knowing.scalars(sa.select(Event.id)).one()
    knowing.rollback()
    asked = planner.post("/what-if/new?region=North", data={**FORM, "remove": f"{left_out}"})
    scenario = rows.last(Scenario)
    assert (asked.status_code, asked.headers["Location"]) == (303, f"/what-if/{scenario.id}")
    job = rows.last(JobRun)
    assert (job.kind, job.queue, job.arguments) == ("scenario", "interactive", {"scenario_id": scenario.id})
    page = planner.get(f"/what-if/{scenario.id}").text
    assert "Waiting for a worker" in page
    seen = re.search(r"seen=(\w+)", page)
    assert seen is not None
    assert planner.get(f"/what-if/{scenario.id}?seen={seen[1]}", headers=FRAGMENT).status_code == 204
    assert "<html" not in planner.get(f"/what-if/{scenario.id}?seen=other", headers=FRAGMENT).text
    assert "data-live" in page
    assert planner.post(f"/what-if/{scenario.id}/keep").status_code == 409
    make_ready(rows, scenario.id)
    page = planner.get(f"/what-if/{scenario.id}").text
    assert '<td class="number muted">1,000</td>' in page
    assert "+500" in page
    assert "Without sale" in page
    assert "data-live" not in page
    assert planner.post(f"/what-if/{scenario.id}/keep").status_code == 303
    event = knowing.scalars(sa.select(Event)).one()
    assert (event.name, event.region, event.starts_on, event.ends_on) == (
        "June sale", "North", date(2024, 6, 3), date(2024, 6, 16)
    )  # fmt: skip
    knowing.rollback()
    assert rows.last(JobRun).kind == "forecast"
    assert "Kept by planner@example.com" in planner.get(f"/what-if/{scenario.id}").text
    assert planner.post(f"/what-if/{scenario.id}/drop").status_code == 409
    rows.change(Scenario, scenario.id, job_id=10**6, state="waiting")  # jobs are not kept for ever
    assert planner.get(f"/what-if/{scenario.id}").status_code == 200


def test_what_is_dropped_changes_nothing(knowing: Session, planner: FlaskClient, rows: Rows) -> None:
    planner.post("/what-if/new?region=North", data=FORM)
    scenario = rows.last(Scenario).id
    make_ready(rows, scenario)
    planner.post(f"/what-if/{scenario}/drop")
    assert rows.count(Event) == 1
    assert rows.last(JobRun).kind == "scenario"
    page = planner.get("/what-if").text
    assert "Two weeks in June" in page
    assert "Dropped" in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"starts_on-1": "2024-05-30"}, "Expected a day from 2024-06-01 to 2024-08-31"),
        ({"starts_on-1": "9999-12-01", "ends_on-1": "9999-12-31"}, "Expected a day from 2024-06-01 to 2024-08-31"),
        ({"ends_on-1": "2024-06-01"}, "Expected its first day or later"),
        ({"starts_on-1": "soon"}, "Expected a day such as"),
        ({"name": ""}, "Expected a name"),
        ({"name-1": "", "starts_on-1": "", "ends_on-1": ""}, "Enter a promotion"),
        ({"remove": "999"}, "is not planned here any more"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    knowing: Session, planner: FlaskClient, rows: Rows, changed: dict[str, str], said: str
) -> None:
    answer = planner.post("/what-if/new?region=North", data={**FORM, **changed})
    assert answer.status_code == 422
    assert said in answer.text
    assert rows.count(Scenario) == 0


def test_where_nothing_can_be_tried_it_says_why(knowing: Session, planner: FlaskClient) -> None:
    knowing.execute(sa.update(ModelVersion).values(metrics={"known": []}))
    knowing.commit()
    for path in ("/what-if", "/what-if/new?region=North"):
        assert "a month&#39;s total hides them" in planner.get(path).text
    assert "Forecast it" not in planner.get("/what-if/new?region=North").text
    assert planner.post("/what-if/new?region=North", data=FORM).status_code == 409
    assert "no forecast yet that a plan could change" in planner.get("/what-if?grain=daily").text


def test_a_viewer_looks_and_a_limited_planner_tries_inside_alone(
    knowing: Session, browser: ClientFor, make_user: Callable[[str], User], rows: Rows
) -> None:
    planner = browser("planner")
    planner.post("/what-if/new?region=North", data=FORM)
    scenario = rows.last(Scenario).id
    viewer = browser("viewer")
    assert "Drop it" not in viewer.get(f"/what-if/{scenario}").text
    assert viewer.post("/what-if/new?region=North", data=FORM).status_code == 403
    rows.change(User, make_user("planner").id, scope={"regions": ["South"], "territories": []})
    limited = browser("planner")
    assert limited.get(f"/what-if/{scenario}").status_code == 404
    assert limited.post(f"/what-if/{scenario}/drop").status_code == 404
    assert "Two weeks" not in limited.get("/what-if").text
    assert limited.post("/what-if/new?region=North", data=FORM).status_code in (403, 404)
    assert limited.post("/what-if/new?region=South", data=FORM).status_code == 303


def test_the_number_of_queries_does_not_grow(app: Flask, knowing: Session, planner: FlaskClient, rows: Rows) -> None:
    planner.post("/what-if/new?region=North", data=FORM)
    planner.get("/what-if")
    with statements(app) as few:
        planner.get("/what-if")
    for _ in range(20):
        planner.post("/what-if/new?region=North", data=FORM)
    with statements(app) as many:
        assert planner.get("/what-if").text.count("Two weeks in June") == 21
    assert len(few) == len(many) <= 14
