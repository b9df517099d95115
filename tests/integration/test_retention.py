"""What is kept for how long: forecasts that are still scored, records that others refer to, and all else not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from test_relay_chain import request_import, sales, work_off

from ml.db.audit import AuditEntry
from ml.db.base import Base, utc_now
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.grains import MONTHLY
from ml.pipelines import train as training
from ml.pipelines.retire import needed_since, retire_forecasts
from worker.context import Services
from worker.models import (
    Alert,
    AlertRule,
    IdempotencyKey,
    JobRun,
    Notification,
    OutboxEvent,
    PromisedRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from worker.queues import request_job
from worker.retention import Retention, prune

NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def counts(session: Session, *entities: type[Base]) -> list[int]:
    return [session.scalar(sa.select(sa.func.count()).select_from(entity)) or 0 for entity in entities]


def add_job(session: Session, days: int, state: str = "succeeded", **values: Any) -> JobRun:
    ended = NOW - days * DAY
    job = JobRun(kind="refresh", queue="ingest", arguments={}, state=state, created_at=ended,
                 finished_at=ended if state != "running" else None, **values)  # fmt: skip
    session.add(job)
    session.flush()
    return job


def add_event(session: Session, days: int, **values: Any) -> OutboxEvent:
    when = NOW - days * DAY
    row = OutboxEvent(name="SalesCleaned", payload={}, created_at=when, **{"handled_at": when, **values})
    session.add(row)
    session.flush()
    return row


def test_old_jobs_go_with_their_events_and_those_that_others_refer_to_stay(session: Session) -> None:
    gone_event, kept_event = add_event(session, 200), add_event(session, 200)
    add_job(session, 190, caused_by=gone_event.id)
    kept = [
        add_job(session, 170, caused_by=kept_event.id),
        add_job(session, 190, "running"),
        add_job(session, 190),
    ]
    session.add(PromisedRun(schedule_id="a", slot=NOW, due_at=NOW - 190 * DAY, state="published", job_id=kept[2].id))
    waiting = add_event(session, 200, handled_at=None)
    removed = prune(session, Retention(), NOW)
    assert (removed["job_runs"], removed["outbox"]) == (1, 1)
    assert set(session.scalars(sa.select(JobRun.id))) == {job.id for job in kept}
    assert set(session.scalars(sa.select(OutboxEvent.id))) == {kept_event.id, waiting.id}
    later = prune(session, Retention(promises=180), NOW)
    assert (later["promised_runs"], later["job_runs"]) == (1, 1)


def test_promises_that_are_still_owed_are_never_forgotten(session: Session) -> None:
    for number, state in enumerate(("owed", "started", "published", "missed")):
        session.add(PromisedRun(schedule_id="a", slot=NOW - number * DAY, due_at=NOW - 500 * DAY, state=state))
    session.flush()
    assert prune(session, Retention(), NOW)["promised_runs"] == 2
    assert set(session.scalars(sa.select(PromisedRun.state))) == {"owed", "started"}


def test_keys_deliveries_alerts_e_mails_and_the_log_are_kept_as_long_as_the_settings_say(session: Session) -> None:
    rule = AlertRule(name="a", metric="drift", threshold=1, clear_at=1, emails=[])
    endpoint = WebhookEndpoint(url="https://example.com", events=[], secret="x")
    session.add_all([rule, endpoint])
    session.flush()
    event = add_event(session, 1)
    for days in (1, 2000):
        when = NOW - days * DAY
        alert = Alert(rule_id=rule.id, state="resolved", value=1, message="", opened_at=when, resolved_at=when)
        session.add_all([
            alert,
            IdempotencyKey(key=days.to_bytes(16), request_hash="", created_at=when),
            WebhookDelivery(endpoint_id=endpoint.id, event_id=event.id, replay=days, event="x", body="",
                            state="delivered", created_at=when),
            AuditEntry(actor="a", action="a", entity="a", entity_id="1", request_id="", address="", at=when),
        ])  # fmt: skip
        session.flush()
        session.add(Notification(alert_id=alert.id, recipient="a", subject="", body="", state="sent", created_at=when))
    session.add(Alert(rule_id=rule.id, open_key="x", state="open", value=1, message="", opened_at=NOW - 2000 * DAY))
    session.flush()
    prune(session, Retention(), NOW)
    tables = (IdempotencyKey, WebhookDelivery, AuditEntry, Notification, Alert)
    assert counts(session, *tables) == [1, 1, 1, 1, 2]
    assert sum(prune(session, Retention(), NOW).values()) == 0


def test_many_rows_go_in_chunks(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.retention.CHUNK", 10)
    for _ in range(35):
        add_job(session, 200)
    assert prune(session, Retention(), NOW)["job_runs"] == 35


def test_settings_name_the_days(worker_env: dict[str, str]) -> None:
    assert Retention.from_env({"FORECASTLE_KEEP_JOBS_DAYS": "9"}) == Retention(jobs=9)


@pytest.fixture
def model_id(session: Session) -> int:
    row = ModelVersion(
        model_name="sales-monthly", model_type="seasonal_naive", version=1, path="models/1", metrics={},
        grain="monthly", location_level="area", product_level="product", parameters={}, features=[],
        data_from=date(2020, 1, 1), data_to=date(2020, 1, 1), series_count=1, checksum="", libraries={},
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def add_run(session: Session, model_id: int, as_of: date, days: int, state: str = "superseded") -> int:
    run = ForecastRun(
        grain="monthly", state=state, model_id=model_id, as_of=as_of, horizon=12, location_level="area",
        product_level="product", created_at=utc_now() - days * DAY, slot="monthly" if state == "published" else None,
    )  # fmt: skip
    session.add(run)
    session.flush()
    return run.id


def kept_runs(session: Session, monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The runs whose rows would stay."""
    gone: set[int] = set()
    monkeypatch.setattr("ml.pipelines.retire.delete_rows", lambda _session, run_id: gone.add(run_id) or 1)
    retire_forecasts(session, 400)
    return set(session.scalars(sa.select(ForecastRun.id))) - gone


def test_forecasts_stay_while_they_are_shown_or_scored(
    session: Session, model_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = date(2026, 6, 1)
    oldest = needed_since(MONTHLY, newest)
    assert oldest <= MONTHLY.shift(newest, -36)  # two years back, of forecasts made a year ahead
    shown = add_run(session, model_id, newest, 500, "published")
    scored = add_run(session, model_id, oldest, 1500)
    add_run(session, model_id, MONTHLY.shift(oldest, -1), 1500)  # of no use any more
    young = add_run(session, model_id, MONTHLY.shift(oldest, -2), 300)  # but loaded lately
    assert kept_runs(session, monkeypatch) == {shown, scored, young}


def test_of_forecasts_as_of_the_same_period_the_last_one_stays(
    session: Session, model_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    may, june = date(2026, 5, 1), date(2026, 6, 1)
    add_run(session, model_id, may, 30)
    last = add_run(session, model_id, may, 29)
    add_run(session, model_id, june, 9)
    lately = add_run(session, model_id, june, 2)
    shown = add_run(session, model_id, june, 1, "published")
    assert kept_runs(session, monkeypatch) == {last, lately, shown}


def test_the_jobs_prune_real_forecasts_and_records(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CANDIDATES", ("seasonal_naive",))
    request_import(services, sales(30))
    work_off(services)
    with services.sessions.begin() as session:
        request_job(session, "forecast", {"grain": "monthly", "horizon": 12})
    work_off(services)
    with services.sessions.begin() as session:
        session.execute(sa.update(ForecastRun).values(created_at=utc_now() - 20 * DAY))
        rows = counts(session, ForecastResult)[0]
        request_job(session, "prune_history", {})
        request_job(session, "prune_records", {})
    assert work_off(services)[-2:] == [("prune_history", "succeeded"), ("prune_records", "succeeded")]
    with services.sessions() as session:
        assert counts(session, ForecastResult)[0] == rows // 2
        shown = session.scalars(sa.select(ForecastRun).where(ForecastRun.slot == "monthly")).one()
        assert set(session.scalars(sa.select(ForecastResult.run_id))) == {shown.id}
        results = {job.kind: job.result for job in session.scalars(sa.select(JobRun))}
        assert (results["prune_history"] or {})["rows"] == rows // 2
