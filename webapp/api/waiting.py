"""Waiting for jobs, for callers who would rather have the result than the job."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from ml.db.session import only_reads
from webapp.extensions import db, redis_client
from webapp.queries import jobs
from webapp.queries.jobs import JobView

POLL_SECONDS = 0.1


def wait_for(job_id: int, seconds: float) -> JobView:
    """A job once it is finished, or as it is after that time. Between looks no transaction is open: on SQLite it
    would lock out the job."""
    deadline = time.monotonic() + seconds
    while True:
        session = db.session()
        view = jobs.job_view(session, redis_client(), job_id)
        session.rollback()
        session.expire_all()
        if view.finished or time.monotonic() >= deadline:
            return view
        time.sleep(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))


@contextmanager
def writing(session: Session) -> Iterator[None]:
    """For the one thing that a GET may write: that a job is asked for."""
    session.rollback()
    only_reads.set(False)
    yield
    only_reads.set(True)
