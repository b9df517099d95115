"""Reads of alerts and their rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.errors import NotFoundError
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from worker.models import Alert, AlertRule, Notification

STATES = ("open", "acknowledged", "resolved")


@dataclass(frozen=True)
class AlertView:
    """An alert with what its rule says."""

    id: int
    rule_id: int
    rule: str
    metric: str
    severity: str
    subject: str
    state: str
    value: float
    threshold: float
    message: str
    opened_at: datetime
    seen_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    told_at: datetime | None


def list_alerts(
    session: Session, state: str = "", limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[AlertView]:
    """Alerts, newest first; what is only pending is none yet."""
    query = sa.select(Alert).where(Alert.state != "pending")
    if state == "resolved":
        query = query.where(Alert.state == "resolved")
    elif state:
        known = Alert.acknowledged_at.is_not(None)
        query = query.where(Alert.state == "open", known if state == "acknowledged" else ~known)
    page = newest_first(session, query, Alert.id, limit, below)
    rules = rules_of(session, page.items)
    return Page([view_of(row, rules[row.rule_id]) for row in page.items], page.next_below)


def alert_view(session: Session, alert_id: int) -> AlertView:
    """One alert; raises NotFoundError."""
    row = session.get(Alert, alert_id)
    if row is None or row.state == "pending":
        raise NotFoundError(f"there is no alert {alert_id}.")
    return view_of(row, session.get_one(AlertRule, row.rule_id))


def count_open(session: Session) -> int:
    """How many alerts are open that nobody has acknowledged."""
    waiting = (Alert.state == "open", Alert.acknowledged_at.is_(None))
    return session.scalar(sa.select(sa.func.count()).select_from(Alert).where(*waiting)) or 0


def list_rules(session: Session) -> Sequence[AlertRule]:
    """All rules, by name."""
    return session.scalars(sa.select(AlertRule).order_by(AlertRule.name)).all()


def get_rule(session: Session, rule_id: int) -> AlertRule:
    """A rule; raises NotFoundError."""
    row = session.get(AlertRule, rule_id)
    if row is None:
        raise NotFoundError(f"there is no alert rule {rule_id}.")
    return row


def list_notifications(session: Session, limit: int = 20) -> Sequence[Notification]:
    """The last e-mails, newest first."""
    return session.scalars(sa.select(Notification).order_by(Notification.id.desc()).limit(limit)).all()


def rules_of(session: Session, alerts: Sequence[Alert]) -> dict[int, AlertRule]:
    ids = {alert.rule_id for alert in alerts}
    return {row.id: row for row in session.scalars(sa.select(AlertRule).where(AlertRule.id.in_(ids)))} if ids else {}


def view_of(row: Alert, rule: AlertRule) -> AlertView:
    state = "acknowledged" if row.state == "open" and row.acknowledged_at else row.state
    return AlertView(
        row.id, rule.id, rule.name, rule.metric, rule.severity, row.subject, state, row.value, rule.threshold,
        row.message, row.opened_at, row.seen_at, row.resolved_at, row.acknowledged_at, row.acknowledged_by, row.told_at,
    )  # fmt: skip
