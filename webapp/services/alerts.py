"""Alerts acknowledged, and their rules set up."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.errors import ConflictError
from webapp.errors import FieldError, InvalidRequestError
from webapp.queries.alerts import alert_view, get_rule
from worker.alerts.metrics import METRICS
from worker.errors import JobRequestError
from worker.mail import EMAIL
from worker.models import SEVERITIES, Alert, AlertRule, Notification
from worker.slots import check_timezone

HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
MOST_EMAILS = 20
MOST_RULES = 100
LIMITS = {"window_minutes": (1, 10_080), "hold_minutes": (0, 1440), "repeat_minutes": (0, 43_200)}


@dataclass(frozen=True)
class RuleDraft:
    """What a person says of a rule; see `worker.models.AlertRule`."""

    name: str
    metric: str
    threshold: float
    clear_at: float
    above: bool = True
    window_minutes: int = 60
    hold_minutes: int = 0
    severity: str = "warning"
    emails: Sequence[str] = field(default_factory=list)
    webhook: bool = True
    quiet_from: str = ""
    quiet_until: str = ""
    timezone: str = "UTC"
    repeat_minutes: int = 1440
    active: bool = True

    def values(self) -> dict[str, Any]:
        """By column."""
        return {**asdict(self), "emails": list(self.emails)}


def acknowledge(session: Session, alert_id: int, user: str) -> None:
    """Note that somebody sees to an alert, so that nobody is told of it again; commits. Raises NotFoundError, and
    ConflictError where it is over, or somebody did so before."""
    view = alert_view(session, alert_id)
    mine = (Alert.id == alert_id, Alert.state == "open", Alert.acknowledged_at.is_(None))
    values = {"acknowledged_at": utc_now(), "acknowledged_by": user}
    changed: Any = session.execute(sa.update(Alert).where(*mine).values(**values))
    if changed.rowcount != 1:
        raise ConflictError(f"alert {alert_id} is {view.state}; only an open one can be acknowledged.")
    audit.record(session, "acknowledge", "alert", alert_id)
    session.commit()


def create_rule(session: Session, draft: RuleDraft) -> AlertRule:
    """Add a rule; commits. Raises InvalidRequestError, and ConflictError for a name that is taken."""
    check(session, draft, None)
    if (session.scalar(sa.select(sa.func.count()).select_from(AlertRule)) or 0) >= MOST_RULES:
        raise ConflictError(f"there are {MOST_RULES} rules already; delete one that is not needed.")
    row = AlertRule(**draft.values())
    session.add(row)
    session.flush()
    audit.record(session, "create", "alert_rule", row.id, after=draft.values())
    session.commit()
    return row


def change_rule(session: Session, rule_id: int, draft: RuleDraft) -> AlertRule:
    """Write all of a rule; commits. Raises as `create_rule` does, and NotFoundError."""
    row = get_rule(session, rule_id)
    check(session, draft, row)
    before = {name: getattr(row, name) for name in draft.values()}
    for name, value in draft.values().items():
        setattr(row, name, value)
    audit.record(session, "update", "alert_rule", rule_id, before=before, after=draft.values())
    session.commit()
    return row


def delete_rule(session: Session, rule_id: int) -> None:
    """Remove a rule with its alerts; commits. Raises NotFoundError."""
    row = get_rule(session, rule_id)
    alerts = sa.select(Alert.id).where(Alert.rule_id == rule_id)
    session.execute(sa.delete(Notification).where(Notification.alert_id.in_(alerts)))
    session.execute(sa.delete(Alert).where(Alert.rule_id == rule_id))
    audit.record(session, "delete", "alert_rule", rule_id, before={"name": row.name, "metric": row.metric})
    session.delete(row)
    session.commit()


def check(session: Session, draft: RuleDraft, row: AlertRule | None) -> None:
    """Raise InvalidRequestError for what is wrong with a draft, ConflictError where another rule has its name."""
    errors = list(problems(draft))
    if errors:
        raise InvalidRequestError(errors)
    same = session.scalar(sa.select(AlertRule.id).where(AlertRule.name == draft.name))
    if same is not None and (row is None or same != row.id):
        raise ConflictError(f"there is a rule {draft.name!r} already; take another name.")


def problems(draft: RuleDraft) -> list[FieldError]:
    """All that is wrong with a draft, field by field."""
    found = []
    if not 0 < len(draft.name.strip()) <= 80:
        found.append(FieldError("name", "expected 1 to 80 characters"))
    if draft.metric not in METRICS:
        found.append(FieldError("metric", f"expected one of {', '.join(METRICS)}"))
    if draft.severity not in SEVERITIES:
        found.append(FieldError("severity", f"expected one of {', '.join(SEVERITIES)}"))
    for name, (least, most) in LIMITS.items():
        if not least <= getattr(draft, name) <= most:
            found.append(FieldError(name, f"expected {least} to {most}"))
    return [*found, *wrong_threshold(draft), *wrong_times(draft), *wrong_emails(draft.emails)]


def wrong_threshold(draft: RuleDraft) -> list[FieldError]:
    """Whether an alert could not end where it begins."""
    if not (math.isfinite(draft.threshold) and math.isfinite(draft.clear_at)):
        return [FieldError("threshold", "expected a number")]
    if (draft.clear_at > draft.threshold) if draft.above else (draft.clear_at < draft.threshold):
        side = "at most" if draft.above else "at least"
        return [FieldError("clear_at", f"expected {side} the threshold, or the alert would end where it begins")]
    return []


def wrong_times(draft: RuleDraft) -> list[FieldError]:
    """Whether quiet hours cannot be read."""
    try:
        check_timezone(draft.timezone)
    except JobRequestError as error:
        return [FieldError("timezone", str(error).rstrip("."))]
    given = [text for text in (draft.quiet_from, draft.quiet_until) if text]
    if len(given) == 1 or not all(HOUR.fullmatch(text) for text in given):
        return [FieldError("quiet_from", "expected two times such as 22:00 and 07:00, or none")]
    return []


def wrong_emails(emails: Sequence[str]) -> list[FieldError]:
    """Addresses that are none."""
    if len(emails) > MOST_EMAILS:
        return [FieldError("emails", f"expected at most {MOST_EMAILS} addresses")]
    wrong = [one for one in emails if len(one) > 254 or not EMAIL.fullmatch(one)]
    return [FieldError("emails", f"{wrong[0]!r} is no e-mail address")] if wrong else []
