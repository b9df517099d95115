"""The pages of sources: set up, edited without showing credentials, previewed, pulled."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_fixtures import ClientFor, MakeApp, Rows

from ml.db.imports import Source
from ml.etl.sources import http
from ml.etl.sources.extractors import LAYOUTS
from ml.secrets import generate_key
from webapp.auth.permissions import PERMISSIONS
from webapp.models import Role
from webapp.pages.sources_form import GROUPS
from worker.models import JobRun

FORM = {
    "kind": "sql", "name": "ERP orders", "dataset": "sales", "settings.url": "postgresql://reader@erp.example.com/erp",
    "settings.table": "orders", "settings.watermark_column": "updated_at", "secret": "very-secret", "active": "1",
}  # fmt: skip


@pytest.fixture
def app(make_app: MakeApp, rows: Rows) -> Flask:
    """An app that can store credentials."""
    rows.add(*(Role(name=name, description=name) for name in PERMISSIONS))
    return make_app(FORECASTLE_SECRET_KEY=generate_key())


@pytest.fixture
def operator(browser: ClientFor) -> FlaskClient:
    return browser("operator")


@pytest.fixture
def source(operator: FlaskClient) -> str:
    """The address of a saved source."""
    answer = operator.post("/sources/new", data=FORM)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_a_source_is_set_up_and_its_password_shown_nowhere(operator: FlaskClient, source: str, rows: Rows) -> None:
    saved = rows.last(Source)
    assert saved.settings["table"] == "orders"
    assert saved.secret
    for path in ("/sources", source, f"{source}/edit"):
        page = operator.get(path).text
        assert "ERP orders" in page
        assert "very-secret" not in page
    assert "empty keeps it" in operator.get(f"{source}/edit").text


def test_an_empty_password_keeps_the_stored_one(operator: FlaskClient, source: str, rows: Rows) -> None:
    before = rows.last(Source).secret
    assert operator.post(f"{source}/edit", data={**FORM, "name": "Orders", "secret": ""}).status_code == 303
    assert (rows.last(Source).name, rows.last(Source).secret) == ("Orders", before)
    operator.post(f"{source}/edit", data={**FORM, "secret": "", "forget_secret": "1"})
    assert rows.last(Source).secret != before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "name"),
        ({"settings.table": ""}, "table, query and extract"),
        ({"cron": "whenever"}, "whenever"),
        ({"settings.extractor": "{"}, "JSON"),
    ],
)
def test_what_is_wrong_is_said_above_the_form(operator: FlaskClient, rows: Rows, wrong: dict, said: str) -> None:
    answer = operator.post("/sources/new", data={**FORM, **wrong})
    assert answer.status_code == 422
    assert said in answer.text
    assert "very-secret" not in answer.text
    assert rows.count(Source) == 0


def test_json_that_cannot_be_read_is_shown_as_it_was_typed(operator: FlaskClient, source: str, rows: Rows) -> None:
    typed = {**FORM, "name": "Renamed", "settings.extractor": "{tables: orders}", "cron": "15 6 * * *"}
    for path in ("/sources/new", f"{source}/edit"):
        page = operator.post(path, data=typed).text
        assert "cannot be read as JSON" in page
        assert ">{tables: orders}</textarea>" in page
        for text in ("Renamed", "postgresql://reader@erp.example.com/erp", "15 6 * * *"):
            assert f'value="{text}"' in page
    assert rows.last(Source).name == "ERP orders"


def test_pulling_starts_a_job_that_the_page_follows(operator: FlaskClient, source: str, rows: Rows) -> None:
    assert operator.post(f"{source}/pull").headers["Location"] == source
    assert rows.last(JobRun).kind == "pull"
    assert "data-live" in operator.get(source).text
    rows.change(JobRun, rows.last(JobRun).id, state="failed", error="GET /orders was answered with 503.")
    page = operator.get(source).text
    assert "nothing of it was loaded" in page
    assert "answered with 503" in page
    assert "answered with 503" in operator.get("/sources").text


def test_checking_only_says_so_and_leads_to_what_was_found(operator: FlaskClient, source: str, rows: Rows) -> None:
    assert operator.post(f"{source}/pull", data={"dry_run": "1"}).headers["Location"] == source
    job = rows.last(JobRun)
    assert job.arguments["dry_run"] is True
    rows.change(JobRun, job.id, state="succeeded", result={"rows_fetched": 3, "import_id": 7})
    page = operator.get(source).text
    assert "Checked, not loaded." in page
    assert '<a href="/imports/7">' in page
    assert "only checked" in operator.get("/sources").text
    rows.change(JobRun, job.id, result={"rows_fetched": 1})
    assert "There is nothing new to load." in operator.get(source).text


def test_the_first_rows_are_shown_and_their_columns_matched(operator: FlaskClient, rows: Rows, tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    folder.mkdir(exist_ok=True)
    with sqlite3.connect(folder / "erp.db") as database:
        database.execute("CREATE TABLE orders (day TEXT, item TEXT, amount REAL)")
        database.execute("INSERT INTO orders VALUES ('2024-01-31', 'P-1', 12.5)")
    form = {**FORM, "settings.url": f"sqlite:///{folder / 'erp.db'}", "settings.watermark_column": "", "secret": ""}
    source = operator.post("/sources/new", data=form).headers["Location"]
    page = operator.get(f"{source}/rows").text
    assert "2024-01-31" in page
    chosen = {
        "sale_date": "day",
        "product_code": "item",
        "sales_amount": "amount",
        "area": "",
        "area.constant": "Leeds",
    }
    assert operator.post(f"{source}/rows", data=chosen).status_code == 303
    assert rows.last(Source).mapping["area"] == {"constant": "Leeds"}


def test_a_source_that_cannot_be_reached_says_so(operator: FlaskClient) -> None:
    form = {**FORM, "settings.url": "sqlite:////nowhere/erp.db", "settings.watermark_column": "", "secret": ""}
    answer = operator.post("/sources/new", data=form)
    if answer.status_code == 303:
        assert "Try again" in operator.get(answer.headers["Location"] + "/rows").text
    else:
        assert answer.status_code == 422


def test_planners_pull_and_change_nothing(browser: ClientFor, source: str, rows: Rows) -> None:
    """As through the API."""
    rows.change(Source, rows.last(Source).id, mapping={"sale_date": "day"})
    planner, viewer = browser("planner"), browser("viewer")
    assert "Pull now" in planner.get(source).text
    assert f'href="{source}/edit"' not in planner.get(source).text
    for path in (f"{source}/edit", f"{source}/delete", "/sources/new"):
        assert planner.post(path).status_code == 403
    assert planner.post(f"{source}/pull").status_code == 303
    assert "Pull now" not in viewer.get(source).text
    assert viewer.post(f"{source}/pull").status_code == 403


def test_a_source_is_pulled_once_its_columns_are_matched(operator: FlaskClient, source: str) -> None:
    page = operator.get(source).text
    assert "No columns are matched yet." in page
    assert "Pull now" not in page
    ready = {"name": "Items", "settings.table": "", "settings.extract": "items", "settings.watermark_column": ""}
    page = operator.get(operator.post("/sources/new", data={**FORM, **ready}).headers["Location"]).text
    assert "by the ready-made extract" in page
    assert "Pull now" in page


def test_the_forms_offer_what_sources_take() -> None:
    choices = {one.name: tuple(one.choices) for groups in GROUPS.values() for group in groups for one in group.inputs}
    assert choices["auth"] == http.AUTHS
    assert choices["pagination"] == http.STYLES
    assert choices["date_format"] == http.FORMATS
    assert choices["extract"] == ("", *LAYOUTS)


def test_a_source_without_imports_is_deleted(operator: FlaskClient, source: str, rows: Rows) -> None:
    assert operator.post(f"{source}/delete").status_code == 303
    assert rows.count(Source) == 0
