"""Products, customers, events and templates through the API."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.catalog import Product, Series
from ml.db.drivers import Event
from ml.db.keys import hash_key
from ml.etl.datasets import DATASETS, SALES

API = "/api/v1"
PEN = {"code": " P-1 ", "name": "Pen", "category": "Office", "price": 2.5}


@pytest.fixture
def planner(api: ClientFor) -> FlaskClient:
    return api("planner")


@pytest.mark.parametrize("kind", ["products", "customers"])
def test_one_is_made_read_replaced_and_deleted(planner: FlaskClient, kind: str) -> None:
    made = planner.post(f"{API}/{kind}", json={"code": "A/1", "name": "First"})
    assert made.status_code == 201, made.json
    assert planner.get(made.headers["Location"]).json == made.json
    assert planner.get(f"{API}/{kind}/A/1").json == made.json
    assert_problem(planner.post(f"{API}/{kind}", json={"code": "A/1"}), 409, "conflict")

    replaced = planner.put(f"{API}/{kind}/A/1", json={"name": "Second"})
    assert (replaced.status_code, replaced.json["name"], replaced.json["code"]) == (200, "Second", "A/1")
    assert planner.put(f"{API}/{kind}/A/1", json={}).json["name"] == ""

    assert planner.delete(f"{API}/{kind}/A/1").status_code == 204
    assert_problem(planner.get(f"{API}/{kind}/A/1"), 404, "not-found")


def test_products_are_found_by_part_category_and_page(planner: FlaskClient) -> None:
    for number in range(5):
        category = "Even" if number % 2 == 0 else "Odd"
        planner.post(f"{API}/products", json={"code": f"P-{number}", "name": f"Pen {number}", "category": category})
    found = planner.get(f"{API}/products?q=pen&category=Even&limit=2").json
    assert [item["code"] for item in found["items"]] == ["P-4", "P-2"]
    rest = planner.get(f"{API}/products?q=pen&category=Even&limit=2&cursor={found['next_cursor']}").json
    assert [item["code"] for item in rest["items"]] == ["P-0"]
    assert rest["next_cursor"] is None
    assert planner.get(f"{API}/products?q=%25").json["items"] == []


def test_what_is_wrong_with_a_product_is_named(planner: FlaskClient) -> None:
    document = assert_problem(planner.post(f"{API}/products", json={"name": "x", "price": -1}), 422, "invalid-request")
    assert {error["field"] for error in document["errors"]} == {"code", "price"}


def test_a_product_with_sales_stays_and_its_series_move(planner: FlaskClient, rows: Rows) -> None:
    product = Product(key=hash_key("P-1"), code="P-1", category="Old")
    rows.add(product)
    rows.add(
        Series(key=hash_key("s"), location_level="area", product_level="product", product_id=product.id, category="Old")
    )
    assert_problem(planner.delete(f"{API}/products/P-1"), 409, "conflict")
    assert planner.put(f"{API}/products/P-1", json={"category": "New"}).status_code == 200
    assert rows.last(Series).category == "New"


def test_events_are_made_listed_and_deleted(planner: FlaskClient) -> None:
    planner.post(f"{API}/products", json=PEN)
    event = {"kind": "promotion", "name": "Sale", "starts_on": "2024-03-01", "product_code": "P-1", "value": 0.2}
    made = planner.post(f"{API}/events", json=event)
    assert made.status_code == 201, made.json
    assert (made.json["ends_on"], made.json["product_code"]) == ("2024-03-01", "P-1")
    assert_problem(planner.post(f"{API}/events", json=event), 409, "conflict")
    assert_problem(planner.post(f"{API}/events", json={**event, "product_code": "P-9"}), 404, "not-found")
    assert_problem(planner.post(f"{API}/events", json={**event, "ends_on": "2024-02-01"}), 422, "invalid-request")
    assert planner.get(f"{API}/events?from=2024-03-01&to=2024-03-01&kind=promotion").json["items"] == [made.json]
    assert planner.get(f"{API}/events?from=2024-03-02").json["items"] == []
    assert planner.delete(made.headers["Location"]).status_code == 204
    assert_problem(planner.get(made.headers["Location"]), 404, "not-found")


def test_events_are_replaced_unless_they_changed_meanwhile(planner: FlaskClient) -> None:
    event = {"kind": "promotion", "name": "Sale", "starts_on": "2024-03-01", "value": 0.2}
    made = planner.post(f"{API}/events", json=event)
    other = planner.post(f"{API}/events", json={**event, "name": "Fair"})
    here, unchanged = made.headers["Location"], {"If-Match": made.headers["ETag"]}
    longer = {**event, "starts_on": "2024-03-02", "ends_on": "2024-03-09", "region": "East"}
    changed = planner.put(here, json=longer, headers=unchanged)
    assert (changed.status_code, changed.json["ends_on"], changed.json["region"]) == (200, "2024-03-09", "East")
    assert planner.get(here).json == changed.json
    assert changed.headers["ETag"] != made.headers["ETag"]
    assert_problem(planner.put(here, json=event, headers=unchanged), 412, "changed-meanwhile")
    assert_problem(planner.put(here, json={**event, "name": "Fair"}), 409, "conflict")
    assert planner.get(other.headers["Location"]).json == other.json
    assert_problem(planner.put(f"{API}/events/999", json=event), 404, "not-found")


def test_public_holidays_are_added_once(planner: FlaskClient, rows: Rows) -> None:
    body = {"country": "DE", "subdivision": "BY", "region": "South", "years": [2024, 2025]}
    first = planner.post(f"{API}/events/holidays", json=body).json
    assert first["added"] == first["holidays"] > 20
    assert planner.post(f"{API}/events/holidays", json=body).json == {"added": 0, "holidays": first["holidays"]}
    epiphany = next(
        item for item in planner.get(f"{API}/events?limit=200").json["items"] if item["starts_on"] == "2024-01-06"
    )
    assert (epiphany["kind"], epiphany["region"], epiphany["import_id"]) == ("holiday", "South", None)
    assert rows.count(Event) == first["added"]


@pytest.mark.parametrize(
    ("change", "word"), [({"country": "XX"}, "XX"), ({"subdivision": "QQ"}, "QQ"), ({"years": [1800]}, "1800")]
)
def test_unknown_holidays_are_refused(planner: FlaskClient, change: dict[str, object], word: str) -> None:
    body = {"country": "DE", "years": [date.today().year], **change}
    assert word in assert_problem(planner.post(f"{API}/events/holidays", json=body), 422, "bad-data")["detail"]


def test_data_sets_and_their_templates(api: ClientFor) -> None:
    viewer = api("viewer")
    assert [item["name"] for item in viewer.get(f"{API}/datasets").json["items"]] == list(DATASETS)
    text = viewer.get(f"{API}/datasets/sales/template").get_data().decode("utf-8-sig")
    assert next(csv.reader(io.StringIO(text))) == [field.label for field in SALES.fields]
    answer = viewer.get(f"{API}/datasets/sales/template?format=xlsx")
    assert "sales-template.xlsx" in answer.headers["Content-Disposition"]
    assert load_workbook(io.BytesIO(answer.get_data())).sheetnames == ["Rows", "Columns"]
    assert_problem(viewer.get(f"{API}/datasets/nothing/template"), 404, "not-found")


def test_a_viewer_writes_nothing(api: ClientFor) -> None:
    assert_problem(api("viewer").post(f"{API}/products", json=PEN), 403, "forbidden")
