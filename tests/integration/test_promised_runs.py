"""The ledger of promised runs: what became of each, with counts, and the independent check of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from test_relay_chain import request_import, sales, work_off

from ml.db.base import utc_now
from ml.db.results import ForecastResult, ForecastRun
from ml.pipelines import train as training
from worker import ledger, promises
from worker.chains import outcome_of
from worker.context import Services
from worker.events import AggregatesRefreshed, ModelTrained, record
from worker.models import JobRun, PromisedRun, Schedule
from worker.promises import find_breaches
from worker.queues import request_job

NOON = datetime(2026, 7, 10, 12, tzinfo=UTC)
SLOT = NOON - timedelta(hours=10)


@pytest.fixture
def schedule(session: Session) -> Schedule:
    """Due each night at two, for three nights by now."""
    row = Schedule(
        id="nightly", cron="0 2 * * *", timezone="UTC", kind="refresh", arguments={},
        effective_from=NOON - timedelta(days=3), created_at=NOON - timedelta(days=3),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def add_job(session: Session, kind: str = "refresh", state: str = "succeeded", **values: Any) -> JobRun:
    job = request_job(session, kind, values.pop("arguments", {}), requested_by="schedule")
    times = {"started_at": SLOT, "finished_at": SLOT + timedelta(minutes=5), "created_at": SLOT}
    for name, value in {"state": state, **times, **values}.items():
        setattr(job, name, value)
    session.flush()
    return job


def promised(session: Session, days: int = 0, **values: Any) -> PromisedRun:
    slot = SLOT - timedelta(days=days)
    defaults: dict[str, Any] = {"schedule_id": "nightly", "slot": slot, "due_at": slot}
    row = PromisedRun(**{**defaults, **values})
    session.add(row)
    session.flush()
    return row


def kept(session: Session, days: int) -> PromisedRun:
    end = SLOT - timedelta(days=days) + timedelta(minutes=5)
    return promised(session, days, state="published", job_id=add_job(session).id, ended_at=end)


def breaches(session: Session, now: datetime = NOON) -> list[tuple[str, str]]:
    found = find_breaches(session, now, "UTC", ("monthly",))
    return [(f"{one.slot:%d %H:%M}", one.kind) for one in found]


@pytest.mark.parametrize(
    ("state", "started", "expected"),
    [
        ("queued", None, "owed"),
        ("running", SLOT, "started"),
        ("succeeded", SLOT, "published"),
        ("failed", SLOT, "failed"),
        ("cancelled", None, "failed"),
    ],
)
def test_a_run_is_as_far_as_its_job(session: Session, state: str, started: datetime | None, expected: str) -> None:
    row = promised(session, job_id=add_job(session, state=state, started_at=started, error="broken").id)
    ledger.follow(session, NOON)
    assert (row.state, row.started_at) == (expected, started)
    assert (row.ended_at is None) == (expected in ledger.OPEN)
    assert ("broken" in row.note) == (expected == "failed")


def test_a_run_goes_on_until_what_followed_from_it_has_ended(session: Session) -> None:
    first = add_job(session)
    row = promised(session, job_id=first.id)
    event = record(session, AggregatesRefreshed(None, None), first.id)
    session.flush()
    ledger.follow(session, NOON)
    assert row.state == "started"  # the event is not handled yet
    event.handled_at = NOON
    forecast = add_job(session, "forecast", "running", arguments={"grain": "monthly", "horizon": 2}, caused_by=event.id)
    ledger.follow(session, NOON)
    assert row.state == "started"
    forecast.state = "failed"
    ledger.follow(session, NOON)
    assert row.state == "failed"
    assert row.note.startswith(f"forecast job {forecast.id} failed")


def test_what_only_tells_others_keeps_no_run_open(session: Session) -> None:
    first = add_job(session)
    event = record(session, ModelTrained("monthly", 1, champion=False), first.id)
    session.flush()
    event.handled_at = NOON
    add_job(session, "deliver", "queued", arguments={"delivery_id": 1}, caused_by=event.id)
    assert outcome_of(session, first.id).state == "published"


def test_the_series_of_a_scheduled_forecast_are_counted(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CANDIDATES", ("seasonal_naive",))
    request_import(services, sales(30))
    work_off(services)
    with services.sessions() as session:
        row = promised(session, job_id=request_job(session, "refresh", {}, requested_by="schedule").id)
        session.commit()
    assert work_off(services)[-2:] == [("forecast", "succeeded"), ("drift", "succeeded")]
    with services.sessions() as session:
        row = session.get_one(PromisedRun, row.id)
        run = session.scalars(sa.select(ForecastRun).where(ForecastRun.slot == "monthly")).one()
        ledger.follow(session, utc_now())
        assert (row.state, row.expected, row.delivered) == ("published", run.series_count, run.series_count)
        assert run.series_count > 5
        some = sa.select(sa.func.max(ForecastResult.id)).where(ForecastResult.run_id == run.id)
        session.execute(sa.delete(ForecastResult).where(ForecastResult.id == session.scalar(some)))
        assert outcome_of(session, row.job_id or 0).delivered == run.series_count - 1


@pytest.mark.usefixtures("schedule")
def test_runs_that_were_kept_are_no_breach(session: Session) -> None:
    for days in range(3):
        kept(session, days)
    assert breaches(session) == []


@pytest.mark.usefixtures("schedule")
def test_slots_that_nobody_wrote_down_or_asked_for_are_missing(session: Session) -> None:
    kept(session, 2)
    promised(session, 0)
    assert breaches(session) == [("10 02:00", "missing"), ("09 02:00", "missing")]
    assert breaches(session, SLOT + timedelta(minutes=4)) == [("09 02:00", "missing")]  # the last one is only just due


@pytest.mark.usefixtures("schedule")
def test_a_slot_that_was_passed_over_is_not_missing_and_one_that_was_missed_is(session: Session) -> None:
    promised(session, 2, state="skipped")
    promised(session, 1, state="missed", note="nobody looked")
    kept(session, 0)
    assert breaches(session) == [("09 02:00", "missing")]


@pytest.mark.usefixtures("schedule")
def test_runs_that_take_too_long_end_too_late_fail_or_lack_series_are_reported(session: Session) -> None:
    promised(session, 2, job_id=add_job(session).id, state="failed", ended_at=SLOT, note="no history")
    promised(
        session, 1, job_id=add_job(session).id, state="published", expected=10_040, delivered=9_812,
        ended_at=SLOT - timedelta(hours=23),
    )  # fmt: skip
    promised(session, 0, job_id=add_job(session, state="running").id, state="started")
    found = find_breaches(session, NOON, "UTC", ("monthly",))
    assert [(one.kind, one.detail) for one in found] == [
        ("late", "has not ended within 60 minutes"),
        ("incomplete", "9,812 of 10,040 series"),
        ("failed", "no history"),
    ]
    assert breaches(session, SLOT + timedelta(minutes=59))[:1] == [("09 02:00", "incomplete")]


@pytest.mark.usefixtures("schedule")
def test_a_run_that_ended_too_late_is_told_of_as_such(session: Session) -> None:
    promised(session, 0, job_id=add_job(session).id, state="published", ended_at=SLOT + timedelta(minutes=61))
    [found] = [one for one in find_breaches(session, NOON, "UTC", ("monthly",)) if one.kind == "late"]
    assert found.detail == "did not end within 60 minutes"


@pytest.mark.usefixtures("schedule")
def test_a_job_in_the_name_of_a_schedule_that_no_slot_stands_for_is_a_duplicate(session: Session) -> None:
    for days in range(3):
        kept(session, days)
    stray = add_job(session, dedupe_key="nightly:2026-07-10T02:20:00")
    add_job(session, dedupe_key="unknown:2026-07-10T02:00:00")
    [found] = find_breaches(session, NOON, "UTC", ("monthly",))
    assert (found.kind, found.job_id, found.schedule_id) == ("duplicate", stray.id, "nightly")


def test_a_paused_schedule_owes_nothing(session: Session, schedule: Schedule) -> None:
    schedule.paused = True
    session.flush()
    assert breaches(session) == []


def test_the_command_prints_breaches_and_exits_with_one(
    worker_env: dict[str, str],
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in worker_env.items():
        monkeypatch.setenv(name, value)
    assert promises.main() == 0
    ago = utc_now() - timedelta(minutes=40)
    with services.sessions.begin() as session:
        session.add(
            Schedule(id="often", cron="*/15 * * * *", timezone="UTC", kind="refresh", arguments={}, effective_from=ago)
        )
    assert promises.main() == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(line["schedule_id"], line["kind"]) for line in lines} == {("often", "missing")}
    assert len(lines) in (2, 3)
