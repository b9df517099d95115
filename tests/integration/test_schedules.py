"""Schedules on their pages and by API: set up, changed, paused, run at once; and what they promised."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from test_page_jobs import add_job
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.base import utc_now
from webapp.schemas.schedules import ScheduledKind
from worker.models import JobRun, PromisedRun, Schedule
from worker.schedule import SCHEDULABLE, SCHEDULE, add_missing

BODY: dict[str, Any] = {"cron": "15 6 * * mon-fri", "timezone": "Europe/Berlin", "kind": "refresh"}
API = "/api/v1/schedules"


@pytest.fixture(autouse=True)
def _built_in(session: Session) -> None:
    add_missing(session, "Europe/Berlin", utc_now() - timedelta(minutes=1))
    session.commit()


@pytest.fixture
def operator(api: ClientFor) -> FlaskClient:
    return api("operator")


@pytest.fixture
def pages(browser: ClientFor) -> FlaskClient:
    return browser("operator")


def promise(session: Session, schedule_id: str, minutes_ago: int = 10, **values: Any) -> PromisedRun:
    slot = utc_now() - timedelta(minutes=minutes_ago)
    row = PromisedRun(schedule_id=schedule_id, slot=slot, due_at=slot, **values)
    session.add(row)
    session.commit()
    return row


def test_the_api_names_every_kind_that_may_be_scheduled() -> None:
    assert get_args(ScheduledKind) == SCHEDULABLE


def test_the_api_lists_schedules_with_last_next_and_owed_runs(operator: FlaskClient, session: Session) -> None:
    job = add_job(session, "refresh", "succeeded")
    promise(session, "nightly-refresh", 20, state="published", job_id=job.id, expected=10, delivered=9)
    promise(session, "nightly-refresh", 10, state="owed")
    promise(session, "nightly-refresh", -600)
    items = operator.get(API).get_json()["items"]
    assert {item["id"] for item in items} == {one.id for one in SCHEDULE}
    nightly = next(item for item in items if item["id"] == "nightly-refresh")
    assert (nightly["owed"], nightly["last_run"]["state"], nightly["timezone"]) == (1, "owed", "Europe/Berlin")
    assert nightly["next_run_at"] > utc_now().isoformat()
    runs = operator.get(f"{API}/runs?schedule_id=nightly-refresh&state=published").get_json()["items"]
    assert [(run["job_id"], run["delivered"], run["expected"]) for run in runs] == [(job.id, 9, 10)]


def test_a_schedule_is_made_changed_paused_and_deleted(operator: FlaskClient, rows: Rows, session: Session) -> None:
    made = operator.post(API, json={"id": "morning", **BODY})
    assert (made.status_code, made.headers["Location"]) == (201, f"{API}/morning")
    promise(session, "morning", -60)
    answer = operator.put(
        f"{API}/morning", json={**BODY, "cron": "0 7 * * *", "jitter_seconds": 300, "catch_up": "all"}
    )
    assert (answer.get_json()["cron"], answer.get_json()["catch_up"]) == ("0 7 * * *", "all")
    assert rows.count(PromisedRun) == 0  # promised anew by the new times
    assert operator.post(f"{API}/morning/pause").get_json()["next_run_at"] is None
    before = rows.get(Schedule, "morning").effective_from
    assert operator.post(f"{API}/morning/resume").get_json()["paused"] is False
    assert rows.get(Schedule, "morning").effective_from > before  # what passed meanwhile is not made up for
    assert operator.delete(f"{API}/morning").status_code == 204
    assert_problem(operator.get(f"{API}/morning"), 404, "not-found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cron": "soon"}, "cron"),
        ({"cron": "0 0 31 2 *"}, "cron"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"kind": "train"}, "arguments"),
        ({"kind": "train", "arguments": {"grain": "hourly"}}, "arguments"),
        ({"kind": "pull", "arguments": {"source_id": 77}}, "arguments"),
        ({"arguments": {"colour": "red"}}, "arguments"),
        ({"id": "Two Words"}, "id"),
        ({"id": "runs"}, "id"),
    ],
)
def test_what_could_never_run_is_refused_with_the_field(
    operator: FlaskClient, change: dict[str, Any], field: str
) -> None:
    problem = assert_problem(operator.post(API, json={"id": "morning", **BODY, **change}), 422, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_what_every_installation_has_stays_and_keeps_its_kind(operator: FlaskClient) -> None:
    assert_problem(operator.delete(f"{API}/nightly-refresh"), 409, "conflict")
    assert_problem(operator.post(API, json={"id": "nightly-refresh", **BODY}), 409, "conflict")
    problem = assert_problem(
        operator.put(f"{API}/nightly-refresh", json={**BODY, "kind": "clean"}), 422, "invalid-request"
    )
    assert [error["field"] for error in problem["errors"]] == ["kind"]


def test_breaches_are_told(operator: FlaskClient, session: Session) -> None:
    ago = utc_now() - timedelta(minutes=25)
    session.add(
        Schedule(id="often", cron="*/10 * * * *", timezone="UTC", kind="refresh", arguments={}, effective_from=ago)
    )
    session.commit()
    found = operator.get(f"{API}/breaches").get_json()["items"]
    assert {(one["schedule_id"], one["kind"]) for one in found} == {("often", "missing")}


def test_a_schedule_runs_at_once_beside_its_times(pages: FlaskClient, operator: FlaskClient, rows: Rows) -> None:
    answer = pages.post("/jobs/schedules/nightly-refresh/run")
    assert answer.headers["Location"] == f"/jobs/{rows.last(JobRun).id}"
    assert pages.post("/jobs/schedules/nothing/run").status_code == 404
    assert operator.post(f"{API}/weekly-retrain/run").get_json()["arguments"] == {"grain": "monthly"}
    assert rows.last(JobRun).requested_by == "operator@example.com"


def test_the_page_lists_schedules_and_breaches(pages: FlaskClient, session: Session) -> None:
    assert "has been kept" in pages.get("/jobs/schedules").text
    job = add_job(session, "refresh", "failed")
    promise(
        session, "nightly-refresh", 10, state="failed", job_id=job.id, note="no room", expected=10_040, delivered=9_812
    )
    page = pages.get("/jobs/schedules").text
    assert f'href="/jobs/{job.id}"' in page
    assert page.count("Not yet") == len(SCHEDULE) - 1
    assert "9,812 of 10,040 series" in page
    assert "Promises that were not kept" in page
    assert "9,812 of 10,040" in pages.get("/jobs/schedules/runs?state=failed").text
    assert "No such runs" in pages.get("/jobs/schedules/runs?state=skipped").text


def test_the_form_adds_and_changes_a_schedule_and_says_what_is_wrong(pages: FlaskClient, rows: Rows) -> None:
    typed = {"id": "morning", "kind": "train", "cron": "0 6 * * *", "timezone": "UTC", "catch_up": "none",
             "arguments": '{"grain": "monthly"}', "jitter_seconds": "30", "catch_up_minutes": "60",
             "late_after_minutes": "240"}  # fmt: skip
    assert "Add it" in pages.get("/jobs/schedules/new").text
    answer = pages.post("/jobs/schedules/new", data={**typed, "cron": "soon", "arguments": "{"})
    assert answer.status_code == 422
    assert "expected a JSON object" in answer.text.replace("Expected", "expected")
    answer = pages.post("/jobs/schedules/new", data={**typed, "cron": "soon"})
    assert "cannot be read" in answer.text
    assert 'value="soon"' in answer.text
    assert pages.post("/jobs/schedules/new", data=typed).headers["Location"] == "/jobs/schedules/morning"
    row = rows.get(Schedule, "morning")
    assert (row.arguments, row.jitter_seconds, row.late_after_minutes) == ({"grain": "monthly"}, 30, 240)
    answer = pages.post("/jobs/schedules/morning", data={**typed, "cron": "30 5 * * *"})
    assert "Saved." in pages.get(answer.headers["Location"]).text
    assert rows.get(Schedule, "morning").cron == "30 5 * * *"
    assert pages.post("/jobs/schedules/new", data=typed).status_code == 422  # taken
    assert pages.post("/jobs/schedules/morning/pause").status_code == 303
    assert rows.get(Schedule, "morning").paused
    assert pages.post("/jobs/schedules/morning/delete").status_code == 303
    assert pages.get("/jobs/schedules/morning").status_code == 404


def test_viewers_look_and_change_nothing(browser: ClientFor) -> None:
    viewer = browser("viewer")
    assert "Run now" not in viewer.get("/jobs/schedules").text
    page = viewer.get("/jobs/schedules/nightly-refresh").text
    assert "Save" not in page
    assert "disabled" in page
    assert viewer.post("/jobs/schedules/nightly-refresh/pause").status_code == 403
