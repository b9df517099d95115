"""RQ's worker, made to fit: it beats for the job it runs, outlives an outage of Redis, drains in bounded
time, and takes its work-horse with it when it is killed."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from threadpoolctl import threadpool_limits

from worker import health, heartbeats
from worker.connection import AWAY
from worker.dispatcher import open_queue
from worker.settings import WorkerSettings

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
IDLE_SECONDS = 5
"""How long a worker waits for a job before it shows that it is alive."""


class ForecastleWorker(Worker):
    """Takes jobs from the queues in order of priority and runs each in a forked work-horse."""

    log_result_lifespan = False
    max_connection_wait_time = 5.0

    def __init__(self, redis: Redis, name: str, settings: WorkerSettings) -> None:
        self._settings = settings
        self._stop_asked_at: float | None = None
        self._parent = os.getpid()
        super().__init__(
            [open_queue(queue, redis) for queue in settings.queues],
            name=name,
            connection=redis,
            serializer=JSONSerializer,
            worker_ttl=IDLE_SECONDS + 15,  # RQ waits 15 s less than this for a job
            job_monitoring_interval=settings.heartbeat_seconds,
        )

    @property
    def asked_to_stop(self) -> bool:
        """Whether a signal told this worker to stop."""
        return self._stop_asked_at is not None

    def request_stop(self, signum: int, frame: Any) -> None:
        """RQ's handler of SIGTERM and SIGINT: take no further job, let the present one end."""
        self._stop_asked_at = time.monotonic()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def set_shutdown_requested_date(self) -> None:
        """Nobody reads it, and a signal handler must not fail because Redis is away."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job; what RQ fails to write about it is of no importance, its row is."""
        with tolerating_outage("running a job"):
            super().execute_job(job, queue)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Called every few seconds, idle or busy."""
        with tolerating_outage("reporting"):
            super().heartbeat(timeout, pipeline)
            health.report(self.connection if pipeline is None else pipeline, "worker", self.name)

    def set_current_job_working_time(self, current_job_working_time: float, pipeline: Any = None) -> None:
        """Called beside each heartbeat."""
        with tolerating_outage("reporting"):
            super().set_current_job_working_time(current_job_working_time, pipeline)

    def maintain_heartbeats(self, job: Job) -> None:
        """Called every `heartbeat_seconds` while a job runs."""
        with tolerating_outage("beating"):
            heartbeats.beat(self.connection, job.id)
            super().maintain_heartbeats(job)
        if self._drained():
            log.warning("stopping job %s, it did not end in time", job.id)
            self.kill_horse()

    def handle_work_horse_killed(self, job: Job, _retpid: int, ret_val: int, _rusage: Any) -> None:
        """Called when a work-horse died; the relay need not wait for silence to know."""
        with tolerating_outage("reporting a dead work-horse"):
            heartbeats.bury(self.connection, job.id, self._cause_of_death(ret_val))

    def setup_work_horse_signals(self) -> None:
        """Called first in the work-horse."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        die_with_parent(self._parent)
        threadpool_limits(self._settings.ml.threads)

    def _drained(self) -> bool:
        asked = self._stop_asked_at
        return asked is not None and time.monotonic() - asked > self._settings.drain_seconds

    def _cause_of_death(self, ret_val: int) -> str:
        if self._drained():
            return "its worker was stopped before the job ended"
        if not os.WIFSIGNALED(ret_val):
            return f"its process ended with code {os.waitstatus_to_exitcode(ret_val)}"
        killed_by = signal.Signals(os.WTERMSIG(ret_val)).name
        hint = "; the machine may be out of memory" if killed_by == "SIGKILL" else ""
        return f"its process was killed by {killed_by}{hint}"


@contextmanager
def tolerating_outage(doing: str) -> Iterator[None]:
    """Go on when Redis is away: a job that computes does not need it."""
    try:
        yield
    except AWAY as error:
        log.warning("%s: %s", doing, error)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies. Linux only; elsewhere the fence of each
    commit makes a work-horse that lives on harmless."""
    if sys.platform != "linux":
        return
    prctl: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        log.warning("cannot tie the work-horse to its worker: errno %s", ctypes.get_errno())
    if os.getppid() != parent:  # it died before the call
        os._exit(1)
