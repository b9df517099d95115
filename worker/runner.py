"""Runs one attempt at a job in a work-horse: RQ calls `run`, everything else follows from the row."""

from __future__ import annotations

import importlib
import logging
import time
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq.timeouts import JobTimeoutException

from ml import logs
from ml.compute import computing_on
from ml.db import audit
from ml.db.session import is_full
from ml.errors import ForecastleError
from worker import lifecycle, telemetry
from worker.context import Groundwork, JobContext, Services, open_services
from worker.errors import StaleAttemptError
from worker.lifecycle import Attempt
from worker.memory import limited
from worker.models import JobRun
from worker.queues import KINDS
from worker.reporter import Reporter
from worker.settings import WorkerSettings

log = logging.getLogger(__name__)

TRANSIENT = (
    sa.exc.OperationalError,  # connection lost, deadlock, locked database
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,  # no free connection in the pool
    RedisConnectionError,
    RedisTimeoutError,
    ConnectionError,
    TimeoutError,
)
"""Errors that may be gone at the next try; all others would only come again."""


_groundwork: Groundwork | None = None


def prepare(settings: WorkerSettings) -> None:
    """Lay the groundwork of all jobs of this process, before work-horses are forked from it."""
    global _groundwork  # noqa: PLW0603  (RQ calls `run` by its name, with what is stored in Redis alone)
    _groundwork = Groundwork.lay(settings)


def run(job_id: int, attempt: int) -> None:
    """Entry point for RQ."""
    groundwork = _groundwork or Groundwork.lay(WorkerSettings.from_env())
    telemetry.start(groundwork.settings.ml, "worker")
    try:
        with open_services(groundwork) as services, computing_on(groundwork.settings.ml.compute_url):
            execute(Attempt(job_id, attempt), services)
    finally:
        telemetry.flush()


def execute(attempt: Attempt, services: Services) -> None:
    """Run one attempt from claim to end; an attempt that is not queued (any more) is left alone."""
    job = _claim(attempt, services)
    if job is None:
        log.info("job %s: attempt %s is not due, leaving it alone", attempt.job_id, attempt.number)
        return
    with (
        audit.going_back_to(job.request_id),
        logs.about(job_id=job.id, attempt=attempt.number, kind=job.kind),
        telemetry.span(f"job {job.kind}", **{"forecastle.job_id": job.id, "forecastle.attempt": attempt.number}),
        Reporter(services.redis, attempt, secrets=services.settings.ml.log.secrets) as reporter,
    ):
        try:
            reporter.settle(_run(attempt, job, services, reporter))
        except StaleAttemptError as error:
            log.warning("%s", error)


def _claim(attempt: Attempt, services: Services) -> JobRun | None:
    with services.sessions() as session:
        job = lifecycle.claim(session, attempt)
        session.commit()
        return job


def _run(attempt: Attempt, job: JobRun, services: Services, reporter: Reporter) -> str:
    """Run the job and write down how it ended; returns the state that it is in now."""
    began = time.monotonic()
    try:
        _call(job, JobContext(attempt, services, reporter))
    except StaleAttemptError:
        raise
    except Exception as error:  # noqa: BLE001  (the row and the log get it)
        return _end(attempt, job, error, services, reporter)
    log.info("%s job %s succeeded after %.1f s", job.kind, job.id, time.monotonic() - began)
    return "succeeded"


def _call(job: JobRun, context: JobContext) -> None:
    """Run the job's function; what it did not settle itself is settled here."""
    log.info("%s job %s starts, attempt %s of %s", job.kind, job.id, job.attempt, job.max_attempts)
    kind = KINDS[job.kind]
    kind.check(job.arguments)
    module = importlib.import_module(kind.module)
    with limited(context.settings.memory_mb or kind.memory_mb):
        result: dict[str, Any] = module.run(context, **job.arguments)
    if not context.settled:
        with context.session() as session:
            context.succeed(session, result)


def _end(attempt: Attempt, job: JobRun, error: Exception, services: Services, reporter: Reporter) -> str:
    """Write down that a job failed, or that it is to be tried again; returns the state that it is in now."""
    message = logs.hide(explain(job, error), services.settings.ml.log.secrets)
    transient = isinstance(error, TRANSIENT) and not is_full(error)
    trace = None if isinstance(error, ForecastleError) or is_full(error) else error
    log.log(logging.WARNING if transient else logging.ERROR, "%s job failed: %s", job.kind, message, exc_info=trace)
    queued = False
    with services.sessions() as session:
        if transient:
            delay = backoff(services.settings, attempt)
            queued = lifecycle.try_again(session, attempt, message, reporter.report(), delay)
        else:
            lifecycle.fail(session, attempt, message, reporter.report())
        session.commit()
    return "queued" if queued else "failed"


def backoff(settings: WorkerSettings, attempt: Attempt) -> timedelta:
    """How long to wait after this attempt: twice as long after each."""
    return timedelta(seconds=settings.backoff_seconds * 2 ** (attempt.number - 1))


def explain(job: JobRun, error: Exception) -> str:
    """The error as the job's page shows it."""
    if isinstance(error, ForecastleError):
        return str(error)
    if isinstance(error, JobTimeoutException):
        return (
            f"the {job.kind} job took longer than its limit of {KINDS[job.kind].timeout} s and was stopped; "
            "run it again when the machine is less busy, or on less data."
        )
    if is_full(error):
        return "the database has no space left and kept nothing of this job; free or add space, then run it again."
    if isinstance(error, sa.exc.DBAPIError):
        return f"database error: {error.orig}"
    return f"{type(error).__name__}: {error}"
