"""Asking for pulls: one at a time for a source, and one for each slot of its schedule."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Source
from worker.errors import JobRequestError
from worker.models import FINAL_STATES, JobRun
from worker.queues import request_job
from worker.slots import latest_slot

PULLED_KINDS = ("sql", "http")


def request_pull(
    session: Session,
    source_id: int,
    *,
    full: bool = False,
    dry_run: bool = False,
    requested_by: str = "",
    dedupe_key: str | None = None,
) -> JobRun:
    """Add the job that pulls a source, or with `dry_run` only says what a pull would do; the caller commits.

    While such a job runs or waits, that one is returned. A dry run changes nothing, so it keeps no pull waiting.
    """
    chosen = {"full": full, "dry_run": dry_run}
    arguments = {"source_id": source_id, **{name: True for name, value in chosen.items() if value}}
    if (running := running_pull(session, source_id, dry_run=dry_run)) is not None:
        return running
    return request_job(session, "pull", arguments, requested_by=requested_by, dedupe_key=dedupe_key)


def running_pull(session: Session, source_id: int, *, dry_run: bool) -> JobRun | None:
    """The pull of a source, or the dry run of one, that runs or waits."""
    unfinished = sa.select(JobRun).where(JobRun.kind == "pull", JobRun.state.not_in(FINAL_STATES))
    wanted = (source_id, dry_run)
    found = (
        job
        for job in session.scalars(unfinished)
        if (job.arguments.get("source_id"), job.arguments.get("dry_run", False)) == wanted
    )
    return next(found, None)


def request_due_pulls(session: Session, zone: ZoneInfo, now: datetime, grace: timedelta) -> None:
    """Ask for the latest slot of each source that is pulled by the clock. However often this is called, a slot gets
    one pull; a slot that passed before the source was saved gets none. The caller commits."""
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415  (as in check_cron)

    scheduled = sa.select(Source).where(Source.cron != "", Source.active, Source.kind.in_(PULLED_KINDS))
    for source in session.scalars(scheduled.order_by(Source.id)).all():
        trigger = CronTrigger.from_crontab(source.cron, timezone=zone)
        slot = latest_slot(trigger, now, min(grace, now - source.updated_at))
        if slot is not None:
            request_pull(session, source.id, requested_by="schedule", dedupe_key=f"source:{source.id}:{slot}")


def check_cron(text: str, zone: str = "UTC") -> None:
    """Raises JobRequestError unless `text` is a crontab expression, or ''."""
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415  (the web imports this module; few requests ask)

    try:
        if text:
            CronTrigger.from_crontab(text, timezone=zone)
    except ValueError as error:
        raise JobRequestError(
            f"the schedule {text!r} cannot be read ({error}); expected minute, hour, day, month and weekday, "
            "such as '15 6 * * mon-fri'."
        ) from None
