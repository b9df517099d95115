"""The inbox of alerts, and the rules, on their pages and by API."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, Rows, assert_problem

from ml.db.base import utc_now
from webapp.schemas.alerts import MetricName
from worker import traffic
from worker.alerts.metrics import METRICS
from worker.models import Alert, AlertRule, Notification

API = "/api/v1/alerts"
BODY: dict[str, Any] = {"name": "Old", "metric": "freshness", "threshold": 7, "clear_at": 6}


@pytest.fixture
def rule(session: Session) -> AlertRule:
    row = AlertRule(**BODY, emails=[])
    session.add(row)
    session.commit()
    return row


@pytest.fixture
def alert(session: Session, rule: AlertRule) -> Alert:
    row = Alert(rule_id=rule.id, subject="sales", open_key=f"{rule.id}:sales", state="open", value=9, message="9 days")
    session.add_all([row, Alert(rule_id=rule.id, subject="later", state="pending", value=1, message="")])
    session.commit()
    return row


def test_the_api_names_every_metric() -> None:
    assert set(get_args(MetricName)) == set(METRICS)


def test_an_alert_is_listed_and_acknowledged_once(api: ClientFor, alert: Alert) -> None:
    operator = api("operator")
    [found] = operator.get(API).get_json()["items"]
    assert (found["id"], found["rule"], found["state"], found["message"]) == (alert.id, "Old", "open", "9 days")
    assert operator.post(f"{API}/{alert.id}/acknowledge").get_json()["acknowledged_by"] == "operator@example.com"
    assert_problem(operator.post(f"{API}/{alert.id}/acknowledge"), 409, "conflict")
    for state, count in (("open", 0), ("acknowledged", 1), ("resolved", 0)):
        assert len(operator.get(f"{API}?state={state}").get_json()["items"]) == count
    assert operator.get(f"{API}/{alert.id}").get_json()["state"] == "acknowledged"
    assert_problem(operator.get(f"{API}/{alert.id + 1}"), 404, "not-found")  # only pending


def test_a_rule_is_made_changed_and_deleted_with_its_alerts(
    api: ClientFor, alert: Alert, rows: Rows, session: Session
) -> None:
    operator = api("operator")
    session.add(Notification(alert_id=alert.id, recipient="a@example.com", subject="", body=""))
    session.commit()
    made = operator.post(f"{API}/rules", json={**BODY, "name": "Older", "emails": ["ann@example.com"]})
    assert made.status_code == 201
    at = made.headers["Location"]
    changed = operator.put(at, json={**BODY, "name": "Oldest", "quiet_from": "22:00", "quiet_until": "07:00"})
    assert (changed.get_json()["name"], changed.get_json()["emails"]) == ("Oldest", [])
    assert_problem(operator.post(f"{API}/rules", json={**BODY, "name": "Oldest"}), 409, "conflict")
    assert_problem(operator.put(at, json={**BODY, "name": "Old"}), 409, "conflict")
    assert [one["name"] for one in operator.get(f"{API}/rules").get_json()["items"]] == ["Old", "Oldest"]
    assert operator.delete(f"{API}/rules/{alert.rule_id}").status_code == 204
    assert (rows.count(Alert), rows.count(Notification), rows.count(AlertRule)) == (0, 0, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"clear_at": 8}, "clear_at"),
        ({"above": False, "clear_at": 6.5}, "clear_at"),
        ({"emails": ["nobody"]}, "emails"),
        ({"quiet_from": "22:00"}, "quiet_from"),
        ({"timezone": "Nowhere"}, "timezone"),
        ({"metric": "moods"}, "metric"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "quiet_from"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_with_the_field(
    api: ClientFor, change: dict[str, Any], field: str
) -> None:
    problem = assert_problem(api("operator").post(f"{API}/rules", json={**BODY, **change}), 422, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_the_inbox_and_its_button(browser: ClientFor, alert: Alert) -> None:
    pages: FlaskClient = browser("operator")
    page = pages.get("/alerts").text
    assert "9 days" in page
    assert "I see to it" in page
    assert "later" not in page.lower().replace("alerts later", "")
    assert pages.post(f"/alerts/{alert.id}/acknowledge").status_code == 303
    page = pages.get("/alerts?state=acknowledged").text
    assert "operator@example.com sees to it" in page
    assert "I see to it" not in page
    assert "No such alerts" in pages.get("/alerts?state=resolved").text
    assert "I see to it" not in browser("viewer").get("/alerts").text
    assert browser("viewer").get("/alerts/rules").status_code == 403


def test_the_form_of_a_rule(browser: ClientFor, rule: AlertRule, rows: Rows) -> None:
    pages = browser("operator")
    typed = {"name": "Slow", "metric": "latency", "above": "1", "threshold": "900", "clear_at": "400.5",
             "window_minutes": "10", "hold_minutes": "5", "severity": "critical", "repeat_minutes": "60",
             "emails": "ann@example.com, bob@example.com", "timezone": "UTC", "webhook": "1",
             "active": "1"}  # fmt: skip
    assert "Add it" in pages.get("/alerts/rules/new").text
    answer = pages.post("/alerts/rules/new", data={**typed, "threshold": "much", "hold_minutes": "1.5"})
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 2
    assert pages.post("/alerts/rules/new", data=typed).status_code == 303
    row = rows.last(AlertRule)
    assert (row.emails, row.clear_at, row.webhook, row.active) == (
        ["ann@example.com", "bob@example.com"],
        400.5,
        True,
        True,
    )
    assert "Slow" in pages.get("/alerts/rules").text
    answer = pages.post(f"/alerts/rules/{row.id}", data={**typed, "active": ""})
    assert answer.status_code == 303
    assert not rows.get(AlertRule, row.id).active
    assert "switched off" in pages.get("/alerts/rules").text
    assert pages.post(f"/alerts/rules/{row.id}", data={**typed, "name": rule.name}).status_code == 422
    assert pages.post(f"/alerts/rules/{row.id}/delete").status_code == 303
    assert rows.count(AlertRule) == 1


def test_requests_of_the_api_are_counted_for_the_alerts_on_them(
    api: ClientFor, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.traffic.WRITE_SECONDS", 0.0)
    operator = api("operator")
    for _ in range(3):
        operator.get(API)
    operator.get("/health")
    hour = traffic.read(redis_client, utc_now(), traffic.timedelta(minutes=2))
    assert (hour.requests, hour.errors) == (3, 0)
