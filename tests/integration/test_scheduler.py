"""The scheduler process's part: each slot asks for its job once, whoever and how many look at the clock."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from ml.db.base import utc_now
from ml.db.session import create_engine, create_sessions
from ml.settings import ROOT
from worker import health
from worker.errors import NotLeaderError
from worker.lease import Leadership
from worker.models import JobRun, Lease, PromisedRun, Schedule
from worker.queues import request_job
from worker.schedule import LEASE, SCHEDULE
from worker.scheduler import Clock, create_scheduler

Sessions = sessionmaker[Session]
START = datetime(2026, 7, 9, 12, tzinfo=UTC)


class FakeTime:
    """A clock on the wall that tests set, and one that only goes forward."""

    def __init__(self, now: datetime = START) -> None:
        self.now, self.passed = now, 0.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.passed

    def go(self, delta: timedelta) -> None:
        self.now += delta
        self.passed += delta.total_seconds()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """A time to set, and none of the product's own schedules beside those of the test."""
    monkeypatch.setattr("worker.schedule.SCHEDULE", ())
    return FakeTime()


def add_schedule(sessions: Sessions, wall: FakeTime, **values: Any) -> None:
    defaults = {"id": "nightly", "cron": "0 2 * * *", "timezone": "UTC", "kind": "refresh", "arguments": {}}
    row = Schedule(**{**defaults, "effective_from": wall.now, "created_at": wall.now, **values})
    with sessions.begin() as session:
        session.add(row)


def clock_of(sessions: Sessions, wall: FakeTime, name: str = "one") -> Clock:
    return Clock(sessions, Leadership(sessions, LEASE, name, clock=wall.monotonic), "UTC", ("monthly",), wall)


def runs(sessions: Sessions, state: str | None = None) -> list[PromisedRun]:
    query = sa.select(PromisedRun).order_by(PromisedRun.slot)
    with sessions() as session:
        return list(session.scalars(query if state is None else query.where(PromisedRun.state == state)))


def asked(sessions: Sessions) -> list[str]:
    """The slots whose jobs were asked for, as the keys of these say."""
    with sessions() as session:
        keys = session.scalars(sa.select(JobRun.dedupe_key).where(JobRun.requested_by == "schedule"))
        return sorted(str(key) for key in keys)


def pass_time(clocks: list[Clock], wall: FakeTime, until: str, step: timedelta = timedelta(minutes=10)) -> None:
    while wall.now < at(until):
        wall.go(step)
        for clock in clocks:
            clock.look()


def test_a_slot_is_promised_before_it_is_due_and_asks_for_its_job_once(sessions: Sessions, wall: FakeTime) -> None:
    add_schedule(sessions, wall)
    clock = clock_of(sessions, wall)
    assert clock.look() == 0
    [promised] = runs(sessions)
    assert (promised.slot, promised.state, promised.job_id) == (at("2026-07-10 02:00"), "owed", None)
    wall.go(timedelta(hours=14, seconds=1))
    assert [clock.look(), clock.look()] == [1, 0]
    with sessions() as session:
        job = session.scalars(sa.select(JobRun)).one()
    assert (job.kind, job.requested_by, job.dedupe_key) == ("refresh", "schedule", "nightly:2026-07-10T02:00:00")
    assert [row.job_id for row in runs(sessions)] == [job.id, None]
    assert runs(sessions)[1].slot == at("2026-07-11 02:00")


@pytest.mark.parametrize(
    ("found", "served", "shared"),
    [
        (("queued", {}), True, True),  # it will see all that there is by then
        (("running", {}), False, True),  # the first one of its grain: whatever it learns will serve
        (("running", {"models": ["ets"]}), False, True),
        (("running", {}), True, False),  # it began with what there was before
        (("queued", {"models": ["ets"]}), True, False),
        (("succeeded", {}), False, False),
    ],
)
def test_a_training_that_falls_due_beside_an_equal_one_is_not_asked_for_twice(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, found: tuple[str, dict[str, Any]], served: bool, shared: bool
) -> None:
    monkeypatch.setattr("worker.schedule.SCHEDULE", ())
    monkeypatch.setattr("worker.chain.find_champion", lambda *_: object() if served else None)
    wall = FakeTime()
    add_schedule(sessions, wall, id="retrain", kind="train", arguments={"grain": "monthly"})
    clock = clock_of(sessions, wall)
    clock.look()
    with sessions.begin() as session:
        for grain in ("weekly", "monthly"):
            job = request_job(session, "train", {"grain": grain, **found[1]})
            job.state = found[0]
    wall.go(timedelta(hours=14, seconds=1))
    clock.look()
    assert asked(sessions) == ([] if shared else ["retrain:2026-07-10T02:00:00"])
    assert (runs(sessions)[0].job_id == job.id) is shared


def test_jitter_moves_when_a_slot_is_due_not_the_slot(sessions: Sessions, wall: FakeTime) -> None:
    add_schedule(sessions, wall, jitter_seconds=3600)
    clock = clock_of(sessions, wall)
    clock.look()
    [promised] = runs(sessions)
    wait = promised.due_at - promised.slot
    assert timedelta(0) < wait <= timedelta(hours=1)
    wall.go(promised.due_at - wall.now - timedelta(seconds=1))
    assert clock.look() == 0
    wall.go(timedelta(seconds=1))
    assert clock.look() == 1
    assert asked(sessions) == ["nightly:2026-07-10T02:00:00"]


@pytest.mark.parametrize(
    ("policy", "states"),
    [
        ("latest", ["missed", "skipped", "owed"]),
        ("all", ["missed", "owed", "owed"]),
        ("none", ["missed", "missed", "missed"]),
    ],
)
def test_slots_that_passed_unseen_are_made_up_for_as_the_policy_says(
    sessions: Sessions, wall: FakeTime, policy: str, states: list[str]
) -> None:
    add_schedule(sessions, wall, cron="0 * * * *", catch_up=policy, catch_up_minutes=90)
    clock = clock_of(sessions, wall)
    clock.look()
    wall.go(timedelta(hours=3, minutes=20))
    clock.look()
    found = runs(sessions)
    assert [row.state for row in found[:3]] == states
    assert sum(row.job_id is not None for row in found) == len(asked(sessions)) == states.count("owed")
    assert found[3].slot == at("2026-07-09 16:00")


def test_a_paused_or_removed_schedule_runs_nothing(sessions: Sessions, wall: FakeTime) -> None:
    add_schedule(sessions, wall)
    clock = clock_of(sessions, wall)
    clock.look()
    with sessions.begin() as session:
        session.get_one(Schedule, "nightly").paused = True
    wall.go(timedelta(hours=15))
    assert clock.look() == 0
    assert [(row.state, row.note) for row in runs(sessions)] == [("skipped", "the schedule was paused or removed")]


def test_ten_schedulers_run_each_slot_once_while_leaders_die(sessions: Sessions, wall: FakeTime) -> None:
    """Every few hours the leader is killed: it neither looks again nor releases its lease."""
    add_schedule(sessions, wall, cron="*/30 * * * *")
    clocks = [clock_of(sessions, wall, f"scheduler-{number}") for number in range(10)]
    step = timedelta(minutes=2)
    for night in range(9):
        pass_time(clocks, wall, str(START + timedelta(hours=3 * night + 3))[:19], step)
        leader = next(clock for clock in clocks if clock._leadership.hold())
        clocks.remove(leader)
    with sessions() as session:
        assert session.get_one(Lease, LEASE).token == 9
    expected = [f"nightly:{START + timedelta(minutes=30 * number):%Y-%m-%dT%H:%M:%S}" for number in range(1, 55)]
    assert asked(sessions) == expected
    assert not runs(sessions, "missed")
    assert not runs(sessions, "skipped")


def test_ten_threads_that_look_at_the_same_moment_make_one_job(sessions: Sessions, wall: FakeTime) -> None:
    add_schedule(sessions, wall, effective_from=wall.now - timedelta(minutes=1), cron="0 12 * * *")
    start = threading.Barrier(10)

    def look(number: int) -> None:
        clock = clock_of(sessions, wall, f"scheduler-{number}")
        start.wait()
        clock.look()

    threads = [threading.Thread(target=look, args=[number]) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked(sessions)) == 1


def test_a_clock_that_is_moved_forth_and_back_runs_each_slot_once(sessions: Sessions, wall: FakeTime) -> None:
    add_schedule(sessions, wall, cron="0 * * * *")
    clock = clock_of(sessions, wall)
    clock.look()
    wall.go(timedelta(hours=2))
    clock.look()
    wall.now += timedelta(hours=10)  # set forward by mistake
    clock.look()
    wall.now -= timedelta(hours=10)  # and back
    pass_time([clock], wall, "2026-07-10 06:00")
    hours = [f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%S}" for hour in range(2, 19)]
    assert asked(sessions) == [f"nightly:{hour}" for hour in hours]
    assert [row.state for row in runs(sessions)[1:18]] == ["owed"] * 17  # of the first two, the later ran


def test_schedulers_whose_clocks_disagree_run_each_slot_once(sessions: Sessions, wall: FakeTime) -> None:
    """The leader dies, and the next one's clock is three hours behind, the third one's two ahead."""
    add_schedule(sessions, wall, cron="0 * * * *", catch_up="all", catch_up_minutes=1440)
    behind, ahead = FakeTime(START - timedelta(hours=3)), FakeTime(START + timedelta(hours=2))
    walls = [wall, behind, ahead]
    clocks = [clock_of(sessions, one, f"scheduler-{number}") for number, one in enumerate(walls)]
    for hour in range(1, 25):
        for one in walls:
            one.go(timedelta(hours=1))
        for clock in clocks:
            clock.look()
        if hour in (8, 16):
            del clocks[0]
    found = asked(sessions)
    assert len(found) == len(set(found)) == len([row for row in runs(sessions) if row.job_id])
    assert found[0] == "nightly:2026-07-09T13:00:00"
    assert len(found) == 26  # as far as the clock that is ahead has come


@pytest.mark.parametrize(
    ("cron", "start", "count"),
    [
        ("30 2 * * *", datetime(2026, 10, 23, 12, tzinfo=UTC), 4),
        ("30 2 * * *", datetime(2026, 3, 27, 12, tzinfo=UTC), 4),
        ("0 * * * *", datetime(2026, 10, 23, 12, tzinfo=UTC), 96),
        ("0 * * * *", datetime(2026, 3, 27, 12, tzinfo=UTC), 96),
    ],
)
def test_each_slot_runs_once_when_summer_time_begins_and_ends(
    sessions: Sessions, wall: FakeTime, cron: str, start: datetime, count: int
) -> None:
    wall.now = start
    add_schedule(sessions, wall, cron=cron, timezone="Europe/Berlin")
    pass_time([clock_of(sessions, wall)], wall, str(start + timedelta(days=4))[:19])
    assert len(asked(sessions)) == len(set(asked(sessions))) == count


def test_a_leader_that_was_held_up_commits_nothing(sessions: Sessions, wall: FakeTime) -> None:
    first, second = (Leadership(sessions, LEASE, name, clock=wall.monotonic) for name in ("first", "second"))
    assert first.hold()
    assert not second.hold()
    wall.go(timedelta(seconds=16))
    assert second.hold()
    with sessions() as session, pytest.raises(NotLeaderError, match="another process leads 'scheduler' now"):
        first.fence(session)
    assert not first.hold()
    with sessions() as session:
        assert session.get_one(Lease, LEASE).holder == "second"


def test_a_leader_that_beats_keeps_the_lead_and_one_that_ends_gives_it_up(sessions: Sessions, wall: FakeTime) -> None:
    first, second = (Leadership(sessions, LEASE, name, clock=wall.monotonic) for name in ("first", "second"))
    for _ in range(20):
        assert first.hold()
        assert not second.hold()
        wall.go(timedelta(seconds=10))
    first.release()
    assert second.hold()


def test_a_slot_while_the_database_was_away_is_caught_up_later(
    sessions: Sessions, wall: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    add_schedule(sessions, wall)
    away = create_engine("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    wall.go(timedelta(hours=14))
    with caplog.at_level(logging.WARNING):
        clock_of(create_sessions(away), wall).look()
    away.dispose()
    assert "the database is away, catching up later" in caplog.text
    wall.go(timedelta(minutes=1))
    clock_of(sessions, wall).look()
    assert asked(sessions) == ["nightly:2026-07-10T02:00:00"]


def test_an_installation_begins_with_the_schedules_of_the_product_and_keeps_what_people_changed(
    sessions: Sessions,
) -> None:
    wall = FakeTime()
    clock_of(sessions, wall).look()
    with sessions.begin() as session:
        assert {row.id for row in session.scalars(sa.select(Schedule))} == {one.id for one in SCHEDULE}
        session.get_one(Schedule, "nightly-refresh").cron = "0 5 * * *"
    clock_of(sessions, wall, "two").look()
    with sessions() as session:
        assert session.get_one(Schedule, "nightly-refresh").cron == "0 5 * * *"
    assert {row.schedule_id for row in runs(sessions)} == {
        one.id for one in SCHEDULE if one.arguments.get("grain", "monthly") == "monthly"
    }


def test_a_started_scheduler_looks_at_the_clock_and_shows_that_it_is_alive(
    sessions: Sessions, redis_client: Redis
) -> None:
    add_schedule(sessions, FakeTime(utc_now() - timedelta(minutes=2)), cron="* * * * *")
    running = create_scheduler(Clock(sessions, Leadership(sessions, LEASE, "one"), "UTC", ("monthly",)), redis_client)
    running.start()
    wait_until(lambda: asked(sessions) and health.seen(redis_client, "scheduler"))
    running.shutdown()


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.fixture
def start(worker_env: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts scheduler processes; what still runs in the end is killed."""
    with ExitStack() as stack:

        def begin() -> subprocess.Popen[bytes]:
            env = {**os.environ, **worker_env}
            process = subprocess.Popen(
                [sys.executable, "-m", "worker", "schedule"], env=env, cwd=ROOT, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield begin


def test_of_two_processes_the_other_takes_over_when_the_leader_is_killed(
    sessions: Sessions, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    processes = {process.pid: process for process in (start(), start())}

    def holder() -> int:
        with sessions() as session:
            row = session.get(Lease, LEASE)
            return int(row.holder.rpartition("-")[2]) if row and row.holder else 0

    wait_until(holder)
    first = holder()
    processes[first].kill()
    [second] = set(processes) - {first}
    wait_until(lambda: holder() == second)
    processes[second].send_signal(signal.SIGTERM)
    assert processes[second].wait(timeout=10) == 0
    assert holder() == 0
