"""The moments of a schedule: which slot of a cron expression was the last one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

GRACE = timedelta(hours=1)
"""A slot that was missed is made up for until then: the machine slept, or the database was away."""


def latest_slot(trigger: CronTrigger, now: datetime, grace: timedelta = GRACE) -> str | None:
    """The last slot of `trigger` in the `grace` before `now` (in UTC), or None: its local time, to the second.

    Without an offset, so that a time which the clock shows twice in autumn is one slot.
    """
    slot, after = None, now - grace
    while (fire := trigger.get_next_fire_time(None, after)) is not None and fire <= now:
        slot = fire.strftime("%Y-%m-%dT%H:%M:%S")
        after = fire.astimezone(UTC) + timedelta(microseconds=1)  # in local time the sum would lose its fold
    return slot


def next_time(cron: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When a cron expression is due next, in UTC."""
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415  (the web imports this module; few requests ask)

    due: datetime | None = CronTrigger.from_crontab(cron, timezone=zone).get_next_fire_time(None, now)
    return due.astimezone(UTC) if due else None
