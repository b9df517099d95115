"""Alerts: when they begin and end, who is told and how often, and what is measured."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from made_forecasts import publish
from redis import Redis
from smtp_server import SmtpServer, smtp_server
from sqlalchemy.orm import Session, sessionmaker

from ml.db.base import utc_now
from ml.db.restock import PlanRun
from ml.db.sales import SalesDaily
from ml.db.session import create_engine
from ml.errors import ConfigurationError
from worker import health, traffic
from worker.alerts.evaluate import apply, apply_all, measure_all
from worker.alerts.mail import claim, send_waiting
from worker.alerts.metrics import METRICS, Look, Metric, Reading
from worker.alerts.rules import DEFAULTS, add_defaults
from worker.connection import connect
from worker.context import Services
from worker.lease import Leadership
from worker.mail import MailSettings
from worker.models import Alert, AlertRule, JobRun, Notification, OutboxEvent, Schedule
from worker.outbox import MAX_TRIES
from worker.watch import LEASE, Watch

NOON = datetime(2026, 7, 10, 12, tzinfo=UTC)
ANN = "ann@example.com"
POSTGRESQL = "postgresql+psycopg://root@127.0.0.1:5432/postgres"


def rule_of(session: Session, **values: Any) -> AlertRule:
    defaults: dict[str, Any] = {"name": "Hot", "metric": "heat", "threshold": 10, "clear_at": 8, "emails": [ANN]}
    rule = AlertRule(**{**defaults, **values})
    session.add(rule)
    session.flush()
    return rule


@dataclass
class Case:
    """One rule, fed with values minute by minute."""

    session: Session
    rule: AlertRule
    now: datetime = NOON
    subjects: tuple[str, ...] = ("oven",)
    sent: list[str] = field(default_factory=list)

    def read(self, *values: float | None, minutes: float = 1) -> None:
        for value in values:
            self.now += timedelta(minutes=minutes)
            found = [] if value is None else [Reading(one, value, f"{value:g} degrees") for one in self.subjects]
            apply(self.session, self.rule, found, self.now, ())
            self.session.flush()

    def alerts(self) -> list[tuple[str, float]]:
        return [(row.state, row.value) for row in self.session.scalars(sa.select(Alert).order_by(Alert.id))]

    def told(self) -> int:
        return self.session.scalar(sa.select(sa.func.count()).select_from(Notification)) or 0


@pytest.fixture
def case(session: Session) -> Case:
    return Case(session, rule_of(session))


def test_an_alert_begins_beyond_the_threshold_and_ends_well_back_only(case: Case) -> None:
    case.read(10)
    assert case.alerts() == []
    case.read(11)
    assert case.alerts() == [("open", 11)]
    case.read(9, 12, 9)  # between the two it stays as it is
    assert case.alerts() == [("open", 9)]
    case.read(8)
    assert case.alerts() == [("resolved", 9)]
    case.read(11)
    assert case.alerts() == [("resolved", 9), ("open", 11)]


def test_below_the_threshold_where_the_rule_says_so(session: Session) -> None:
    case = Case(session, rule_of(session, above=False, threshold=5, clear_at=6))
    case.read(5, 4, 5.5)
    assert case.alerts() == [("open", 5.5)]
    case.read(6)
    assert case.alerts() == [("resolved", 5.5)]


def test_what_does_not_last_is_no_alert(session: Session) -> None:
    case = Case(session, rule_of(session, hold_minutes=5))
    case.read(11, 11, 9)
    assert case.alerts() == []
    case.read(*[11] * 5)
    assert (case.alerts(), case.told()) == ([("pending", 11)], 0)
    case.read(11)
    assert (case.alerts(), case.told()) == ([("open", 11)], 1)


def test_one_alert_and_one_message_however_often_it_is_measured(case: Case) -> None:
    case.subjects = ("oven", "stove")
    case.read(*[11] * 30)
    assert case.alerts() == [("open", 11)] * 2
    assert case.told() == 2
    case.read(11, minutes=24 * 60)
    assert case.told() == 4  # again after a day


def test_what_has_no_reading_any_more_has_ended(case: Case) -> None:
    case.read(11, None)
    assert case.alerts() == [("resolved", 11)]


def test_the_alerts_of_a_rule_that_is_switched_off_end(case: Case) -> None:
    case.read(11)
    case.rule.active = False
    apply_all(case.session, {}, case.now, ())
    assert case.alerts() == [("resolved", 11)]
    case.rule.active = True
    apply_all(case.session, {}, case.now, ())  # not measured yet
    assert case.alerts() == [("resolved", 11)]


def test_who_acknowledged_an_alert_is_not_told_again(case: Case) -> None:
    case.read(11)
    case.session.execute(sa.update(Alert).values(acknowledged_at=NOON, acknowledged_by=ANN))
    case.session.expire_all()
    case.read(11, minutes=2 * 24 * 60)
    assert case.told() == 1
    case.read(8, 11)
    assert case.told() == 2  # a new one


@pytest.mark.parametrize(
    ("begins", "ends", "quiet"),
    [("22:00", "07:00", [True, True, False]), ("13:00", "15:00", [False, False, True]), ("", "", [False] * 3)],
)
def test_in_quiet_hours_nobody_is_told_until_they_are_over(
    session: Session, begins: str, ends: str, quiet: list[bool]
) -> None:
    times = [datetime(2026, 7, 9, 21, tzinfo=UTC), datetime(2026, 7, 10, 4, tzinfo=UTC), NOON]  # 23, 6 and 14 in Berlin
    for number, (now, silent) in enumerate(zip(times, quiet, strict=True)):
        rule = rule_of(session, name=f"{number}", quiet_from=begins, quiet_until=ends, timezone="Europe/Berlin")
        case = Case(session, rule, now)
        before = case.told()
        case.read(11)
        assert case.told() - before == (not silent)
        case.read(11, minutes=10 * 60)
        assert case.told() - before == 1


def test_webhooks_are_told_of_begin_and_end(case: Case) -> None:
    case.read(11, 11, 8)
    events = case.session.scalars(sa.select(OutboxEvent).order_by(OutboxEvent.id)).all()
    assert [(one.name, one.payload["message"]) for one in events] == [
        ("AlertRaised", "11 degrees"),
        ("AlertResolved", "8 degrees"),
    ]


def test_a_metric_that_cannot_be_measured_neither_raises_nor_ends_an_alert(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(look: Look) -> Iterator[Reading]:
        look.session.execute(sa.text("SELECT nonsense FROM nowhere"))
        yield Reading("", 1, "")

    monkeypatch.setitem(METRICS, "heat", Metric("Heat", "degrees", broken))
    rule = rule_of(session)
    gone = rule_of(session, name="Gone", metric="latency")
    silent = rule_of(session, name="Silent", metric="silence")
    fine = rule_of(session, name="Fine", metric="dead_letters")
    session.commit()
    found = measure_all(look_of(session, connect("unix:///nonexistent/valkey.sock")))
    assert rule.id not in found
    assert gone.id not in found
    assert found[fine.id][0].value == 0
    assert [(one.subject, one.value) for one in found[silent.id]] == [("redis", 1)]


def look_of(session: Session, redis: Redis, **values: Any) -> Look:
    defaults: dict[str, Any] = {"now": NOON, "window": timedelta(hours=1), "timezone": "UTC", "grains": ("monthly",)}
    return Look(session, redis, **{**defaults, **values})


def read_metric(name: str, look: Look) -> dict[str, float]:
    return {reading.subject: reading.value for reading in METRICS[name].measure(look)}


def test_jobs_that_failed_wait_and_events_that_are_dead_are_counted(session: Session, redis_client: Redis) -> None:
    common: dict[str, Any] = {"queue": "train", "arguments": {}}
    ended = [NOON - timedelta(minutes=minutes) for minutes in (10, 30, 90)]
    session.add_all(JobRun(kind="train", state="failed", finished_at=when, **common) for when in ended)
    session.add(JobRun(kind="drift", state="queued", run_after=NOON - timedelta(minutes=30), **common))
    session.add(JobRun(kind="drift", state="queued", run_after=NOON + timedelta(minutes=30), **common))
    session.add(OutboxEvent(name="X", payload={}, tries=MAX_TRIES))
    session.flush()
    look = look_of(session, redis_client)
    assert read_metric("failed_jobs", look) == {"train": 2}
    assert read_metric("waiting_jobs", look) == {"train": 30}
    assert read_metric("dead_letters", look) == {"": 1}


def test_sales_age_processes_are_missed_and_promises_are_broken(session: Session, redis_client: Redis) -> None:
    look = look_of(session, redis_client)
    assert read_metric("freshness", look) == {}
    assert read_metric("urgent_stock", look) == {}
    load_sales(session, monthly_sales(3))
    newest = session.scalars(sa.select(sa.func.max(SalesDaily.sale_date))).one()
    session.add(Schedule(id="often", cron="*/20 * * * *", timezone="UTC", kind="refresh", arguments={},
                         effective_from=NOON - timedelta(hours=3)))  # fmt: skip
    session.flush()
    health.report(redis_client, "relay", "one")
    assert read_metric("freshness", look) == {"sales": (NOON.date() - newest).days}
    assert read_metric("silence", look) == {"worker": 1, "relay": 0, "scheduler": 1, "watch": 1}
    assert read_metric("broken_promises", look) == {"often": 2}  # one more is only just due
    assert read_metric("connections", look) == {} if session.get_bind().dialect.name == "sqlite" else True


def test_urgent_items_of_the_published_plan_are_counted(session: Session, redis_client: Redis) -> None:
    load_sales(session, monthly_sales(3))
    forecast = publish(session, NOON.date(), 1)
    same = {"today": NOON.date(), "grain": "monthly", "forecast_run_id": forecast.id, "days": 90}
    session.add(PlanRun(state="superseded", summary={"urgent": 9}, **same))
    session.add(PlanRun(state="published", slot="stock", summary={"urgent": 2}, **same))
    session.flush()
    assert read_metric("urgent_stock", look_of(session, redis_client)) == {"stock": 2}


def test_connections_of_postgresql_are_counted(redis_client: Redis) -> None:
    engine = create_engine(POSTGRESQL)
    try:
        with engine.connect(), Session(engine) as session:
            share = read_metric("connections", look_of(session, redis_client))[""]
            most = int(session.scalar(sa.text("SELECT current_setting('max_connections')")) or 0)
            assert 2 * 100 / most <= share <= 100
    except sa.exc.OperationalError:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}")
    finally:
        engine.dispose()


def test_the_api_is_measured_over_the_window(session: Session, redis_client: Redis) -> None:
    for minutes, times in ((0, [0.004] * 90 + [0.3] * 10), (5, [0.004] * 100), (90, [9.0] * 500)):
        counts: dict[str, int] = {"errors": 4 if minutes == 5 else 0}
        for seconds in times:
            name = traffic.class_of(seconds)
            counts[name] = counts.get(name, 0) + 1
        traffic.write(redis_client, NOON - timedelta(minutes=minutes), counts)
    look = look_of(session, redis_client, window=timedelta(minutes=10))
    assert read_metric("error_rate", look) == {"": 2.0}
    assert read_metric("latency", look) == {"": 5.0}
    one_minute = look_of(session, redis_client, window=timedelta(minutes=1))
    assert read_metric("latency", one_minute) == {"": 500.0}
    assert read_metric("error_rate", look_of(session, redis_client, now=NOON - timedelta(hours=5))) == {}


def test_every_default_rule_is_about_a_metric_and_people_keep_what_they_changed(session: Session) -> None:
    add_defaults(session, "Europe/Berlin")
    rules = session.scalars(sa.select(AlertRule)).all()
    assert {rule.metric for rule in rules} == set(METRICS)
    assert all(rule.clear_at <= rule.threshold for rule in rules)
    session.execute(sa.delete(AlertRule).where(AlertRule.metric == "latency"))
    add_defaults(session, "Europe/Berlin")
    assert session.scalar(sa.select(sa.func.count()).select_from(AlertRule)) == len(DEFAULTS) - 1


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


def mail_settings(port: int) -> MailSettings:
    env = {"FORECASTLE_SMTP_URL": f"smtp://127.0.0.1:{port}", "FORECASTLE_MAIL_FROM": "forecastle@example.com",
           "FORECASTLE_ALERT_EMAILS": ANN}  # fmt: skip
    return MailSettings.from_env(env)


def waiting_mail(sessions: sessionmaker[Session], *recipients: str) -> None:
    with sessions.begin() as session:
        session.add_all(
            Notification(recipient=one, subject="Sales are old\nBcc: all@example.com", body="Seit 9 Tagen: Öl\n",
                         created_at=NOON, next_try_at=NOON)
            for one in recipients
        )  # fmt: skip


def notifications(sessions: sessionmaker[Session]) -> list[Notification]:
    with sessions() as session:
        return list(session.scalars(sa.select(Notification).order_by(Notification.id)))


def test_an_e_mail_is_sent_once_and_its_subject_adds_no_header(
    sessions: sessionmaker[Session], smtp: SmtpServer
) -> None:
    waiting_mail(sessions, ANN)
    assert [send_waiting(sessions, mail_settings(smtp.port), NOON) for _ in range(2)] == [1, 0]
    [message] = smtp.messages
    assert (message["To"], message["Bcc"]) == (ANN, None)
    assert message["Subject"] == "Sales are old Bcc: all@example.com"
    assert "Seit 9 Tagen: Öl" in message.get_content()
    assert [row.state for row in notifications(sessions)] == ["sent"]


def test_of_two_processes_one_sends_an_e_mail_and_one_that_died_is_made_up_for(
    sessions: sessionmaker[Session], smtp: SmtpServer
) -> None:
    waiting_mail(sessions, ANN)
    assert len(claim(sessions, NOON)) == 1
    assert send_waiting(sessions, mail_settings(smtp.port), NOON + timedelta(minutes=1)) == 0
    assert send_waiting(sessions, mail_settings(smtp.port), NOON + timedelta(minutes=11)) == 1


def test_a_recipient_who_is_refused_keeps_no_other_from_being_told(
    sessions: sessionmaker[Session], smtp: SmtpServer
) -> None:
    waiting_mail(sessions, "refused@example.com", ANN)
    assert send_waiting(sessions, mail_settings(smtp.port), NOON) == 1
    refused, sent = notifications(sessions)
    assert (refused.state, sent.state) == ("waiting", "sent")
    assert "SMTPRecipientsRefused" in (refused.error or "")
    assert send_waiting(sessions, mail_settings(smtp.port), NOON + timedelta(seconds=30)) == 0
    for _ in range(20):
        row = notifications(sessions)[0]
        send_waiting(sessions, mail_settings(smtp.port), max(row.next_try_at, NOON))
    assert notifications(sessions)[0].state == "failed"
    assert 5 < notifications(sessions)[0].tries < 16


@pytest.mark.parametrize("wrong", ["jörg@example.com", "ann@", "ann@[1", "("])
def test_an_address_that_cannot_be_written_down_keeps_no_other_from_being_told(
    sessions: sessionmaker[Session], smtp: SmtpServer, wrong: str
) -> None:
    waiting_mail(sessions, wrong, ANN)
    assert send_waiting(sessions, mail_settings(smtp.port), NOON) == 1
    assert [row.state for row in notifications(sessions)] == ["waiting", "sent"]
    assert notifications(sessions)[0].error


def test_while_the_server_is_away_e_mails_wait(sessions: sessionmaker[Session], smtp: SmtpServer) -> None:
    waiting_mail(sessions, ANN, "bob@example.com")
    assert send_waiting(sessions, mail_settings(1), NOON) == 0
    assert [(row.state, row.tries) for row in notifications(sessions)] == [("waiting", 1)] * 2
    assert send_waiting(sessions, mail_settings(smtp.port), NOON + timedelta(minutes=2)) == 2


@pytest.mark.parametrize("url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://host:port"])
def test_settings_of_mail_that_cannot_be_meant_are_refused(url: str) -> None:
    env = {"FORECASTLE_SMTP_URL": url, "FORECASTLE_MAIL_FROM": "forecastle@example.com"}
    with pytest.raises(ConfigurationError, match="FORECASTLE_SMTP_URL"):
        MailSettings.from_env(env)


@pytest.mark.parametrize("name", ["FORECASTLE_ALERT_EMAILS", "FORECASTLE_STOCK_EMAILS"])
def test_recipients_that_are_no_addresses_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} names 'bob@'; expected addresses"):
        MailSettings.from_env({name: f"{ANN}, bob@"})


def test_a_password_is_read_and_never_shown() -> None:
    env = {"FORECASTLE_SMTP_URL": "smtps://ann:p%40ss@mail.example.com", "FORECASTLE_MAIL_FROM": ANN}
    found = MailSettings.from_env(env)
    assert (found.port, found.user, found.password) == (465, "ann", "p@ss")
    assert "p@ss" not in repr(found)


def test_the_watch_tells_that_no_worker_is_there(
    services: Services, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a worker nor a relay nor a scheduler runs here."""
    settings = services.settings
    object.__setattr__(settings, "mail", mail_settings(smtp.port))
    with services.sessions.begin() as session:
        rule_of(session, name="A process is gone", metric="silence", threshold=0.5, clear_at=0.5, emails=[])
    watches = [
        Watch(services.sessions, services.redis, settings, Leadership(services.sessions, LEASE, name))
        for name in ("one", "two")
    ]
    for _ in range(2):
        for watch in watches:
            watch.look()
    assert sorted(message["Subject"] for message in smtp.messages) == [
        "[warning] A process is gone: relay",
        "[warning] A process is gone: scheduler",
        "[warning] A process is gone: worker",
    ]
    for role in health.ROLES:
        health.report(services.redis, role, "one")
    monkeypatch.setattr("worker.watch.EVALUATE_EVERY", 1)
    for watch in watches:
        watch.look()
    with services.sessions() as session:
        assert set(session.scalars(sa.select(Alert.state))) == {"resolved"}


def test_the_watch_stops_when_told(services: Services) -> None:
    stopping = threading.Event()
    watch = Watch(services.sessions, services.redis, services.settings, Leadership(services.sessions, LEASE, "one"))
    thread = threading.Thread(target=watch.run, args=[stopping])
    thread.start()
    stopping.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert utc_now() > NOON
