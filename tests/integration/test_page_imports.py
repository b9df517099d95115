"""From upload to loading on the import pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from web_fixtures import SALES_CSV, ClientFor, upload

from ml.db.base import utc_now
from ml.db.imports import Import, RejectedRow
from worker.models import JobRun, OutboxEvent

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}
CHOSEN = {
    "sale_date": "Order Date", "region": "Region", "territory": "State", "area": "City",
    "product_code": "Product ID", "sales_amount": "Sales", "sales_qty": "Quantity",
}  # fmt: skip


@pytest.fixture
def planner(browser: ClientFor) -> FlaskClient:
    return browser("planner")


@pytest.fixture
def uploaded(planner: FlaskClient) -> str:
    """The address of an import whose columns are to be matched."""
    answer = planner.post("/imports", **upload())
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def only_import(session: Session) -> Import:
    return session.query(Import).one()


def selected(page: str, field: str) -> str | None:
    select = re.search(rf'<select[^>]*name="{field}".*?</select>', page, re.DOTALL)
    assert select is not None
    found = re.search(r"<option selected>(.*?)</option>", select[0])
    return found[1] if found else None


def add_job(session: Session, kind: str, state: str, **values: Any) -> JobRun:
    job = JobRun(kind=kind, queue="ingest", arguments={}, state=state, started_at=utc_now(), **values)
    session.add(job)
    session.commit()
    return job


def set_state(session: Session, state: str, **values: Any) -> None:
    row = only_import(session)
    for name, value in {"state": state, "finished_at": utc_now(), **values}.items():
        setattr(row, name, value)
    session.query(JobRun).update({"state": "failed" if state == "failed" else "succeeded"})
    session.commit()


def test_upload_leads_to_guessed_columns_with_samples(planner: FlaskClient, uploaded: str) -> None:
    page = planner.get(uploaded).text
    assert selected(page, "sale_date") == "Order Date"
    assert selected(page, "territory") == "State"
    assert selected(page, "channel") is None
    assert '<span class="sample">New York</span>' in page


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "empty"), ("a,b,c\n", "no rows below"), (b"PK\x03\x04\x14\x00\x06\x00", "Excel")],
    ids=["empty", "header", "excel"],
)
def test_a_file_that_is_no_csv_is_refused_beside_the_field(
    planner: FlaskClient, session: Session, content: str | bytes, reason: str
) -> None:
    answer = planner.post("/imports", **upload(content))
    assert answer.status_code == 422
    problem = re.search(r'id="file-error" role="alert">(.*?)</p>', answer.text, re.DOTALL)
    assert problem is not None
    assert reason.lower() in problem[1].lower()
    assert session.query(Import).count() == 0


def test_no_file_is_said_beside_the_field(planner: FlaskClient) -> None:
    answer = planner.post("/imports", data={})
    assert answer.status_code == 422
    assert "Choose a file first." in answer.text


def test_changing_a_column_shows_what_is_in_it(planner: FlaskClient, uploaded: str) -> None:
    answer = planner.post(f"{uploaded}/columns", data={**CHOSEN, "channel": "Product Name"}, headers=FRAGMENT)
    assert "<html" not in answer.text
    assert selected(answer.text, "channel") == "Product Name"
    assert '<span class="sample">Paper</span>' in answer.text


def test_a_missing_field_is_named_beside_it_and_nothing_starts(
    planner: FlaskClient, uploaded: str, session: Session
) -> None:
    answer = planner.post(uploaded, data={**CHOSEN, "sale_date": ""})
    assert answer.status_code == 422
    assert re.search(r'id="sale_date-error">.*No column is chosen for Date', answer.text, re.DOTALL)
    assert selected(answer.text, "region") == "Region"
    assert session.query(JobRun).count() == 0


def test_loading_starts_a_job_and_comes_back_to_its_progress(
    planner: FlaskClient, uploaded: str, session: Session
) -> None:
    answer = planner.post(uploaded, data=CHOSEN)
    assert (answer.status_code, answer.headers["Location"]) == (303, uploaded)
    assert only_import(session).mapping == CHOSEN
    page = planner.get(uploaded).text
    assert "data-live" in page
    assert '<meta http-equiv="refresh"' in page


def test_a_fragment_that_did_not_change_is_not_sent_again(
    planner: FlaskClient, uploaded: str, session: Session
) -> None:
    planner.post(uploaded, data=CHOSEN)
    fragment = planner.get(uploaded, headers=FRAGMENT).text
    again = re.search(r'hx-get="([^"]+)"', fragment)
    assert again is not None
    assert planner.get(again[1], headers=FRAGMENT).status_code == 204
    session.query(JobRun).one().state = "running"
    session.commit()
    assert planner.get(again[1], headers=FRAGMENT).status_code == 200


def test_the_page_follows_until_the_forecast_is_ready(planner: FlaskClient, uploaded: str, session: Session) -> None:
    planner.post(uploaded, data=CHOSEN)
    session.query(JobRun).one().state = "succeeded"
    set_state(session, "loaded", rows_loaded=2, rows_total=2, rows_rejected=0, rows_unchanged=0)
    assert "data-live" in planner.get(uploaded).text

    event = OutboxEvent(name="AggregatesRefreshed", payload={})
    session.add(event)
    session.commit()
    add_job(session, "refresh", "succeeded", caused_by=event.id)
    last = add_job(session, "forecast", "running", caused_by=event.id)
    assert "data-live" in planner.get(uploaded).text
    last.state = "succeeded"
    session.commit()
    page = planner.get(uploaded).text
    assert "The forecast is ready." in page
    assert "data-live" not in page


def test_a_file_without_news_ends_there(planner: FlaskClient, uploaded: str, session: Session) -> None:
    planner.post(uploaded, data=CHOSEN)
    set_state(session, "loaded", rows_loaded=0, rows_total=2, rows_rejected=0, rows_unchanged=2)
    page = planner.get(uploaded).text
    assert "No new rows." in page
    assert "data-live" not in page


def test_a_failed_import_says_why_and_can_be_tried_again(planner: FlaskClient, uploaded: str, session: Session) -> None:
    planner.post(uploaded, data=CHOSEN)
    set_state(session, "failed", error="The disk is full.")
    page = planner.get(uploaded).text
    assert "The disk is full." in page
    assert selected(page, "sale_date") == "Order Date"


def test_a_refused_import_shows_its_rejected_rows(
    planner: FlaskClient, browser: ClientFor, uploaded: str, session: Session
) -> None:
    set_state(session, "failed", error="2 of 2 rows cannot be loaded.", rows_total=2, rows_rejected=1)
    origin = only_import(session).id
    session.add(RejectedRow(import_id=origin, row_number=2, column="Sales", value="ten", reason="is no number", row={}))
    session.commit()
    for page in (planner.get(uploaded).text, browser("viewer").get(uploaded).text):
        assert "is no number" in page
        assert f"{uploaded}/rejected.csv" in page


def test_an_upload_that_was_never_loaded_is_told_when_its_file_is_gone(
    planner: FlaskClient, uploaded: str, session: Session
) -> None:
    set_state(session, "uploaded", artifact_deleted_at=utc_now())
    assert "Its file is gone." in planner.get(uploaded).text


def test_rejected_rows_and_conflicts_are_shown(planner: FlaskClient, uploaded: str, session: Session) -> None:
    planner.post(uploaded, data=CHOSEN)
    conflicts = [{"code": "P-1", "names": ["Pen", "Pencil"]}]
    set_state(session, "loaded", rows_loaded=1, rows_total=2, rows_rejected=1, report={"conflicts": conflicts})
    whole = dict(zip(SALES_CSV.splitlines()[0].split(","), ["", "<b>", "", "", "", "", "", ""], strict=True))
    origin = only_import(session).id
    session.add(
        RejectedRow(import_id=origin, row_number=2, column="Sales", value="<b>ten", reason="is no number", row=whole)
    )
    session.commit()
    page = planner.get(uploaded).text
    assert "&lt;b&gt;ten" in page
    assert "Pen · Pencil" in page
    download = planner.get(f"{uploaded}/rejected.csv")
    assert download.mimetype == "text/csv"
    assert "is no number" in download.text


def test_a_viewer_sees_imports_but_no_form(browser: ClientFor, uploaded: str) -> None:
    viewer = browser("viewer")
    assert "sales.csv" in viewer.get("/imports").text
    assert 'type="file"' not in viewer.get("/imports").text
    assert viewer.get(uploaded).status_code == 200
    assert "<select" not in viewer.get(uploaded).text


def test_a_rule_is_read_from_the_form_and_shown_again(planner: FlaskClient, uploaded: str, session: Session) -> None:
    more = {"sales_amount.op": "*", "sales_amount.right": "Quantity", "channel": "", "channel.constant": "Web"}
    planner.post(uploaded, data={**CHOSEN, **more, "sales_qty.factor": "12"})
    assert only_import(session).mapping == {
        **CHOSEN,
        "sales_amount": {"left": "Sales", "op": "*", "right": "Quantity"},
        "sales_qty": {"column": "Quantity", "factor": 12},
        "channel": {"constant": "Web"},
    }
    set_state(session, "failed", error="once more")
    page = planner.get(uploaded).text
    assert 'name="channel.constant" value="Web"' in page
    assert 'name="sales_amount.right" value="Quantity"' in page


def test_limits_are_kept_and_wrong_ones_named(planner: FlaskClient, uploaded: str, session: Session) -> None:
    wrong = planner.post(uploaded, data={**CHOSEN, "policy.max_rejected_percent": "140"})
    assert wrong.status_code == 422
    assert "max_rejected_share" in wrong.text
    planner.post(uploaded, data={**CHOSEN, "policy.max_rejected_percent": "5", "policy.unknown_products": "reject"})
    policy = only_import(session).policy
    assert policy == {"max_rejected_share": 0.05, "unknown_products": "reject", "volume": None}


def test_limits_of_another_data_set_are_its_own(planner: FlaskClient, session: Session) -> None:
    uploaded = planner.post("/imports", **upload("Article,Price\nP-1,2.50\n", dataset="products")).headers["Location"]
    only_import(session).policy = {"ranges": {"price": [0, 100]}, "max_rejected_rows": 7}
    session.commit()
    page = planner.get(uploaded)
    assert page.status_code == 200
    assert 'name="policy.max_rejected_rows" value="7"' in page.text
    planner.post(uploaded, data={"product_code": "Article", "price": "Price", "policy.max_rejected_rows": "8"})
    session.expire_all()
    kept = only_import(session).policy or {}
    assert (kept["ranges"], kept["max_rejected_rows"]) == ({"price": [0, 100]}, 8)


def test_checking_only_starts_a_dry_run_and_its_report_is_shown(
    planner: FlaskClient, uploaded: str, session: Session
) -> None:
    planner.post(uploaded, data={**CHOSEN, "action": "check"})
    assert "data-live" in planner.get(uploaded).text
    job = session.query(JobRun).one()
    assert job.arguments["dry_run"] is True
    job.state = "succeeded"
    only_import(session).report = {
        "dry_run": True, "rows": 2, "loaded": 1, "changed": 0, "unchanged": 0, "rejected": 1, "refusal": "",
        "first_date": "2024-01-03", "last_date": "2024-01-03", "amount": 10.5, "quantity": 2,
        "months": [{"month": "2024-01", "rows": 1, "amount": 10.5}], "notes": ["newest sale is old"],
        "verdicts": [], "new_products": {"count": 1, "codes": ["P-1"]}, "new_areas": {"count": 0, "codes": []},
        "examples": [{"row_number": 2, "column": "Sales", "value": "ten", "reason": "is no number"}], "conflicts": [],
    }  # fmt: skip
    session.commit()
    page = planner.get(uploaded).text
    assert "What loading would do" in page
    assert "Newest sale is old" in page
    assert "is no number" in page
    assert selected(page, "sale_date") == "Order Date"
    followed = planner.get(uploaded, headers=FRAGMENT)
    assert followed.headers["HX-Redirect"] == uploaded


def test_a_mapping_is_saved_and_taken_for_the_next_file(planner: FlaskClient, uploaded: str, session: Session) -> None:
    saved = {**CHOSEN, "area": "", "area.constant": "Leeds", "action": "save", "save_as": "Monthly export"}
    assert planner.post(uploaded, data=saved).status_code == 303
    assert session.query(JobRun).count() == 0
    session.commit()
    assert "Monthly export" in planner.get("/imports").text
    answer = planner.post("/imports", **upload(source="Monthly export"))
    page = planner.get(answer.headers["Location"]).text
    assert 'name="area.constant" value="Leeds"' in page
    nameless = planner.post(uploaded, data={**saved, "save_as": " "})
    assert nameless.status_code == 422


def test_a_file_is_read_as_another_data_set(planner: FlaskClient, uploaded: str, session: Session) -> None:
    assert planner.post(f"{uploaded}/read", data={"dataset": "products"}).status_code == 303
    page = planner.get(uploaded).text
    assert selected(page, "product_code") == "Product ID"
    assert "Load these products" in page
    assert only_import(session).dataset == "products"


def test_taking_back_says_first_what_changes_and_then_asks(
    planner: FlaskClient, uploaded: str, session: Session
) -> None:
    assert planner.get(f"{uploaded}/take-back").status_code == 409
    set_state(session, "loaded", sequence=1, rows_loaded=2, rows_total=2, rows_rejected=0, rows_unchanged=0)
    assert "Take this import back" in planner.get(uploaded).text
    page = planner.get(f"{uploaded}/take-back").text
    assert "Totals of 0 days, 0 weeks and 0 months" in page
    assert session.query(JobRun).count() == 0
    session.commit()
    assert planner.post(f"{uploaded}/take-back").headers["Location"] == uploaded
    assert session.query(JobRun).one().kind == "take_back"


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_templates_can_be_downloaded(planner: FlaskClient, suffix: str) -> None:
    answer = planner.get(f"/imports/templates/stock.{suffix}")
    assert answer.status_code == 200
    assert f"stock-template.{suffix}" in answer.headers["Content-Disposition"]
    assert planner.get("/imports/templates/stock.doc").status_code == 404


def test_the_history_is_filtered_by_the_address(planner: FlaskClient, uploaded: str) -> None:
    assert "sales.csv" in planner.get("/imports?dataset=sales&state=uploaded").text
    assert "No import is of this kind" in planner.get("/imports?dataset=stock").text


def test_an_import_that_does_not_exist(planner: FlaskClient) -> None:
    assert planner.get("/imports/99").status_code == 404
