"""What nobody honest sends: refused with a problem document or a page, and nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from web_fixtures import ClientFor, MakeApp, Rows, assert_problem

from ml.db.audit import AuditEntry
from ml.db.catalog import Product
from ml.db.imports import Import
from webapp.errors import TYPE_PREFIX
from webapp.models import User
from webapp.security import HEADERS

SITE = "https://bi.example.com"
LINES = "a\r\nSet-Cookie: evil=1"


@pytest.mark.parametrize("path", ["/api/v1/products", "/api/v1/nothing", "/", "/nothing", "/login", "/health"])
def test_every_answer_carries_the_headers_that_protect_browsers(api: ClientFor, path: str) -> None:
    answer = api("viewer").get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value, name
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_scripts_of_other_sites_are_not_let_in(client: FlaskClient) -> None:
    answer = client.options("/api/v1/products", headers={"Origin": SITE, "Access-Control-Request-Method": "GET"})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_scripts_of_sites_on_the_list_are(make_app: MakeApp) -> None:
    client = make_app(CORS_ORIGINS=f"{SITE}, http://localhost:3000").test_client()
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin in (SITE, "http://localhost:3000"):
        answer = client.options("/api/v1/products", headers={"Origin": origin, **asked})
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        refused = client.get("/api/v1/products", headers={"Origin": origin})
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, origin)


def test_scripts_may_ask_about_every_address_of_the_api(make_app: MakeApp) -> None:
    app = make_app(CORS_ORIGINS=SITE)
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")]
    client, asked = app.test_client(), {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    for rule in rules:
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        answer = client.options(path, headers={**asked, "Accept": "text/html"})
        assert answer.status_code == 200, path
        assert answer.headers["Access-Control-Allow-Origin"] == SITE, path
        assert "RateLimit-Limit" not in answer.headers, path


@pytest.mark.parametrize(
    "origin", ["https://bi.example.com.evil", "https://evil", "null", "http://bi.example.com", "*"]
)
def test_what_only_looks_like_a_site_on_the_list_is_not(make_app: MakeApp, origin: str) -> None:
    client = make_app(CORS_ORIGINS=SITE).test_client()
    for path in ("/api/v1/products", "/jobs"):
        answer = client.get(path, headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Origin" not in client.get("/jobs", headers={"Origin": SITE}).headers


def test_huge_bodies_are_refused_before_they_are_read(api: ClientFor, rows: Rows) -> None:
    client = api("planner")
    for path in ("/api/v1/products", "/api/v1/sales", "/api/v1/events"):
        answer = client.post(path, data=b'{"a": "' + b"x" * (17 << 20), content_type="application/json")
        assert_problem(answer, 413, "request-entity-too-large")
    assert rows.count(Product) == rows.count(Import) == 0


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_deep_json_is_refused(api: ClientFor, rows: Rows, opened: str) -> None:
    client = api("planner")
    for path in ("/api/v1/products", "/api/v1/sales"):
        answer = client.post(path, data=opened * 100_000, content_type="application/json")
        assert_problem(answer, 400, "bad-request")
    assert rows.count(Product) == 0


@pytest.mark.parametrize(
    "body",
    [
        '{"code": "a", "price": "x"}',
        '{"code": "a", "evil": 1}',
        "[]",
        "null",
        "{",
        '{"code": "\\u0000"}',
    ],
)
def test_wrong_types_are_refused(api: ClientFor, rows: Rows, body: str) -> None:
    answer = api("planner").post("/api/v1/products", data=body, content_type="application/json")
    assert answer.status_code in {400, 422}
    assert answer.json["type"].startswith(TYPE_PREFIX)
    assert rows.count(Product) == 0


@pytest.mark.parametrize(
    "text",
    ["' OR 1=1 --", "1; DROP TABLE products", "%27%20UNION%20SELECT", "\\", "%", "_", '"; --', "' || (SELECT 1)"],
)
def test_sql_is_text(api: ClientFor, rows: Rows, text: str) -> None:
    client = api("planner")
    assert client.post("/api/v1/products", json={"code": "P-1", "name": "Pen"}).status_code == 201
    assert client.get("/api/v1/products", query_string={"q": text}).json["items"] == []
    for query in ({"region": text}, {"product": text}, {"customer": text}):
        assert client.get("/api/v1/sales", query_string=query).status_code in {200, 404}
    answer = client.post("/api/v1/auth/login", json={"email": text, "password": text})
    assert answer.status_code in {401, 429}
    assert rows.count(Product) == 1


def test_lines_in_names_make_no_headers(api: ClientFor, client: FlaskClient, make_user: Callable[[str], User]) -> None:
    make_user("planner")
    sent = client.get("/health", headers={"X-Request-ID": "a b"})
    assert sent.headers["X-Request-ID"] != "a b"
    for path in (f"/login?next={LINES}", f"/jobs?state={LINES}", f"/api/v1/imports/{LINES}/rejected"):
        answer = api("planner").get(path)
        assert "evil=1" not in answer.headers.get("Set-Cookie", "")
        assert "\n" not in "".join(value for _, value in answer.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../secret.key",
        "/static/%2e%2e/%2e%2e/secret.key",
        "/api/docs/..%2f..%2fsecret.key",
        "/api/docs/%2e%2e",
    ],
)
def test_paths_lead_nowhere_else(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code in {404, 308}


def test_refused_requests_leave_no_trace_of_a_change(api: ClientFor, rows: Rows) -> None:
    client = api("viewer")
    before = rows.count(AuditEntry)
    assert client.post("/api/v1/products", json={"code": "P-1"}).status_code == 403
    assert client.delete("/api/v1/products/1").status_code == 403
    assert rows.count(AuditEntry) == before


def test_nothing_changes_or_deletes_the_audit_log(api: ClientFor) -> None:
    client = api("admin")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("/api/v1/audit", "/api/v1/audit/1"):
            assert client.open(path, method=method).status_code in {404, 405}
