"""The queue of anomalies: ranked by money, answered one by one and many at once, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from math import isnan, nan
from typing import Any

import pytest
import sqlalchemy as sa
from factories import Sale, load_sales, monthly_sales
from flask import Flask
from flask.testing import FlaskClient
from made_forecasts import publish
from sqlalchemy.orm import Session
from statements import statements
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.audit import AuditEntry
from ml.db.catalog import Series
from ml.db.cleaning import CleaningFlag
from ml.db.drivers import Event
from ml.db.insights import Anomaly
from ml.etl.cleaning.clean import clean_panel
from ml.etl.cleaning.context import read_context
from ml.etl.extract import Level, read_sales
from ml.grains import MONTHLY
from ml.pipelines.clean import clean
from webapp.models import User

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}
MAY = date(2023, 5, 1)
SOLD = 10_000.0


@pytest.fixture
def planner(browser: ClientFor) -> FlaskClient:
    return browser("planner")


@pytest.fixture
def spiked(session: Session) -> Session:
    """Thirty months of sales with a published forecast; Ayton sold far too much of P-1 in May 2023."""
    load_sales(session, [*monthly_sales(30), Sale(date(2023, 5, 20), 9000.0)])
    publish(session, date(2024, 6, 1), periods=3)
    return session


def series_of(session: Session, area: str, product: int = 1) -> int:
    leaves = sa.select(Series.id).where(Series.area == area, Series.product_id == product)
    return session.scalars(leaves.where(Series.location_level == "area")).one()


def an_anomaly(session: Session, series_id: int, **values: Any) -> int:
    facts: dict[str, Any] = {
        "grain": "monthly", "period": MAY, "kind": "spike", "value": SOLD, "usual": 1_000.0, "score": 9.0,
        "reason": "ten times the usual", "around": {"at": 1, "values": [900.0, SOLD, None, 950.0]},
    }  # fmt: skip
    one = Anomaly(series_id=series_id, **{**facts, **values})
    session.add(one)
    session.commit()
    return one.id


@pytest.fixture
def spike(spiked: Session) -> int:
    """The anomaly of that month."""
    return an_anomaly(spiked, series_of(spiked, "Ayton"))


def learned(session: Session, scored: bool = False) -> float:
    """What is learned from of that month, or scored against."""
    session.rollback()
    table = read_sales(session, MONTHLY)
    cleaned = clean_panel(table, Level("area", "product"), read_context(session, table))
    frame = cleaned.panel.frame.assign(actual=cleaned.actual)
    row = frame[(frame["area"] == "Ayton") & (frame["product_id"] == "1") & (frame["ds"] == str(MAY))]
    session.rollback()
    return float(row["actual" if scored else "y"].iloc[0])


def test_the_queue_is_ranked_by_money_and_shows_the_sales_around(
    spiked: Session, spike: int, browser: ClientFor
) -> None:
    an_anomaly(spiked, series_of(spiked, "Corby"), value=50.0, usual=20_050.0, kind="drop", reason="next to nothing")
    page = browser("viewer").get("/anomalies").text
    assert page.index("next to nothing") < page.index("ten times the usual")
    assert "2 anomalies, 29.0K more or less than usual" in page
    assert '<path d="M4.0' in page
    assert "Accept</button>" not in page  # a viewer only looks
    assert browser("viewer").post("/anomalies/answer", data={"one": f"{spike}:accepted"}).status_code == 403


def test_filters_are_in_the_address_and_htmx_gets_the_list_alone(
    spiked: Session, spike: int, planner: FlaskClient
) -> None:
    total = Series(key=b"r" * 16, location_level="region", product_level="total", region="North")
    spiked.add(total)
    spiked.flush()
    an_anomaly(spiked, total.id, reason="all of North")
    assert "all of North" not in planner.get("/anomalies").text
    page = planner.get("/anomalies?level=above", headers=FRAGMENT).text
    assert "all of North" in page
    assert "<html" not in page
    for address in ("kind=drop", "q=corby", "recent=3", "grain=weekly", "state=answered"):
        assert "ten times" not in planner.get(f"/anomalies?{address}").text
    assert "ten times" in planner.get("/anomalies?kind=spike&q=ayton").text


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("accepted", [1_000.0, SOLD]), ("dismissed", [SOLD, SOLD]), ("promotion", [SOLD, SOLD]), ("error", [nan, nan])],
)
def test_an_answer_is_what_the_next_training_learns_from(
    spiked: Session, spike: int, planner: FlaskClient, verdict: str, expected: list[float]
) -> None:
    answer = planner.post("/anomalies/answer", data={"one": f"{spike}:{verdict}"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/anomalies?done={spike}&as={verdict}")
    assert [learned(spiked), learned(spiked, scored=True)] == pytest.approx(expected, rel=0.2, nan_ok=True)
    planner.post("/anomalies/answer", data={"id": f"{spike}", "verdict": "open"})
    assert learned(spiked) == SOLD
    assert spiked.scalars(sa.select(Event)).all() == []
    assert spiked.scalars(sa.select(CleaningFlag)).all() == []


def test_an_answer_outlives_another_look_at_the_sales(spiked: Session, spike: int, planner: FlaskClient) -> None:
    planner.post("/anomalies/answer", data={"one": f"{spike}:error"})
    clean(spiked)
    spiked.commit()
    assert isnan(learned(spiked))
    kinds = {flag.kind: flag.verdict for flag in spiked.scalars(sa.select(CleaningFlag))}
    assert kinds["error"] == "accepted"


def test_a_flag_that_was_there_gets_its_verdict_back(spiked: Session, spike: int, planner: FlaskClient) -> None:
    clean(spiked)
    spiked.execute(sa.update(CleaningFlag).values(verdict="dismissed", decided_by="ann"))
    spiked.commit()
    planner.post("/anomalies/answer", data={"one": f"{spike}:accepted"})
    assert spiked.scalars(sa.select(CleaningFlag.verdict)).one() == "accepted"
    spiked.rollback()
    planner.post("/anomalies/answer", data={"one": f"{spike}:open"})
    flag = spiked.scalars(sa.select(CleaningFlag)).one()
    assert (flag.verdict, flag.decided_by) == ("dismissed", "ann")


def test_a_stockout_counts_as_demand_and_no_spike_is_one(spiked: Session, spike: int, planner: FlaskClient) -> None:
    refused = planner.post("/anomalies/answer", data={"one": f"{spike}:stockout"}, headers=FRAGMENT).text
    assert "a stockout lets less be sold" in refused
    spiked.execute(sa.update(Anomaly).values(kind="drop", usual=12_000.0))
    spiked.commit()
    planner.post("/anomalies/answer", data={"one": f"{spike}:stockout"})
    assert learned(spiked) == learned(spiked, scored=True) == pytest.approx(12_000.0)


def test_a_promotion_is_entered_into_the_calendar_of_its_place_and_product(
    spiked: Session, spike: int, planner: FlaskClient
) -> None:
    planner.post("/anomalies/answer", data={"one": f"{spike}:promotion"})
    event = spiked.scalars(sa.select(Event)).one()
    assert (event.kind, event.starts_on, event.ends_on) == ("promotion", MAY, date(2023, 5, 31))
    assert (event.region, event.territory, event.area, event.product_id) == ("North", "N1", "Ayton", 1)


def test_an_answer_to_a_sum_goes_to_those_in_it_that_stand_out_likewise(
    spiked: Session, spike: int, planner: FlaskClient, rows: Rows
) -> None:
    other = an_anomaly(spiked, series_of(spiked, "Derwent"))
    total = Series(key=b"r" * 16, location_level="region", product_level="total", region="North")
    spiked.add(total)
    spiked.flush()
    above = an_anomaly(spiked, total.id)
    planner.post("/anomalies/answer", data={"one": f"{above}:accepted"})
    assert [rows.get(Anomaly, each).verdict for each in (above, spike, other)] == ["accepted", "accepted", "open"]
    assert learned(spiked) == pytest.approx(1_000.0, rel=0.2)
    planner.post("/anomalies/answer", data={"one": f"{above}:open"})
    assert rows.get(Anomaly, spike).verdict == "open"
    assert learned(spiked) == SOLD


def test_many_are_answered_at_once_and_taken_back_at_once(
    spiked: Session, spike: int, planner: FlaskClient, rows: Rows
) -> None:
    other = an_anomaly(spiked, series_of(spiked, "Derwent"))
    ticked = {"id": [f"{spike}", f"{other}", "99999", "x", f"{2**70}"], "verdict": "dismissed"}
    page = planner.post("/anomalies/answer", data=ticked, headers=FRAGMENT).text
    assert "2 answered: dismiss." in page
    assert "<html" not in page
    assert "Nothing to answer" in page
    done = planner.post("/anomalies/answer", data={**ticked, "verdict": "accepted", "state": "answered"})
    assert done.headers["Location"] == f"/anomalies?state=answered&done={spike}-{other}&as=accepted"
    assert "2 answered: accept." in planner.get(done.headers["Location"]).text
    assert rows.get(Anomaly, other).decided_by == "planner@example.com"
    planner.post("/anomalies/answer", data={**ticked, "verdict": "open"})
    assert {rows.get(Anomaly, each).verdict for each in (spike, other)} == {"open"}
    said = [entry.action for entry in spiked.scalars(sa.select(AuditEntry).where(AuditEntry.entity == "anomaly"))]
    assert said == ["answer"] * 6


def test_an_unknown_verdict_is_refused(spike: int, planner: FlaskClient) -> None:
    assert planner.post("/anomalies/answer", data={"one": f"{spike}:maybe"}).status_code == 422


def test_a_limited_planner_answers_what_lies_inside_alone(
    spiked: Session, spike: int, browser: ClientFor, make_user: Callable[[str], User], rows: Rows
) -> None:
    rows.change(User, make_user("planner").id, scope={"regions": ["South"], "territories": []})
    mine = an_anomaly(spiked, series_of(spiked, "Derwent"), reason="of Derwent")
    client = browser("planner")
    page = client.get("/anomalies").text
    assert "of Derwent" in page
    assert "ten times" not in page
    assert "Forecast from the answers" not in page  # that concerns everybody
    client.post("/anomalies/answer", data={"id": [f"{spike}", f"{mine}"], "verdict": "promotion"})
    assert [rows.get(Anomaly, each).verdict for each in (spike, mine)] == ["open", "promotion"]


def test_the_api_answers_and_takes_back(spike: int, api: ClientFor) -> None:
    planner, address = api("planner"), f"/api/v1/anomalies/{spike}/answer"
    given = planner.post(address, json={"verdict": "promotion"})
    assert (given.status_code, given.json["verdict"]) == (200, "promotion")
    assert given.json["decided_by"] == "planner@example.com"
    assert [one["id"] for one in planner.get("/api/v1/anomalies?verdict=promotion").json["items"]] == [spike]
    assert planner.post(address, json={"verdict": "open"}).json["decided_at"] is None
    assert_problem(planner.post(address, json={"verdict": "stockout"}), 422, "bad-data")
    assert_problem(planner.post("/api/v1/anomalies/9999/answer", json={"verdict": "open"}), 404, "not-found")
    assert_problem(api("viewer").post(address, json={"verdict": "open"}), 403, "forbidden")


def test_the_number_of_queries_does_not_grow(app: Flask, spiked: Session, spike: int, planner: FlaskClient) -> None:
    planner.get("/anomalies")
    with statements(app) as few:
        planner.get("/anomalies")
    for month in range(1, 25):
        an_anomaly(spiked, series_of(spiked, "Corby"), period=MONTHLY.shift(MAY, -month))
    with statements(app) as many:
        page = planner.get("/anomalies").text
    assert page.count('id="anomaly-') == 25
    assert len(few) == len(many) <= 12
