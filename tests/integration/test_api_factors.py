"""Why a forecast is what it is, by API and on the pages: themes add up, and limited callers see their own alone."""

from __future__ import annotations

import math
from datetime import date

import pytest
import sqlalchemy as sa
from factories import Sale, load_sales
from made_forecasts import publish
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, assert_problem

from ml.db.catalog import Series
from ml.db.results import ForecastFactor, ForecastResult, ForecastRun, ModelVersion
from webapp.queries.scope import Caller, Scope, limit

API = "/api/v1"
THEMES = {"season": 30.0, "plan:promo_price": -12.0, "recent": 6.0, "correction": -0.1}


@pytest.fixture
def run(session: Session) -> ForecastRun:
    """A published forecast of a leaf in the south, one in the north and their total; all but the leaf in the north are
    taken apart."""
    names = {"North": ("N1", "Ayton"), "South": ("S1", "Derwent")}
    days = (date(2023, 10, 1), date(2023, 11, 5), date(2023, 12, 5), date(2024, 1, 31))
    load_sales(session, [Sale(day, 5.0, region, *names[region]) for region in names for day in days])
    found = publish(session, date(2024, 1, 1), 2)
    for series in session.scalars(sa.select(Series).where(Series.region != "North")):
        add_factors(session, found, series.id)
    session.commit()
    return found


def add_factors(session: Session, run: ForecastRun, series_id: int) -> None:
    base = mean_of(session, run, series_id) - math.fsum(THEMES.values())
    for theme, units in {"base": base, **THEMES}.items():
        session.add(ForecastFactor(run_id=run.id, series_id=series_id, theme=theme, units=units))


def mean_of(session: Session, run: ForecastRun, series_id: int) -> float:
    query = sa.select(ForecastResult.mean).where(ForecastResult.run_id == run.id, ForecastResult.series_id == series_id)
    return session.scalars(query.order_by(ForecastResult.period)).first() or 0.0


def leaf(session: Session, region: str) -> int:
    query = sa.select(Series.id).where(Series.location_level == "area", Series.region == region)
    return session.scalars(query).one()


def test_units_add_up_to_the_forecast_and_factors_multiply_up_to_it(
    api: ClientFor, session: Session, run: ForecastRun
) -> None:
    client, south = api("viewer"), leaf(session, "South")
    found = client.get(f"{API}/series/{south}/factors").json
    assert (found["series"]["area"], found["run_id"], found["model"]) == ("Derwent", run.id, "seasonal_naive")
    assert (found["as_of"], found["period"]) == ("2024-01-01", "2024-02-01")
    assert [one["theme"] for one in found["factors"]] == ["season", "plan:promo_price", "recent", "correction"]
    assert [one["name"] for one in found["factors"]][:2] == ["same season in earlier years", "promo price"]
    assert found["base"] + sum(one["units"] for one in found["factors"]) == pytest.approx(found["forecast"])
    assert found["base"] * math.prod(one["factor"] for one in found["factors"]) == pytest.approx(found["forecast"])
    assert found["forecast"] == mean_of(session, run, south)
    assert found["message"] is None


def test_a_forecast_that_was_not_taken_apart_says_why(api: ClientFor, session: Session, run: ForecastRun) -> None:
    client, north = api("viewer"), leaf(session, "North")
    found = client.get(f"{API}/series/{north}/factors").json
    assert (found["base"], found["factors"]) == (None, [])
    assert found["forecast"] == mean_of(session, run, north)
    assert found["message"].startswith("Only the largest series")
    session.execute(sa.delete(ForecastFactor))
    session.commit()
    assert "cannot be taken apart" in client.get(f"{API}/series/{north}/factors").json["message"]


def test_without_a_forecast_there_is_nothing_to_explain(api: ClientFor, session: Session, run: ForecastRun) -> None:
    client, north = api("viewer"), leaf(session, "North")
    session.execute(sa.delete(ForecastResult).where(ForecastResult.series_id == north))
    session.commit()
    assert_problem(client.get(f"{API}/series/{north}/factors"), 409, "no-forecast")
    assert_problem(client.get(f"{API}/series/{north}/factors?grain=weekly"), 409, "no-forecast")
    assert_problem(client.get(f"{API}/series/999/factors"), 404, "not-found")


def test_a_limited_caller_reads_what_lies_inside_alone(session: Session, run: ForecastRun) -> None:
    limit(Caller("ann@example.com", Scope(("South",))))
    try:
        seen = set(session.scalars(sa.select(ForecastFactor.series_id)))
    finally:
        limit(None)
    assert seen == {leaf(session, "South")}


def test_the_page_of_a_series_says_why(browser: ClientFor, session: Session, run: ForecastRun) -> None:
    page = browser("viewer").get("/series?region=South&territory=S1&area=Derwent&product=P-1").text
    assert "Why this forecast" in page
    assert "What adds most: same season in earlier years (+30)." in page
    assert '<th scope="row">Promo price</th>' in page
    assert "\N{MINUS SIGN}12" in page
    assert "Everything else" in page  # the correction is too small to be told apart


def test_the_page_says_why_there_is_no_reason(browser: ClientFor, session: Session, run: ForecastRun) -> None:
    page = browser("viewer").get("/series?region=North&territory=N1&area=Ayton&product=P-1").text
    assert "Only the largest series are taken apart" in page


def test_what_moves_a_model_is_on_its_page_and_in_its_answer(
    api: ClientFor, browser: ClientFor, session: Session, run: ForecastRun
) -> None:
    model = session.get_one(ModelVersion, run.model_id)
    features = [{"feature": "lag12", "theme": "season", "effect": 0.2}]
    found = {"themes": {"season": 0.18, "recent": 0.05}, "features": features, "trees": 0.75, "rows": 800}
    scores = {"wape": 0.2, "bias": 0.0, "mase": 1.0, "cover80": 0.8, "above90": 0.1}
    model.metrics = {"scores": {"seasonal_naive": scores}, "floor": "seasonal_naive", "importance": found}
    session.commit()
    assert api("viewer").get(f"{API}/models/{model.id}").json["metrics"]["importance"] == found
    page = browser("viewer").get("/models").text
    assert "What moves its forecasts" in page
    assert "lag12" in page
    assert "18.0%" in page
