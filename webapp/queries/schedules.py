"""Reads of what runs by the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from worker.schedule import SCHEDULE
from worker.slots import next_time


@dataclass(frozen=True)
class ScheduleView:
    """A schedule, and when it is due."""

    id: str
    cron: str
    timezone: str
    kind: str
    arguments: dict[str, Any]
    next_run_at: datetime | None


def list_schedules(zone: ZoneInfo, now: datetime) -> list[ScheduleView]:
    """All schedules, in the zone that their times are meant in."""
    found = []
    for scheduled in SCHEDULE:
        when = next_time(scheduled.cron, zone, now)
        found.append(
            ScheduleView(scheduled.id, scheduled.cron, zone.key, scheduled.kind, dict(scheduled.arguments), when)
        )
    return found
