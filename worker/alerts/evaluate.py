"""From readings to alerts: held, opened once, told of, told again, and ended where the metric is well back.

Nothing here commits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from worker.alerts.metrics import METRICS, Look, Reading
from worker.connection import AWAY
from worker.events import AlertRaised, AlertResolved, record
from worker.models import Alert, AlertRule, Notification

log = logging.getLogger(__name__)


def measure_all(look: Look) -> dict[int, list[Reading]]:
    """What the metrics of the active rules read, by rule. A metric that cannot be measured now is left out: that
    neither raises an alert nor ends one."""
    found = {}
    rules = sa.select(AlertRule).where(AlertRule.active).order_by(AlertRule.id)
    for rule in look.session.scalars(rules).all():
        readings = measure(replace(look, window=timedelta(minutes=rule.window_minutes)), rule)
        if readings is not None:
            found[rule.id] = readings
    return found


def measure(look: Look, rule: AlertRule) -> list[Reading] | None:
    """The readings of a rule's metric; None where it cannot be measured."""
    metric = METRICS.get(rule.metric)
    if metric is None:
        return None
    try:
        with look.session.begin_nested():
            return list(metric.measure(look))
    except (*AWAY, sa.exc.DBAPIError) as error:
        log.warning("%s cannot be measured: %s", rule.metric, error)
        return None


def apply_all(
    session: Session, readings: Mapping[int, Sequence[Reading]], now: datetime, recipients: Sequence[str]
) -> None:
    """Open, keep, and end alerts; `recipients` get the e-mails of rules that name nobody. Those of rules that are
    switched off end: nobody would measure whether they are over."""
    for rule in session.scalars(sa.select(AlertRule).order_by(AlertRule.id)).all():
        if not rule.active:
            apply(session, rule, (), now, recipients)
        elif rule.id in readings:
            apply(session, rule, readings[rule.id], now, recipients)
    session.flush()


def apply(
    session: Session, rule: AlertRule, readings: Iterable[Reading], now: datetime, recipients: Sequence[str]
) -> None:
    """Open, keep, and end the alerts of a rule by its readings. What has no reading any more has ended."""
    unended = {alert.subject: alert for alert in session.scalars(
        sa.select(Alert).where(Alert.rule_id == rule.id, Alert.open_key.is_not(None)))}  # fmt: skip
    for reading in readings:
        alert = unended.pop(reading.subject, None)
        if alert is None and is_beyond(rule, reading.value):
            alert = begin(session, rule, reading, now)
        elif alert is not None and is_over(rule, alert, reading.value):
            end(session, rule, alert, reading.text, now)
            continue
        if alert is not None:
            go_on(session, rule, alert, reading, now)
            tell(session, rule, alert, now, recipients)
    for alert in unended.values():
        end(session, rule, alert, alert.message, now)


def is_beyond(rule: AlertRule, value: float) -> bool:
    """Whether a value is worth an alert."""
    return value > rule.threshold if rule.above else value < rule.threshold


def is_over(rule: AlertRule, alert: Alert, value: float) -> bool:
    """Whether an alert ends at a value: one that is open where it is well back, one that is only pending at once."""
    if alert.state == "pending":
        return not is_beyond(rule, value)
    return value <= rule.clear_at if rule.above else value >= rule.clear_at


def begin(session: Session, rule: AlertRule, reading: Reading, now: datetime) -> Alert:
    """An alert, pending."""
    alert = Alert(
        rule_id=rule.id, subject=reading.subject[:120], open_key=f"{rule.id}:{reading.subject[:120]}", state="pending",
        value=reading.value, message="", opened_at=now, seen_at=now,
    )  # fmt: skip
    session.add(alert)
    return alert


def go_on(session: Session, rule: AlertRule, alert: Alert, reading: Reading, now: datetime) -> None:
    """Note the present value; an alert that was pending for long enough is open."""
    alert.value, alert.message, alert.seen_at = reading.value, reading.text[:500], now
    if alert.state == "pending" and now - alert.opened_at >= timedelta(minutes=rule.hold_minutes):
        alert.state = "open"
    session.flush()


def end(session: Session, rule: AlertRule, alert: Alert, text: str, now: datetime) -> None:
    """End an alert; one that was only pending leaves no trace. Who was told of it is told of its end by the webhook."""
    if alert.state == "pending":
        session.delete(alert)
        return
    alert.state, alert.open_key, alert.resolved_at = "resolved", None, now
    if rule.webhook and alert.told_at is not None:
        record(session, AlertResolved(alert.id, rule.name, alert.subject, text[:500]))


def tell(session: Session, rule: AlertRule, alert: Alert, now: datetime, recipients: Sequence[str]) -> None:
    """Tell of an open alert, unless that was done lately, somebody knows already, or it is quiet."""
    again = timedelta(minutes=rule.repeat_minutes)
    told_lately = alert.told_at is not None and (not again or now - alert.told_at < again)
    if alert.state != "open" or alert.acknowledged_at is not None or told_lately or is_quiet(rule, now):
        return
    alert.told_at = now
    for recipient in rule.emails or recipients:
        title = f"[{rule.severity}] {rule.name}" + (f": {alert.subject}" if alert.subject else "")
        body = f"{alert.message}\n\nSince {alert.opened_at:%Y-%m-%d %H:%M} UTC. Alert {alert.id}, rule {rule.id}.\n"
        session.add(Notification(alert_id=alert.id, recipient=recipient, subject=title[:250], body=body, created_at=now,
                                 next_try_at=now))  # fmt: skip
    if rule.webhook:
        record(session, AlertRaised(alert.id, rule.name, rule.severity, alert.subject, alert.message))


def is_quiet(rule: AlertRule, now: datetime) -> bool:
    """Whether nobody is to be told now; quiet hours may go over midnight."""
    if not rule.quiet_from or not rule.quiet_until:
        return False
    begins, ends = time.fromisoformat(rule.quiet_from), time.fromisoformat(rule.quiet_until)
    local = now.astimezone(ZoneInfo(rule.timezone)).time()
    return begins <= local < ends if begins <= ends else local >= begins or local < ends
