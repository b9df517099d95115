"""What an import leads to: the jobs that events asked for after it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from worker.models import JobRun

KINDS = ("refresh", "train", "forecast")
MOST = 20


def follow_ups(session: Session, job_id: int) -> list[int]:
    """The ids of the jobs between a job and the first forecast after it, that one included.

    Imports that run at the same time share what follows: their events are not told apart.
    """
    query = (
        sa.select(JobRun.id, JobRun.kind)
        .where(JobRun.id > job_id, JobRun.kind.in_(KINDS), JobRun.caused_by.is_not(None))
        .order_by(JobRun.id)
        .limit(MOST)
    )
    found = []
    for following_id, kind in session.execute(query):
        found.append(following_id)
        if kind == "forecast":
            break
    return found
