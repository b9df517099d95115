"""RQ's worker, made to fit: it beats for the job it runs, outlives an outage of Redis, drains in bounded
time, and takes its work-horse with it when it is killed."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis import Redis
from rq import Queue, Worker
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException
from rq.worker import WorkerStatus
from threadpoolctl import ThreadpoolController

from worker import health, heartbeats
from worker.connection import AWAY
from worker.dispatcher import KEEP_SECONDS, open_queue
from worker.parent import die_with
from worker.settings import WorkerSettings

log = logging.getLogger(__name__)

POLL_SECONDS = 1
"""How long a worker waits for a job before it looks whether it is to stop."""


class ForecastleWorker(Worker):
    """Takes jobs from the queues in order of priority and runs each in a forked work-horse.

    `stopping` ends it: it takes no further job, and gives the one it runs `drain_seconds` to end.
    """

    def __init__(self, redis: Redis, name: str, settings: WorkerSettings, stopping: threading.Event) -> None:
        self._settings, self._stopping = settings, stopping
        self._draining_since: float | None = None
        self._overrun: float | None = None  # the limit that the job it runs went past
        self._tie_to_parent = die_with(os.getpid())  # without it (macOS) the fence guards
        # Here, not in each work-horse: there it would start the threads that it limits, needed or not.
        ThreadpoolController().limit(limits=settings.ml.threads)
        super().__init__(
            [open_queue(queue, redis) for queue in settings.queues],
            name=name,
            connection=redis,
            serializer=JSONSerializer,
            worker_ttl=POLL_SECONDS + 15,  # RQ derives its socket timeout from it, and lets no call hang longer
            job_monitoring_interval=settings.heartbeat_seconds,
        )

    def _install_signal_handlers(self) -> None:
        """RQ's handlers raise wherever the signal happens to find the worker, even between taking a job and
        running it; ours set `stopping`."""

    def subscribe(self) -> None:
        """RQ's commands by pub/sub are not used, so that no thread runs in the process that forks."""

    def check_for_suspension(self, burst: bool) -> None:
        """Nor is `rq suspend`; asking for it would end the worker when Redis is away."""

    def dequeue_job_and_maintain_ttl(
        self, _timeout: int | None, _max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a job; None, which ends RQ's loop, once the worker is to stop."""
        while not self._stopping.is_set():
            with tolerating_outage("waiting for a job", self._stopping):
                self._tell_idle()
                if self.should_run_maintenance_tasks:
                    self.run_maintenance_tasks()  # type: ignore[no-untyped-call]
                with suppress(DequeueTimeout):
                    return Queue.dequeue_any(self.queues, POLL_SECONDS, self.connection, serializer=self.serializer)
        return None

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job in a work-horse. What RQ would write down of each execution and result is left out, which takes
        longer than a short job: the job's row tells all that."""
        self._overrun = None
        with tolerating_outage("taking a job"):
            self._tell_busy(job, queue)
        with tolerating_outage("running a job"):
            self.fork_work_horse(job, queue)
            self.monitor_work_horse(job, queue)
            self._tell_done(job)

    def perform_job(self, job: Job, _queue: Queue) -> bool:
        """Called in the work-horse."""
        try:
            with self.death_penalty_class(job.timeout, JobTimeoutException, job_id=job.id):
                job.func(*job.args)
        except BaseException:
            log.exception("job %s: its process ends without having written down how it went", job.id)
            raise
        return True

    def _tell_idle(self) -> None:
        with self.connection.pipeline(transaction=False) as pipeline:
            self.set_state(WorkerStatus.IDLE, pipeline)
            self.heartbeat(pipeline=pipeline)
            pipeline.execute()

    def _tell_busy(self, job: Job, queue: Queue) -> None:
        with self.connection.pipeline(transaction=False) as pipeline:
            self.set_state(WorkerStatus.BUSY, pipeline)
            self.set_current_job_id(job.id, pipeline)
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)  # where a worker of one queue takes it to
            pipeline.expire(job.key, job.meta["hard_timeout"] + KEEP_SECONDS)  # should nobody come to delete it
            pipeline.execute()

    def _tell_done(self, job: Job) -> None:
        with self.connection.pipeline(transaction=False) as pipeline:
            self.set_current_job_id(None, pipeline)
            self.increment_successful_job_count(pipeline)
            pipeline.delete(job.key)
            pipeline.execute()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Called every few seconds, idle or busy."""
        if pipeline is None:
            with tolerating_outage("reporting"), self.connection.pipeline(transaction=False) as alone:
                self.heartbeat(timeout, alone)
                alone.execute()
            return
        super().heartbeat(timeout, pipeline)
        health.report(pipeline, "worker", self.name)

    def set_current_job_working_time(self, current_job_working_time: float, pipeline: Any = None) -> None:
        """Called beside each heartbeat."""
        with tolerating_outage("reporting"):
            super().set_current_job_working_time(current_job_working_time, pipeline)

    def maintain_heartbeats(self, job: Job) -> None:
        """Called every `heartbeat_seconds` while a job runs."""
        with tolerating_outage("beating"):
            heartbeats.beat(self.connection, job.id)
            self.heartbeat(self.job_monitoring_interval + 60)
            if heartbeats.is_cancelled(self.connection, job.id):
                log.warning("stopping job %s, it was cancelled", job.id)
                self.kill_horse()
                return
        if self._is_drained():
            log.warning("stopping job %s, it did not end in time", job.id)
            self.kill_horse()
        elif self.current_job_working_time > (limit := job.meta["hard_timeout"]):
            log.warning("stopping job %s, it did not stop at its time limit by itself", job.id)
            self._overrun = limit
            self.kill_horse()

    def handle_work_horse_killed(self, job: Job, _retpid: int | None, ret_val: int | None, _rusage: Any) -> None:
        """Called when a work-horse died; the relay need not wait for silence to know."""
        with tolerating_outage("reporting a dead work-horse"):
            for_good = self._overrun is not None  # it would only run as long again
            heartbeats.bury(self.connection, job.id, self._cause_of_death(ret_val), for_good=for_good)

    def setup_work_horse_signals(self) -> None:
        """Called first in the work-horse."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        self._tie_to_parent()

    def _is_drained(self) -> bool:
        """Whether the worker was told to stop longer ago than a job may take to end."""
        if not self._stopping.is_set():
            return False
        self._draining_since = self._draining_since or time.monotonic()
        return time.monotonic() - self._draining_since > self._settings.drain_seconds

    def _cause_of_death(self, ret_val: int | None) -> str:
        if self._overrun is not None:
            return f"it did not stop at its time limit and was killed after {self._overrun:g} s"
        if self._is_drained():
            return heartbeats.STOPPED
        if ret_val is None:  # RQ looked away for a heartbeat while it ended; where all went well, the row says so
            return "its process is gone"
        if not os.WIFSIGNALED(ret_val):
            return f"its process ended with code {os.waitstatus_to_exitcode(ret_val)}"
        killed_by = signal.Signals(os.WTERMSIG(ret_val)).name
        hint = "; the machine may be out of memory" if killed_by == "SIGKILL" else ""
        return f"its process was killed by {killed_by}{hint}"


@contextmanager
def tolerating_outage(doing: str, stopping: threading.Event | None = None) -> Iterator[None]:
    """Go on when Redis is away, after a pause where `stopping` is given: a job that computes does not need it."""
    try:
        yield
    except AWAY as error:
        log.warning("%s: %s", doing, error)
        if stopping is not None:
            stopping.wait(POLL_SECONDS)
