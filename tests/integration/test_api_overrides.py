"""Overrides over the API and on pages: made, seen at once, approved, taken back; limited callers stay inside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from factories import load_sales, monthly_sales
from flask.testing import FlaskClient
from made_forecasts import publish
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import ClientFor, MakeApp, Rows, assert_problem

from ml.db.audit import AuditEntry
from ml.db.overrides import ForecastOverride, OverrideDelta, OverrideValue
from webapp.models import User

AUGUST = "2024-08-01"
PLUS_TEN = {"kind": "percent", "values": {AUGUST: 10}, "reason": "promotion", "comment": "Summer fair"}


@pytest.fixture
def published(app: object, sessions: sessionmaker[Session]) -> None:
    """31 months of sales, forecast for 6 by area and product."""
    with sessions() as session:
        load_sales(session, monthly_sales(31))
        publish(session, date(2024, 7, 1), 6)


@pytest.fixture
def planner(published: None, api: ClientFor) -> FlaskClient:
    return api("planner")


@pytest.fixture
def limited(published: None, api: ClientFor, make_user: Callable[[str], User], rows: Rows) -> FlaskClient:
    """A planner of the South alone."""
    rows.change(User, make_user("planner").id, scope={"regions": ["South"], "territories": []})
    return api("planner")


def create(client: FlaskClient, **fields: object) -> dict[str, object]:
    answer = client.post("/api/v1/overrides", json={**PLUS_TEN, **fields})
    assert answer.status_code == 201, answer.text
    found = answer.get_json()
    assert answer.headers["Location"].endswith(f"/overrides/{found['id']}")
    return found  # type: ignore[no-any-return]


def august(client: FlaskClient, **names: str) -> dict[str, float]:
    points = client.get("/api/v1/predict", query_string=names).get_json()["forecast"]
    return next(point for point in points if point["period"] == AUGUST)  # type: ignore[no-any-return]


def test_final_stands_beside_the_system_at_once_and_at_every_level(planner: FlaskClient) -> None:
    before = august(planner, region="South")
    assert before["final"] == before["system"] == before["mean"]
    create(planner, region="South", category="Tools")
    tools, south = august(planner, region="South", category="Tools"), august(planner, region="South")
    assert tools["final"] == pytest.approx(tools["system"] * 1.1)
    assert south["mean"] == before["mean"]
    assert south["final"] - south["system"] == pytest.approx(tools["final"] - tools["system"])
    assert august(planner, region="North")["final"] == august(planner, region="North")["system"]


def test_it_can_be_read_again_and_listed(planner: FlaskClient) -> None:
    made = create(planner, region="South", product="P-1")
    assert (made["state"], made["product"], made["created_by"]) == ("active", "P-1", "planner@example.com")
    answer = planner.get(f"/api/v1/overrides/{made['id']}")
    assert answer.get_json() == made
    assert planner.get(answer.request.path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert [item["id"] for item in planner.get("/api/v1/overrides?state=active").get_json()["items"]] == [made["id"]]
    assert planner.get("/api/v1/overrides?state=waiting").get_json()["items"] == []


def test_taken_back_it_leaves_nothing_but_its_history(planner: FlaskClient, rows: Rows) -> None:
    first, second = create(planner, region="South"), create(planner, region="South")
    answer = planner.post(f"/api/v1/overrides/{first['id']}/withdraw")
    assert answer.get_json()["state"] == "withdrawn"
    south = august(planner, region="South")
    assert south["final"] == pytest.approx(south["system"] * 1.1)
    planner.post(f"/api/v1/overrides/{second['id']}/withdraw")
    assert rows.count(OverrideDelta) == 0
    assert_problem(planner.post(f"/api/v1/overrides/{first['id']}/withdraw"), 409, "conflict")
    assert rows.last(AuditEntry).action == "withdraw"


def test_a_change_under_an_old_etag_is_refused(planner: FlaskClient) -> None:
    made = create(planner, region="South")
    answer = planner.post(f"/api/v1/overrides/{made['id']}/withdraw", headers={"If-Match": '"old"'})
    assert_problem(answer, 412, "changed-meanwhile")


def test_a_request_sent_twice_under_one_key_makes_one(planner: FlaskClient, rows: Rows) -> None:
    for _ in range(2):
        planner.post("/api/v1/overrides", json=PLUS_TEN, headers={"Idempotency-Key": "k"})
    assert rows.count(ForecastOverride) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"values": {"2023-01-01": 1}}, "values.2023-01-01"),
        ({"values": {AUGUST: -101}}, f"values.{AUGUST}"),
        ({"kind": "value", "values": {AUGUST: -1}}, f"values.{AUGUST}"),
        ({"values": {}}, "values"),
        ({"reason": "mood"}, "reason"),
    ],
)
def test_what_is_wrong_is_named(planner: FlaskClient, fields: dict[str, object], field: str) -> None:
    problem = assert_problem(planner.post("/api/v1/overrides", json={**PLUS_TEN, **fields}), 422, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_limited_planners_change_only_what_lies_inside(limited: FlaskClient, rows: Rows) -> None:
    assert_problem(limited.post("/api/v1/overrides", json={**PLUS_TEN, "region": "North"}), 404, "not-found")
    made = create(limited)  # all that they see is the South
    assert made["region"] == "South"
    assert august(limited)["final"] > august(limited)["system"]
    rows.add(
        ForecastOverride(
            grain="monthly", kind="value", reason="other", state="active", created_by="b", location_level="region",
            product_level="total", region="North",
        )
    )  # fmt: skip
    hidden = rows.last(ForecastOverride).id
    assert_problem(limited.get(f"/api/v1/overrides/{hidden}"), 404, "not-found")
    assert_problem(limited.post(f"/api/v1/overrides/{hidden}/withdraw"), 404, "not-found")
    assert [item["id"] for item in limited.get("/api/v1/overrides").get_json()["items"]] == [made["id"]]


def test_a_second_person_approves_where_that_is_switched_on(
    published: None, app: object, make_app: MakeApp, api: ClientFor
) -> None:
    strict = make_app(OVERRIDE_APPROVAL="1")
    planner, operator = strict.test_client(), strict.test_client()
    planner.environ_base.update(api("planner").environ_base)
    operator.environ_base.update(api("operator").environ_base)
    made = create(planner, region="South")
    assert made["state"] == "waiting"
    assert august(planner, region="South")["final"] == august(planner, region="South")["system"]
    path = f"/api/v1/overrides/{made['id']}/decision"
    assert_problem(planner.post(path, json={"approve": True}), 403, "own-override")
    assert operator.post(path, json={"approve": True}).get_json()["decided_by"] == "operator@example.com"
    assert august(planner, region="South")["final"] > august(planner, region="South")["system"]
    assert_problem(operator.post(path, json={"approve": False}), 409, "conflict")


def test_added_value_compares_the_steps(planner: FlaskClient, rows: Rows) -> None:
    made = create(planner, region="South")
    value = rows.last(OverrideValue)
    rows.change(OverrideValue, value.id, naive=50.0, system=80.0, after=90.0, final=95.0, actual=100.0)
    everyone, person = planner.get("/api/v1/overrides/added-value").get_json()["items"]
    assert (everyone["naive"], everyone["system"], everyone["override"], everyone["final"]) == (0.5, 0.2, 0.1, 0.05)
    assert everyone["gain"] == pytest.approx(0.15)
    assert person["person"] == made["created_by"]


def test_pages_lead_from_the_series_to_the_change_and_back(published: None, browser: ClientFor) -> None:
    planner = browser("planner")
    assert "Change the forecast" in planner.get("/series?region=South").text
    form = planner.get("/overrides/new?region=South").text
    assert f'name="v-{AUGUST}"' in form
    sent = {"kind": "percent", "reason": "market", "comment": "", "every": "", f"v-{AUGUST}": "+12.5 %"}
    answer = planner.post("/overrides/new?region=South", data=sent)
    assert answer.status_code == 303
    assert "+12.5%" in planner.get(answer.headers["Location"]).text
    series = planner.get("/series?region=South").text
    assert "Override" in series
    assert "<strong>" in series
    assert planner.get("/series.csv?region=South").text.splitlines()[0].endswith(",final")
    taken = planner.post(f"{answer.headers['Location']}/withdraw")
    assert "Withdrawn" in planner.get(taken.headers["Location"]).text


def test_the_form_says_what_is_wrong_beside_its_field(published: None, browser: ClientFor, rows: Rows) -> None:
    sent = {"kind": "percent", "reason": "", "comment": "mine", "every": "", f"v-{AUGUST}": "a lot"}
    answer = browser("planner").post("/overrides/new", data=sent)
    assert answer.status_code == 422
    assert f'id="{AUGUST}-error"' in answer.text
    assert 'id="reason-error"' in answer.text
    assert 'value="a lot"' in answer.text
    assert 'value="mine"' in answer.text
    assert rows.count(ForecastOverride) == 0


def test_one_figure_for_all_periods_fills_those_left_empty(published: None, browser: ClientFor, rows: Rows) -> None:
    sent = {"kind": "percent", "reason": "market", "comment": "", "every": "5", f"v-{AUGUST}": "", "v-2024-09-01": "7"}
    assert browser("planner").post("/overrides/new", data=sent).status_code == 303
    assert rows.count(OverrideValue) == 2


def test_viewers_see_overrides_and_cannot_make_them(published: None, browser: ClientFor) -> None:
    viewer = browser("viewer")
    assert viewer.get("/overrides").status_code == 200
    assert "Change the forecast" not in viewer.get("/series").text
    assert viewer.get("/overrides/new").status_code == 403
