"""The scheduler process's part: a slot asks for its job once, whoever and how many look at the clock."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from ml.db.session import create_engine, create_sessions
from worker import health, scheduler
from worker.models import JobRun
from worker.schedule import Scheduled
from worker.scheduler import Clock, create_scheduler

Sessions = sessionmaker[Session]
ZONE = ZoneInfo("UTC")
NIGHTLY = Scheduled("nightly", "0 2 * * *", "refresh")


def jobs(sessions: Sessions) -> list[JobRun]:
    with sessions() as session:
        return list(session.scalars(sa.select(JobRun).order_by(JobRun.id)))


def set_clock(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(scheduler, "utc_now", lambda: datetime.fromisoformat(text).replace(tzinfo=UTC))


def test_a_slot_asks_for_its_job_once(sessions: Sessions, redis_client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, "2026-07-10 02:00:01")
    clock = Clock(sessions, redis_client, ZONE)
    clock.fire([NIGHTLY])
    clock.fire([NIGHTLY])
    [job] = jobs(sessions)
    assert (job.kind, job.requested_by, job.dedupe_key) == ("refresh", "schedule", "nightly:2026-07-10T02:00:00")


def test_each_slot_has_a_job_of_its_own(
    sessions: Sessions, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(sessions, redis_client, ZONE)
    for day in ("10", "11", "12"):
        set_clock(monkeypatch, f"2026-07-{day} 02:00:00")
        clock.fire([NIGHTLY])
    assert len(jobs(sessions)) == 3


def test_between_slots_nothing_is_asked_for(
    sessions: Sessions, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, "2026-07-10 12:00")
    Clock(sessions, redis_client, ZONE).fire([NIGHTLY])
    assert jobs(sessions) == []


def test_ten_schedulers_at_once_make_one_job(
    sessions: Sessions, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, "2026-07-10 02:00:00")
    start = threading.Barrier(10)

    def fire() -> None:
        start.wait()
        Clock(sessions, redis_client, ZONE).fire([NIGHTLY])

    threads = [threading.Thread(target=fire) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs(sessions)) == 1


def test_a_slot_while_the_database_was_away_is_caught_up_later(
    sessions: Sessions, redis_client: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_clock(monkeypatch, "2026-07-10 02:00:00")
    away = create_engine("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    with caplog.at_level(logging.WARNING):
        Clock(create_sessions(away), redis_client, ZONE).fire([NIGHTLY])
    away.dispose()
    assert "the database is away, catching up later" in caplog.text
    set_clock(monkeypatch, "2026-07-10 02:01:00")
    Clock(sessions, redis_client, ZONE).fire([NIGHTLY])
    assert [job.dedupe_key for job in jobs(sessions)] == ["nightly:2026-07-10T02:00:00"]


def test_a_started_scheduler_catches_up_and_shows_that_it_is_alive(
    sessions: Sessions, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = create_scheduler(ZONE)
    asked = threading.Event()
    clock = Clock(sessions, redis_client, ZONE)
    fire = clock.fire
    monkeypatch.setattr(clock, "fire", lambda schedule: (fire(schedule), asked.set()))
    every_minute = Scheduled("often", "* * * * *", "refresh")
    clock.plan(running, [every_minute])
    running.start()
    assert asked.wait(5)
    running.shutdown()
    assert jobs(sessions)
    assert health.seen(redis_client, "scheduler")
