"""Tables of alerts: the rules, what they found, and the e-mails that tell of it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, unique_where_present, utc_now
from ml.db.types import BigId, Flag, Json, LongText, Name, Real, UtcDateTime

ALERT_STATES = ("pending", "open", "resolved")
SEVERITIES = ("warning", "critical")
NOTIFICATION_STATES = ("waiting", "sent", "failed")


class AlertRule(Base):
    """When a metric is worth somebody's attention, and who is told.

    An alert begins where the metric was beyond `threshold` (above it, or below) for `hold_minutes`, and ends where it
    is back at `clear_at`. `window_minutes` is how far back the metric looks. From `quiet_from` to `quiet_until`
    ("22:00", in `timezone`; "" for never) nobody is told; what is open then is told of afterwards. Who was told is
    told again after `repeat_minutes` (0: never), unless somebody acknowledged the alert.
    """

    __tablename__ = "alert_rules"
    __table_args__ = (sa.CheckConstraint(sa.column("severity").in_(SEVERITIES), "severity"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Name(80), unique=True)
    metric: Mapped[str] = mapped_column(Name(40))
    above: Mapped[bool] = mapped_column(Flag, default=True)
    threshold: Mapped[float] = mapped_column(Real)
    clear_at: Mapped[float] = mapped_column(Real)
    window_minutes: Mapped[int] = mapped_column(sa.Integer(), default=60)
    hold_minutes: Mapped[int] = mapped_column(sa.Integer(), default=0)
    severity: Mapped[str] = mapped_column(Name(16), default="warning")
    emails: Mapped[list[str]] = mapped_column(Json, default=list)  # []: whom the settings name
    webhook: Mapped[bool] = mapped_column(Flag, default=True)
    quiet_from: Mapped[str] = mapped_column(Name(5), default="")
    quiet_until: Mapped[str] = mapped_column(Name(5), default="")
    timezone: Mapped[str] = mapped_column(Name(64), default="UTC")
    repeat_minutes: Mapped[int] = mapped_column(sa.Integer(), default=1440)
    active: Mapped[bool] = mapped_column(Flag, default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class Alert(Base):
    """Something that a rule found, about one `subject` (a grain, a queue, …; '' for the whole).

    `open_key` is there while the alert has not ended, so that a unique index admits one of a rule and subject.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(ALERT_STATES), "state"),
        unique_where_present("uq_alerts_open_key", "open_key"),
        sa.Index(None, "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    rule_id: Mapped[int] = mapped_column(sa.ForeignKey("alert_rules.id"), index=True)
    subject: Mapped[str] = mapped_column(Name(120), default="")
    open_key: Mapped[str | None] = mapped_column(Name(160))
    state: Mapped[str] = mapped_column(Name(16), default="pending")
    value: Mapped[float] = mapped_column(Real)
    message: Mapped[str] = mapped_column(Name(500))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str] = mapped_column(Name(120), default="")
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Notification(Base):
    """An e-mail on its way, and how the last try ended. The daily digest has no alert."""

    __tablename__ = "notifications"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(NOTIFICATION_STATES), "state"),
        sa.Index(None, "state", "next_try_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    alert_id: Mapped[int | None] = mapped_column(sa.ForeignKey("alerts.id"), index=True)
    recipient: Mapped[str] = mapped_column(Name(254))
    subject: Mapped[str] = mapped_column(Name(250))
    body: Mapped[str] = mapped_column(LongText)
    state: Mapped[str] = mapped_column(Name(16), default="waiting")
    tries: Mapped[int] = mapped_column(sa.Integer(), default=0)
    error: Mapped[str | None] = mapped_column(LongText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
