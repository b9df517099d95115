"""What runs by the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from webapp.schemas.base import Answer, Request


class SchedulePath(Request):
    """Which schedule."""

    schedule_id: str = Field(max_length=80)


class ScheduleAnswer(Answer):
    """A job that is asked for again and again."""

    id: str
    cron: str = Field(description="Minute, hour, day, month, weekday.")
    timezone: str
    kind: str
    arguments: dict[str, Any]
    next_run_at: datetime | None


class ScheduleList(Answer):
    """All schedules."""

    items: list[ScheduleAnswer]
