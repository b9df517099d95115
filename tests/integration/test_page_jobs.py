"""The pages of jobs: the list with its filters, one job live, training on demand."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from factories import load_sales, monthly_sales
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session
from web_fixtures import ClientFor

from ml.db.base import utc_now
from worker import progress
from worker.models import JobRun

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def viewer(browser: ClientFor) -> FlaskClient:
    return browser("viewer")


def add_job(session: Session, kind: str = "train", state: str = "running", **values: Any) -> JobRun:
    now = utc_now()
    times = {"started_at": now - timedelta(seconds=9)} if state != "queued" else {}
    job = JobRun(kind=kind, queue=kind, arguments={"grain": "monthly"}, state=state, **{**times, **values})
    session.add(job)
    session.commit()
    return job


def tell(redis_client: Redis, job: JobRun, **state: Any) -> None:
    """What the job's work-horse would say."""
    known = {"attempt": job.attempt, "state": "running", "phase": "", "done": 0, "total": 0, "log": [], "seq": 1}
    progress.write(redis_client, job.id, {**known, "updated_at": utc_now().isoformat(), **state})


def test_filters_are_in_the_url(viewer: FlaskClient, session: Session) -> None:
    failed = add_job(session, "ingest", "failed", error="no such column")
    running = add_job(session, "train", "running")
    page = viewer.get("/jobs?state=failed").text
    assert f"#{failed.id}<" in page
    assert f"#{running.id}<" not in page
    assert "no such column" in page
    assert '<input type="hidden" name="state" value="failed">' in page, "the choice of a kind keeps the state"
    assert '<option value="train">Train models</option>' in page
    chosen = viewer.get("/jobs?state=running&kind=train").text
    assert 'href="/jobs?state=failed&amp;kind=train"' in chosen
    assert f"#{running.id}<" in chosen
    assert "No such jobs" in viewer.get("/jobs?state=failed&kind=train").text


def test_the_list_is_followed_while_a_job_is_under_way(viewer: FlaskClient, session: Session) -> None:
    job = add_job(session, "train", "queued")
    assert "data-live" in viewer.get("/jobs").text
    job.state = "succeeded"
    session.commit()
    assert "data-live" not in viewer.get("/jobs").text


def test_a_running_job_shows_what_it_says_now(viewer: FlaskClient, session: Session, redis_client: Redis) -> None:
    job = add_job(session)
    tell(redis_client, job, phase="backtest of lightgbm", done=1, total=3, log=["10:00:01 INFO first", "second <line>"])
    page = viewer.get(f"/jobs/{job.id}").text
    assert "Backtest of LightGBM · 1 of 3" in page
    assert '<progress value="1" max="3"' in page
    assert "10:00:01 INFO first\nsecond &lt;line&gt;" in page


def test_a_fragment_comes_again_only_when_something_changed(
    viewer: FlaskClient, session: Session, redis_client: Redis
) -> None:
    job = add_job(session)
    tell(redis_client, job, phase="fitting", done=1, total=3)
    again = re.search(r'hx-get="([^"]+)"', viewer.get(f"/jobs/{job.id}", headers=FRAGMENT).text)
    assert again is not None
    assert viewer.get(again[1], headers=FRAGMENT).status_code == 204
    tell(redis_client, job, phase="fitting", done=2, total=3)
    assert "2 of 3" in viewer.get(again[1], headers=FRAGMENT).text


def test_following_stops_with_the_job(viewer: FlaskClient, session: Session) -> None:
    timings = {"reading sales": 0.25, "fitting": 61.0}
    job = add_job(
        session, state="succeeded", finished_at=utc_now(), timings=timings, result={"version": 3, "series": 612}
    )
    page = viewer.get(f"/jobs/{job.id}").text
    assert "data-live" not in page
    assert "1 min 1 s" in page
    assert "612" in page


def test_a_failed_job_shows_the_whole_error_and_earlier_attempts(viewer: FlaskClient, session: Session) -> None:
    when = utc_now().isoformat()
    attempts = [
        {"attempt": 1, "started_at": when, "ended_at": when, "reason": "lost: its worker has been silent for 15 s"}
    ]
    job = add_job(session, state="failed", attempt=2, attempts=attempts, error="out of memory\nwhile fitting")
    page = viewer.get(f"/jobs/{job.id}").text
    assert "out of memory\nwhile fitting" in page
    assert "its worker has been silent" in page


def test_pages_still_answer_while_redis_is_down(make_app: Any, session: Session, browser: ClientFor) -> None:
    job = add_job(session)
    viewer = browser("viewer")
    cut_off = make_app(REDIS_URL="unix:///nowhere/redis.sock").test_client()
    cookie = viewer.get_cookie("access_token_cookie")
    assert cookie is not None
    cut_off.set_cookie("access_token_cookie", cookie.value)
    assert cut_off.get(f"/jobs/{job.id}").status_code == 200
    assert cut_off.get("/jobs").status_code == 200


def test_train_now_asks_for_a_training_and_follows_it(browser: ClientFor, session: Session) -> None:
    planner = browser("planner")
    assert "Train a model" in planner.get("/jobs").text
    answer = planner.post("/models/train")
    job = session.query(JobRun).one()
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/jobs/{job.id}")
    assert (job.kind, job.requested_by) == ("train", "planner@example.com")
    assert json.loads(json.dumps(job.arguments)) == {"grain": "monthly"}


def test_a_viewer_has_no_button_to_train(viewer: FlaskClient) -> None:
    assert "Train a model" not in viewer.get("/jobs").text
    assert "Train now" not in viewer.get("/models").text


def test_what_runs_stands_above_the_figures_and_what_ended_below(
    browser: ClientFor, viewer: FlaskClient, session: Session
) -> None:
    load_sales(session, monthly_sales(4))
    done = add_job(session, state="succeeded", finished_at=utc_now() - timedelta(minutes=1))
    running = add_job(session)
    page = viewer.get("/").text
    places = [page.index(text) for text in ("Running now", f'"job-{running.id}"', "figure-label", f'"job-{done.id}"')]
    assert places == sorted(places)


def test_the_running_jobs_of_the_overview_are_a_fragment(viewer: FlaskClient, session: Session) -> None:
    job = add_job(session)
    answer = viewer.get("/jobs/recent", headers=FRAGMENT)
    assert "Running now" in answer.text
    assert "<html" not in answer.text
    job.state, job.finished_at = "failed", utc_now()
    session.commit()
    ended = viewer.get("/jobs/recent", headers=FRAGMENT)
    assert "Show the new figures" in ended.text
    assert "data-live" not in ended.text


def test_the_overview_waits_a_moment_for_the_job_that_follows(viewer: FlaskClient, session: Session) -> None:
    job = add_job(session, state="succeeded", finished_at=utc_now())
    assert "data-live" in viewer.get("/jobs/recent", headers=FRAGMENT).text
    job.finished_at = utc_now() - timedelta(minutes=1)
    session.commit()
    assert "data-live" not in viewer.get("/jobs/recent", headers=FRAGMENT).text


def test_a_job_that_does_not_exist(viewer: FlaskClient) -> None:
    assert viewer.get("/jobs/99").status_code == 404
