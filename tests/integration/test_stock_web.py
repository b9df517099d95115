"""The stock on pages and over the API: read, changed, dismissed and accepted; limited callers stay inside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from factories import Sale, load_sales
from flask.testing import FlaskClient
from made_forecasts import publish
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.audit import AuditEntry
from ml.db.catalog import Product
from ml.db.inventory import PurchaseOrder, StockLevel
from ml.db.keys import hash_key
from ml.db.restock import Recommendation
from ml.db.results import ForecastResult
from ml.pipelines.restock import restock
from webapp.models import User
from worker.models import OutboxEvent

LAST = date(2024, 6, 30)
PLACES = {"Ayton": "North", "Derwent": "South"}


@pytest.fixture
def planned(app: object, sessions: sessionmaker[Session]) -> None:
    """Two areas of two regions that run low, planned."""
    with sessions() as session:
        days = [LAST - timedelta(days=back) for back in range(120)]
        places = [{"area": area, "region": region, "territory": region[0]} for area, region in PLACES.items()]
        load_sales(session, [Sale(day, 2.0, **place) for day in days for place in places])
        publish(session, date(2024, 6, 1), 4)
        session.execute(sa.update(ForecastResult).values(mean=620.0, p10=500.0, p50=620.0, p90=740.0))
        session.execute(sa.update(Product).values(cost=2.0, price=3.0, supplier="Mill", name="Lamp"))
        product = session.scalars(sa.select(Product.id)).one()
        for area, units in zip(PLACES, (8.0, 60.0), strict=True):
            key = hash_key("level", area)
            session.add(StockLevel(key=key, day=LAST, area=area, product_id=product, on_hand=units))
        restock(session)
        session.commit()


@pytest.fixture
def planner(planned: None, api: ClientFor) -> FlaskClient:
    return api("planner")


@pytest.fixture
def page(planned: None, browser: ClientFor) -> FlaskClient:
    return browser("planner")


@pytest.fixture
def limited(planned: None, api: ClientFor, make_user: Callable[[str], User], rows: Rows) -> FlaskClient:
    rows.change(User, make_user("planner").id, scope={"regions": ["South"], "territories": []})
    return api("planner")


def advised(client: FlaskClient, **query: str) -> list[dict[str, object]]:
    return client.get("/api/v1/recommendations", query_string=query).get_json()["items"]  # type: ignore[no-any-return]


def test_stock_projection_and_advice_over_the_api(planner: FlaskClient) -> None:
    items = {item["area"]: item for item in planner.get("/api/v1/stock").get_json()["items"]}
    assert (items["Ayton"]["on_hand"], items["Ayton"]["alert"], items["Derwent"]["alert"]) == (8, "urgent", "warning")
    assert items["Ayton"]["product_code"] == "P-1"
    assert [item["area"] for item in planner.get("/api/v1/stock?alert=urgent").get_json()["items"]] == ["Ayton"]
    found = planner.get("/api/v1/stock-projection?area=Ayton&product=P-1").get_json()
    assert len(found["days"]) == 90
    assert found["days"][0]["day"] == "2024-07-01"
    assert found["days"][0]["p10"] <= found["days"][0]["p50"] <= found["days"][0]["p90"]
    assert_problem(planner.get("/api/v1/stock-projection?area=Nowhere&product=P-1"), 404, "not-found")
    first = max(advised(planner), key=lambda one: float(str(one["urgency"])))
    assert (first["area"], first["supplier"], first["state"]) == ("Ayton", "Mill", "proposed")
    assert advised(planner, area="Derwent")[0]["region"] == "South"


def test_an_edit_is_kept_unless_it_was_made_of_something_older(planner: FlaskClient, rows: Rows) -> None:
    one = advised(planner)[0]
    body = {"quantity": 99, "comment": "a full pallet", "version": one["version"]}
    answer = planner.patch(f"/api/v1/recommendations/{one['id']}", json=body)
    found = answer.get_json()
    assert (found["state"], found["quantity"], found["value"], found["version"]) == ("edited", 99, 198, 2)
    assert rows.last(AuditEntry).action == "edit"
    again = planner.patch(f"/api/v1/recommendations/{one['id']}", json=body)
    assert_problem(again, 409, "conflict")
    refused = planner.patch(f"/api/v1/recommendations/{one['id']}", json={"quantity": -1})
    assert refused.status_code == 422


def test_advice_is_not_put_off_for_ever(planner: FlaskClient, page: FlaskClient, rows: Rows) -> None:
    one = advised(planner)[0]
    refused = planner.patch(f"/api/v1/recommendations/{one['id']}", json={"order_on": "9999-12-31"})
    assert [error["field"] for error in assert_problem(refused, 422, "invalid-request")["errors"]] == ["order_on"]
    typed = {"quantity": "5", "order_on": "9999-12-31", "version": str(one["version"])}
    answer = page.post(f"/stock/advice/{one['id']}", data=typed)
    assert (answer.status_code, "Expected a day until" in answer.text) == (422, True)
    assert rows.get(Recommendation, one["id"]).state == "proposed"


def test_accepted_advice_becomes_an_order_that_the_next_plan_nets(
    planner: FlaskClient, rows: Rows, sessions: sessionmaker[Session]
) -> None:
    ids = [one["id"] for one in advised(planner)]
    answer = planner.post("/api/v1/recommendations/accept", json={"ids": ids})
    assert len(answer.get_json()["order_refs"]) == 2, "one for each place"
    line = rows.last(PurchaseOrder)
    assert (line.supplier, line.status, line.received_on) == ("Mill", "open", None)
    assert rows.last(OutboxEvent).name == "OrdersAccepted"
    assert_problem(planner.post("/api/v1/recommendations/accept", json={"ids": ids}), 409, "conflict")
    orders = planner.get("/api/v1/purchase-orders?open=true").get_json()["items"]
    assert {order["order_ref"] for order in orders} == set(answer.get_json()["order_refs"])
    with sessions() as session:
        restock(session)
        session.commit()
    assert advised(planner) == []
    assert {one["state"] for one in advised(planner, state="accepted")} == {"accepted"}


def test_on_their_way_are_open_lines_with_what_is_missing_of_them(
    planner: FlaskClient, browser: ClientFor, sessions: sessionmaker[Session]
) -> None:
    lines = {"part": {"qty_received": 160.0}, "whole": {"qty_received": 400.0}, "off": {"status": " Cancelled "}}
    with sessions() as session:
        product = session.scalars(sa.select(Product.id)).first()
        for number, (ref, more) in enumerate({**lines, "came": {"received_on": date(2024, 6, 20)}}.items()):
            values = {"ordered_on": date(2024, 6, 1), "qty_ordered": 400.0, "area": "Ayton", **more}
            key = hash_key("line", number)
            session.add(PurchaseOrder(key=key, order_ref=f"PO-{ref}", product_id=product, **values))
        session.commit()

    def refs(state: str) -> set[str]:
        items = planner.get(f"/api/v1/purchase-orders?open={state}").get_json()["items"]
        return {str(item["order_ref"]) for item in items}

    assert (refs("true"), refs("false")) == ({"PO-part"}, {"PO-whole", "PO-off", "PO-came"})
    page = browser("planner").get("/stock/suppliers").text
    assert "PO-off" not in page
    row = page[page.index("PO-part") :].split("</tr>")[0]
    assert ">240<" in row


def test_dismissed_advice_stays_away(planner: FlaskClient, sessions: sessionmaker[Session]) -> None:
    one = advised(planner, area="Derwent")[0]
    answer = planner.post(f"/api/v1/recommendations/{one['id']}/dismiss", json={"comment": "sold out anyway"})
    assert (answer.get_json()["state"], answer.get_json()["comment"]) == ("dismissed", "sold out anyway")
    with sessions() as session:
        result = restock(session)
        session.commit()
    assert result.advice.quiet == 1
    assert advised(planner, area="Derwent") == []


def test_limited_callers_see_and_decide_what_lies_inside(limited: FlaskClient, rows: Rows) -> None:
    assert {item["area"] for item in limited.get("/api/v1/stock").get_json()["items"]} == {"Derwent"}
    assert {one["area"] for one in advised(limited)} == {"Derwent"}
    outside = (
        rows.get(Recommendation, 1) if rows.get(Recommendation, 1).area == "Ayton" else rows.get(Recommendation, 2)
    )
    refused = limited.post("/api/v1/recommendations/accept", json={"ids": [outside.id]})
    assert_problem(refused, 404, "not-found")
    assert rows.get(Recommendation, outside.id).state == "proposed"
    assert_problem(limited.get("/api/v1/stock-projection?area=Ayton&product=P-1"), 404, "not-found")


def test_pages_show_decide_and_export(page: FlaskClient, rows: Rows) -> None:
    shown = page.get("/stock").text
    assert shown.index("Ayton") < shown.index("Derwent"), "the urgent one comes first"
    first = rows.get(Recommendation, 1)
    product = f"/stock/item?area={first.area}&product_id={first.product_id}"
    item = page.get(product).text
    assert "Without it:" in item
    assert "stock-plot" in item
    edited = {"quantity": "120,5", "order_on": "2024-07-04", "comment": "truck", "version": "1"}
    assert page.post("/stock/advice/1", data=edited).status_code == 303
    assert rows.get(Recommendation, 1).quantity == 120.5
    stale = page.post("/stock/advice/1", data=edited)
    assert (stale.status_code, "Look again" in stale.text) == (409, True)
    assert page.post("/stock/advice/1", data={**edited, "quantity": "many"}).status_code == 422
    assert "120.5" in page.get("/stock/orders.csv").text
    done = page.post("/stock/decide", data={"id": ["1"], "verdict": "dismiss", "comment": "later"})
    assert "dismissed=1" in done.headers["Location"]
    assert page.post("/stock/decide", data={"one": "2:accept"}).status_code == 303
    assert "FC-" in page.get("/stock?state=accepted").text
    assert page.post("/stock/decide", data={"one": "2:accept"}).status_code == 409
    assert "Mill" in page.get("/stock/suppliers").text
    assert page.get("/stock/excess?kind=dead").status_code == 200


def test_pages_before_there_is_a_plan(app: object, browser: ClientFor) -> None:
    page = browser("planner")
    assert "not planned yet" in page.get("/stock").text
    assert page.get("/stock/suppliers").status_code == page.get("/stock/excess").status_code == 200
    assert page.get("/stock/item?area=A&product_id=1").status_code == 404


def test_rules_are_set_over_the_api_and_count_from_the_next_plan_on(
    planner: FlaskClient, sessions: sessionmaker[Session]
) -> None:
    body = {"product": "P-1", "area": "Derwent", "rules": {"kind": "min_max", "least": 70, "most": 90}}
    made = planner.put("/api/v1/stock-policies", json=body).get_json()
    assert (made["product_code"], made["rules"]["most"]) == ("P-1", 90)
    again = planner.put("/api/v1/stock-policies", json={**body, "rules": {**body["rules"], "most": 95}}).get_json()  # type: ignore[dict-item]
    assert again["id"] == made["id"]
    with sessions() as session:
        restock(session)
        session.commit()
    assert advised(planner, area="Derwent")[0]["quantity"] == 35, "95 less 60 on hand"
    wrong = {"rules": {"kind": "min_max", "least": 9, "most": 1}}
    assert planner.put("/api/v1/stock-policies", json=wrong).status_code == 422
    assert planner.delete(f"/api/v1/stock-policies/{made['id']}").status_code == 204
    assert planner.get("/api/v1/stock-policies").get_json()["items"] == []


def test_rules_are_set_on_a_page(page: FlaskClient) -> None:
    said = {"category": "Tools", "kind": "simple", "safety_factor": "1,4", "service": "cycle"}
    assert page.post("/stock/rules", data=said).status_code == 303
    shown = page.get("/stock/rules").text
    assert "Tools" in shown
    assert "1.4" in shown
    assert page.post("/stock/rules", data={**said, "review_days": "often"}).status_code == 422
    refused = page.post("/stock/rules", data={**said, "product": "P-9", "category": ""})
    assert (refused.status_code, "P-9" in refused.text) == (422, True)
    assert page.post("/stock/rules/1/delete").status_code == 303
    assert "Remove this rule" not in page.get("/stock/rules").text
