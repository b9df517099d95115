"""How far ahead people may plan."""

from __future__ import annotations

from datetime import date, timedelta

from ml.db.base import utc_now
from ml.etl.policy import PLANNED_DAYS
from webapp.errors import FieldError


def too_far(**days: date | None) -> list[FieldError]:
    """Which days, by field, lie further ahead than those of imported plans may: jobs count from days, and neither
    Python's dates nor pandas' timestamps go on for ever."""
    last = utc_now().date() + timedelta(days=PLANNED_DAYS)
    return [FieldError(name, f"expected a day until {last}") for name, day in days.items() if day and day > last]
