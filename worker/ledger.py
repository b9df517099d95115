"""The ledger of promised runs, as its leader keeps it: slots are written down before they are due, their jobs asked for
when they are, and what became of them is followed to the end of the chain.

Nothing here commits.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import Session

from worker.chain import training_on_its_way
from worker.chains import Outcome, outcome_of
from worker.models import FINAL_STATES, JobRun, PromisedRun, Schedule
from worker.pulls import request_pull
from worker.queues import request_job
from worker.slots import jitter, key_of, next_slot, slots

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=7)
"""Slots that nobody wrote down are looked for this far back; the scheduler was away."""

MOST_AT_ONCE = 200
PROMPT = timedelta(minutes=1)
"""A slot that is not to be caught up with is run when it is due by no more than this."""

OPEN = ("owed", "started")


def promise(session: Session, schedules: Sequence[Schedule], now: datetime) -> None:
    """Write down the slots that passed, and of each schedule the next one."""
    newest = sa.select(PromisedRun.schedule_id, sa.func.max(PromisedRun.slot)).group_by(PromisedRun.schedule_id)
    last = dict(session.execute(newest).all())
    for one in schedules:
        known = max(last.get(one.id, one.effective_from), one.effective_from, now - LOOK_BACK)
        passed = list(islice(slots(one.cron, one.timezone, known, now), MOST_AT_ONCE))
        coming = next_slot(one.cron, one.timezone, passed[-1] if passed else known) if known <= now else None
        for slot in [*passed, *([coming] if coming else [])]:
            session.add(
                PromisedRun(schedule_id=one.id, slot=slot, due_at=slot + jitter(one.id, slot, one.jitter_seconds))
            )
    session.flush()


def reopen(session: Session, now: datetime) -> None:
    """Owe again what was passed over and is yet to come: the clock was set back."""
    session.execute(
        sa.update(PromisedRun)
        .where(PromisedRun.state.in_(("skipped", "missed")), PromisedRun.due_at > now)
        .values(state="owed", note=""),
        execution_options={"synchronize_session": False},
    )


def run_due(session: Session, schedules: Sequence[Schedule], now: datetime) -> int:
    """Ask for the jobs of the slots that are due, as the catch-up policies say; returns how many."""
    due: dict[str, list[PromisedRun]] = defaultdict(list)
    rows = sa.select(PromisedRun).where(
        PromisedRun.state == "owed", PromisedRun.job_id.is_(None), PromisedRun.due_at <= now
    )
    for row in session.scalars(rows.order_by(PromisedRun.slot, PromisedRun.id)):
        due[row.schedule_id].append(row)
    active = {one.id: one for one in schedules}
    asked = 0
    for schedule_id, found in due.items():
        asked += _run(session, active.get(schedule_id), found, now)
    session.flush()
    return asked


def _run(session: Session, schedule: Schedule | None, found: list[PromisedRun], now: datetime) -> int:
    """Ask for the jobs of those of a schedule's due slots that are to run; returns how many."""
    if schedule is None:
        for row in found:
            row.state, row.note = "skipped", "the schedule was paused or removed"
        return 0
    in_time = []
    for row in found:
        if now - row.due_at <= allowance(schedule):
            in_time.append(row)
        else:
            row.state, row.note = "missed", "nobody looked at the clock in time"
    passed_over = in_time[:-1] if schedule.catch_up != "all" else []
    for row in passed_over:
        row.state, row.note = "skipped", "a later one ran in its place"
    wanted = in_time[len(passed_over) :]
    for row in wanted:
        row.job_id = _job_of(session, schedule, row).id
    return len(wanted)


def allowance(schedule: Schedule) -> timedelta:
    """How late a slot may still be run."""
    return PROMPT if schedule.catch_up == "none" else max(PROMPT, timedelta(minutes=schedule.catch_up_minutes))


def _job_of(session: Session, schedule: Schedule, row: PromisedRun) -> JobRun:
    """The job that keeps the promise: a new one, but where a training is on its way that does the same."""
    key = key_of(schedule.id, row.slot, schedule.timezone)
    if schedule.kind == "pull":
        return request_pull(session, **schedule.arguments, requested_by="schedule", dedupe_key=key)
    if schedule.kind == "train" and (coming := training_on_its_way(session, schedule.arguments)):
        return coming
    return request_job(session, schedule.kind, schedule.arguments, requested_by="schedule", dedupe_key=key)


def follow(session: Session, now: datetime) -> None:
    """Write down how far the runs are that have begun; of jobs that only wait there is nothing to tell."""
    begun = sa.or_(JobRun.started_at.is_not(None), JobRun.state.in_(FINAL_STATES))
    rows = sa.select(PromisedRun).join(JobRun, JobRun.id == PromisedRun.job_id)
    rows = rows.where(PromisedRun.state.in_(OPEN), begun)
    for row in session.scalars(rows.order_by(PromisedRun.id).limit(MOST_AT_ONCE)):
        if row.job_id is not None:
            _note(row, outcome_of(session, row.job_id), now)
    session.flush()


def _note(row: PromisedRun, found: Outcome, now: datetime) -> None:
    row.state, row.started_at = found.state, found.started_at
    if found.state not in OPEN:
        row.ended_at, row.note = found.ended_at or now, found.note[:500]
        row.expected, row.delivered = found.expected, found.delivered
