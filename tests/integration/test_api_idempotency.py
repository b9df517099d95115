"""`Idempotency-Key`: a POST is carried out once under a key, whoever is killed or comes at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_fixtures import ClientFor, Rows, assert_problem, upload

from ml.db.catalog import Product
from ml.db.imports import Import
from webapp.api import idempotency
from worker.models import IdempotencyKey, JobRun

API = "/api/v1"
KEY = {"Idempotency-Key": "order-4711"}
PEN = {"code": "P-1", "name": "Pen"}


@pytest.fixture
def planner(api: ClientFor) -> FlaskClient:
    return api("planner")


def test_the_same_request_again_gets_the_same_answer(planner: FlaskClient, rows: Rows) -> None:
    first = planner.post(f"{API}/products", json=PEN, headers=KEY)
    again = planner.post(f"{API}/products", json=PEN, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json, again.headers["Location"]) == (first.json, first.headers["Location"])
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert rows.count(Product) == 1
    assert "Pen" not in rows.last(IdempotencyKey).answer


@pytest.mark.parametrize(("path", "body"), [("products", {"code": "P-2"}), ("customers", PEN)])
def test_another_request_under_the_key_is_refused(planner: FlaskClient, rows: Rows, path: str, body: object) -> None:
    planner.post(f"{API}/products", json=PEN, headers=KEY)
    assert_problem(planner.post(f"{API}/{path}", json=body, headers=KEY), 422, "reused-key")
    assert rows.count(Product) == 1


def test_keys_of_others_are_their_own(api: ClientFor, rows: Rows) -> None:
    assert api("planner").post(f"{API}/train", json={}, headers=KEY).status_code == 202
    assert api("admin").post(f"{API}/train", json={"grain": "weekly"}, headers=KEY).status_code == 202
    assert rows.count(JobRun) == 2


def test_after_an_error_the_key_may_be_tried_again(planner: FlaskClient, rows: Rows) -> None:
    planner.post(f"{API}/products", json=PEN)
    assert_problem(planner.post(f"{API}/products", json=PEN, headers=KEY), 409, "conflict")
    assert rows.count(IdempotencyKey) == 0
    planner.delete(f"{API}/products/P-1")
    assert planner.post(f"{API}/products", json=PEN, headers=KEY).status_code == 201


def test_uploads_are_told_apart_by_their_content(planner: FlaskClient, rows: Rows) -> None:
    first = planner.post(f"{API}/imports", headers=KEY, **upload())
    again = planner.post(f"{API}/imports", headers=KEY, **upload())
    assert (first.status_code, again.json) == (202, first.json)
    assert rows.count(Import) == 1
    assert_problem(planner.post(f"{API}/imports", headers=KEY, **upload("a,b\n1,2\n")), 422, "reused-key")


def test_ten_at_once_make_one(app: Flask, planner: FlaskClient, rows: Rows) -> None:
    token, start = planner.environ_base["HTTP_AUTHORIZATION"], threading.Barrier(10)

    def post(_: int) -> tuple[int, object]:
        client = app.test_client()
        start.wait()
        found = client.post(f"{API}/products", json=PEN, headers={**KEY, "Authorization": token})
        return found.status_code, found.json

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(post, range(10)))
    assert {status for status, _ in answers} == {201}, answers
    assert len({str(body) for _, body in answers}) == 1
    assert rows.count(Product) == 1


def test_a_process_that_dies_before_its_answer_leaves_nothing(
    app: Flask, planner: FlaskClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view has committed, as it thinks; what ends the request before the answer is kept undoes it."""
    with monkeypatch.context() as patched:
        patched.setattr(idempotency, "KEPT_HEADERS", None)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        assert planner.post(f"{API}/products", json=PEN, headers=KEY).status_code == 500
    assert (rows.count(Product), rows.count(IdempotencyKey)) == (0, 0)
    assert planner.post(f"{API}/products", json=PEN, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_has_a_length(planner: FlaskClient, key: str) -> None:
    answer = planner.post(f"{API}/products", json=PEN, headers={"Idempotency-Key": key})
    assert assert_problem(answer, 422, "invalid-request")["errors"][0]["field"] == "Idempotency-Key"
