"""Sources through the API: saved without showing secrets, previewed, pulled, waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from web_fixtures import ClientFor, MakeApp, Rows, assert_problem, upload

from ml.db.base import utc_now
from ml.db.imports import Import, Source
from ml.secrets import generate_key
from worker.context import Services
from worker.lifecycle import Attempt
from worker.models import JobRun, PromisedRun
from worker.runner import execute

SOURCES = "/api/v1/sources"
API = {"url": "https://erp.example.com/api/sales", "records": "data"}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECASTLE_SECRET_KEY", generate_key())


@pytest.fixture
def app(app: Flask, make_app: MakeApp) -> Flask:
    """The app with a key for credentials."""
    return make_app(FORECASTLE_SECRET_KEY=generate_key())


@pytest.fixture
def operator(api: ClientFor) -> FlaskClient:
    return api("operator")


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """The address of a database that sells."""
    (tmp_path / "sources").mkdir()
    url = f"sqlite:///{tmp_path / 'sources' / 'shop.db'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE sales (id INTEGER, day TEXT, sku TEXT, amount REAL)")
        connection.exec_driver_sql(
            "INSERT INTO sales VALUES (1, '2024-01-03', 'P-1', 10.5), (2, '2024-01-04', 'P-2', 3)"
        )
    engine.dispose()
    return url


def sql_source(shop: str, **changes: object) -> dict[str, object]:
    return {"name": "shop", "kind": "sql", "settings": {"url": shop, "table": "sales"}, **changes}


def saved(rows: Rows, **values: object) -> int:
    source = Source(**{"name": "shop", "kind": "sql", "settings": {}, **values})
    rows.add(source)
    return source.id


def test_a_source_is_saved_read_replaced_and_deleted(operator: FlaskClient, shop: str) -> None:
    made = operator.post(SOURCES, json=sql_source(shop, cron="15 6 * * mon-fri"))
    assert made.status_code == 201, made.json
    where = made.headers["Location"]
    assert where == f"{SOURCES}/{made.json['id']}"
    assert operator.get(where).json == made.json
    assert (made.json["has_secret"], made.json["watermark"], made.json["active"]) == (False, None, True)

    replaced = operator.put(where, json=sql_source(shop, name="till", active=False))
    assert (replaced.json["name"], replaced.json["active"], replaced.json["cron"]) == ("till", False, "")
    assert [item["name"] for item in operator.get(f"{SOURCES}?kind=sql").json["items"]] == ["till"]
    assert operator.get(f"{SOURCES}?kind=http").json["items"] == []
    assert operator.delete(where).status_code == 204
    assert_problem(operator.get(where), 404, "not-found")


def test_other_times_take_back_what_was_promised_by_the_old_ones(operator: FlaskClient, rows: Rows, shop: str) -> None:
    """Else nothing is pulled until the old slot has come."""
    made = operator.post(SOURCES, json=sql_source(shop, cron="0 6 * * mon")).json
    where, slot = f"{SOURCES}/{made['id']}", utc_now() + timedelta(days=5)
    rows.add(PromisedRun(schedule_id=f"source:{made['id']}", slot=slot, due_at=slot))
    operator.put(where, json=sql_source(shop, cron="0 6 * * mon", name="till"))
    assert rows.count(PromisedRun) == 1  # at the same times
    operator.put(where, json=sql_source(shop, cron="*/15 * * * *", name="till"))
    assert rows.count(PromisedRun) == 0
    rows.add(PromisedRun(schedule_id=f"source:{made['id']}", slot=slot, due_at=slot))
    operator.delete(where)
    assert rows.count(PromisedRun) == 0


def test_credentials_go_in_and_never_come_out(operator: FlaskClient, rows: Rows) -> None:
    body = {"name": "erp", "kind": "http", "settings": API, "secret": {"token": "s3cret-t0ken"}}
    made = operator.post(SOURCES, json=body)
    assert made.status_code == 201, made.json
    where = made.headers["Location"]
    kept = operator.put(where, json={**body, "secret": None})
    for answer in (made, kept, operator.get(where), operator.get(SOURCES)):
        assert "s3cret" not in answer.text
    assert kept.json["has_secret"] is True
    assert "s3cret" not in str(vars(rows.get(Source, made.json["id"])))
    assert operator.put(where, json={**body, "secret": {}}).json["has_secret"] is False


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": ""}, 422),
        ({"kind": "ftp"}, 422),
        ({"dataset": "dreams"}, 422),
        ({"cron": "every day"}, 422),
        ({"settings": {}}, 422),
        ({"policy": {"colour": "red"}}, 422),
        ({"mapping": {"colour": "Red"}}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_what_is_wrong_is_refused(operator: FlaskClient, rows: Rows, shop: str, changes: dict, status: int) -> None:  # type: ignore[type-arg]
    assert operator.post(SOURCES, json=sql_source(shop, **changes)).status_code == status
    assert rows.count(Source) == 0


def test_names_are_taken_once(operator: FlaskClient, shop: str) -> None:
    assert operator.post(SOURCES, json=sql_source(shop)).status_code == 201
    assert_problem(operator.post(SOURCES, json=sql_source(shop)), 409, "conflict")


def test_planners_pull_and_do_not_manage(api: ClientFor, rows: Rows, shop: str) -> None:
    planner = api("planner")
    assert_problem(planner.post(SOURCES, json=sql_source(shop)), 403, "forbidden")
    assert planner.get(SOURCES).status_code == 200
    assert planner.post(f"{SOURCES}/{saved(rows)}/pull").status_code == 202


def test_settings_are_previewed_before_they_are_saved(operator: FlaskClient, rows: Rows, shop: str) -> None:
    found = operator.post(f"{SOURCES}/preview", json=sql_source(shop))
    assert found.status_code == 200, found.json
    assert found.json["columns"] == ["id", "day", "sku", "amount"]
    assert found.json["rows"][0]["day"] == "2024-01-03"
    assert found.json["mapping"]["product_code"] == "sku"
    assert rows.count(Source) == rows.count(Import) == rows.count(JobRun) == 0
    where = operator.post(SOURCES, json=sql_source(shop)).headers["Location"]
    assert operator.post(f"{where}/preview").json == found.json


def test_a_source_that_is_not_there_is_a_bad_gateway(operator: FlaskClient, tmp_path: Path) -> None:
    settings = {"url": "postgresql://nobody@127.0.0.1:1/nothing", "table": "sales"}
    answer = operator.post(f"{SOURCES}/preview", json={"kind": "sql", "settings": settings})
    assert_problem(answer, 502, "upstream-failed")


def test_a_pull_is_a_job_and_one_at_a_time(operator: FlaskClient, rows: Rows) -> None:
    source_id = saved(rows)
    first = operator.post(f"{SOURCES}/{source_id}/pull?full=true")
    assert first.status_code == 202, first.json
    assert first.headers["Location"] == f"/api/v1/jobs/{first.json['id']}"
    assert (first.json["kind"], first.json["arguments"]) == ("pull", {"source_id": source_id, "full": True})
    assert operator.post(f"{SOURCES}/{source_id}/pull").json["id"] == first.json["id"]
    tried = operator.post(f"{SOURCES}/{source_id}/pull?dry_run=true").json
    assert tried["arguments"] == {"source_id": source_id, "dry_run": True}
    assert_problem(operator.post(f"{SOURCES}/999/pull"), 404, "not-found")
    assert_problem(operator.post(f"{SOURCES}/{source_id}/pull?wait=26"), 422, "invalid-request")


def test_file_sources_and_those_switched_off_are_not_pulled(operator: FlaskClient, rows: Rows) -> None:
    for changes in ({"kind": "file", "name": "a"}, {"active": False, "name": "b"}):
        assert_problem(operator.post(f"{SOURCES}/{saved(rows, **changes)}/pull"), 409, "conflict")


@pytest.fixture
def ends(rows: Rows) -> Callable[..., threading.Thread]:
    """Plays the worker: ends the pull that is asked for next, in a thread."""

    def start(**values: object) -> threading.Thread:
        def end() -> None:
            deadline = time.monotonic() + 10
            while rows.count(JobRun) == 0 and time.monotonic() < deadline:
                time.sleep(0.05)
            rows.change(JobRun, rows.last(JobRun).id, finished_at=utc_now(), **values)

        thread = threading.Thread(target=end)
        thread.start()
        return thread

    return start


def test_waiting_gives_the_result(operator: FlaskClient, rows: Rows, ends: Callable[..., threading.Thread]) -> None:
    source_id, worker = saved(rows), ends(state="succeeded", result={"rows_loaded": 2})
    answer = operator.post(f"{SOURCES}/{source_id}/pull?wait=10")
    worker.join()
    assert (answer.status_code, answer.json["result"]) == (200, {"rows_loaded": 2})


def test_waiting_for_a_source_that_fails_is_a_bad_gateway(
    operator: FlaskClient, rows: Rows, ends: Callable[..., threading.Thread]
) -> None:
    source_id, worker = saved(rows), ends(state="failed", error="GET https://erp.example.com answered 503.")
    answer = operator.post(f"{SOURCES}/{source_id}/pull?wait=10")
    worker.join()
    assert "answered 503" in assert_problem(answer, 502, "upstream-failed")["detail"]


def test_waiting_for_rows_that_cannot_be_loaded_says_so(
    operator: FlaskClient, rows: Rows, ends: Callable[..., threading.Thread]
) -> None:
    source_id, worker = saved(rows), ends(state="failed", error="none of the rows can be loaded.")
    rows.add(Import(filename="p", artifact="a", sha256="", size=1, dialect={}, mapping={}, state="failed", pulled_by=1))
    answer = operator.post(f"{SOURCES}/{source_id}/pull?wait=10")
    worker.join()
    assert_problem(answer, 422, "bad-data")


def test_waiting_ends_in_time(operator: FlaskClient, rows: Rows) -> None:
    began = time.monotonic()
    answer = operator.post(f"{SOURCES}/{saved(rows)}/pull?wait=1")
    assert (answer.status_code, answer.json["state"]) == (202, "queued")
    assert 1 <= time.monotonic() - began < 10


def test_uploads_take_mapping_and_checks_of_a_saved_source(operator: FlaskClient, rows: Rows) -> None:
    mapping = {
        "sale_date": "Order Date",
        "product_code": "Product ID",
        "sales_amount": {"column": "Sales", "factor": 2},
    }
    body = {"name": "till", "kind": "file", "mapping": mapping, "policy": {"max_rejected_share": 0.1}}
    assert operator.post(SOURCES, json=body).status_code == 201
    row = rows.get(Import, operator.post("/api/v1/imports", **upload(source="till")).json["import_id"])
    assert (row.mapping, row.policy) == (mapping, {"max_rejected_share": 0.1})
    assert [item["source"] for item in operator.get("/api/v1/imports?source=till").json["items"]] == ["till"]
    where = f"{SOURCES}/{row.source_id}"
    assert_problem(operator.delete(where), 409, "conflict")


@pytest.mark.parametrize("what", ["pull", "preview"])
def test_a_key_brings_the_same_answer_and_takes_no_other_request(
    operator: FlaskClient, rows: Rows, shop: str, what: str
) -> None:
    first, second = saved(rows, settings={"url": shop, "table": "sales"}), saved(rows, name="other")
    key = {"Idempotency-Key": "monday"}
    answer = operator.post(f"{SOURCES}/{first}/{what}", headers=key)
    assert answer.status_code in {200, 202}, answer.json
    if what == "pull":
        rows.change(JobRun, answer.json["id"], state="failed", finished_at=utc_now())
    again = operator.post(f"{SOURCES}/{first}/{what}", headers=key)
    assert (again.json, again.headers["Idempotency-Replayed"]) == (answer.json, "true")
    assert rows.count(JobRun) == (what == "pull")
    assert_problem(operator.post(f"{SOURCES}/{second}/{what}", headers=key), 422, "reused-key")


def test_sales_refreshed_from_a_source_that_is_down_are_a_bad_gateway(
    operator: FlaskClient, rows: Rows, services: Services
) -> None:
    settings = {"url": "postgresql://nobody@127.0.0.1:1/nothing", "table": "sales"}
    saved(rows, name="erp", settings=settings, mapping={"sale_date": "day", "sales_amount": "amount"})

    def work() -> None:
        while rows.count(JobRun) == 0:
            time.sleep(0.05)
        execute(Attempt(rows.last(JobRun).id, 1), services)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    answer = operator.get("/api/v1/sales-forecast?refresh=erp&wait=25")
    worker.join(30)
    assert "the database" in assert_problem(answer, 502, "upstream-failed")["detail"]
