"""Takes queued job rows to RQ, and again where Redis has forgotten them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy.orm import Session, sessionmaker

from ml.db.base import utc_now
from ml.db.session import reading
from worker.lifecycle import Attempt
from worker.models import JobRun
from worker.queues import KINDS

log = logging.getLogger(__name__)

BATCH = 100
KEEP_SECONDS = 60
"""How long RQ keeps what it knows of an ended job; the row keeps all that matters."""


def open_queue(name: str, redis: Redis) -> Queue:
    """A queue of RQ whose jobs are JSON, never pickles."""
    return Queue(name, connection=redis, serializer=JSONSerializer)


def dispatch(sessions: sessionmaker[Session], redis: Redis) -> int:
    """Push due jobs to RQ, then mark them; returns how many.

    A relay that dies between the two pushes again: the second copy finds its attempt claimed and does
    nothing. Kinds that this version does not know wait for a relay that does.
    """
    due = (JobRun.state == "queued", JobRun.dispatched_at.is_(None), JobRun.run_after <= utc_now())
    with reading(sessions) as session:
        query = sa.select(JobRun).where(*due, JobRun.kind.in_(list(KINDS)))
        forecasts_last = sa.case((JobRun.kind == "forecast", 1), else_=0)  # however many, no other waits for them
        jobs = take_turns(session, session.scalars(query.order_by(forecasts_last, JobRun.id).limit(BATCH)).all())
    queues = _open_queues(jobs, redis)
    pushed: list[JobRun] = []
    try:
        for job in jobs:
            _push(job, queues[job.queue])
            pushed.append(job)
    finally:
        _set_dispatched(sessions, pushed, utc_now())
    return len(pushed)


def take_turns(session: Session, jobs: Sequence[JobRun]) -> list[JobRun]:
    """These jobs but for forecasts of a grain that another one was sent for and has not ended: it would be overtaken,
    and where new totals keep coming none would ever be published. Who waits sees the newest totals."""
    if not any(job.kind == "forecast" for job in jobs):
        return list(jobs)
    sent = sa.and_(JobRun.state == "queued", JobRun.dispatched_at.is_not(None))
    begun = sa.select(JobRun.arguments).where(JobRun.kind == "forecast", sa.or_(JobRun.state == "running", sent))
    taken = {arguments["grain"] for arguments in session.scalars(begun)}
    turns = []
    for job in jobs:
        if job.kind == "forecast":
            if job.arguments["grain"] in taken:
                continue
            taken.add(job.arguments["grain"])
        turns.append(job)
    return turns


def reconcile(sessions: sessionmaker[Session], redis: Redis, grace: float) -> int:
    """Let jobs be dispatched again that were, over `grace` seconds ago, but wait in no queue; returns how many.

    So it is after Redis lost its memory, or when a worker died between taking a job and claiming it. A
    job that a worker claims at this very moment gets a second copy, which does nothing.
    """
    sent = (JobRun.state == "queued", JobRun.dispatched_at <= utc_now() - timedelta(seconds=grace))
    with reading(sessions) as session:
        jobs = session.scalars(sa.select(JobRun).where(*sent).order_by(JobRun.id)).all()
    waiting = {name: set(queue.get_job_ids()) for name, queue in _open_queues(jobs, redis).items()}
    forgotten = [job for job in jobs if _attempt(job).key not in waiting[job.queue]]
    for job in forgotten:
        log.warning("%s job %s is in no queue of Redis any more, sending it again", job.kind, job.id)
    _set_dispatched(sessions, forgotten, None)
    return len(forgotten)


def _open_queues(jobs: Sequence[JobRun], redis: Redis) -> dict[str, Queue]:
    return {name: open_queue(name, redis) for name in {job.queue for job in jobs}}


def _push(job: JobRun, queue: Queue) -> None:
    queue.enqueue_call(
        "worker.runner.run",
        args=(job.id, job.attempt),
        job_id=_attempt(job).key,
        timeout=KINDS[job.kind].timeout,
        meta={"hard_timeout": KINDS[job.kind].hard_timeout},
        result_ttl=KEEP_SECONDS,
        failure_ttl=KEEP_SECONDS,
        description=f"{job.kind} job {job.id}, attempt {job.attempt}",
    )


def _set_dispatched(sessions: sessionmaker[Session], jobs: Sequence[JobRun], value: datetime | None) -> None:
    if not jobs:
        return
    with sessions() as session:
        for job in jobs:
            statement = sa.update(JobRun).where(_attempt(job).is_in("queued")).values(dispatched_at=value)
            session.execute(statement, execution_options={"synchronize_session": False})
        session.commit()


def _attempt(job: JobRun) -> Attempt:
    return Attempt(job.id, job.attempt)
