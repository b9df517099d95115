"""Reads of pulls: the last job that fetched each source."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from worker.models import JobRun

LOOKED_AT = 500
"""Pulls that are looked through, newest first; a source that was not pulled for so long shows none."""


def last_pulls(session: Session, source_ids: Collection[int]) -> dict[int, JobRun]:
    """The newest pull of each of the sources, by source."""
    if not source_ids:
        return {}
    query = sa.select(JobRun).where(JobRun.kind == "pull").order_by(JobRun.id.desc()).limit(LOOKED_AT)
    found: dict[int, JobRun] = {}
    for job in session.scalars(query):
        source_id = int(job.arguments["source_id"])
        if source_id in source_ids:
            found.setdefault(source_id, job)
    return found
