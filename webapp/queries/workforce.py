"""Reads of what works: workers, the queues before them, and how long jobs of a kind usually take."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import redis
import sqlalchemy as sa
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from worker.models import JobRun
from worker.queues import QUEUES
from worker.workforce import WorkerProcess, workers

log = logging.getLogger(__name__)

REMEMBERED = 300
"""Jobs that succeeded, the last ones, from which it is known how long they take."""


@dataclass(frozen=True)
class QueueView:
    """A queue: how many jobs wait and run, and since when the first one waits."""

    name: str
    waiting: int
    running: int
    oldest: datetime | None


def queue_views(session: Session) -> list[QueueView]:
    """All queues by priority, in one query."""
    query = (
        sa.select(JobRun.queue, JobRun.state, sa.func.count(), sa.func.min(JobRun.created_at))
        .where(JobRun.state.in_(("queued", "running")))
        .group_by(JobRun.queue, JobRun.state)
    )
    found = {(queue, state): (number, oldest) for queue, state, number, oldest in session.execute(query)}
    names = [*QUEUES, *sorted({queue for queue, _ in found} - set(QUEUES))]
    empty = (0, None)
    return [
        QueueView(name, found.get((name, "queued"), empty)[0], found.get((name, "running"), empty)[0],
                  found.get((name, "queued"), empty)[1])
        for name in names
    ]  # fmt: skip


def worker_views(client: redis.Redis) -> list[WorkerProcess] | None:
    """The workers that are alive; None where Redis cannot tell."""
    try:
        return workers(client)
    except RedisError as error:
        log.warning("no news of workers: %s", error)
        return None


def usual_seconds(session: Session) -> dict[str, float]:
    """The median time of the last jobs of each kind that succeeded."""
    query = sa.select(JobRun.kind, JobRun.started_at, JobRun.finished_at).where(JobRun.state == "succeeded")
    times: dict[str, list[float]] = defaultdict(list)
    for kind, started, finished in session.execute(query.order_by(JobRun.id.desc()).limit(REMEMBERED)):
        if started is not None and finished is not None:
            times[kind].append((finished - started).total_seconds())
    return {kind: median(found) for kind, found in times.items()}
