"""The stream of events on its page and by API, and dead letters that are tried again."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from test_page_jobs import add_job
from web_fixtures import ClientFor, Rows, assert_problem

from worker import outbox
from worker.events import AggregatesRefreshed, ModelTrained, record
from worker.models import JobRun, OutboxEvent

API = "/api/v1/outbox"


@pytest.fixture
def dead(session: Session) -> OutboxEvent:
    """An event whose handlers failed as often as they are tried."""
    row = record(session, ModelTrained("monthly", 1, champion=True))
    row.tries, row.error = outbox.MAX_TRIES, "KeyError: 'colour'"
    session.commit()
    return row


@pytest.fixture
def handled(session: Session, sessions: sessionmaker[Session]) -> OutboxEvent:
    """An event that a job recorded and that led to another."""
    job = add_job(session, "train", "succeeded")
    row = record(session, ModelTrained("weekly", 1, champion=True), job.id)
    session.commit()
    outbox.process(sessions)
    return row


def test_events_are_listed_with_the_jobs_before_and_behind_them(
    api: ClientFor, handled: OutboxEvent, dead: OutboxEvent, rows: Rows
) -> None:
    operator = api("operator")
    items = operator.get(API).get_json()["items"]
    assert [(one["id"], one["state"]) for one in items] == [(dead.id, "dead"), (handled.id, "handled")]
    assert (items[1]["job_id"], items[1]["led_to"]) == (handled.job_id, [rows.last(JobRun).id])
    assert items[0]["error"] == "KeyError: 'colour'"
    assert operator.get(f"{API}/{handled.id}").get_json() == items[1]
    for query, wanted in (("state=dead", dead), ("state=handled", handled), ("state=waiting", None)):
        found = operator.get(f"{API}?{query}").get_json()["items"]
        assert [one["id"] for one in found] == ([wanted.id] if wanted else [])
    assert len(operator.get(f"{API}?name=ModelTrained").get_json()["items"]) == 2
    assert operator.get(f"{API}?name=SalesImported").get_json()["items"] == []


def test_a_dead_letter_is_replayed_once_and_then_handled(
    api: ClientFor, dead: OutboxEvent, sessions: sessionmaker[Session], rows: Rows
) -> None:
    operator = api("operator")
    answer = operator.post(f"{API}/{dead.id}/replay")
    assert (answer.status_code, answer.get_json()["state"]) == (202, "waiting")
    assert_problem(operator.post(f"{API}/{dead.id}/replay"), 409, "conflict")
    assert outbox.process(sessions) == 1
    assert operator.get(f"{API}/{dead.id}").get_json()["state"] == "handled"
    assert rows.last(JobRun).kind == "forecast"
    assert_problem(operator.get(f"{API}/{dead.id + 1}"), 404, "not-found")


def test_all_dead_letters_are_replayed_at_once(
    browser: ClientFor, api: ClientFor, session: Session, dead: OutboxEvent
) -> None:
    other = record(session, AggregatesRefreshed(None, None))
    other.tries = outbox.MAX_TRIES
    record(session, AggregatesRefreshed(None, None))
    session.commit()
    pages = browser("operator")
    assert "2 events could not be handled" in pages.get("/jobs/events").text
    answer = pages.post("/jobs/events/replay")
    assert "2 events are tried again" in pages.get(answer.headers["Location"]).text
    assert api("operator").post(f"{API}/replay").get_json() == {"replayed": 0}
    assert "could not be handled" not in pages.get("/jobs/events").text
    assert dead.id


def test_the_page_filters_and_replays_one(browser: ClientFor, dead: OutboxEvent, handled: OutboxEvent) -> None:
    pages: FlaskClient = browser("operator")
    page = pages.get("/jobs/events?state=dead&name=ModelTrained").text
    assert f"#{dead.id}" in page
    assert "KeyError" in page
    assert f'href="/jobs/{handled.job_id}"' not in page
    assert "No such events" in pages.get("/jobs/events?name=SalesImported").text
    assert pages.post(f"/jobs/events/{dead.id}/replay").status_code == 303
    assert pages.post(f"/jobs/events/{handled.id}/replay").status_code == 409
    assert browser("viewer").get("/jobs/events").status_code == 403
