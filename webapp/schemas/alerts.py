"""Alerts and their rules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from webapp.schemas.base import LARGEST_ID, Answer, Figure, Flag, ListAnswer, Number, PageQuery, Request, Whole

AlertState = Literal["open", "acknowledged", "resolved"]
Severity = Literal["warning", "critical"]
MetricName = Literal[
    "drift", "accuracy", "failed_jobs", "broken_promises", "waiting_jobs", "dead_letters", "freshness",
    "urgent_stock", "silence", "error_rate", "latency", "connections",
]  # fmt: skip
Address = Annotated[str, StringConstraints(max_length=254)]
Hour = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]


class AlertPath(Request):
    """Which alert."""

    alert_id: int = Field(ge=1, le=LARGEST_ID)


class AlertQuery(PageQuery):
    """Which alerts."""

    state: AlertState | Literal[""] = ""


class AlertAnswer(Answer):
    """Something that a rule found."""

    id: int
    rule_id: int
    rule: str
    metric: str
    severity: Severity
    subject: str = Field(description="What it is about: a grain, a queue, a schedule; '' for the whole.")
    state: AlertState
    value: Figure
    threshold: Figure
    message: str
    opened_at: datetime
    seen_at: datetime = Field(description="When it was so last.")
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    told_at: datetime | None = Field(description="When somebody was told of it last.")


class AlertList(ListAnswer):
    """Alerts, newest first."""

    items: list[AlertAnswer]


class RulePath(Request):
    """Which rule."""

    rule_id: int = Field(ge=1, le=LARGEST_ID)


class RuleBody(Request):
    """All that can be said of a rule."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "The API is slow", "metric": "latency", "threshold": 1000, "clear_at": 500}
        }
    )

    name: str = Field(min_length=1, max_length=80)
    metric: MetricName
    threshold: Number = Field(allow_inf_nan=False, description="Beyond it, an alert begins.")
    clear_at: Number = Field(allow_inf_nan=False, description="Back at it, the alert ends.")
    above: Flag = Field(True, description="Whether values above the threshold are beyond it, or those below.")
    window_minutes: Whole = Field(60, ge=1, le=10_080, description="How far back the metric looks.")
    hold_minutes: Whole = Field(0, ge=0, le=1440, description="How long it has to be so.")
    severity: Severity = "warning"
    emails: list[Address] = Field(
        default_factory=list, max_length=20, description="Who is told; nobody named: whom the settings name."
    )
    webhook: Flag = Field(True, description="Whether webhooks are told (`alert.raised`, `alert.resolved`).")
    quiet_from: Hour = Field("", description="Such as 22:00; nobody is told from then on.")
    quiet_until: Hour = Field("", description="Such as 07:00; what is open is told of then.")
    timezone: str = Field("UTC", max_length=64, description="Of the quiet hours.")
    repeat_minutes: Whole = Field(1440, ge=0, le=43_200, description="When who was told is told again; 0: never.")
    active: Flag = True


class RuleAnswer(Answer):
    """A rule."""

    id: int
    name: str
    metric: str
    threshold: float
    clear_at: float
    above: bool
    window_minutes: int
    hold_minutes: int
    severity: Severity
    emails: list[str]
    webhook: bool
    quiet_from: str
    quiet_until: str
    timezone: str
    repeat_minutes: int
    active: bool


class RuleList(Answer):
    """All rules."""

    items: list[RuleAnswer]
