"""Kinds of jobs and how a job is asked for."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from worker.errors import JobRequestError
from worker.models import JobRun
from worker.queues import KINDS, QUEUES, request_job, request_once


def count_jobs(session: Session) -> int | None:
    return session.scalar(sa.select(sa.func.count()).select_from(JobRun))


def test_every_kind_runs_on_a_queue_that_workers_read() -> None:
    assert {kind.queue for kind in KINDS.values()} <= set(QUEUES)
    assert all(name == kind.name for name, kind in KINDS.items())


def test_an_unknown_argument_is_refused_by_name() -> None:
    with pytest.raises(JobRequestError, match=r"a train job takes no colour; its arguments are: grain, models"):
        KINDS["train"].check({"grain": "monthly", "colour": "red"})


def test_a_missing_argument_is_refused_by_name() -> None:
    with pytest.raises(JobRequestError, match="a forecast job needs horizon"):
        KINDS["forecast"].check({"grain": "monthly"})


def test_an_argument_that_is_not_json_is_refused() -> None:
    with pytest.raises(JobRequestError, match=r"plain JSON: Object of type date"):
        KINDS["refresh"].check({"since": date(2024, 1, 1)})


def test_an_unknown_kind_is_refused_with_the_known_ones(session: Session) -> None:
    with pytest.raises(JobRequestError, match=r"no job of kind 'bake'; expected one of clean, collect, deliver"):
        request_job(session, "bake", {})


def test_a_requested_job_waits_with_what_its_kind_says(session: Session) -> None:
    job = request_job(session, "ingest", {"import_id": 7}, requested_by="ann@example.org")
    session.commit()
    assert (job.state, job.queue, job.attempt, job.max_attempts) == ("queued", "ingest", 1, 3)
    assert job.dispatched_at is None
    assert (job.arguments, job.requested_by) == ({"import_id": 7}, "ann@example.org")
    assert job.run_after <= utc_now()


def test_a_job_can_be_asked_for_later(session: Session) -> None:
    later = utc_now() + timedelta(hours=1)
    assert request_job(session, "refresh", {}, run_after=later).run_after == later


def test_the_same_dedupe_key_gives_the_same_job(session: Session) -> None:
    first = request_job(session, "refresh", {}, dedupe_key="nightly:1")
    session.commit()
    second = request_job(session, "refresh", {}, dedupe_key="nightly:1")
    session.commit()
    assert second.id == first.id
    assert count_jobs(session) == 1


def test_jobs_without_a_dedupe_key_are_all_kept(session: Session) -> None:
    request_job(session, "refresh", {})
    request_job(session, "refresh", {})
    session.commit()
    assert count_jobs(session) == 2


def test_a_request_that_loses_the_race_for_its_key_gets_the_winner(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner = request_job(session, "refresh", {}, dedupe_key="nightly:1")
    session.commit()
    looks = iter([None, winner])  # the first look comes too early to see the other's row
    monkeypatch.setattr("worker.queues._by_dedupe_key", lambda *_: next(looks))
    assert request_job(session, "refresh", {}, dedupe_key="nightly:1") is winner
    session.commit()
    assert count_jobs(session) == 1


def test_an_equal_job_that_has_not_begun_is_not_asked_for_twice(session: Session) -> None:
    first = request_once(session, "train", {"grain": "monthly"}, requested_by="ann")
    assert request_once(session, "train", {"grain": "monthly"}, requested_by="bob").id == first.id
    assert request_once(session, "train", {"grain": "weekly"}).id != first.id
    first.state = "running"  # it may have read its data before what the second one is about
    session.flush()
    assert request_once(session, "train", {"grain": "monthly"}).id != first.id
