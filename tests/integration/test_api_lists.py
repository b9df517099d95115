"""Lists in any order and format, edits under an ETag, compressed answers, cached answers."""

from __future__ import annotations

import csv
import gzip
import io
import json

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, MakeApp, assert_problem

from ml.db.catalog import Product
from ml.db.keys import hash_key
from worker.events import AggregatesRefreshed, record

API = "/api/v1"
PEN = {"code": "P-1", "name": "Pen"}


@pytest.fixture
def planner(api: ClientFor) -> FlaskClient:
    return api("planner")


@pytest.fixture
def many(session: Session, app: Flask) -> list[str]:
    """450 products, whose codes are in another order than their ids."""
    codes = [f"P-{(number * 7) % 450:03}" for number in range(450)]
    session.add_all(Product(key=hash_key(code), code=code) for code in codes)
    session.commit()
    return codes


@pytest.mark.parametrize("sort", ["id", "-id", "code", "-code"])
def test_every_order_is_whole_and_stable(planner: FlaskClient, many: list[str], sort: str) -> None:
    found, cursor = [], None
    while cursor is not None or not found:
        page = planner.get(f"{API}/products", query_string={"sort": sort, "limit": 200, "cursor": cursor or None}).json
        found += [item["code"] for item in page["items"]]
        cursor = page["next_cursor"]
    expected = sorted(many) if "code" in sort else many
    assert found == (expected[::-1] if sort.startswith("-") else expected)


def test_a_cursor_of_another_order_is_refused(planner: FlaskClient, many: list[str]) -> None:
    cursor = planner.get(f"{API}/products?sort=code&limit=1").json["next_cursor"]
    assert_problem(planner.get(f"{API}/products?sort=-code&cursor={cursor}"), 422, "invalid-request")
    assert_problem(planner.get(f"{API}/products?sort=price"), 422, "invalid-request")


def test_csv_holds_the_whole_list(planner: FlaskClient, many: list[str]) -> None:
    answer = planner.get(f"{API}/products?sort=code", headers={"Accept": "text/csv"})
    assert answer.mimetype == "text/csv"
    found = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert [row["code"] for row in found] == sorted(many)
    assert list(found[0]) == list(planner.get(f"{API}/products").json["items"][0])


def test_json_lines_by_the_page_name_the_next_one(planner: FlaskClient, many: list[str]) -> None:
    lines = {"Accept": "application/x-ndjson"}
    first = planner.get(f"{API}/products?sort=code&limit=200", headers=lines)
    target = first.headers["Link"].partition(">")[0].lstrip("<")
    second = planner.get(target, headers=lines)
    codes = [json.loads(line)["code"] for line in [*first.text.splitlines(), *second.text.splitlines()]]
    assert codes == sorted(many)[:400]


def test_a_format_that_there_is_not_is_refused(planner: FlaskClient) -> None:
    assert_problem(planner.get(f"{API}/products", headers={"Accept": "image/png"}), 406, "not-acceptable")
    assert planner.get(f"{API}/products", headers={"Accept": "*/*"}).mimetype == "application/json"


def test_an_edit_of_an_older_state_is_refused(planner: FlaskClient) -> None:
    tag = planner.post(f"{API}/products", json=PEN).headers["ETag"]
    path = f"{API}/products/P-1"
    assert planner.get(path).headers["ETag"] == tag
    assert planner.get(path, headers={"If-None-Match": tag}).status_code == 304
    changed = planner.put(path, json={"name": "Biro"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert_problem(planner.put(path, json={"name": "Quill"}, headers={"If-Match": tag}), 412, "changed-meanwhile")
    assert_problem(planner.delete(path, headers={"If-Match": tag}), 412, "changed-meanwhile")
    assert planner.get(path).json["name"] == "Biro"
    assert planner.delete(path, headers={"If-Match": changed.headers["ETag"]}).status_code == 204


def test_answers_are_compressed_and_their_tags_still_match(planner: FlaskClient) -> None:
    planner.post(f"{API}/products", json={**PEN, "name": "Pen " * 60})
    for number in range(20):
        planner.post(f"{API}/products", json={"code": f"Q-{number}", "name": "Paper " * 30})
    packed = planner.get(f"{API}/products", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(packed.get_data()))["items"]) == 21
    assert planner.get(f"{API}/products", headers={"Accept-Encoding": "br"}).headers["Content-Encoding"] == "br"
    tag = planner.get(f"{API}/products/P-1", headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    assert planner.put(f"{API}/products/P-1", json={}, headers={"If-Match": tag}).status_code == 200


def test_sums_are_cached_until_data_changes(planner: FlaskClient, session: Session) -> None:
    load_sales(session, monthly_sales(3))
    path = f"{API}/sales/monthly"
    first = planner.get(path)
    session.execute(sa.text("UPDATE sales_agg_monthly SET total_sales = 1"))
    session.commit()
    again = planner.get(path)
    assert (again.json, again.headers["Age"], "Age" in first.headers) == (first.json, "0", False)
    record(session, AggregatesRefreshed(None, None))
    session.commit()
    changed = planner.get(path)
    assert changed.json != first.json
    assert "Age" in planner.get(path).headers
    planner.put(f"{API}/products/P-1", json={"category": "Another"})
    assert "Age" not in planner.get(path).headers


def test_without_redis_sums_are_computed(make_app: MakeApp, planner: FlaskClient, session: Session) -> None:
    load_sales(session, monthly_sales(3))
    token = planner.environ_base["HTTP_AUTHORIZATION"]
    client = make_app(REDIS_URL="redis://127.0.0.1:1").test_client()
    answer = client.get(f"{API}/sales/monthly", headers={"Authorization": token})
    assert (answer.status_code, len(answer.json["items"])) == (200, 3)
