"""Rows that systems push: checked row by row, kept as a file, loaded by a job, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import ClientFor, Rows, assert_problem

from ml.artifacts import ArtifactStore
from ml.db.imports import Import, Source
from ml.etl.columns import LARGEST as LARGEST_IN_FILES
from ml.pipelines.ingest import IngestResult, load_import
from ml.pipelines.take_back import take_back
from webapp.schemas.rows import LARGEST
from worker.models import JobRun

SALES = "/api/v1/sales"
ROW = {"sale_date": "2024-01-03", "product_code": "P-1", "sales_amount": 10.5}
MORE = {**ROW, "sale_date": "2024-01-04T08:30:00+02:00", "area": " Albany  South", "sales_qty": "2", "product_code": 17}


@pytest.fixture
def planner(api: ClientFor) -> FlaskClient:
    return api("planner")


def kept(store: ArtifactStore, row: Import) -> list[dict[str, Any]]:
    return [json.loads(line) for line in store.get(row.artifact, row.sha256).splitlines()]


def test_rows_become_an_import_and_its_job(planner: FlaskClient, rows: Rows, store: ArtifactStore) -> None:
    answer = planner.post(SALES, json={"rows": [ROW, MORE]})
    assert answer.status_code == 202, answer.json
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json['job_id']}"
    row = rows.get(Import, answer.json["import_id"])
    columns = ["sale_date", "area", "product_code", "sales_amount", "sales_qty"]
    assert (row.dataset, row.state, row.created_by) == ("sales", "queued", "planner@example.com")
    assert row.mapping == {column: column for column in columns}
    assert (row.dialect["format"], row.dialect["columns"]) == ("jsonl", columns)
    assert row.filename.startswith("push-")
    assert row.filename.endswith(".jsonl")
    assert kept(store, row) == [
        {"sale_date": "2024-01-03", "area": None, "product_code": "P-1", "sales_amount": 10.5, "sales_qty": None},
        {
            "sale_date": "2024-01-04",
            "area": "Albany South",
            "product_code": "17",
            "sales_amount": 10.5,
            "sales_qty": 2.0,
        },
    ]
    job = rows.get(JobRun, answer.json["job_id"])
    assert (job.kind, job.state, job.arguments) == ("ingest", "queued", {"import_id": row.id})
    assert planner.get(f"/api/v1/imports/{row.id}").json["job_ids"] == [job.id]


@pytest.mark.parametrize("body", [ROW, [ROW], {"rows": [ROW]}], ids=["row", "list", "object"])
def test_a_row_a_list_and_an_object_are_the_same(planner: FlaskClient, rows: Rows, body: Any) -> None:
    row = rows.get(Import, planner.post(SALES, json=body).json["import_id"])
    assert row.sha256 == rows.get(Import, planner.post(SALES, json=[ROW]).json["import_id"]).sha256


def test_every_wrong_cell_is_named_and_nothing_kept(planner: FlaskClient, rows: Rows, tmp_path: Path) -> None:
    wrong = [
        ROW,
        {**ROW, "sale_date": "03/01/2024", "sales_amount": "ten"},
        {**ROW, "product_code": " ", "colour": "red"},
        {**ROW, "sale_date": 1704067200, "sales_amount": True, "area": "x" * 121},
        {**ROW, "sale_date": "1969-12-31", "sales_amount": 1e11, "channel": "\ud800"},
        {"product_code": "P", "sales_amount": None},
        {**ROW, "area": ["Albany"], "order_ref": "\0", "sales_qty": "NaN"},
    ]
    body = json.dumps(wrong)
    answer = planner.post(SALES, data=body, content_type="application/json")
    errors = assert_problem(answer, 422, "invalid-request")["errors"]
    assert {error["field"] for error in errors} == {
        "rows.1.sale_date", "rows.1.sales_amount", "rows.2.product_code", "rows.2.colour", "rows.3.sale_date",
        "rows.3.sales_amount", "rows.3.area", "rows.4.sale_date", "rows.4.sales_amount", "rows.4.channel",
        "rows.5.sale_date", "rows.5.sales_amount", "rows.6.area", "rows.6.order_ref", "rows.6.sales_qty",
    }  # fmt: skip
    assert rows.count(Import) == rows.count(JobRun) == 0
    assert not (tmp_path / "artifacts").exists()


def test_of_very_many_errors_the_first_are_listed(planner: FlaskClient) -> None:
    answer = planner.post(SALES, json=[{**ROW, "sales_amount": "x"}] * 500)
    errors = assert_problem(answer, 422, "invalid-request")["errors"]
    assert len(errors) == 101
    assert errors[-1] == {"field": "", "message": "400 more errors are not listed"}


@pytest.mark.parametrize("body", [[], {"rows": []}, {"rows": 1}, 7, "text", [1], [[]], {}])
def test_a_body_of_another_shape_is_refused(planner: FlaskClient, body: Any) -> None:
    assert_problem(planner.post(SALES, json=body), 422, "invalid-request")


def test_ten_thousand_rows_are_taken_and_no_more(planner: FlaskClient) -> None:
    assert planner.post(SALES, json=[ROW] * 10_000).status_code == 202
    assert_problem(planner.post(SALES, json=[ROW] * 10_001), 422, "invalid-request")


def test_a_body_too_large_to_be_rows_is_refused(planner: FlaskClient) -> None:
    answer = planner.post(SALES, data=b" " * ((16 << 20) + 1), content_type="application/json")
    assert_problem(answer, 413, "request-entity-too-large")


def test_a_key_gives_the_same_job_for_the_same_rows(planner: FlaskClient, rows: Rows) -> None:
    headers = {"Idempotency-Key": "order 4711"}
    first = planner.post(SALES, json=ROW, headers=headers)
    again = planner.post(SALES, json=[ROW], headers=headers)
    assert (again.status_code, again.json) == (202, first.json)
    assert rows.count(Import) == rows.count(JobRun) == 1
    assert planner.get(f"/api/v1/imports/{first.json['import_id']}").json["job_ids"] == [first.json["job_id"]]
    assert_problem(planner.post(SALES, json=[ROW, ROW], headers=headers), 422, "reused-key")
    assert planner.post(SALES, json=[ROW, ROW], headers={"Idempotency-Key": "4712"}).status_code == 202


def test_keys_of_other_users_and_data_sets_are_others(planner: FlaskClient, api: ClientFor, rows: Rows) -> None:
    headers = {"Idempotency-Key": "1"}
    stock = {"day": "2024-01-03", "product_code": "P-1", "on_hand": 5}
    planner.post(SALES, json=ROW, headers=headers)
    assert api("operator").post(SALES, json=[ROW, ROW], headers=headers).status_code == 202
    assert planner.post("/api/v1/datasets/stock/rows", json=stock, headers=headers).status_code == 202
    assert rows.count(JobRun) == 3


def test_a_failed_push_can_be_started_again(planner: FlaskClient, rows: Rows) -> None:
    first = planner.post(SALES, json=ROW, headers={"Idempotency-Key": "1"}).json
    rows.change(Import, first["import_id"], state="failed")
    again = planner.post(f"/api/v1/imports/{first['import_id']}/start", json={})
    assert again.status_code == 202
    assert again.json["job_id"] != first["job_id"]


def test_a_source_gives_its_checks(planner: FlaskClient, rows: Rows) -> None:
    rows.add(Source(name="erp", kind="file", dataset="sales", policy={"max_rejected_share": 0.0}))
    rows.add(Source(name="stock", kind="file", dataset="stock"))
    answer = planner.post(SALES, json={**ROW, "source": "erp"})
    row = rows.get(Import, answer.json["import_id"])
    assert row.policy == {"max_rejected_share": 0.0}
    assert row.source_id is not None
    for name in ("stock", "nobody"):
        answer = planner.post(SALES, json={"rows": [ROW], "source": name})
        assert assert_problem(answer, 422, "invalid-request")["errors"][0]["field"] == "source"


def test_rows_of_other_data_sets_have_the_fields_of_theirs(planner: FlaskClient, rows: Rows) -> None:
    event = {"kind": "Promotion", "starts_on": "2024-05-01", "value": 0.2}
    answer = planner.post("/api/v1/datasets/events/rows", json=[event])
    assert answer.status_code == 202, answer.json
    row = rows.get(Import, answer.json["import_id"])
    assert (row.dataset, row.mapping["value"]) == ("events", "value")

    wrong = planner.post("/api/v1/datasets/events/rows", json=[{**event, "kind": "party"}, ROW])
    fields = {error["field"] for error in assert_problem(wrong, 422, "invalid-request")["errors"]}
    assert {"rows.0.kind", "rows.1.kind", "rows.1.sale_date"} <= fields
    price = planner.post("/api/v1/datasets/products/rows", json={"product_code": "P-1", "price": -1})
    assert assert_problem(price, 422, "invalid-request")["errors"][0]["field"] == "rows.0.price"
    assert_problem(planner.post("/api/v1/datasets/dreams/rows", json=[event]), 404, "not-found")


def test_viewers_push_nothing(api: ClientFor) -> None:
    assert_problem(api("viewer").post(SALES, json=ROW), 403, "forbidden")


def test_figures_are_limited_as_in_files() -> None:
    assert LARGEST == LARGEST_IN_FILES


def load(sessions: sessionmaker[Session], store: ArtifactStore, import_id: int) -> IngestResult:
    """What the job does."""
    with sessions() as session:
        result = load_import(session, store, import_id)
        session.commit()
        return result


def test_pushed_rows_are_loaded_once_and_read_back(
    planner: FlaskClient, sessions: sessionmaker[Session], store: ArtifactStore
) -> None:
    body = [{**ROW, "customer_code": "C-1", "order_ref": "4711", "channel": "web"}, {**MORE, "order_ref": "4712"}]
    first = load(sessions, store, planner.post(SALES, json=body).json["import_id"])
    again = load(sessions, store, planner.post(SALES, json=body).json["import_id"])
    assert (first.rows_loaded, first.rows_rejected) == (2, 0)
    assert (again.rows_loaded, again.rows_unchanged) == (0, 2)
    newest, oldest = planner.get(SALES).json["items"]
    assert (newest["sale_date"], newest["area"], newest["product_code"], newest["sales_qty"]) == (
        "2024-01-04", "Albany South", "17", 2.0,
    )  # fmt: skip
    assert planner.get(f"{SALES}?customer=C-1&channel=web&order_ref=4711").json["items"] == [oldest]
    assert planner.get(f"{SALES}?customer=C-1&order_ref=4712").json["items"] == []
    assert planner.get(f"{SALES}?import_id={first.import_id}").json["items"] == [newest, oldest]


def test_a_line_sent_again_replaces_the_earlier_one_until_that_is_taken_back(
    planner: FlaskClient, sessions: sessionmaker[Session], store: ArtifactStore, rows: Rows
) -> None:
    def push(*body: dict[str, Any]) -> int:
        answer = planner.post(SALES, json=list(body))
        return load(sessions, store, answer.json["import_id"]).import_id

    def amounts() -> list[tuple[str, float]]:
        return [(item["product_code"], item["sales_amount"]) for item in planner.get(SALES).json["items"]]

    push({**ROW, "line_ref": "4711-1"}, {**ROW, "product_code": "P-2", "line_ref": "4711-2"})
    corrected = push({**ROW, "sales_amount": 9.0, "line_ref": "4711-1"})
    detail = planner.get(f"/api/v1/imports/{corrected}").json
    assert (detail["rows_loaded"], detail["rows_changed"]) == (1, 1)
    assert sorted(amounts()) == [("P-1", 9.0), ("P-2", 10.5)]

    job = rows.get(JobRun, planner.post(f"/api/v1/imports/{corrected}/undo").json["job_id"])
    assert (job.kind, job.arguments) == ("take_back", {"import_id": corrected})
    with sessions.begin() as session:
        take_back(session, corrected, job.requested_by)
    assert sorted(amounts()) == [("P-1", 10.5), ("P-2", 10.5)]
    assert planner.get(f"/api/v1/imports/{corrected}").json["undone_by"] == "planner@example.com"
