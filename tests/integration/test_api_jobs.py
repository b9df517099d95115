"""Jobs through the API: the row, and the live progress beside it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from redis import Redis
from web_fixtures import ClientFor, MakeApp, Rows, assert_problem

from worker import progress
from worker.models import JobRun

JOBS = "/api/v1/jobs"
LIVE = {"attempt": 1, "state": "running", "phase": "fitting", "done": 3, "total": 10, "log": ["one", "two"], "seq": 4}


def job(**values: object) -> JobRun:
    return JobRun(**{"kind": "train", "queue": "train", "arguments": {"grain": "monthly"}, **values})


@pytest.fixture
def viewer(api: ClientFor) -> FlaskClient:
    return api("viewer")


def test_running_job_shows_its_live_progress(viewer: FlaskClient, rows: Rows, redis_client: Redis) -> None:
    running = job(state="running", phase="starting")
    rows.add(running)
    progress.write(redis_client, running.id, LIVE)
    shown = viewer.get(f"{JOBS}/{running.id}").json
    assert (shown["phase"], shown["done"], shown["total"]) == ("fitting", 3, 10)
    assert shown["log_tail"] == "one\ntwo"


@pytest.mark.parametrize("values", [{"state": "running", "attempt": 2}, {"state": "succeeded"}])
def test_progress_of_another_attempt_or_a_finished_job_is_not_shown(
    viewer: FlaskClient, rows: Rows, redis_client: Redis, values: dict[str, object]
) -> None:
    shown = job(phase="as the row says", **values)
    rows.add(shown)
    progress.write(redis_client, shown.id, LIVE)
    assert viewer.get(f"{JOBS}/{shown.id}").json["phase"] == "as the row says"


def test_row_alone_is_shown_while_redis_is_down(make_app: MakeApp, viewer: FlaskClient, rows: Rows) -> None:
    running = job(state="running", phase="starting")
    rows.add(running)
    cut_off = make_app(REDIS_URL="unix:///nowhere/redis.sock").test_client()
    cut_off.environ_base["HTTP_AUTHORIZATION"] = viewer.environ_base["HTTP_AUTHORIZATION"]
    assert cut_off.get(f"{JOBS}/{running.id}").json["phase"] == "starting"


def test_failed_job_tells_its_error(viewer: FlaskClient, rows: Rows) -> None:
    failed = job(state="failed", error="not enough history: 2 of 3 months.", attempts=[{"attempt": 1}])
    rows.add(failed)
    shown = viewer.get(f"{JOBS}/{failed.id}").json
    assert shown["error"] == "not enough history: 2 of 3 months."
    assert shown["attempts"] == [{"attempt": 1}]


def test_list_is_filtered_and_newest_first(viewer: FlaskClient, rows: Rows) -> None:
    rows.add(job(state="failed"), job(state="queued"), job(state="failed", kind="ingest"), job(state="failed"))
    items = viewer.get(f"{JOBS}?state=failed&kind=train").json["items"]
    assert [item["state"] for item in items] == ["failed", "failed"]
    assert items[0]["id"] > items[1]["id"]


@pytest.mark.parametrize(
    "query", ["state=lost", "kind=party", "limit=0", "limit=1000", "cursor=abc", "cursor=%00", "page=2"]
)
def test_filters_that_make_no_sense_are_refused(viewer: FlaskClient, query: str) -> None:
    errors = assert_problem(viewer.get(f"{JOBS}?{query}"), 422, "invalid-request")["errors"]
    assert errors[0]["field"] == query.partition("=")[0]


def test_repeated_query_parameter_is_refused(viewer: FlaskClient) -> None:
    assert_problem(viewer.get(f"{JOBS}?state=failed&state=queued"), 422, "invalid-request")


def test_query_parameter_where_none_is_read_is_refused(viewer: FlaskClient, rows: Rows) -> None:
    some = job()
    rows.add(some)
    assert_problem(viewer.get(f"{JOBS}/{some.id}?verbose=1"), 422, "invalid-request")


def test_unknown_job(viewer: FlaskClient) -> None:
    document = assert_problem(viewer.get(f"{JOBS}/12345"), 404, "not-found")
    assert document["detail"] == "there is no job 12345."
