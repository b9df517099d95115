"""What holds for every API request: problem documents, headers, hostile bodies, a database that is away."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from web_fixtures import ClientFor, MakeApp, assert_problem

LOGIN = "/api/v1/auth/login"


def test_unknown_path_is_a_problem_document(client: FlaskClient) -> None:
    assert_problem(client.get("/api/v1/nothing"), 404, "not-found")


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    for path in ("/health", "/api/v1/nothing", "/login"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_https_is_insisted_on_where_it_is_configured(make_app: MakeApp, app: object) -> None:
    answer = make_app(FORECASTLE_HTTPS="yes").test_client().get("/health")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize("given", ["a-request-of-mine-1", "bad id\r", "x", "y" * 200])
def test_request_id_is_taken_over_where_it_is_harmless(client: FlaskClient, given: str) -> None:
    found = client.get("/health", headers={"X-Request-ID": given.strip()}).headers["X-Request-ID"]
    assert (found == given) == (given == "a-request-of-mine-1")
    assert len(found) >= 8


@pytest.mark.parametrize("body", ["", "{", '{"email": ', "\x00", "[" * 100_000])
def test_body_that_is_no_json_is_refused(client: FlaskClient, body: str) -> None:
    assert_problem(client.post(LOGIN, data=body, content_type="application/json"), 400, "bad-request")


def test_body_of_another_type_is_refused(client: FlaskClient) -> None:
    assert_problem(client.post(LOGIN, data={"email": "a"}), 415, "unsupported-media-type")


@pytest.mark.parametrize("body", [[], "text", {"email": "a@b.c"}, {"email": 1, "password": 2}])
def test_body_of_another_shape_is_refused_field_by_field(client: FlaskClient, body: object) -> None:
    assert assert_problem(client.post(LOGIN, json=body), 422, "invalid-request")["errors"]


def test_who_may_not_is_told_so_before_the_request_is_looked_at(client: FlaskClient, api: ClientFor) -> None:
    hopeless = {"data": "no json", "content_type": "text/plain"}
    assert_problem(client.post("/api/v1/train?x=1", **hopeless), 401, "missing-token")
    assert_problem(api("viewer").post("/api/v1/train?x=1", **hopeless), 403, "forbidden")


def test_database_that_is_away_is_said_so(make_app: MakeApp, api: ClientFor) -> None:
    away = make_app(DATABASE_URL="sqlite:////nowhere/at/all.db").test_client()
    away.environ_base["HTTP_AUTHORIZATION"] = api("viewer").environ_base["HTTP_AUTHORIZATION"]
    answer = away.get("/api/v1/jobs")
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]
