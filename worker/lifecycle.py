"""Every change of a job's state, as conditional updates: one row changed means that the change was ours.

Nothing here commits; each function raises StaleAttemptError, or returns None or False, where another
process was first.
"""

from __future__ import annotations

import importlib
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from worker.errors import StaleAttemptError
from worker.events import JobCancelled, JobFailed, record
from worker.models import FINAL_STATES, JobRun
from worker.queues import KINDS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attempt:
    """One try at one job. Its number is the fence: the row's number moves on when a try is given up."""

    job_id: int
    number: int

    @property
    def key(self) -> str:
        """The id of the job in RQ."""
        return f"{self.job_id}-{self.number}"

    def is_in(self, state: str) -> sa.ColumnElement[bool]:
        """The condition that this attempt is the row's present one, and in this state."""
        return sa.and_(JobRun.id == self.job_id, JobRun.attempt == self.number, JobRun.state == state)


@dataclass(frozen=True)
class Report:
    """What an attempt leaves on its row."""

    phase: str = ""
    done: int = 0
    total: int = 0
    timings: dict[str, float] = field(default_factory=dict)
    log_tail: str = ""

    def columns(self) -> dict[str, Any]:
        """The values by column."""
        return {
            "phase": self.phase[:120],
            "done": self.done,
            "total": self.total,
            "timings": self.timings,
            "log_tail": self.log_tail,
        }


def claim(session: Session, attempt: Attempt) -> JobRun | None:
    """Start an attempt that is queued; None where it is not, or not any more."""
    values = {"state": "running", "started_at": utc_now(), "finished_at": None, "error": None, **Report().columns()}
    if not _change(session, attempt, "queued", values):
        return None
    return session.get_one(JobRun, attempt.job_id, populate_existing=True)


def hold(session: Session, attempt: Attempt) -> None:
    """Check that a running attempt may commit, and lock its row so that this stays true until then."""
    if not _change(session, attempt, "running", {"attempt": attempt.number}):
        raise stale(attempt)


def succeed(session: Session, attempt: Attempt, result: dict[str, Any], report: Report) -> None:
    """End a running attempt with its result."""
    values = {"state": "succeeded", "finished_at": utc_now(), "result": result, **report.columns()}
    if not _change(session, attempt, "running", values):
        raise stale(attempt)


def fail(session: Session, attempt: Attempt, message: str, report: Report) -> None:
    """End a running attempt, and with it the job; the job's own clean-up joins the transaction."""
    values = {"state": "failed", "finished_at": utc_now(), "error": message, **report.columns()}
    if not _change(session, attempt, "running", values):
        raise stale(attempt)
    job = session.get_one(JobRun, attempt.job_id, populate_existing=True)
    record(session, JobFailed(job_id=job.id, kind=job.kind, error=message), job.id)
    clean_up(session, job, message)


def try_again(
    session: Session, attempt: Attempt, reason: str, report: Report, delay: timedelta, *, counts: bool = True
) -> bool:
    """Give up a running attempt and queue the next one; where none is left, fail. Returns whether one is.

    An attempt that does not count is made up for by one more.
    """
    job = session.get(JobRun, attempt.job_id, populate_existing=True)
    if job is None:
        raise stale(attempt)
    if counts and attempt.number >= job.max_attempts:
        fail(session, attempt, f"{reason} (attempt {attempt.number} of {job.max_attempts})", report)
        return False
    now = utc_now()
    values = {
        "state": "queued",
        "attempt": attempt.number + 1,
        "max_attempts": job.max_attempts + (not counts),
        "dispatched_at": None,
        "run_after": now + delay,
        "attempts": [*(job.attempts or []), _ending(job, attempt, now, reason)],
        **report.columns(),
    }
    if not _change(session, attempt, "running", values):
        raise stale(attempt)
    return True


def rehearse(session: Session) -> None:
    """Go through the statements of a job from claim to success, for no job; the caller rolls back."""
    nobody = Attempt(0, 0)
    claim(session, nobody)
    session.get(JobRun, nobody.job_id, populate_existing=True)
    with suppress(StaleAttemptError):
        hold(session, nobody)
    with suppress(StaleAttemptError):
        succeed(session, nobody, {}, Report())


def cancel(session: Session, job_id: int, user: str) -> bool:
    """End a job that waits or runs; False where it has ended. The fence keeps a running attempt from committing."""
    waiting = sa.and_(JobRun.id == job_id, JobRun.state.in_(("queued", "running")))
    values = {"state": "cancelled", "finished_at": utc_now(), "error": f"cancelled by {user}."}
    statement = sa.update(JobRun).where(waiting).values(values)
    result = session.execute(statement, execution_options={"synchronize_session": False})
    if cast("sa.CursorResult[Any]", result).rowcount != 1:
        return False
    job = session.get_one(JobRun, job_id, populate_existing=True)
    record(session, JobCancelled(job_id=job.id, kind=job.kind, user=user), job.id)
    return True


def is_running(session: Session, key: str) -> bool:
    """Whether the attempt of this key has not ended, nor was given up."""
    job_id, number = map(int, key.split("-"))
    return session.scalar(sa.select(JobRun.id).where(Attempt(job_id, number).is_in("running"))) is not None


def is_wanted(session: Session, job_id: int) -> bool:
    """Whether a job waits or runs."""
    open_job = sa.select(JobRun.id).where(JobRun.id == job_id, JobRun.state.not_in(FINAL_STATES))
    return session.scalar(open_job) is not None


def stale(attempt: Attempt) -> StaleAttemptError:
    """The error that keeps an attempt that was given up from changing anything."""
    return StaleAttemptError(
        f"attempt {attempt.number} at job {attempt.job_id} was given up; "
        "its changes are discarded, a later attempt makes them again."
    )


def _change(session: Session, attempt: Attempt, state: str, values: dict[str, Any]) -> bool:
    statement = sa.update(JobRun).where(attempt.is_in(state)).values(values)
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("sa.CursorResult[Any]", result).rowcount == 1


def _ending(job: JobRun, attempt: Attempt, now: datetime, reason: str) -> dict[str, Any]:
    started = job.started_at.isoformat() if job.started_at else None
    return {"attempt": attempt.number, "started_at": started, "ended_at": now.isoformat(), "reason": reason}


def clean_up(session: Session, job: JobRun, message: str) -> None:
    """Let the job's module mark what the job leaves behind; that must not keep the job from ending."""
    try:
        with session.begin_nested():
            on_failure = getattr(importlib.import_module(KINDS[job.kind].module), "on_failure", None)
            if on_failure is not None:
                on_failure(session, job.arguments, message)
    except Exception:
        log.exception("job %s: cleaning up after its failure failed too", job.id)
