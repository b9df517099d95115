"""The daily digest: what happened in a day, and who gets it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from test_alerts import mail_settings
from test_relay_chain import request_import, sales, work_off

from ml.db.base import utc_now
from ml.pipelines import train as training
from worker.alerts.digest import MOST_LINES, shorten, write_digest
from worker.context import Services
from worker.models import Alert, AlertRule, JobRun, Notification, Schedule
from worker.queues import request_job


@pytest.fixture
def told(services: Services) -> Services:
    """Services with a mail server."""
    return replace(services, settings=replace(services.settings, mail=mail_settings(25)))


def test_it_says_what_came_what_was_published_and_what_is_wrong(
    told: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CANDIDATES", ("seasonal_naive",))
    request_import(told, sales(30))
    work_off(told)
    with told.sessions.begin() as session:
        rule = AlertRule(name="Sales are old", metric="freshness", threshold=7, clear_at=6, emails=[])
        session.add(rule)
        session.flush()
        session.add(Alert(rule_id=rule.id, subject="sales", state="open", value=9, message="9 days", open_key="x"))
        ago = utc_now() - timedelta(minutes=30)
        session.add(Schedule(id="often", cron="*/10 * * * *", timezone="UTC", kind="refresh", arguments={},
                             effective_from=ago))  # fmt: skip
        request_job(session, "digest", {})
        request_job(session, "digest", {"emails": ["bob@example.com", "eve@example.com"]})
    assert work_off(told)[-2:] == [("digest", "succeeded")] * 2
    with told.sessions() as session:
        mails = session.scalars(sa.select(Notification).order_by(Notification.id)).all()
        assert [mail.recipient for mail in mails] == ["ann@example.com", "bob@example.com", "eve@example.com"]
        text = mails[0].body
        jobs = session.scalars(sa.select(JobRun).where(JobRun.kind == "digest").order_by(JobRun.id)).all()
        assert [job.result["told"] for job in jobs if job.result] == [1, 2]
        assert jobs[0].result is not None
        assert jobs[0].result["digest"] == text
    assert "Sales are old (sales): 9 days" in text
    assert "1 import of sales loaded" in text
    assert "the newest sale is of 2023-06-28" in text
    assert "monthly forecast published: " in text
    assert "1 train succeeded" in text
    assert "often of " in text
    assert "is missing" in text


def test_a_quiet_day_says_so_and_nobody_is_told_without_a_server(services: Services) -> None:
    with services.sessions.begin() as session:
        assert write_digest(session, utc_now(), "UTC", ("monthly",)).count("  none\n") == 5
        request_job(session, "digest", {"emails": ["bob@example.com"]})
    assert work_off(services) == [("digest", "succeeded")]
    with services.sessions() as session:
        assert session.scalars(sa.select(Notification)).all() == []


def test_long_lists_are_cut() -> None:
    assert shorten(["a"] * MOST_LINES) == ["a"] * MOST_LINES
    assert shorten(["a"] * (MOST_LINES + 3))[-1] == "and 3 more"
