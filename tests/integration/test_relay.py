"""The relay: jobs on their way to Redis, and what it does when a server is away."""

from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.orm import Session, sessionmaker

from ml.db.base import utc_now
from worker import dispatcher, health
from worker.connection import connect
from worker.context import Services
from worker.events import ModelTrained, record
from worker.lifecycle import Attempt, Report, claim, fail, try_again
from worker.models import JobRun, OutboxEvent
from worker.queues import QUEUES, request_job
from worker.relay import Relay

Sessions = sessionmaker[Session]
NOWHERE = "unix:///nonexistent/valkey.sock"


def request(sessions: Sessions, kind: str = "refresh", run_after_seconds: float = 0, **arguments: object) -> int:
    with sessions() as session:
        run_after = utc_now() + timedelta(seconds=run_after_seconds)
        job = request_job(session, kind, arguments, run_after=run_after)
        session.commit()
        return job.id


def read(sessions: Sessions, job_id: int) -> JobRun:
    with sessions() as session:
        return session.get_one(JobRun, job_id)


def waiting(redis: Redis) -> list[str]:
    """Ids of the jobs in all queues."""
    return [job_id for name in QUEUES for job_id in dispatcher.open_queue(name, redis).get_job_ids()]


def test_a_due_job_goes_to_its_queue_once(sessions: Sessions, redis_client: Redis) -> None:
    job_id = request(sessions)
    assert dispatcher.dispatch(sessions, redis_client) == 1
    assert dispatcher.dispatch(sessions, redis_client) == 0
    assert dispatcher.open_queue("ingest", redis_client).get_job_ids() == [f"{job_id}-1"]
    assert read(sessions, job_id).dispatched_at is not None


def test_what_redis_holds_is_json_with_the_limits_of_the_kind(sessions: Sessions, redis_client: Redis) -> None:
    job_id = request(sessions)
    dispatcher.dispatch(sessions, redis_client)
    job = Job.fetch(f"{job_id}-1", redis_client, serializer=JSONSerializer)
    assert (job.func_name, list(job.args), job.timeout) == ("worker.runner.run", [job_id, 1], 1800)
    assert json.loads(job.data.decode())[0] == "worker.runner.run"


def test_forecasts_of_a_grain_take_turns(sessions: Sessions, redis_client: Redis) -> None:
    """A second one would take the run of the first for a broken one."""
    first = request(sessions, "forecast", grain="monthly", horizon=12)
    second = request(sessions, "forecast", grain="monthly", horizon=12)
    weekly = request(sessions, "forecast", grain="weekly", horizon=26)
    dispatcher.dispatch(sessions, redis_client)
    dispatcher.dispatch(sessions, redis_client)
    assert waiting(redis_client) == [f"{first}-1", f"{weekly}-1"]
    with sessions() as session:
        claim(session, Attempt(first, 1))
        session.commit()
    assert dispatcher.dispatch(sessions, redis_client) == 0
    with sessions() as session:
        fail(session, Attempt(first, 1), "no history", Report())
        session.commit()
    assert dispatcher.dispatch(sessions, redis_client) == 1
    assert waiting(redis_client) == [f"{first}-1", f"{weekly}-1", f"{second}-1"]


def test_forecasts_that_wait_for_their_turn_keep_no_other_job_waiting(
    sessions: Sessions, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "BATCH", 2)
    first = request(sessions, "forecast", grain="monthly", horizon=1)
    dispatcher.dispatch(sessions, redis_client)
    for horizon in (2, 3, 4):
        request(sessions, "forecast", grain="monthly", horizon=horizon)
    other = request(sessions)
    assert dispatcher.dispatch(sessions, redis_client) == 1
    assert set(waiting(redis_client)) == {f"{first}-1", f"{other}-1"}


def test_a_forecast_that_was_lost_goes_on_before_the_next_one(sessions: Sessions, redis_client: Redis) -> None:
    first = request(sessions, "forecast", grain="monthly", horizon=12)
    request(sessions, "forecast", grain="monthly", horizon=12)
    with sessions() as session:
        claim(session, Attempt(first, 1))
        try_again(session, Attempt(first, 1), "lost", Report(), timedelta(0))
        session.commit()
    assert dispatcher.dispatch(sessions, redis_client) == 1
    assert waiting(redis_client) == [f"{first}-2"]


def test_a_job_for_later_waits(sessions: Sessions, redis_client: Redis) -> None:
    request(sessions, run_after_seconds=60)
    assert dispatcher.dispatch(sessions, redis_client) == 0


def test_a_job_of_a_kind_that_this_version_does_not_know_waits(sessions: Sessions, redis_client: Redis) -> None:
    with sessions() as session:
        session.add(JobRun(kind="from-the-future", queue="ingest", arguments={}))
        session.commit()
    assert dispatcher.dispatch(sessions, redis_client) == 0


def test_a_job_waits_while_redis_is_away_and_flows_afterwards(sessions: Sessions, redis_client: Redis) -> None:
    job_id = request(sessions)
    with pytest.raises(RedisConnectionError):
        dispatcher.dispatch(sessions, connect(NOWHERE))
    assert (read(sessions, job_id).state, read(sessions, job_id).dispatched_at) == ("queued", None)
    dispatcher.dispatch(sessions, redis_client)
    assert waiting(redis_client) == [f"{job_id}-1"]


def test_a_job_that_redis_forgot_is_sent_again(sessions: Sessions, redis_client: Redis) -> None:
    job_id = request(sessions)
    dispatcher.dispatch(sessions, redis_client)
    redis_client.flushall()
    assert dispatcher.reconcile(sessions, redis_client, grace=0) == 1
    dispatcher.dispatch(sessions, redis_client)
    assert waiting(redis_client) == [f"{job_id}-1"]


def test_a_job_that_waits_in_its_queue_is_left_there(sessions: Sessions, redis_client: Redis) -> None:
    request(sessions)
    dispatcher.dispatch(sessions, redis_client)
    assert dispatcher.reconcile(sessions, redis_client, grace=0) == 0


def test_a_job_that_was_only_just_sent_is_given_time(sessions: Sessions, redis_client: Redis) -> None:
    request(sessions)
    dispatcher.dispatch(sessions, redis_client)
    redis_client.flushall()
    assert dispatcher.reconcile(sessions, redis_client, grace=60) == 0


def test_a_running_job_is_not_sent_again(sessions: Sessions, redis_client: Redis) -> None:
    job_id = request(sessions)
    dispatcher.dispatch(sessions, redis_client)
    redis_client.flushall()
    with sessions() as session:
        claim(session, Attempt(job_id, 1))
        session.commit()
    assert dispatcher.reconcile(sessions, redis_client, grace=0) == 0


def test_one_step_takes_an_event_to_redis(services: Services) -> None:
    with services.sessions() as session:
        record(session, ModelTrained("monthly", 1, champion=True))
        session.commit()
    relay = Relay(services.sessions, services.redis, services.settings)
    assert relay.step() == 2
    assert relay.step() == 0
    assert len(waiting(services.redis)) == 1
    assert health.seen(services.redis, "relay")
    assert not health.seen(services.redis, "worker")


def test_events_are_handled_while_redis_is_away_and_it_is_told_of_once(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with services.sessions() as session:
        record(session, ModelTrained("monthly", 1, champion=True))
        session.commit()
    relay = Relay(services.sessions, connect(NOWHERE), services.settings)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            relay.step()
    with services.sessions() as session:
        assert session.scalars(sa.select(OutboxEvent.handled_at)).one() is not None
        assert session.scalars(sa.select(JobRun.dispatched_at)).one() is None
    assert sum(record.getMessage().startswith("dispatching jobs:") for record in caplog.records) == 1


def test_the_relay_stops_when_told(services: Services) -> None:
    stopping = threading.Event()
    thread = threading.Thread(target=Relay(services.sessions, services.redis, services.settings).run, args=[stopping])
    thread.start()
    stopping.set()
    thread.join(timeout=5)
    assert not thread.is_alive()
