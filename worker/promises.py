"""The independent check of promised runs: what the cron expressions say should have run, beside what the ledger, the
jobs and the forecasts say did. It reads only, and shares with the scheduler nothing but the reading of an expression.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.session import create_engine, create_sessions, reading
from worker.models import JobRun, PromisedRun, Schedule
from worker.schedule import active_schedules
from worker.settings import WorkerSettings
from worker.slots import jitter, slots

CHECKED = timedelta(days=7)
SLACK = timedelta(minutes=5)
"""How much later than it was due a job may be asked for: a new leader takes its time."""

MOST_SLOTS = 2000
"""Slots of one schedule that are checked, the newest ones: those of a day, where it is due each minute."""

SLOT_KEY = re.compile(r"(.+):\d{4}-\d\d-\d\dT")
"""The key of a slot's job, as `worker.slots.key_of` writes it."""


@dataclass(frozen=True)
class Breach:
    """A promise that was not kept. `kind` is missing, late, duplicate, incomplete or failed."""

    schedule_id: str
    slot: datetime
    kind: str
    detail: str
    job_id: int | None = None


def find_breaches(
    session: Session, now: datetime, timezone: str, grains: Sequence[str], window: timedelta = CHECKED
) -> list[Breach]:
    """All breaches of the last `window`, newest slot first. `timezone` is that of the sources' schedules."""
    since = now - window
    ledger: dict[str, dict[datetime, PromisedRun]] = {}
    for row in session.scalars(sa.select(PromisedRun).where(PromisedRun.slot > since)):
        ledger.setdefault(row.schedule_id, {})[row.slot] = row
    found: list[Breach] = []
    for one in active_schedules(session, timezone, grains):
        rows = ledger.get(one.id, {})
        found += missing(one, rows, since, now)
        found += [breach for row in rows.values() if (breach := kept_badly(one, row, now)) is not None]
    found += duplicates(session, ledger, since)
    return sorted(found, key=lambda one: (one.slot, one.schedule_id), reverse=True)


def missing(one: Schedule, rows: Mapping[datetime, PromisedRun], since: datetime, now: datetime) -> Iterator[Breach]:
    """Slots that are past and that nobody wrote down, asked for, or rightly passed over."""
    due = list(slots(one.cron, one.timezone, max(since, one.effective_from), now - SLACK))
    for slot in due[-MOST_SLOTS:]:
        row = rows.get(slot)
        if slot + jitter(one.id, slot, one.jitter_seconds) > now - SLACK or (row is not None and row.job_id):
            continue
        if row is None:
            yield Breach(one.id, slot, "missing", "the slot is not in the ledger; no scheduler looked at the clock")
        elif row.state in ("owed", "missed"):
            yield Breach(one.id, slot, "missing", row.note or "its job was not asked for")


def kept_badly(one: Schedule, row: PromisedRun, now: datetime) -> Breach | None:
    """What is wrong with a run whose job was asked for; None where nothing is."""
    if row.job_id is None:
        return None
    allowed = row.due_at + timedelta(minutes=one.late_after_minutes)
    if row.state == "failed":
        return Breach(one.id, row.slot, "failed", row.note, row.job_id)
    if row.expected is not None and row.delivered is not None and row.delivered < row.expected:
        detail = f"{row.delivered:,} of {row.expected:,} series"
        return Breach(one.id, row.slot, "incomplete", detail, row.job_id)
    if (row.ended_at or now) > allowed:
        did = "did not end" if row.ended_at else "has not ended"
        return Breach(one.id, row.slot, "late", f"{did} within {one.late_after_minutes} minutes", row.job_id)
    return None


def duplicates(
    session: Session, ledger: Mapping[str, Mapping[datetime, PromisedRun]], since: datetime
) -> Iterator[Breach]:
    """Jobs in the name of a schedule that no slot of it stands for."""
    first = dict(session.execute(sa.select(Schedule.id, Schedule.created_at)).all())
    promised = {row.job_id for rows in ledger.values() for row in rows.values()}
    jobs = sa.select(JobRun.id, JobRun.dedupe_key, JobRun.created_at).where(
        JobRun.requested_by == "schedule", JobRun.created_at > since
    )
    for job_id, key, created_at in session.execute(jobs):
        named = SLOT_KEY.match(key or "")
        if named and named[1] in first and created_at > first[named[1]] and job_id not in promised:
            yield Breach(named[1], created_at, "duplicate", "a job in its name that no slot stands for", job_id)


def main() -> int:
    """`python -m worker check`: print each breach as a line of JSON; 1 where there are any."""
    settings = WorkerSettings.from_env()
    engine = create_engine(settings.ml.database_url)
    with reading(create_sessions(engine)) as session:
        found = find_breaches(session, utc_now(), settings.timezone.key, settings.ml.grains)
    engine.dispose()
    for breach in found:
        sys.stdout.write(json.dumps({**asdict(breach), "slot": breach.slot.isoformat()}, ensure_ascii=False) + "\n")
    return 1 if found else 0
