"""Every route, as every role, in one's own region and in another one: allowed or refused as the table says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from access_table import ACCESS, ROLES
from factories import Sale, load_sales
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, Rows, assert_problem
from werkzeug.routing import Rule

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.imports import Import
from ml.db.keys import hash_key
from ml.db.sales import SalesRaw
from ml.grains import MONTHLY
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from webapp.models import User

HOME, ABROAD = "Homeland", "Farawayland"
OWN = {"regions": [HOME], "territories": []}
API = "/api/"
LIMITED_ROLES = ("viewer", "planner", "operator")
IDS = {"name": "sales", "suffix": "csv", "dataset": "sales"}


def routes(app: Flask) -> Iterator[tuple[str, Rule, str, str]]:
    """Key in the table, rule, path and method of every route."""
    for rule in app.url_map.iter_rules():
        built = rule.build({name: IDS.get(name, 1) for name in rule.arguments})
        assert built is not None
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"{rule.endpoint} {method}", rule, built[1], method


def guarded(app: Flask, *, api: bool) -> Iterator[tuple[str, str, str]]:
    for key, rule, path, method in routes(app):
        signs_out = key.endswith(("logout POST", "sign_out POST"))
        if ACCESS[key][0] not in {"public"} and rule.rule.startswith(API) == api and not signs_out:
            yield key, path, method


def test_the_table_holds_every_route_and_no_other(app: Flask) -> None:
    assert {key for key, *_ in routes(app)} == set(ACCESS)


@pytest.fixture
def limit(rows: Rows, make_user: Callable[[str], User]) -> Callable[[str], None]:
    """Limits the user of a role to their own region."""

    def limit_one(role: str) -> None:
        rows.change(User, make_user(role).id, scope=OWN)

    return limit_one


@pytest.fixture
def clients(api: ClientFor, browser: ClientFor) -> Callable[[str], tuple[tuple[bool, FlaskClient], ...]]:
    """The API client and the browser of a role."""
    return lambda role: ((True, api(role)), (False, browser(role)))


Clients = Callable[[str], tuple[tuple[bool, FlaskClient], ...]]
Limit = Callable[[str], None]


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("role", ["viewer", "planner", "operator", "admin"])
def test_each_role_is_refused_exactly_what_the_table_says(
    app: Flask, clients: Clients, limit: Limit, role: str, limited: bool
) -> None:
    if limited:
        limit(role)
    for kind, client in clients(role):
        for key, path, method in guarded(app, api=kind):
            permission, for_limited = ACCESS[key]
            allowed = role in ROLES[permission] and (for_limited or not limited)
            answer = client.open(path, method=method)
            assert (answer.status_code != 403) == allowed, f"{key} as {role}, limited: {limited}: {answer.status_code}"
            assert answer.status_code < 500, f"{key}: {answer.get_data(as_text=True)[:500]}"


@pytest.fixture
def business(session: Session, tmp_path: Path, app: Flask) -> None:
    """Two regions with all that the engine makes of them; that abroad sells in figures that cannot be mistaken."""
    load_sales(session, two_regions())
    store = ArtifactStore(str(tmp_path / "artifacts"))
    train(session, store, candidates=["seasonal_naive"])
    forecast(session, store, horizon=3)
    counts = {"rows_total": 1, "rows_loaded": 1, "rows_unchanged": 0, "rows_changed": 0, "rows_rejected": 0}
    now = utc_now()
    session.execute(sa.update(Import).values(**counts, finished_at=now, artifact_deleted_at=now))  # there was no file
    session.commit()


def two_regions() -> Iterator[Sale]:
    for back in range(26):
        start = MONTHLY.shift(date(2022, 1, 1), back)
        for day in (start, MONTHLY.last_day(start)):
            yield Sale(day, 50.0 + back, HOME, "Hometerritory", "Homearea", "P-1", "Tools")
            yield Sale(day, 777000.0 + back, ABROAD, "Farterritory", "Fararea", "P-1", "Tools")
            yield Sale(day, 888000.0 + back, ABROAD, "Farterritory", "Fararea", "P-2", "Paint")


@pytest.mark.usefixtures("business")
def test_ones_own_region_is_shown(
    api: ClientFor, browser: ClientFor, rows: Rows, make_user: Callable[[str], User]
) -> None:
    rows.change(User, make_user("viewer").id, scope=OWN)
    client = api("viewer")
    assert {item["region"] for item in client.get("/api/v1/sales").json["items"]} == {HOME}
    assert client.get("/api/v1/predict").json["region"] == HOME
    assert client.get("/api/v1/predict").json["forecast"][0]["mean"] < 1000
    assert_problem(client.get(f"/api/v1/predict?region={ABROAD}"), 404, "not-found")
    assert HOME in browser("viewer").get("/").get_data(as_text=True)


def sale(**changes: Any) -> dict[str, Any]:
    return {
        "sale_date": "2024-03-01",
        "region": HOME,
        "product_code": "P-1",
        "sales_amount": 1,
        "sales_qty": 1,
        **changes,
    }


def push(client: FlaskClient, *sales: dict[str, Any]) -> Any:
    return client.post("/api/v1/sales", json={"rows": list(sales)})


@pytest.mark.usefixtures("business")
def test_a_limited_caller_pushes_sales_of_their_region_alone(
    api: ClientFor, rows: Rows, make_user: Callable[[str], User]
) -> None:
    rows.change(User, make_user("planner").id, scope=OWN)
    client = api("planner")
    accepted = push(client, sale())
    assert accepted.status_code == 202, accepted.json
    for wrong in (sale(region=ABROAD), sale(region=""), sale(region="homeland2")):
        document = assert_problem(push(client, sale(), wrong), 422, "invalid-request")
        assert document["errors"][0]["field"] == "rows.1.region"
    assert [item["id"] for item in client.get("/api/v1/imports").json["items"]] == [accepted.json["import_id"]]


def test_a_limited_caller_replaces_no_line_of_another_region(
    api: ClientFor, rows: Rows, make_user: Callable[[str], User], session: Session
) -> None:
    load_sales(session, [Sale(date(2024, 1, 1), 5.0, ABROAD, "T", "A")])
    line = rows.last(SalesRaw)
    rows.change(SalesRaw, line.id, row_key=hash_key("line", "", "L-1"))
    rows.change(User, make_user("planner").id, scope=OWN)
    document = assert_problem(push(api("planner"), sale(line_ref="L-1")), 422, "invalid-request")
    assert document["errors"][0]["field"] == "rows.0.line_ref"
    assert push(api("planner"), sale(line_ref="L-2")).status_code == 202


def test_events_are_written_inside_alone(api: ClientFor, rows: Rows, make_user: Callable[[str], User]) -> None:
    rows.change(User, make_user("planner").id, scope=OWN)
    client, event = api("planner"), {"kind": "promotion", "name": "Spring", "starts_on": "2024-03-01"}
    event |= {"ends_on": "2024-03-31"}
    for place in ({}, {"region": ABROAD}):
        assert_problem(client.post("/api/v1/events", json=event | place), 403, "limited-scope")
        made = api("admin").post("/api/v1/events", json=event | place)
        assert made.status_code == 201, made.json
        assert client.delete(f"/api/v1/events/{made.json['id']}").status_code in {403, 404}
    mine = client.post("/api/v1/events", json=event | {"region": HOME})
    assert mine.status_code == 201
    assert client.delete(f"/api/v1/events/{mine.json['id']}").status_code == 204
    assert {item["region"] for item in client.get("/api/v1/events").json["items"]} == {""}


def test_a_token_is_limited_like_a_person(app: Flask, api: ClientFor, session: Session) -> None:
    load_sales(session, list(two_regions())[:6])
    body = {"name": "erp", "permissions": ["sales:read"], "scope": {"regions": [HOME]}}
    token = api("admin").post("/api/v1/tokens", json=body).json["token"]
    answer = app.test_client().get("/api/v1/sales", headers={"Authorization": f"Bearer {token}"})
    assert {item["region"] for item in answer.json["items"]} == {HOME}
    assert json.dumps(answer.json).count(ABROAD) == 0
