"""Cleaning: the policy is changed or gone back on, flags are decided. Shared by page and API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.cleaning import CleaningFlag, CleaningPolicy
from ml.errors import DataError
from ml.etl.cleaning.policy import DEFAULT, SALES, CleaningSettings, current
from webapp.queries.cleaning import get_policy, no_flag
from worker.models import JobRun
from worker.queues import request_once

VERDICTS = ("open", "accepted", "dismissed")


def set_policy(
    session: Session, settings: Mapping[str, Any], user: str, dataset: str = SALES
) -> tuple[CleaningPolicy, JobRun]:
    """Make `settings` the policy that holds, and ask for the job that cleans anew under it; commits.

    Settings left out have their defaults. Raises DataError naming a key that is wrong.
    """
    before = current(session, dataset)
    row = CleaningPolicy(dataset=dataset, settings=CleaningSettings.from_dict(settings).to_dict(), created_by=user)
    session.add(row)
    session.flush()
    audit.record(
        session,
        "update",
        "cleaning_policy",
        row.id,
        before=dict(before.settings if before else DEFAULT.to_dict()),
        after=row.settings,
    )
    job = request_once(session, "clean", {}, requested_by=user)
    session.commit()
    return row, job


def restore_policy(session: Session, policy_id: int, user: str) -> tuple[CleaningPolicy, JobRun]:
    """Go back to an earlier policy: a new row repeats it; commits. Raises NotFoundError."""
    row = get_policy(session, policy_id)
    return set_policy(session, row.settings, user, row.dataset)


def decide_flag(session: Session, flag_id: int, verdict: str, user: str) -> None:
    """Accept or dismiss a flag, or (open) take that back; commits.

    The next forecast learns from it; `request_cleaning` asks for one at once. Raises NotFoundError and DataError.
    """
    if verdict not in VERDICTS:
        raise DataError(f"verdict is {verdict!r}; expected one of {', '.join(VERDICTS)}.")
    by = "" if verdict == "open" else user
    flag = sa.update(CleaningFlag).where(CleaningFlag.id == flag_id)
    found = session.execute(flag.values(verdict=verdict, decided_by=by))
    if found.rowcount != 1:  # type: ignore[attr-defined]
        raise no_flag(flag_id)
    audit.record(session, "decide", "cleaning_flag", flag_id, after={"verdict": verdict})
    session.commit()


def request_cleaning(session: Session, user: str) -> JobRun:
    """Ask for flags, and the forecast after them, to be made anew; commits."""
    job = request_once(session, "clean", {}, requested_by=user)
    audit.record(session, "request", "job", job.id, after={"kind": job.kind})
    session.commit()
    return job
