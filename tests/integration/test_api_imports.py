"""Imports through the API: loaded at once, corrected first, refused with reasons."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from openpyxl import Workbook
from web_fixtures import SALES_CSV, ClientFor, MakeApp, Rows, assert_problem, upload

from ml.db.base import utc_now
from ml.db.imports import Import, RejectedRow, Source
from webapp.services.imports import file_name
from worker.models import JobRun

IMPORTS = "/api/v1/imports"
GUESSED = {
    "sale_date": "Order Date",
    "region": "Region",
    "territory": "State",
    "area": "City",
    "product_code": "Product ID",
    "product_name": "Product Name",
    "sales_amount": "Sales",
    "sales_qty": "Quantity",
}


@pytest.fixture
def planner(api: ClientFor) -> FlaskClient:
    return api("planner")


def stored_files(folder: Path) -> list[Path]:
    return list((folder / "artifacts").rglob("*.csv*"))


def test_upload_is_accepted_with_its_job(planner: FlaskClient, rows: Rows) -> None:
    answer = planner.post(IMPORTS, **upload())
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json['job_id']}"

    row = rows.get(Import, answer.json["import_id"])
    assert (row.state, row.mapping, row.created_by) == ("queued", GUESSED, "planner@example.com")
    job = rows.get(JobRun, answer.json["job_id"])
    assert (job.kind, job.state, job.arguments) == ("ingest", "queued", {"import_id": row.id})
    assert planner.get(answer.headers["Location"]).json["state"] == "queued"


def test_upload_is_accepted_while_redis_is_down(make_app: MakeApp, planner: FlaskClient) -> None:
    cut_off = make_app(REDIS_URL="unix:///nowhere/redis.sock").test_client()
    cut_off.environ_base["HTTP_AUTHORIZATION"] = planner.environ_base["HTTP_AUTHORIZATION"]
    answer = cut_off.post(IMPORTS, **upload())
    assert answer.status_code == 202
    assert cut_off.get(answer.headers["Location"]).json["state"] == "queued"


def test_given_mapping_replaces_what_was_guessed(planner: FlaskClient, rows: Rows) -> None:
    mapping = json.dumps({"area": "", "territory": "City"})
    answer = planner.post(IMPORTS, **upload(mapping=mapping))
    assert answer.status_code == 202
    found = rows.get(Import, answer.json["import_id"]).mapping
    assert "area" not in found
    assert found["territory"] == "City"


def test_upload_can_wait_for_a_corrected_mapping(planner: FlaskClient, rows: Rows) -> None:
    kept = planner.post(f"{IMPORTS}?start=false", **upload())
    assert kept.status_code == 201
    assert kept.json["state"] == "uploaded"
    assert kept.json["columns"][0] == "Order Date"
    assert rows.count(JobRun) == 0

    where = kept.headers["Location"]
    started = planner.post(f"{where}/start", json={"mapping": {"channel": "Region"}})
    assert started.status_code == 202
    detail = planner.get(where).json
    assert detail["state"] == "queued"
    assert detail["mapping"]["channel"] == "Region"
    assert detail["job_ids"] == [started.json["job_id"]]


def test_import_starts_once(planner: FlaskClient, rows: Rows) -> None:
    where = planner.post(f"{IMPORTS}?start=false", **upload()).headers["Location"]
    assert planner.post(f"{where}/start", json={}).status_code == 202
    assert_problem(planner.post(f"{where}/start", json={}), 409, "conflict")
    assert rows.count(JobRun) == 1


def test_failed_import_can_be_started_again(planner: FlaskClient, rows: Rows) -> None:
    answer = planner.post(IMPORTS, **upload())
    rows.change(Import, answer.json["import_id"], state="failed")
    again = planner.post(f"{IMPORTS}/{answer.json['import_id']}/start", json={})
    assert again.status_code == 202
    assert again.json["job_id"] != answer.json["job_id"]


def test_gzip_is_taken(planner: FlaskClient) -> None:
    assert planner.post(IMPORTS, **upload(gzip.compress(SALES_CSV.encode()), "sales.csv.gz")).status_code == 202


def test_folders_in_a_file_name_are_dropped(planner: FlaskClient, rows: Rows) -> None:
    answer = planner.post(IMPORTS, **upload(name="C:\\data\\../../etc/sales.csv"))
    assert rows.get(Import, answer.json["import_id"]).filename == "sales.csv"


def test_columns_that_cannot_be_guessed_are_named_field_by_field(
    planner: FlaskClient, rows: Rows, tmp_path: Path
) -> None:
    answer = planner.post(IMPORTS, **upload("a,b\nx,y\nz,w\n"))
    errors = assert_problem(answer, 422, "bad-mapping")["errors"]
    assert {error["field"] for error in errors} == {
        "mapping.sale_date",
        "mapping.product_code",
        "mapping.sales_amount",
    }
    assert rows.count(Import) == 0
    assert stored_files(tmp_path) == []


def test_mapping_to_an_absent_column_or_field_is_refused(planner: FlaskClient) -> None:
    answer = planner.post(IMPORTS, **upload(mapping='{"region": "Land", "colour": "City"}'))
    errors = assert_problem(answer, 422, "bad-mapping")["errors"]
    assert {error["field"] for error in errors} == {"mapping.region", "mapping.colour"}


@pytest.mark.parametrize("mapping", ["no json", "[1]", '{"region": 1}'])
def test_mapping_must_be_an_object_of_names(planner: FlaskClient, mapping: str) -> None:
    assert_problem(planner.post(IMPORTS, **upload(mapping=mapping)), 422, "invalid-request")


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", b"Order Date,Product,Sales\n", b"one line of text without a table"],
    ids=["empty", "image", "header-only", "text"],
)
def test_file_that_is_no_csv_is_refused_and_not_kept(
    planner: FlaskClient, rows: Rows, tmp_path: Path, content: bytes
) -> None:
    assert_problem(planner.post(IMPORTS, **upload(content)), 422, "unreadable-source")
    assert rows.count(Import) == 0
    assert stored_files(tmp_path) == []


def test_file_of_one_row_is_taken(planner: FlaskClient) -> None:
    one_row = "".join(SALES_CSV.splitlines(keepends=True)[:2])
    assert planner.post(IMPORTS, **upload(one_row)).status_code == 202


def test_upload_without_a_file_is_refused(planner: FlaskClient) -> None:
    for data in ({}, {"file": "not a file"}):
        answer = planner.post(IMPORTS, data=data, content_type="multipart/form-data")
        assert assert_problem(answer, 422, "invalid-request")["errors"][0]["field"] == "file"


def test_body_above_the_limit_is_refused(make_app: MakeApp, planner: FlaskClient, rows: Rows) -> None:
    small = make_app(MAX_UPLOAD_MB="1").test_client()
    small.environ_base["HTTP_AUTHORIZATION"] = planner.environ_base["HTTP_AUTHORIZATION"]
    answer = small.post(IMPORTS, data=b"x" * ((1 << 20) + 1), content_type="multipart/form-data; boundary=b")
    assert_problem(answer, 413, "request-entity-too-large")
    assert rows.count(Import) == 0


def test_viewer_may_look_and_not_import(api: ClientFor) -> None:
    viewer = api("viewer")
    assert viewer.get(IMPORTS).status_code == 200
    assert_problem(viewer.post(IMPORTS, **upload()), 403, "forbidden")


def test_unknown_and_malformed_ids(planner: FlaskClient) -> None:
    for path in ("999", "999/rejected"):
        assert_problem(planner.get(f"{IMPORTS}/{path}"), 404, "not-found")
    assert_problem(planner.post(f"{IMPORTS}/999/start", json={}), 404, "not-found")
    assert_problem(planner.get(f"{IMPORTS}/abc"), 404, "not-found")
    assert_problem(planner.get(f"{IMPORTS}/{2**64}"), 422, "invalid-request")


def test_wrong_method_is_refused_with_those_allowed(planner: FlaskClient) -> None:
    answer = planner.delete(IMPORTS)
    assert_problem(answer, 405, "method-not-allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_list_goes_on_from_its_cursor(planner: FlaskClient, rows: Rows) -> None:
    ids = [planner.post(f"{IMPORTS}?start=false", **upload()).json["id"] for _ in range(3)]
    first = planner.get(f"{IMPORTS}?limit=2").json
    second = planner.get(f"{IMPORTS}?limit=2&cursor={first['next_cursor']}").json
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None


def test_rejected_rows_come_as_csv_with_the_reason(planner: FlaskClient, rows: Rows) -> None:
    import_id = planner.post(f"{IMPORTS}?start=false", **upload()).json["id"]
    for number, value in ((3, 'seven, "or so"'), (7, "n/a")):
        bad = RejectedRow(import_id=import_id, row_number=number, column="Sales", value=value, reason="no number")
        bad.row = {"Order Date": "2024-01-03", "Sales": value}
        rows.add(bad)
    answer = planner.get(f"{IMPORTS}/{import_id}/rejected")
    assert answer.mimetype == "text/csv"
    found = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert found[0][:2] == ["Order Date", "Sales"]
    assert found[1] == ["2024-01-03", 'seven, "or so"', "3", "Sales", "no number"]
    assert found[2] == ["2024-01-03", "n/a", "7", "Sales", "no number"]


def test_import_without_rejected_rows_has_an_empty_file(planner: FlaskClient) -> None:
    import_id = planner.post(f"{IMPORTS}?start=false", **upload()).json["id"]
    answer = planner.get(f"{IMPORTS}/{import_id}/rejected")
    assert (answer.status_code, answer.get_data()) == (200, b"")


def test_detail_tells_conflicts(planner: FlaskClient, rows: Rows) -> None:
    import_id = planner.post(f"{IMPORTS}?start=false", **upload()).json["id"]
    conflicts = [{"code": "P-1", "names": ["Pen", "Pencil"]}]
    rows.change(Import, import_id, report={"rows": 2, "conflicts": conflicts})
    assert planner.get(f"{IMPORTS}/{import_id}").json["conflicts"] == conflicts


def test_a_mapping_nested_too_deeply_is_refused(planner: FlaskClient) -> None:
    assert_problem(planner.post(IMPORTS, **upload(mapping="[" * 100_000)), 400, "bad-request")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\\\sales\\\\may.csv", "may.csv"),
        ("\u202egnp.csv", "gnp.csv"),
        ("a\0b.csv", "ab.csv"),
        ("n" * 400, "n" * 250),
        ("\u200b", "upload.csv"),
    ],
)
def test_file_names_are_kept_without_folders_and_tricks(sent: str, kept: str) -> None:
    assert file_name(sent) == kept


def test_uploads_of_other_data_sets_have_their_fields(planner: FlaskClient, rows: Rows) -> None:
    answer = planner.post(IMPORTS, **upload("Article,Price\nP-1,2.50\nP-2,3.00\n", dataset="products"))
    assert answer.status_code == 202, answer.json
    row = rows.get(Import, answer.json["import_id"])
    assert (row.dataset, row.mapping) == ("products", {"product_code": "Article", "price": "Price"})
    assert_problem(planner.post(IMPORTS, **upload(dataset="dreams")), 404, "not-found")


def test_rules_and_policies_are_kept_and_checked(planner: FlaskClient, rows: Rows) -> None:
    rule = {"left": "Quantity", "op": "*", "right": "Sales"}
    answer = planner.post(
        IMPORTS, **upload(mapping=json.dumps({"sales_amount": rule}), policy='{"duplicates": "drop"}')
    )
    assert answer.status_code == 202, answer.json
    row = rows.get(Import, answer.json["import_id"])
    assert (row.mapping["sales_amount"], row.policy) == (rule, {"duplicates": "drop"})

    wrong = planner.post(IMPORTS, **upload(mapping=json.dumps({"sales_amount": {**rule, "op": "^"}})))
    assert assert_problem(wrong, 422, "bad-mapping")["errors"][0]["field"] == "mapping.sales_amount"
    assert_problem(planner.post(IMPORTS, **upload(policy='{"duplicates": "burn"}')), 422, "bad-policy")


def test_unknown_sources_and_those_of_other_data_sets_are_refused(planner: FlaskClient, rows: Rows) -> None:
    rows.add(Source(name="stock", kind="file", dataset="stock"))
    for fields in ({"source": "nobody"}, {"source": "stock", "dataset": "sales"}):
        answer = planner.post(IMPORTS, **upload(**fields))
        assert assert_problem(answer, 422, "invalid-request")["errors"][0]["field"] == "source"


def test_list_is_filtered(planner: FlaskClient, rows: Rows) -> None:
    first, second = (planner.post(f"{IMPORTS}?start=false", **upload()).json["id"] for _ in range(2))
    rows.change(Import, first, state="loaded", dataset="stock")
    assert [item["id"] for item in planner.get(f"{IMPORTS}?state=loaded").json["items"]] == [first]
    assert [item["id"] for item in planner.get(f"{IMPORTS}?dataset=sales").json["items"]] == [second]
    assert_problem(planner.get(f"{IMPORTS}?state=lost"), 422, "invalid-request")


def test_preview_shows_the_first_rows(planner: FlaskClient, rows: Rows) -> None:
    import_id = planner.post(f"{IMPORTS}?start=false", **upload()).json["id"]
    found = planner.get(f"{IMPORTS}/{import_id}/preview?rows=1").json
    assert (found["format"], found["delimiter"], found["columns"][0]) == ("csv", ",", "Order Date")
    assert [row["Product ID"] for row in found["rows"]] == ["P-1"]
    rows.change(Import, import_id, artifact_deleted_at=utc_now())
    assert_problem(planner.get(f"{IMPORTS}/{import_id}/preview"), 409, "conflict")
    assert_problem(planner.post(f"{IMPORTS}/{import_id}/start", json={}), 409, "conflict")


def test_a_workbook_is_read_from_its_sheet(planner: FlaskClient, rows: Rows) -> None:
    book = Workbook()
    for row in csv.reader(io.StringIO(SALES_CSV)):
        book.create_sheet("2024").append(row) if "2024" not in book.sheetnames else book["2024"].append(row)
    book.active.append(["nothing", "here"])
    book.active.append(["at", "all"])
    content = io.BytesIO()
    book.save(content)
    answer = planner.post(f"{IMPORTS}?start=false", **upload(content.getvalue(), "sales.xlsx", sheet="2024"))
    assert answer.status_code == 201, answer.json
    assert answer.json["mapping"] == GUESSED
    preview = planner.get(f"{IMPORTS}/{answer.json['id']}/preview").json
    assert (preview["sheet"], preview["sheets"]) == ("2024", ["Sheet", "2024"])


def test_corrected_rejected_rows_are_an_ordinary_upload(planner: FlaskClient, rows: Rows) -> None:
    first = planner.post(f"{IMPORTS}?start=false", **upload()).json["id"]
    for number, cells in enumerate(csv.DictReader(io.StringIO(SALES_CSV)), 1):
        bad = RejectedRow(import_id=first, row_number=number, column="Sales", value="n/a", reason="no number")
        bad.row = {**cells, "Sales": "n/a"}
        rows.add(bad)
    corrected = planner.get(f"{IMPORTS}/{first}/rejected").get_data(as_text=True).replace("n/a", "12.50")
    answer = planner.post(IMPORTS, **upload(corrected, "corrected.csv"))
    assert answer.status_code == 202, answer.json
    assert rows.get(Import, answer.json["import_id"]).mapping == GUESSED


def test_only_what_is_loaded_is_taken_back(planner: FlaskClient, api: ClientFor) -> None:
    import_id = planner.post(f"{IMPORTS}?start=false", **upload()).json["id"]
    assert_problem(planner.post(f"{IMPORTS}/{import_id}/undo"), 409, "conflict")
    assert_problem(api("viewer").post(f"{IMPORTS}/{import_id}/undo"), 403, "forbidden")
    assert_problem(planner.post(f"{IMPORTS}/999/undo"), 404, "not-found")
