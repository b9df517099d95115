"""What operators do on the pages of jobs: cancel, try again, one or many, look at workers."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session
from test_page_jobs import add_job
from web_fixtures import ClientFor, Rows

from ml.db.base import utc_now
from webapp.extensions import db
from worker.models import JobRun


@pytest.fixture
def operator(browser: ClientFor) -> FlaskClient:
    return browser("operator")


def test_a_job_is_cancelled_and_tried_again(operator: FlaskClient, session: Session, rows: Rows) -> None:
    job = add_job(session)
    assert "Cancel it" in operator.get(f"/jobs/{job.id}").text
    assert operator.post(f"/jobs/{job.id}/cancel").status_code == 303
    assert "Try it again" in operator.get(f"/jobs/{job.id}").text
    answer = operator.post(f"/jobs/{job.id}/retry")
    again = rows.last(JobRun)
    assert answer.headers["Location"] == f"/jobs/{again.id}"
    assert (again.kind, again.arguments, again.requested_by) == ("train", {"grain": "monthly"}, "operator@example.com")


def test_chosen_jobs_are_tried_again_but_none_that_succeeded(
    operator: FlaskClient, session: Session, rows: Rows
) -> None:
    failed = [add_job(session, "train", "failed") for _ in range(2)]
    fine = add_job(session, "train", "succeeded")
    page = operator.get("/jobs?state=failed").text
    assert all(f'name="job" value="{job.id}"' in page for job in failed)
    answer = operator.post("/jobs/retry", data={"job": [*(job.id for job in failed), fine.id, "x", 2**70]})
    assert "2 jobs were asked for again" in operator.get(answer.headers["Location"]).text
    assert rows.count(JobRun) == 5


def test_viewers_see_no_buttons(browser: ClientFor, session: Session) -> None:
    job, viewer = add_job(session, "train", "failed"), browser("viewer")
    assert "Try it again" not in viewer.get(f"/jobs/{job.id}").text
    assert 'name="job"' not in viewer.get("/jobs?state=failed").text
    assert viewer.post(f"/jobs/{job.id}/retry").status_code == 403


def test_a_job_is_shown_beside_how_long_its_kind_usually_takes(operator: FlaskClient, session: Session) -> None:
    now = utc_now()
    for seconds in (10, 20, 90):
        add_job(session, state="succeeded", started_at=now - timedelta(seconds=seconds), finished_at=now)
    job = add_job(session, attempt=2)
    page = operator.get("/jobs").text
    assert "usually 20.0 s" in page
    assert "attempt 2 of 3" in page
    assert "usually 20.0 s" in operator.get(f"/jobs/{job.id}").text


def test_workers_and_queues(operator: FlaskClient, session: Session, redis_client: Redis) -> None:
    assert "No worker is running" in operator.get("/jobs/workers").text
    waiting = add_job(session, "train", "queued")
    redis_client.sadd("rq:workers", "rq:worker:one")
    redis_client.hset("rq:worker:one", mapping={"state": "busy", "queues": "train", "current_job": f"{waiting.id}-1"})
    page = operator.get("/jobs/workers").text
    assert f"Job #{waiting.id}" in page
    assert "No worker is running" not in page


def test_the_list_asks_as_much_for_many_jobs_as_for_one(app: Flask, operator: FlaskClient, session: Session) -> None:
    def statements() -> int:
        seen: list[str] = []
        with app.app_context():
            engine = db.engine

        def note(*args: object) -> None:
            seen.append(str(args[2]))

        sa.event.listen(engine, "before_cursor_execute", note)
        operator.get("/jobs")
        sa.event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    add_job(session, "train", "succeeded")
    one = statements()
    for _ in range(20):
        add_job(session, "train", "succeeded")
    assert statements() == one
