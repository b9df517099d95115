"""Sales through the API: rows by filter and cursor, sums by week and month, and rows pushed in."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from factories import Sale, load_sales
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import ClientFor, assert_problem

SALES = "/api/v1/sales"


@pytest.fixture
def viewer(api: ClientFor) -> FlaskClient:
    return api("viewer")


def history() -> list[Sale]:
    """Ten weeks of daily sales of two products in two areas, from a Wednesday on."""
    places = (("North", "N1", "Ayton"), ("South", "S1", "Derwent"))
    return [
        Sale(date(2024, 1, 3) + timedelta(days=day), 10.0 + day + 0.1, *place, product)
        for day in range(70)
        for place in places
        for product in ("P-1", "P-2")
    ]


@pytest.fixture
def sold(sessions: sessionmaker[Session]) -> list[Sale]:
    with sessions() as session:
        load_sales(session, history())
    return history()


def all_pages(client: FlaskClient, path: str, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while True:
        answer = client.get(path, query_string=query)
        assert answer.status_code == 200, answer.json
        items += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return items
        query["cursor"] = answer.json["next_cursor"]


def test_rows_come_newest_first_and_whole_over_pages(viewer: FlaskClient, sold: list[Sale]) -> None:
    found = all_pages(viewer, SALES, limit=37)
    assert len({item["id"] for item in found}) == len(found) == len(sold)
    days = [item["sale_date"] for item in found]
    assert days == sorted(days, reverse=True)
    assert all(len(str(item["sales_amount"]).partition(".")[2]) <= 4 for item in found)


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ({"from": "2024-01-10", "to": "2024-01-11"}, lambda s: date(2024, 1, 10) <= s.day <= date(2024, 1, 11)),
        ({"region": "North"}, lambda s: s.region == "North"),
        ({"area": " Derwent ", "product": "P-2"}, lambda s: s.area == "Derwent" and s.product == "P-2"),
        ({"territory": "S1", "from": "2024-02-01"}, lambda s: s.territory == "S1" and s.day >= date(2024, 2, 1)),
        ({"channel": "web"}, lambda _: False),
        ({"order_ref": "4711"}, lambda _: False),
        ({"region": "Nowhere"}, lambda _: False),
    ],
)
def test_rows_are_filtered(viewer: FlaskClient, sold: list[Sale], query: dict[str, Any], keeps: Any) -> None:
    found = all_pages(viewer, SALES, limit=1000, **query)
    assert len(found) == sum(keeps(sale) for sale in sold)


def test_rows_of_an_import_are_found(viewer: FlaskClient, sold: list[Sale]) -> None:
    import_id = viewer.get(SALES).json["items"][0]["import_id"]
    assert len(all_pages(viewer, SALES, limit=1000, import_id=import_id)) == len(sold)
    assert all_pages(viewer, SALES, limit=1000, import_id=import_id + 1) == []


def test_product_is_its_code_or_its_number(viewer: FlaskClient, sold: list[Sale]) -> None:
    by_code = all_pages(viewer, SALES, limit=1000, product="P-2")
    by_id = all_pages(viewer, SALES, limit=1000, product=str(by_code[0]["product_id"]))
    assert by_code == by_id
    assert {item["product_code"] for item in by_code} == {"P-2"}


def test_unknown_names_of_products_and_customers_are_told(viewer: FlaskClient, sold: list[Sale]) -> None:
    assert_problem(viewer.get(f"{SALES}?product=XX"), 404, "not-found")
    assert_problem(viewer.get(f"{SALES}?customer=XX"), 404, "not-found")
    assert_problem(viewer.get(f"{SALES}/weekly?product=XX"), 404, "not-found")


@pytest.mark.parametrize(
    "query",
    ["from=1704067200", "to=tomorrow", "limit=1001", "cursor=x", "cursor=WzFd", "since=2024-01-01", "colour=red"],
)
@pytest.mark.parametrize("path", ["", "/weekly", "/monthly"])
def test_malformed_queries_are_refused(viewer: FlaskClient, path: str, query: str) -> None:
    assert_problem(viewer.get(f"{SALES}{path}?{query}"), 422, "invalid-request")


def test_weeks_equal_the_sums_of_the_rows(viewer: FlaskClient, sold: list[Sale]) -> None:
    expected: dict[str, list[float]] = {}
    for sale in sold:
        monday = sale.day - timedelta(days=sale.day.weekday())
        expected.setdefault(monday.isoformat(), []).append(sale.amount)
    found = all_pages(viewer, f"{SALES}/weekly", limit=3)
    assert [item["period"] for item in found] == sorted(expected, reverse=True)
    for item in found:
        amounts = expected[item["period"]]
        assert (item["transactions"], item["total_qty"]) == (len(amounts), len(amounts))
        assert item["total_sales"] == round(sum(amounts), 4)
        assert item["partial"] == (item["period"] in {"2024-01-01", "2024-03-11"})
        assert item["region"] is None


def test_months_by_series_add_up_to_the_total(viewer: FlaskClient, sold: list[Sale]) -> None:
    series = all_pages(viewer, f"{SALES}/monthly", by="series", limit=5)
    assert len(series) == 3 * 4
    assert {item["product_code"] for item in series} == {"P-1", "P-2"}
    totals = all_pages(viewer, f"{SALES}/monthly")
    assert [item["period"] for item in totals] == ["2024-03-01", "2024-02-01", "2024-01-01"]
    assert [item["partial"] for item in totals] == [True, False, True]
    for total in totals:
        parts = [item["total_sales"] for item in series if item["period"] == total["period"]]
        assert total["total_sales"] == pytest.approx(sum(parts), abs=1e-4)


def test_periods_are_filtered_by_place_product_and_day(viewer: FlaskClient, sold: list[Sale]) -> None:
    query = {"region": "North", "product": "P-1", "from": "2024-02-15", "to": "2024-02-20"}
    (found,) = all_pages(viewer, f"{SALES}/monthly", **query)
    wanted = [s.amount for s in sold if s.region == "North" and s.product == "P-1" and s.day.month == 2]
    assert (found["period"], found["transactions"]) == ("2024-02-01", len(wanted))
    assert found["total_sales"] == round(sum(wanted), 4)


def test_a_cursor_serves_the_list_that_it_came_from(viewer: FlaskClient, sold: list[Sale]) -> None:
    cursor = viewer.get(f"{SALES}/monthly?limit=1").json["next_cursor"]
    assert_problem(viewer.get(f"{SALES}/monthly?limit=1&by=series&cursor={cursor}"), 422, "invalid-request")
    assert_problem(viewer.get(f"{SALES}?cursor={cursor}"), 422, "invalid-request")


def test_no_sales_are_empty_lists(viewer: FlaskClient) -> None:
    for path in ("", "/weekly", "/monthly"):
        assert viewer.get(f"{SALES}{path}").json == {"items": [], "next_cursor": None}
