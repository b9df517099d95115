"""The data quality page: freshness, gaps, conflicts, flags that people decide, and the cleaning policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from web_fixtures import ClientFor, Rows

from ml.db.base import utc_now
from ml.db.catalog import Series
from ml.db.cleaning import CleaningFlag, CleaningPolicy
from ml.db.imports import Import
from webapp.models import User
from webapp.queries.quality import Gap, find_gaps
from worker.models import JobRun

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}
MONDAY = date(2024, 1, 1)


@pytest.fixture
def planner(browser: ClientFor) -> FlaskClient:
    return browser("planner")


def days(*skipped: int, count: int = 28) -> list[date]:
    return [MONDAY + timedelta(days=number) for number in range(count) if number not in skipped]


def an_import(**values: Any) -> Import:
    defaults: dict[str, Any] = {
        "filename": "may.csv", "artifact": "a", "sha256": "0" * 64, "size": 1, "dialect": {}, "mapping": {},
        "state": "loaded", "finished_at": utc_now(), "rows_total": 200, "rows_rejected": 3,
        "last_date": date(2024, 5, 31),
    }  # fmt: skip
    return Import(**{**defaults, **values})


def a_flag(**values: Any) -> CleaningFlag:
    defaults: dict[str, Any] = {
        "series_id": 1, "grain": "monthly", "period": date(2024, 5, 1), "kind": "outlier", "value": 900.0,
        "corrected": 120.0, "score": 8.0, "reason": "eight times the usual",
    }  # fmt: skip
    return CleaningFlag(**{**defaults, **values})


@pytest.fixture
def flag(rows: Rows) -> int:
    rows.add(Series(id=1, key=b"1" * 16, location_level="region", product_level="total", region="East"))
    rows.add(a_flag())
    return rows.last(CleaningFlag).id


def test_days_that_follow_each_other_are_one_gap() -> None:
    assert find_gaps(days(3, 9, 10)).gaps == (
        Gap(date(2024, 1, 4), date(2024, 1, 4)),
        Gap(date(2024, 1, 10), date(2024, 1, 11)),
    )


def test_weekdays_without_sales_as_a_rule_are_no_gaps_and_part_none() -> None:
    found = find_gaps(days(5, 6, 11, 12, 13, 14, 19, 20, 26, 27, count=33))
    assert found.closed == (5, 6)
    assert found.gaps == (Gap(date(2024, 1, 12), date(2024, 1, 15)),)


def test_one_day_of_sales_has_no_gaps() -> None:
    assert find_gaps([MONDAY]).gaps == ()


def test_the_page_before_the_first_import_says_what_to_do(planner: FlaskClient) -> None:
    assert "Nothing has been loaded yet" in planner.get("/quality").text


def test_the_page_shows_freshness_rejected_share_and_conflicts(planner: FlaskClient, rows: Rows) -> None:
    rows.add(an_import(report={"conflicts": [{"code": "P-1", "names": ["Pen", "Pencil"]}]}))
    page = planner.get("/quality").text
    assert "31 May 2024" in page
    assert "1.5%" in page
    assert "Pen · Pencil" in page


def test_a_source_that_failed_since_says_so(planner: FlaskClient, rows: Rows) -> None:
    rows.add(an_import(finished_at=utc_now() - timedelta(days=2)))
    assert "failed" not in planner.get("/quality").text
    rows.add(an_import(state="failed", last_date=None))
    assert "failed" in planner.get("/quality").text


def test_flags_show_the_corrected_value_beside_the_original(planner: FlaskClient, flag: int) -> None:
    page = planner.get("/quality/flags").text
    assert "eight times the usual" in page
    assert ">900<" in page
    assert ">120<" in page
    assert "eight times the usual" not in planner.get("/quality/flags?kind=stockout").text


def test_a_flag_is_decided_with_and_without_htmx(planner: FlaskClient, rows: Rows, flag: int) -> None:
    answer = planner.post(f"/quality/flags/{flag}", data={"verdict": "accepted"}, headers=FRAGMENT)
    assert f'id="flag-{flag}"' in answer.text
    assert "<html" not in answer.text
    assert rows.get(CleaningFlag, flag).verdict == "accepted"
    back = planner.post(f"/quality/flags/{flag}", data={"verdict": "dismissed", "next": "/quality/flags?kind=outlier"})
    assert (back.status_code, back.headers["Location"]) == (303, "/quality/flags?kind=outlier")
    assert rows.get(CleaningFlag, flag).decided_by == "planner@example.com"


def test_a_viewer_sees_flags_and_decides_none(browser: ClientFor, flag: int) -> None:
    viewer = browser("viewer")
    assert "Dismiss</button>" not in viewer.get("/quality/flags").text
    assert viewer.post(f"/quality/flags/{flag}", data={"verdict": "accepted"}).status_code == 403


def test_cleaning_is_run_as_a_job_that_is_shown(planner: FlaskClient, browser: ClientFor, rows: Rows) -> None:
    assert browser("viewer").post("/quality/clean").status_code == 403
    answer = planner.post("/quality/clean")
    job = rows.last(JobRun)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/jobs/{job.id}")
    assert (job.kind, job.requested_by) == ("clean", "planner@example.com")


def test_a_policy_is_set_shown_and_gone_back_on(planner: FlaskClient, rows: Rows) -> None:
    chosen = {"gaps": "none", "returns": "net", "outliers": "correct", "stockouts": "off", "threshold": "4"}
    assert planner.post("/quality/cleaning", data=chosen).status_code == 303
    assert planner.post("/quality/cleaning", data={**chosen, "gaps": "zero"}).status_code == 303
    first = rows.last(CleaningPolicy).id - 1
    page = planner.get("/quality/cleaning").text
    assert 'value="zero" checked' in page
    assert planner.post(f"/quality/cleaning/{first}/restore").status_code == 303
    assert rows.last(CleaningPolicy).settings["gaps"] == "none"
    assert rows.last(JobRun).kind == "clean"


def test_a_threshold_out_of_range_is_refused_with_what_was_chosen(planner: FlaskClient, rows: Rows) -> None:
    answer = planner.post("/quality/cleaning", data={"gaps": "none", "threshold": "0"})
    assert answer.status_code == 422
    assert "threshold" in answer.text
    assert 'value="none" checked' in answer.text
    assert rows.count(CleaningPolicy) == 0


def test_a_limited_planner_decides_flags_of_their_region_and_starts_nothing_for_all(
    browser: ClientFor, make_user: Callable[[str], User], rows: Rows, flag: int
) -> None:
    rows.change(User, make_user("planner").id, scope={"regions": ["East"], "territories": []})
    client = browser("planner")
    page = client.get("/quality/flags").get_data(as_text=True)
    assert 'value="accepted"' in page
    assert "Look again" not in page
    client.post(f"/quality/flags/{flag}", data={"verdict": "accepted"})
    assert rows.get(CleaningFlag, flag).verdict == "accepted"
