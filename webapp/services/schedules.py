"""Schedules as people set them up: made, changed, paused, run ahead of their time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.db.imports import Source
from ml.errors import ConflictError
from ml.grains import GRAINS
from webapp.errors import FieldError, InvalidRequestError
from webapp.queries.schedules import get_schedule
from worker.errors import JobRequestError
from worker.lease import hold_off
from worker.models import CATCH_UPS, JobRun, PromisedRun, Schedule
from worker.pulls import request_pull
from worker.queues import KINDS, request_once
from worker.schedule import BUILT_IN, LEASE, SCHEDULABLE
from worker.slots import check_cron, check_timezone

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,78}")
RESERVED = frozenset({"new", "runs", "breaches"})
"""What addresses below /schedules mean something else."""
MOST_SCHEDULES = 200
LIMITS = {"jitter_seconds": (0, 3600), "catch_up_minutes": (1, 10_080), "late_after_minutes": (1, 10_080)}


@dataclass(frozen=True)
class ScheduleDraft:
    """What a person says of a schedule; see `worker.models.Schedule`."""

    cron: str
    timezone: str
    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    jitter_seconds: int = 0
    catch_up: str = "latest"
    catch_up_minutes: int = 60
    late_after_minutes: int = 60
    paused: bool = False


def create_schedule(session: Session, schedule_id: str, draft: ScheduleDraft) -> Schedule:
    """Add a schedule; commits. Raises InvalidRequestError, and ConflictError where there is one of that id."""
    errors = problems(session, draft)
    if not SLUG.fullmatch(schedule_id) or schedule_id in RESERVED:
        errors.insert(0, FieldError("id", "expected small letters, digits and hyphens, such as nightly-erp"))
    refuse(errors)
    hold_off(session, LEASE)
    if session.get(Schedule, schedule_id) is not None:
        raise ConflictError(f"there is a schedule {schedule_id!r} already; change it, or take another id.")
    if (session.scalar(sa.select(sa.func.count()).select_from(Schedule)) or 0) >= MOST_SCHEDULES:
        raise ConflictError(f"there are {MOST_SCHEDULES} schedules already; delete one that is not needed.")
    row = Schedule(id=schedule_id, **asdict(draft))
    session.add(row)
    audit.record(session, "create", "schedule", schedule_id, after=asdict(draft))
    session.commit()
    return row


def change_schedule(session: Session, schedule_id: str, draft: ScheduleDraft) -> Schedule:
    """Write all of a schedule but its kind; commits. What it promised for later is promised anew by the new times.

    Raises NotFoundError and InvalidRequestError.
    """
    hold_off(session, LEASE)
    row = get_schedule(session, schedule_id)
    errors = problems(session, draft)
    if draft.kind != row.kind:
        errors.append(FieldError("kind", f"a schedule keeps its kind ({row.kind}); make a new one"))
    refuse(errors)
    before = said(row)
    for name, value in asdict(draft).items():
        setattr(row, name, value)
    promise_anew(session, row)
    audit.record(session, "update", "schedule", schedule_id, before=before, after=said(row))
    session.commit()
    return row


def delete_schedule(session: Session, schedule_id: str) -> None:
    """Remove a schedule; commits. Its runs stay in the ledger. Raises NotFoundError, and ConflictError for one that
    every installation has."""
    if schedule_id in BUILT_IN:
        raise ConflictError(f"the schedule {schedule_id!r} belongs to the product; pause it instead.")
    hold_off(session, LEASE)
    row = get_schedule(session, schedule_id)
    promise_anew(session, row)
    audit.record(session, "delete", "schedule", schedule_id, before=said(row))
    session.delete(row)
    session.commit()


def set_paused(session: Session, schedule_id: str, *, paused: bool) -> Schedule:
    """Pause or resume a schedule; commits. What passes meanwhile is not promised. Raises NotFoundError."""
    hold_off(session, LEASE)
    row = get_schedule(session, schedule_id)
    if row.paused != paused:
        row.paused = paused
        promise_anew(session, row)
        audit.record(session, "pause" if paused else "resume", "schedule", schedule_id)
    session.commit()
    return row


def run_scheduled(session: Session, schedule_id: str, user: str) -> JobRun:
    """Ask for the job of a schedule now, beside its own times; commits. Raises NotFoundError."""
    row = get_schedule(session, schedule_id)
    if row.kind == "pull":
        job = request_pull(session, **row.arguments, requested_by=user)
    else:
        job = request_once(session, row.kind, row.arguments, requested_by=user)
    audit.record(session, "run", "schedule", schedule_id, after={"job_id": job.id})
    session.commit()
    return job


def promise_anew(session: Session, row: Schedule) -> None:
    """Take back what is owed and has not been asked for; the scheduler promises again from now on."""
    take_back(session, row.id)
    row.effective_from = utc_now()


def take_back(session: Session, schedule_id: str) -> None:
    """Owe nothing any more that has not been asked for; hold off the leader before."""
    open_ = (PromisedRun.schedule_id == schedule_id, PromisedRun.state == "owed", PromisedRun.job_id.is_(None))
    session.execute(sa.delete(PromisedRun).where(*open_), execution_options={"synchronize_session": False})


def said(row: Schedule) -> dict[str, Any]:
    """What a person says of a schedule, as it stands."""
    return {name: getattr(row, name) for name in ScheduleDraft.__dataclass_fields__}


def problems(session: Session, draft: ScheduleDraft) -> list[FieldError]:
    """All that is wrong with a draft, field by field."""
    found = [*wrong_times(draft), *wrong_job(session, draft)]
    if draft.catch_up not in CATCH_UPS:
        found.append(FieldError("catch_up", f"expected one of {', '.join(CATCH_UPS)}"))
    for name, (least, most) in LIMITS.items():
        if not least <= getattr(draft, name) <= most:
            found.append(FieldError(name, f"expected {least} to {most}"))
    return found


def wrong_times(draft: ScheduleDraft) -> list[FieldError]:
    """Whether its zone, or its times in it, cannot be read."""
    for name, check, arguments in (
        ("timezone", check_timezone, (draft.timezone,)),
        ("cron", check_cron, (draft.cron, draft.timezone)),
    ):
        try:
            check(*arguments)
        except JobRequestError as error:
            return [FieldError(name, str(error).rstrip("."))]
    return []


def wrong_job(session: Session, draft: ScheduleDraft) -> list[FieldError]:
    """Whether no such job could run."""
    if draft.kind not in SCHEDULABLE:
        return [FieldError("kind", f"expected one of {', '.join(SCHEDULABLE)}")]
    try:
        KINDS[draft.kind].check(draft.arguments)
    except JobRequestError as error:
        return [FieldError("arguments", str(error).rstrip("."))]
    grain, source_id = draft.arguments.get("grain"), draft.arguments.get("source_id")
    if grain is not None and grain not in GRAINS:
        return [FieldError("arguments", f"there is no grain {grain!r}; expected one of {', '.join(GRAINS)}")]
    if draft.kind == "pull" and (type(source_id) is not int or session.get(Source, source_id) is None):
        return [FieldError("arguments", f"there is no source {source_id!r}")]
    return []


def refuse(errors: list[FieldError]) -> None:
    """Raise InvalidRequestError where anything is wrong."""
    if errors:
        raise InvalidRequestError(errors)
