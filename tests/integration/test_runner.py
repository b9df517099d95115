"""One attempt at a job, from claim to end, on a real database and a real Redis."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from redis import Redis
from rq.timeouts import JobTimeoutException
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.errors import NotEnoughHistoryError
from worker import lifecycle, outbox, progress, reporter
from worker.connection import connect
from worker.context import JobContext, Services
from worker.events import ForecastPublished, JobFailed, ModelTrained, restore
from worker.lifecycle import Attempt, Report
from worker.models import JobRun, OutboxEvent
from worker.queues import KINDS, JobKind, request_job
from worker.runner import execute

DefineKind = Callable[..., JobKind]
PUBLISHED = ForecastPublished(run_id=1, grain="monthly", series=2)


@pytest.fixture(autouse=True)
def _log_level() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.INFO)
    yield
    root.setLevel(before)


def request(services: Services, kind: str, **arguments: Any) -> int:
    with services.sessions() as session:
        job = request_job(session, kind, arguments)
        session.commit()
        return job.id


def read(services: Services, job_id: int) -> JobRun:
    with services.sessions() as session:
        return session.get_one(JobRun, job_id)


def events(services: Services) -> list[Any]:
    with services.sessions() as session:
        return [restore(row) for row in session.scalars(sa.select(OutboxEvent).order_by(OutboxEvent.id))]


def raising(error: Exception) -> Callable[..., dict[str, Any]]:
    def run(ctx: JobContext) -> dict[str, Any]:
        raise error

    return run


def give_up(services: Services, attempt: Attempt) -> None:
    with services.sessions() as session:
        lifecycle.try_again(session, attempt, "lost", Report(), timedelta(0))
        session.commit()


def test_a_job_that_succeeds_leaves_its_result_phases_and_log(services: Services, define_kind: DefineKind) -> None:
    def run(ctx: JobContext, cake: str) -> dict[str, Any]:
        ctx.progress("mixing", 1, 3)
        ctx.progress("baking", 2, 2)
        logging.getLogger("bakery").info("the %s smells good", cake)
        return {"cake": cake, "slices": 8}

    define_kind("bake", run, required={"cake"})
    job_id = request(services, "bake", cake="stollen")
    execute(Attempt(job_id, 1), services)
    job = read(services, job_id)
    assert (job.state, job.result, job.error) == ("succeeded", {"cake": "stollen", "slices": 8}, None)
    assert (job.phase, job.done, job.total) == ("baking", 2, 2)
    assert job.timings is not None
    assert set(job.timings) == {"mixing", "baking"}
    assert job.log_tail is not None
    assert "bakery: the stollen smells good" in job.log_tail
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.started_at <= job.finished_at <= utc_now()


def test_work_event_and_success_are_one_commit(services: Services, define_kind: DefineKind) -> None:
    def run(ctx: JobContext) -> dict[str, Any]:
        with ctx.session() as session:
            request_job(session, "refresh", {})
            return ctx.succeed(session, {"done": True}, PUBLISHED)

    define_kind("publish", run)
    job_id = request(services, "publish")
    execute(Attempt(job_id, 1), services)
    assert read(services, job_id).result == {"done": True}
    assert events(services) == [PUBLISHED]


def test_an_error_for_people_fails_the_job_at_once_with_its_message(
    services: Services, define_kind: DefineKind
) -> None:
    define_kind("train-little", raising(NotEnoughHistoryError(2, 3)))
    job_id = request(services, "train-little")
    execute(Attempt(job_id, 1), services)
    job = read(services, job_id)
    assert (job.state, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert job.error.startswith("not enough history: 2 of 3 months.")
    assert events(services) == [JobFailed(job_id, "train-little", job.error)]
    assert "Traceback" not in (job.log_tail or "")


def test_a_bug_fails_the_job_at_once_and_leaves_its_traceback_in_the_log(
    services: Services, define_kind: DefineKind
) -> None:
    define_kind("buggy", raising(KeyError("colour")))
    job_id = request(services, "buggy")
    execute(Attempt(job_id, 1), services)
    job = read(services, job_id)
    assert (job.state, job.error) == ("failed", "KeyError: 'colour'")
    assert "Traceback (most recent call last)" in (job.log_tail or "")


def test_a_job_over_its_time_limit_fails_with_the_limit(services: Services, define_kind: DefineKind) -> None:
    define_kind("endless", raising(JobTimeoutException("too long")), timeout=90)
    job_id = request(services, "endless")
    execute(Attempt(job_id, 1), services)
    job = read(services, job_id)
    assert job.state == "failed"
    assert "longer than its limit of 90 s" in (job.error or "")


def test_a_transient_error_queues_the_job_again_with_growing_pauses(
    services: Services, define_kind: DefineKind
) -> None:
    locked = sa.exc.OperationalError("UPDATE x", {}, Exception("database is locked"))
    define_kind("unlucky", raising(locked))
    job_id = request(services, "unlucky")
    pauses = []
    for attempt in (1, 2):
        execute(Attempt(job_id, attempt), services)
        job = read(services, job_id)
        assert (job.state, job.attempt, job.dispatched_at) == ("queued", attempt + 1, None)
        assert job.attempts is not None
        assert job.attempts[-1]["reason"] == "database error: database is locked"
        ended_at = job.attempts[-1]["ended_at"]
        pauses.append(job.run_after - type(job.run_after).fromisoformat(ended_at))
    assert pauses == [timedelta(seconds=0.1), timedelta(seconds=0.2)]


def test_a_transient_error_in_the_last_attempt_fails_the_job(services: Services, define_kind: DefineKind) -> None:
    define_kind("unlucky", raising(ConnectionResetError("peer")), max_attempts=2)
    job_id = request(services, "unlucky")
    execute(Attempt(job_id, 1), services)
    execute(Attempt(job_id, 2), services)
    job = read(services, job_id)
    assert (job.state, job.error) == ("failed", "ConnectionResetError: peer (attempt 2 of 2)")
    assert [type(event) for event in events(services)] == [JobFailed]


def test_the_clean_up_of_a_failed_job_joins_its_commit(services: Services, define_kind: DefineKind) -> None:
    def on_failure(session: Session, arguments: dict[str, Any], message: str) -> None:
        request_job(session, "ingest", {"import_id": len(message) + arguments["extra"]})

    def run(ctx: JobContext, extra: int) -> dict[str, Any]:
        raise ValueError("no")

    define_kind("messy", run, on_failure, required={"extra"})
    execute(Attempt(request(services, "messy", extra=100), 1), services)
    with services.sessions() as session:
        cleaned = session.scalars(sa.select(JobRun).where(JobRun.kind == "ingest")).one()
    assert cleaned.arguments == {"import_id": len("ValueError: no") + 100}


def test_a_clean_up_that_fails_does_not_keep_the_job_from_ending(services: Services, define_kind: DefineKind) -> None:
    def on_failure(session: Session, arguments: dict[str, Any], message: str) -> None:
        request_job(session, "refresh", {})
        raise RuntimeError("the broom is broken")

    define_kind("messy", raising(ValueError("no")), on_failure)
    job_id = request(services, "messy")
    execute(Attempt(job_id, 1), services)
    assert read(services, job_id).state == "failed"
    with services.sessions() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(JobRun)) == 1  # the half clean-up is undone


def test_a_job_whose_code_cannot_be_loaded_fails(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "gone", JobKind("gone", "train", "worker.jobs.of_yesterday", timeout=9))
    job_id = request(services, "gone")
    execute(Attempt(job_id, 1), services)
    job = read(services, job_id)
    assert (job.state, job.error) == ("failed", "ModuleNotFoundError: No module named 'worker.jobs.of_yesterday'")


def test_an_attempt_that_was_given_up_commits_nothing(services: Services, define_kind: DefineKind) -> None:
    def run(ctx: JobContext) -> dict[str, Any]:
        give_up(services, Attempt(ctx.job_id, ctx.attempt))
        with ctx.session() as session:
            request_job(session, "refresh", {})
            session.commit()
        return {}

    define_kind("slow", run)
    job_id = request(services, "slow")
    execute(Attempt(job_id, 1), services)
    job = read(services, job_id)
    assert (job.state, job.attempt, job.result) == ("queued", 2, None)
    with services.sessions() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(JobRun)) == 1


def test_an_attempt_that_was_given_up_can_neither_succeed_nor_fail(services: Services, define_kind: DefineKind) -> None:
    def run(ctx: JobContext) -> dict[str, Any]:
        give_up(services, Attempt(ctx.job_id, ctx.attempt))
        if ctx.attempt == 2:
            raise ValueError("too late")
        with ctx.session() as session:
            return ctx.succeed(session, {"late": True}, PUBLISHED)

    define_kind("slow", run)
    job_id = request(services, "slow")
    execute(Attempt(job_id, 1), services)
    execute(Attempt(job_id, 2), services)
    job = read(services, job_id)
    assert (job.state, job.attempt, job.error) == ("queued", 3, None)
    assert events(services) == []


def test_savepoints_inside_a_job_are_not_mistaken_for_its_end(services: Services, define_kind: DefineKind) -> None:
    def run(ctx: JobContext) -> dict[str, Any]:
        with ctx.session() as session:
            for _ in range(2):
                request_job(session, "refresh", {})  # each in a savepoint
                session.commit()
            with session.begin_nested():
                request_job(session, "refresh", {})
            return ctx.succeed(session, {})

    define_kind("stepwise", run)
    job_id = request(services, "stepwise")
    execute(Attempt(job_id, 1), services)
    assert read(services, job_id).state == "succeeded"


def test_a_second_copy_of_an_attempt_does_nothing(services: Services, define_kind: DefineKind) -> None:
    runs = []

    def run(ctx: JobContext) -> dict[str, Any]:
        runs.append(ctx.attempt)
        execute(Attempt(ctx.job_id, ctx.attempt), services)  # while it runs
        return {}

    define_kind("once", run)
    job_id = request(services, "once")
    execute(Attempt(job_id, 1), services)
    execute(Attempt(job_id, 1), services)  # after it ended
    assert runs == [1]
    assert read(services, job_id).state == "succeeded"


def test_arguments_are_checked_again_when_the_job_runs(services: Services, define_kind: DefineKind) -> None:
    def run(ctx: JobContext, cake: str) -> dict[str, Any]:
        return {}

    define_kind("bake", run, required={"cake"})
    job_id = request(services, "bake", cake="stollen")
    with services.sessions() as session:
        session.get_one(JobRun, job_id).arguments = {"pie": "apple"}
        session.commit()
    execute(Attempt(job_id, 1), services)
    assert read(services, job_id).error == "a bake job takes no pie; its arguments are: cake."


def test_progress_can_be_followed_while_the_job_runs(services: Services, define_kind: DefineKind) -> None:
    seen: list[dict[str, Any]] = []

    def run(ctx: JobContext) -> dict[str, Any]:
        ctx.progress("reading", 5, 10)
        logging.getLogger("ml").info("half of it")
        while not seen or seen[-1]["done"] != 5:
            seen.extend(state for state in [progress.read(services.redis, ctx.job_id)] if state)
        return {}

    define_kind("watched", run)
    job_id = request(services, "watched")
    execute(Attempt(job_id, 1), services)
    assert (seen[-1]["state"], seen[-1]["phase"], seen[-1]["total"]) == ("running", "reading", 10)
    assert any("half of it" in line for line in seen[-1]["log"])
    last = progress.read(services.redis, job_id)
    assert last is not None
    assert last["state"] == "succeeded"
    assert last["seq"] > seen[-1]["seq"]


def test_a_chatty_job_writes_its_progress_a_few_times_only(services: Services, define_kind: DefineKind) -> None:
    def run(ctx: JobContext) -> dict[str, Any]:
        while progress.read(services.redis, ctx.job_id) is None:
            ctx.progress("counting")
        for done in range(20_000):
            ctx.progress("counting", done, 20_000)
        return {}

    define_kind("chatty", run)
    job_id = request(services, "chatty")
    execute(Attempt(job_id, 1), services)
    state = progress.read(services.redis, job_id)
    assert state is not None
    assert state["seq"] <= 10
    assert state["done"] == 19_999


def test_a_job_that_nobody_could_see_run_writes_no_progress(
    services: Services, define_kind: DefineKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "WRITE_INTERVAL", 60.0)

    def run(ctx: JobContext) -> dict[str, Any]:
        ctx.progress("counting", 1, 1)
        return {}

    define_kind("short", run)
    job_id = request(services, "short")
    execute(Attempt(job_id, 1), services)
    assert progress.read(services.redis, job_id) is None
    job = read(services, job_id)
    assert (job.state, job.phase, job.done) == ("succeeded", "counting", 1)


def test_a_job_runs_to_its_end_while_redis_is_away(services: Services, define_kind: DefineKind) -> None:
    def run(ctx: JobContext) -> dict[str, Any]:
        ctx.progress("computing", 1, 2)
        return {"done": True}

    define_kind("hardy", run)
    job_id = request(services, "hardy")
    nowhere: Redis = connect("unix:///nonexistent/valkey.sock")
    execute(Attempt(job_id, 1), Services(services.settings, services.sessions, nowhere, services.store))
    assert read(services, job_id).state == "succeeded"


def test_a_request_can_be_followed_through_its_jobs_and_events(services: Services, define_kind: DefineKind) -> None:
    seen: list[str | None] = []

    def run(ctx: JobContext) -> dict[str, Any]:
        seen.append(audit.request_id())
        with ctx.session() as session:
            return ctx.succeed(session, {}, ModelTrained(grain="monthly", model_id=1, champion=True))

    define_kind("followed", run)
    with audit.going_back_to("request-1"):
        job_id = request(services, "followed")
    execute(Attempt(job_id, 1), services)
    assert seen == ["request-1"]
    outbox.process(services.sessions)
    with services.sessions() as session:
        jobs = session.execute(sa.select(JobRun.kind, JobRun.request_id).order_by(JobRun.id)).all()
        assert session.scalars(sa.select(OutboxEvent.request_id)).all() == ["request-1"]
    assert [tuple(job) for job in jobs] == [("followed", "request-1"), ("forecast", "request-1")]
    assert audit.request_id() is None


def test_secrets_reach_neither_the_row_nor_its_log(services: Services, define_kind: DefineKind) -> None:
    secret = "hunter22-of-the-source"

    def run(ctx: JobContext) -> dict[str, Any]:
        logging.getLogger("job").info("connecting to postgresql://app:%s@db", secret)
        raise ValueError(f"Bearer {secret}")

    define_kind("careless", run)
    job_id = request(services, "careless")
    execute(Attempt(job_id, 1), services)
    job = read(services, job_id)
    assert "connecting" in (job.log_tail or "")
    assert secret not in (job.log_tail or "") + (job.error or "")
